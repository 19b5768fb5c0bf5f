"""The contract: the names, arguments and enum values that users script against."""

from pathlib import Path
from typing import Any, get_origin

import jsonschema  # type: ignore[import-untyped]  # brings no types
import pytest

from clientary_mcp.sandbox import Sandbox
from clientary_mcp.server.instructions import instructions
from clientary_mcp.tools import ALL
from clientary_mcp.tools.tool import Tool
from tests.conftest import agency, session_with
from tests.golden import FOLDER, text_of
from tests.support.agent import Era, agent_of
from tests.support.published import as_listed, signature, words_of
from tool_schemas.base.results import Page

pytestmark = pytest.mark.anyio

JsonObject = dict[str, Any]

PAGES = "query? limit? offset? detail?"
COMPANY = "number? address? address_2? city? state? zip? country? website? description? invoice_extra_fields?"
PERSON = "title? phone? ext? mobile?"
PROJECT = "client_id? number? description? project_type? budget_type? budget? currency_code? end_date? status?"
TASK = "project_id? client_id? assignee_id? description? due_date?"
EXPENSE = "client_id? project_id? description? incurred_on?"
TAXES = "tax? tax_label? tax2? tax2_label? tax3? tax3_label? compound_tax?"
DOCUMENT = f"number? title? note? summary? status? {TAXES} items?"
SCHEDULE = f"action? payment_profile_id? unlimited? occurrences_remaining? po? {DOCUMENT}"
MAIL = "recipients subject? message? send_copy? attach_pdf? confirm? allow_duplicate? allow_unusual?"
RANGE = f"from_date? to_date? {PAGES}"
PERIOD = f"period? {RANGE}"
HOURS = f"billed? user_id? missing_description? order? {PERIOD}"
TASKS = f"status? assignee_id? complete? due_before? {RANGE}"
INVOICES = f"status? overdue? due_before? min_balance? order? {PERIOD}"
ESTIMATES = f"status? order? {PERIOD}"

# Tool → its arguments; `?` marks an optional one.
CONTRACT = {
    "list_clients": f"status? updated_since? sort? order? {PERIOD}",
    "get_client": "client_id",
    "create_client": f"name {COMPANY} allow_duplicate?",
    "update_client": f"client_id name? {COMPANY} status? clear?",
    "delete_client": "client_id confirm?",
    "list_contacts": f"client_id? {PAGES}",
    "list_client_contacts": f"client_id {PAGES}",
    "get_contact": "contact_id",
    "create_contact": f"client_id name email {PERSON} allow_duplicate?",
    "update_contact": f"contact_id name? email? {PERSON} clear?",
    "delete_contact": "contact_id confirm?",
    "list_leads": f"sort? {PERIOD}",
    "get_lead": "lead_id",
    "create_lead": f"name {COMPANY} allow_duplicate?",
    "update_lead": f"lead_id name? {COMPANY} clear?",
    "delete_lead": "lead_id confirm?",
    "list_projects": f"client_id? status? include_completed? {RANGE}",
    "list_client_projects": f"client_id status? {RANGE}",
    "get_project": "project_id",
    "create_project": f"name rate {PROJECT} allow_duplicate?",
    "update_project": f"project_id name? rate? {PROJECT} clear?",
    "delete_project": "project_id confirm?",
    "list_project_hours": f"project_id {HOURS}",
    "list_hours": f"client_id? project_id? {HOURS}",
    "get_hour_entry": "hour_entry_id",
    "create_project_hours": "project_id title hours date? description? rate? allow_duplicate? allow_unusual?",
    "update_hour_entry": "hour_entry_id title? hours? date? description? rate? billed? allow_unusual? clear?",
    "delete_hour_entry": "hour_entry_id confirm?",
    "list_tasks": f"project_id? {TASKS}",
    "list_project_tasks": f"project_id {TASKS}",
    "get_task": "task_id",
    "create_task": f"title {TASK} allow_duplicate?",
    "update_task": f"task_id title? {TASK} complete? clear?",
    "delete_task": "task_id confirm?",
    "list_expenses": f"client_id? project_id? {PERIOD}",
    "list_client_expenses": f"client_id {PERIOD}",
    "list_project_expenses": f"project_id {PERIOD}",
    "get_expense": "expense_id",
    "create_expense": f"amount {EXPENSE} allow_duplicate?",
    "update_expense": f"expense_id amount? {EXPENSE} clear?",
    "delete_expense": "expense_id confirm?",
    "list_invoices": f"client_id? project_id? amount? updated_since? {INVOICES}",
    "list_client_invoices": f"client_id {INVOICES}",
    "list_project_invoices": f"project_id {INVOICES}",
    "list_recurring_schedule_invoices": f"recurring_schedule_id {INVOICES}",
    "get_invoice": "invoice_id",
    "create_invoice": f"date due_date currency_code client_id? po? {DOCUMENT} allow_duplicate? allow_unusual?",
    "update_invoice": f"invoice_id date? due_date? currency_code? client_id? po? {DOCUMENT} allow_unusual? clear?",
    "delete_invoice": "invoice_id confirm?",
    "send_invoice_message": f"invoice_id {MAIL}",
    "list_estimates": f"client_id? project_id? {ESTIMATES}",
    "list_client_estimates": f"client_id {ESTIMATES}",
    "list_project_estimates": f"project_id {ESTIMATES}",
    "get_estimate": "estimate_id",
    "create_estimate": f"date currency_code client_id? {DOCUMENT} allow_duplicate?",
    "update_estimate": f"estimate_id date? currency_code? client_id? {DOCUMENT} clear?",
    "delete_estimate": "estimate_id confirm?",
    "send_estimate_message": f"estimate_id {MAIL}",
    "list_payments": f"client_id? sort? {PERIOD}",
    "create_payment": "invoice_id amount note? received_on? allow_duplicate? allow_unusual?",
    "charge_payment_profile": "invoice_id payment_profile_id confirm? allow_duplicate? allow_unusual?",
    "delete_payment": "invoice_id payment_id confirm?",
    "list_client_payment_profiles": f"client_id {PAGES}",
    "create_payment_profile": "client_id stripe_customer_id stripe_source_id last_four_digits name expiration_date"
    " card_type? address? city? zip? state? country? allow_duplicate?",
    "delete_payment_profile": "client_id payment_profile_id confirm?",
    "list_recurring_schedules": f"status? {RANGE}",
    "get_recurring_schedule": "recurring_schedule_id",
    "create_recurring_schedule": "client_id next_date time_interval currency_code due_period"
    f" {SCHEDULE} allow_duplicate? allow_unusual?",
    "update_recurring_schedule": "recurring_schedule_id client_id? next_date? time_interval? currency_code?"
    f" due_period? {SCHEDULE} allow_unusual? clear?",
    "delete_recurring_schedule": "recurring_schedule_id confirm?",
    "list_staff": PAGES,
    "get_staff": "staff_id",
    "search": "query types? include_closed?",
    "client_overview": "client_id? email?",
    "sales_report": "basis? group_by? period? from_date? to_date? client_id? project_id?",
    "expenses_report": "group_by? billed? period? from_date? to_date? client_id? project_id?",
    "tax_report": "basis? period? from_date? to_date? client_id? project_id?",
    "client_statement": "client_id period? from_date? to_date? currency_code?",
    "days_to_pay_report": "period? from_date? to_date? group_by? client_id?",
    "estimates_report": "period? from_date? to_date? group_by? client_id? project_id?",
    "receivables_report": "as_of? client_id? min_total? min_days_overdue? group_by?",
    "cash_forecast": "until? by? use_history? client_id?",
    "recurring_revenue_report": "",
    "timesheet_report": "period? from_date? to_date? user_id? client_id? project_id? capacity_hours?",
    "unbilled_report": "client_id? project_id? period? from_date? to_date? min_hours? group_by? include_completed?",
    "project_status": "project_id? client_id? threshold? by_person? include_completed?",
    "billing_check": "",
    "profitability_report": "project_id? client_id? include_completed? period? from_date? to_date? cost_rates?"
    " default_cost_rate?",
    "list_changes": "since? cursor? types?",
    "export_records": "tool arguments? format? lines?",
    "bill_project_hours": "project_id? client_id? from_date? to_date? group_by? include_expenses? date? due_date? tax?"
    " tax_label? note? confirm? preview_id? allow_duplicate?",
    "create_invoice_from_estimate": "estimate_id due_date date? number? percent? label? confirm? allow_duplicate?",
    "copy_invoice": "invoice_id date? due_date? client_id? note? allow_duplicate?",
    "send_payment_reminders": "invoice_ids? min_days_overdue? client_id? recipients_per_client? per? subject? message?"
    " paid_within_days? confirm? preview_id? allow_duplicate?",
    "convert_lead": "lead_id project? tasks? client_id? confirm? preview_id?",
    "import_contacts": "rows confirm? preview_id?",
    "allocate_payment": "client_id amount currency_code? received_on? note? order? invoice_ids? confirm? preview_id?",
    "reconcile_payments": "rows choices? confirm? preview_id?",
    "bulk_update": "tool where? ids? changes confirm? preview_id?",
    "undo": "action_id? confirm?",
    "get_account": "",
    "api_request": "method path query? body? confirm?",
}

ITEM = "taxable? item_type?"
ITEMS = {"create": f"title quantity price {ITEM}", "update": f"item_id? remove? title? quantity? price? {ITEM}"}

INVOICE_STATUS = "draft sent viewed cancelled paid pending"
ESTIMATE_STATUS = "draft sent viewed cancelled declined revised accepted archived"
INTERVALS = (
    "weekly every_2_weeks semimonthly every_4_weeks monthly every_2_months quarterly every_4_months every_6_months"
    " annually every_2_years"
)
PROJECT_WORDS = {
    "project_type": "hourly fixed",
    "budget_type": "hours amount",
    "status": "active completed billable",
}
SCHEDULE_WORDS = {"time_interval": INTERVALS, "action": "send draft autobill", "status": "active paused stopped"}

# Tool → arguments with enum values, and the values; `detail` and `item_type` are the same everywhere.
WORDS = {
    "list_clients": {"sort": "name date", "order": "quiet"},
    "update_client": {"status": "active archived"},
    "list_leads": {"sort": "newest oldest name"},
    "create_project": PROJECT_WORDS,
    "update_project": PROJECT_WORDS,
    **{f"list_{of}hours": {"order": "newest oldest"} for of in ("", "project_")},
    **{
        f"list_{of}invoices": {"order": "newest oldest largest due"}
        for of in ("", "client_", "project_", "recurring_schedule_")
    },
    "create_invoice": {"status": INVOICE_STATUS},
    "update_invoice": {"status": INVOICE_STATUS},
    **{f"list_{of}estimates": {"order": "newest oldest largest"} for of in ("", "client_", "project_")},
    "create_estimate": {"status": ESTIMATE_STATUS},
    "update_estimate": {"status": ESTIMATE_STATUS},
    "list_payments": {"sort": "received_on created_at"},
    "sales_report": {"basis": "invoiced received"},
    "tax_report": {"basis": "invoiced received"},
    "cash_forecast": {"by": "week month"},
    "export_records": {"format": "csv jsonl xlsx"},
    "send_payment_reminders": {"per": "client invoice"},
    "allocate_payment": {"order": "oldest largest smallest"},
    "bill_project_hours": {"group_by": "entry title person day project"},
    "api_request": {"method": "GET POST PUT DELETE"},
    "create_recurring_schedule": SCHEDULE_WORDS,
    "update_recurring_schedule": SCHEDULE_WORDS,
}

# What a list is of → the words of its status, which takes one or more of them.
STATUS_WORDS = {
    "clients": "active archived open",
    "projects": f"{PROJECT_WORDS['status']} open",
    "tasks": "done open",
    "invoices": f"{INVOICE_STATUS} open",
    "estimates": f"{ESTIMATE_STATUS} open",
    "schedules": f"{SCHEDULE_WORDS['status']} open",
}

# Id → where the embedded account has one; of clients, projects and schedules, one whose lists are not empty.
IDS = {
    "client_id": "SELECT client_id FROM payment_profiles INTERSECT SELECT client_id FROM estimates"
    " INTERSECT SELECT client_id FROM expenses WHERE incurred_on > '2026' INTERSECT SELECT client_id FROM projects",
    "contact_id": "SELECT id FROM contacts",
    "lead_id": "SELECT id FROM leads",
    "project_id": "SELECT project_id FROM tasks INTERSECT SELECT project_id FROM hours"
    " INTERSECT SELECT project_id FROM invoices INTERSECT SELECT project_id FROM estimates"
    " INTERSECT SELECT project_id FROM expenses WHERE incurred_on > '2026'",
    "hour_entry_id": "SELECT id FROM hours",
    "task_id": "SELECT id FROM tasks",
    "expense_id": "SELECT id FROM expenses",
    "invoice_id": "SELECT invoice_id FROM payments",
    "estimate_id": "SELECT id FROM estimates",
    "recurring_schedule_id": "SELECT recurring_schedule_id FROM invoices WHERE recurring_schedule_id IS NOT NULL",
    "staff_id": "SELECT id FROM staff",
}

# Tool → the arguments that a call needs besides ids.
GIVEN: dict[str, JsonObject] = {
    "search": {"query": "website"},
    "client_overview": {"client_id": 1201},
    "export_records": {"tool": "list_staff"},
}

TOOLS = {tool.name: tool for tool in ALL}
OFFERED = [tool for tool in ALL if tool.resource != "raw"]
READING = [tool for tool in ALL if tool.effect.reads_only]


@pytest.fixture(scope="module")
def books() -> Sandbox:
    """A sandbox account for tests that only read."""
    return agency()


async def test_exactly_these_tools_are_listed_on_one_page(era: Era, books: Sandbox) -> None:
    async with agent_of(session_with(books), era) as agent:
        listed = await agent.client.list_tools()
        again = await agent.client.list_tools()
    assert listed.next_cursor is None
    assert CONTRACT.keys() == TOOLS.keys()
    assert as_listed(listed.tools) == as_listed([tool.published for tool in OFFERED])
    assert as_listed(listed.tools) == as_listed(again.tools)


async def test_the_instructions_explain_how_the_tools_fit_together(era: Era, books: Sandbox) -> None:
    async with agent_of(session_with(books), era) as agent:
        assert agent.client.instructions == instructions(OFFERED)
    assert 0 < len(instructions(ALL)) <= 2_000


def arguments_of(tool: Tool) -> JsonObject:
    """The published arguments of a tool."""
    arguments: JsonObject = tool.published.input_schema["properties"]
    return arguments


def test_the_arguments_match_the_contract() -> None:
    assert {tool.name: signature(tool.published.input_schema) for tool in ALL} == {
        name: set(arguments.split()) for name, arguments in CONTRACT.items()
    }


def test_the_enum_values_match_the_contract() -> None:
    assert {tool.name: words_of(tool) for tool in ALL if words_of(tool)} == {
        name: {argument: set(words.split()) for argument, words in arguments.items()}
        for name, arguments in WORDS.items()
    }


def test_the_status_of_lists_takes_these_words() -> None:
    described = {
        tool.name: arguments_of(tool)["status"]["description"]
        for tool in ALL
        if tool.name.startswith("list_") and "status" in arguments_of(tool)
    }
    words = {name: text.partition(" (")[0].replace(",", "") for name, text in described.items()}
    assert words == {name: STATUS_WORDS[name.rpartition("_")[2]] for name in words}
    assert {name.rpartition("_")[2] for name in words} == STATUS_WORDS.keys()


def test_all_lists_take_the_same_common_arguments() -> None:
    lists = [tool for tool in ALL if get_origin(tool.answer) is Page]
    assert lists == [tool for tool in ALL if "limit" in arguments_of(tool)]
    assert [tool.name for tool in lists if arguments_of(tool)["limit"]["default"] != 50] == []
    assert [tool.name for tool in lists if {*arguments_of(tool)["detail"]["enum"]} != {"summary", "full"}] == []


def test_line_items_match_the_contract() -> None:
    items = {tool.name: arguments_of(tool)["items"]["items"] for tool in ALL if "items" in arguments_of(tool)}
    assert {name: signature(item) for name, item in items.items()} == {
        name: set(ITEMS[name.partition("_")[0]].split()) for name in items
    }
    words = [set(item["properties"]["item_type"]["enum"]) for item in items.values()]
    assert words == [{"line", "section"}] * len(items)


def test_arguments_are_at_the_top_level() -> None:
    nested = {
        name for tool in ALL for name, about in arguments_of(tool).items() if about["type"] in ("object", "array")
    }
    known = {"items", "recipients", "invoice_extra_fields", "cost_rates", "types", "invoice_ids", "clear"}
    assert nested == known | {"project", "tasks", "rows", "query", "arguments", "recipients_per_client", "choices"} | {
        "where",
        "ids",
        "changes",
    }


ADDING_JOBS = {"convert_lead", "create_invoice_from_estimate", "import_contacts"}
ADDING_JOBS |= {"allocate_payment", "reconcile_payments"}


def hints_of(tool: Tool) -> JsonObject:
    """The annotations that a tool's name and place call for."""
    verb, job = tool.name.partition("_")[0], tool.resource in ("workflows", "raw")
    reads = (verb in ("list", "get") or tool.resource == "reports") and verb != "export"
    gated = (job and verb != "copy") or verb in ("delete", "send", "charge")
    adds_lines = verb == "update" and "items" in tool.arguments.model_fields
    assert tool.gated is gated
    return {
        "title": tool.published.title,
        "readOnlyHint": reads,
        "destructiveHint": (gated or verb == "update") and tool.name not in ADDING_JOBS,
        "idempotentHint": reads or (verb in ("update", "delete") and not job and not adds_lines),
        "openWorldHint": verb in ("send", "charge") or tool.resource == "raw",
    }


def test_annotations_match_what_a_call_may_do() -> None:
    hints = {tool.name: tool.published.annotations for tool in ALL}
    assert {name: hint and hint.model_dump(by_alias=True) for name, hint in hints.items()} == {
        tool.name: hints_of(tool) for tool in ALL
    }


def test_every_write_names_the_tool_that_shows_its_effect() -> None:
    assert [tool.name for tool in READING if tool.checked_with is not None] == []
    writing = [tool for tool in ALL if tool not in READING]
    assert [tool.name for tool in writing if tool.checked_with is None or TOOLS[tool.checked_with] not in READING] == []


@pytest.fixture
def ids(books: Sandbox) -> dict[str, int]:
    """One id of each kind."""
    found = {name: books.connection.execute(f"{query} LIMIT 1").fetchone() for name, query in IDS.items()}
    return {name: row[0] for name, row in found.items()}


@pytest.mark.parametrize("tool", READING, ids=lambda tool: tool.name)
async def test_real_answers_match_the_published_schema(
    tool: Tool, books: Sandbox, ids: dict[str, int], tmp_path: Path
) -> None:
    required = tool.published.input_schema.get("required", [])
    given = {name: ids[name] for name in tool.arguments.addresses() if name in required} | GIVEN.get(tool.name, {})
    details = ({"detail": "summary"}, {"detail": "full"}) if get_origin(tool.answer) is Page else ({},)
    async with agent_of(session_with(books, export_dir=tmp_path)) as agent:
        for detail in details:
            answer = await agent.answer(tool.name, **given, **detail)
            assert answer.get("records", True), "an empty list shows nothing"
            jsonschema.validate(answer, tool.published.output_schema or {})


@pytest.mark.parametrize("tool", ALL, ids=lambda tool: tool.name)
def test_a_tool_matches_its_golden_file(tool: Tool) -> None:
    golden = FOLDER / f"{tool.name}.json"
    assert golden.read_text(encoding="utf-8") == text_of(tool), "python -m tests.golden writes it anew"


def test_every_golden_file_has_a_tool() -> None:
    assert {golden.stem for golden in FOLDER.glob("*.json")} == TOOLS.keys()


async def test_the_instructions_say_whose_hours_are_the_users_own(books: Sandbox) -> None:
    async with agent_of(session_with(books, staff_id=12)) as agent:
        assert "user_id 12" in (agent.client.instructions or "")

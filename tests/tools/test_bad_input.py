"""Wrong arguments: a clear error with the valid values, and nothing sent. And unusual forms that are accepted."""

import json
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
import respx

from clientary_mcp.api.session import Clientary
from clientary_mcp.tools import ALL
from tests.conftest import SETTINGS
from tests.support.agent import Agent, Era, agent_of
from tests.support.clock import FakeTime
from tests.support.gated import EVERYTHING
from tests.support.long import covering

pytestmark = pytest.mark.anyio

INVOICE = {"date": "2026-11-20", "due_date": "2026-12-20", "currency_code": "USD"}
LINE = {"title": "Work", "quantity": 1, "price": 100}
MAIL = {"invoice_id": 7, "confirm": True}
HOURS = {"project_id": 7, "title": "Work", "hours": 1}
HUGE = 10**30
A_MEGABYTE = "x" * 1_000_000

Call = tuple[str, dict[str, Any], str]

WRONG: list[Call] = [
    # tools and arguments that do not exist
    ("list_cleints", {}, "There is no tool 'list_cleints'. Did you mean list_clients"),
    ("get_clients", {}, "There is no tool 'get_clients'. Did you mean"),
    ("DROP TABLE", {}, "There is no tool 'DROP TABLE'."),
    ("", {}, "There is no tool ''."),
    (A_MEGABYTE, {}, "There is no tool 'xxx"),
    ("list_clients", {"limits": 5}, "no argument 'limits'. Did you mean limit? Valid: "),
    ("list_clients", {"search": "acme"}, "no argument 'search'. Valid: query, from_date, to_date"),
    ("get_client", {"id": 7}, "no argument 'id'"),
    ("get_client", {"id": 7}, "client_id is required"),
    ("get_client", {"clientId": 7}, "Did you mean client_id?"),
    ("get_client", {"args": {"client_id": 7}}, "no argument 'args'"),
    ("update_client", {"client_id": 7, "adress": "x"}, "no argument 'adress'. Did you mean address"),
    ("get_client", {A_MEGABYTE: 7}, "there is no argument 'xxx"),
    ("delete_client", {"client_id": 7, "confirmed": True}, "no argument 'confirmed'. Did you mean confirm?"),
    ("delete_client", {"client_id": 7, "confirm": True, "force": True}, "no argument 'force'"),
    # missing
    ("get_client", {}, "client_id is required"),
    ("get_client", {"client_id": None}, "client_id is required"),
    ("create_client", {}, "name is required"),
    ("create_client", {"name": ""}, "name is required"),
    ("create_client", {"name": "  "}, "name takes text that is not blank"),
    ("create_invoice", {"client_id": 7}, "date is required; due_date is required; currency_code is required"),
    # types and words
    ("create_client", {"name": ["Acme"]}, "name takes text, not a list"),
    ("create_client", {"name": {"first": "Acme"}}, "name takes text, not an object"),
    (
        "create_client",
        {"name": "A", "invoice_extra_fields": "PO 7"},
        "invoice_extra_fields takes a list, not 'PO 7'",
    ),
    ("update_client", {"client_id": 7, "status": "closed"}, "takes one of 'active' or 'archived', not 'closed'"),
    ("update_client", {"client_id": 7, "status": 2}, "takes one of 'active' or 'archived', not 2"),
    ("list_clients", {"sort": "Name"}, "sort takes one of 'name' or 'date', not 'Name'"),
    ("update_task", {"task_id": 7, "complete": "done"}, "complete takes true or false, not 'done'"),
    ("delete_client", {"client_id": 7, "confirm": "perhaps"}, "confirm takes true or false, not 'perhaps'"),
    *(
        ("delete_client", {"client_id": 7, "confirm": odd}, "confirm takes true or false")
        for odd in (2, 1, 0, 1.0, "1", "yes", "on", "t", " true", [True])
    ),
    ("create_project", {"name": "P", "rate": "cheap"}, "rate takes a number, not 'cheap'"),
    ("create_project", {"name": "P", "rate": True}, "rate takes a number, not true or false"),
    (
        "create_project",
        {"name": "P", "rate": 5, "currency_code": "dollars"},
        "the ISO 4217 code of a currency, like USD",
    ),
    # days
    *(
        ("list_invoices", {"updated_since": day}, "updated_since takes a day that exists, written YYYY-MM-DD")
        for day in ("2026-02-30", "2026-13-01", "20/11/2026", "yesterday", 20261120, True, ["2026-11-20"])
    ),
    ("create_invoice", {**INVOICE, "date": "2026-11-31"}, "date takes a day that exists"),
    # limits and pages
    *(("list_clients", {"limit": limit}, "limit must be at least 1") for limit in (0, -1, -HUGE, "0")),
    *(("list_clients", {"limit": limit}, "limit must be at most 1000") for limit in (1001, HUGE, "5000")),
    *(("list_clients", {"limit": odd}, "limit takes a") for odd in (True, 1.5, "all", ["1"], {"is": 1}, "NaN")),
    *(("list_clients", {"offset": offset}, "offset ") for offset in (-1, True, "last", 1.5)),
    # ids
    *(
        ("get_client", {"client_id": id_}, "client_id takes ")
        for id_ in (
            0,
            -7,
            HUGE,
            10**15 + 1,
            True,
            False,
            1.5,
            [7],
            {"id": 7},
            "0",
        )
    ),
    ("get_client", {"client_id": "9" * 5_000}, "client_id takes "),
    ("get_client", {"client_id": float("inf")}, "client_id "),  # JSON has none: it comes as null
    ("get_client", {"client_id": float("nan")}, "client_id "),
    # mails
    ("send_invoice_message", {**MAIL, "recipients": []}, "recipients takes a list that is not empty"),
    ("send_invoice_message", {**MAIL, "recipients": "[]"}, "recipients takes a list that is not empty"),
    ("send_invoice_message", {**MAIL, "recipients": [""]}, "recipients takes a list that is not empty"),
    ("send_invoice_message", {**MAIL, "recipients": {"to": "a@b.co"}}, "recipients takes a list, not an object"),
    *(
        (
            "send_invoice_message",
            {**MAIL, "recipients": ["a@b.co", bad]},
            "recipients.1 takes one e-mail address, like name@",
        )
        for bad in ("bob", "a@b", "Ann a@b.co", "a@b.co\nBcc: x@y.co")
    ),
    ("send_invoice_message", {**MAIL, "recipients": [7]}, "recipients.0 takes one e-mail address"),
    ("send_estimate_message", {"estimate_id": 7, "confirm": True}, "recipients is required"),
    ("create_contact", {"client_id": 7, "name": "Ann", "email": "ann"}, "email takes one e-mail address"),
    (
        "create_contact",
        {"client_id": 7, "name": "Ann", "email": "a@b.co, c@d.co"},
        "email takes one e-mail address, not 2: a@b.co, c@d.co",
    ),
    # words for nothing
    ("update_client", {"client_id": 7, "website": "null"}, "website takes text, not the word null: leave it out"),
    ("list_invoices", {"query": "undefined"}, "query takes text, not the word undefined"),
    ("send_invoice_message", {**MAIL, "recipients": ["None"]}, "recipients.0 takes text, not the word None"),
    ("create_invoice", {**INVOICE, "items": [{**LINE, "title": "NaN"}]}, "items.0.title takes text, not the word NaN"),
    # long texts
    ("create_client", {"name": A_MEGABYTE}, "name takes at most 50000 characters"),
    ("update_invoice", {"invoice_id": 7, "note": A_MEGABYTE}, "note takes at most 50000 characters"),
    ("create_client", {"name": "A", "invoice_extra_fields": {"PO": A_MEGABYTE}}, "takes at most 50000 characters"),
    ("create_invoice", {**INVOICE, "items": [{**LINE, "title": A_MEGABYTE}]}, "items.0.title takes at most 50000"),
    ("create_client", {"name": "half \ud83d"}, "name takes text that is valid Unicode"),
    # updates that change nothing, or clear what cannot be cleared
    ("update_client", {"client_id": 7, "clear": []}, "names nothing to change"),
    ("update_client", {"client_id": 7, "city": ""}, "or clear, which empties fields: an empty value counts as not"),
    ("update_client", {"client_id": 7, "clear": "citi"}, "clear.0 takes one of 'number', 'address'"),
    ("update_client", {"client_id": 7, "clear": ["city"], "city": "Bath"}, "both sets and clears city"),
    # pairs
    (
        "create_client",
        {"name": "A", "invoice_extra_fields": [{"name": "PO", "value": "7"}, {"name": "PO", "value": "8"}]},
        "invoice_extra_fields has name 'PO' more than once",
    ),
    ("create_client", {"name": "A", "invoice_extra_fields": [{"value": "7"}]}, "fields.0.name is required"),
    ("update_client", {"client_id": 7}, "names nothing to change; give at least one of number, address, "),
    ("update_client", {"client_id": 7, "name": None, "city": None}, "names nothing to change"),
    ("update_invoice", {"invoice_id": 7, "po": None}, "names nothing to change"),
    # numbers
    *(
        ("create_project_hours", {**HOURS, "hours": number}, "hours takes a number")
        for number in ("NaN", "Infinity", 10**400, 1e300, "1e400", "1_5", "1e3", "\uff11\uff12", 10**15)
    ),
    *(("create_project_hours", {**HOURS, "hours": float(number)}, "hours is required") for number in ("nan", "-inf")),
    *(("create_project_hours", {**HOURS, "hours": number}, "hours must be above 0") for number in (0, -1, "-0.5")),
    ("create_invoice", {**INVOICE, "tax": -1}, "tax must be at least 0"),
    ("create_invoice", {**INVOICE, "tax2": 100.5}, "tax2 must be at most 100"),
    # lines
    ("create_invoice", {**INVOICE, "items": {"0": LINE}}, "items.0.title is required"),
    ("create_invoice", {**INVOICE, "items": [[LINE]]}, "items.0 takes an object, not a list"),
    ("create_invoice", {**INVOICE, "items": "[not json"}, "items takes a list"),
    ("create_invoice", {**INVOICE, "items": "[" * 100_000}, "items takes a list"),
    (
        "create_invoice",
        {**INVOICE, "items": [{"title": "x"}]},
        "items.0.quantity is required; items.0.price is required",
    ),
    (
        "create_invoice",
        {**INVOICE, "items": [{**LINE, "unit": "h"}]},
        "Valid: title, quantity, price, taxable",
    ),
    (
        "create_invoice",
        {**INVOICE, "items": [LINE, {**LINE, "price": "1,5"}]},
        "items.1.price takes a number, not '1,5'",
    ),
    (
        "create_invoice",
        {**INVOICE, "items": [{**LINE, "item_type": "tax"}]},
        "takes one of 'line' or 'section', not 'tax'",
    ),
    ("update_invoice", {"invoice_id": 7, "items": [{"remove": True}]}, "items.0 needs item_id"),
    ("update_invoice", {"invoice_id": 7, "items": [{"title": "x"}]}, "items.0 needs title, quantity and price"),
    ("update_invoice", {"invoice_id": 7, "items": [{"item_id": 0}]}, "items.0 needs title, quantity and price"),
    # filters, reports and jobs
    (
        "list_invoices",
        {"status": "overdue"},
        "status takes one or more of draft, sent, viewed, cancelled, paid, pending, open, not 'overdue'",
    ),
    ("list_estimates", {"status": ["sent", "won"]}, "accepted, archived, open, not 'won'"),
    ("list_projects", {"status": "active,closed"}, "takes one or more of active, completed, billable, open, not 'c"),
    ("list_client_projects", {"client_id": 7, "status": "Open"}, "open, not 'Open'"),
    ("list_recurring_schedules", {"status": ["ended"]}, "takes one or more of active, paused, stopped, open, not 'e"),
    ("list_clients", {"status": 1}, "status takes one or more of active, archived, open, not '1'"),
    ("list_tasks", {"status": "active"}, "status takes one or more of done, open, not 'active'"),
    ("list_invoices", {"client_id": 1, "project_id": 2}, "has both client_id and project_id; give project_id alone"),
    ("list_invoices", {"overdue": "very"}, "overdue takes true or false, not 'very'"),
    ("list_invoices", {"order": "biggest"}, "order takes one of 'newest', 'oldest', 'largest' or 'due'"),
    ("list_invoices", {"min_balance": "lots"}, "min_balance takes a number, not 'lots'"),
    ("list_tasks", {"assignee_id": -1}, "assignee_id takes the id of a record"),
    ("search", {"query": " "}, "query takes text that is not blank"),
    ("search", {"query": "Acme", "types": ["clients"]}, "types.0 takes one of 'client', 'lead', "),
    ("receivables_report", {"as_of": "2026-13-01"}, "as_of takes a day that exists"),
    (
        "receivables_report",
        {"group_by": "project"},
        "group_by takes one or two of client, month, invoice, with a comma",
    ),
    ("receivables_report", {"group_by": "month,month"}, "group_by takes two different words, not 'month,month'"),
    ("receivables_report", {"min_total": "NaN"}, "min_total takes a number"),
    ("unbilled_report", {"group_by": "client,invoice"}, "takes one or two of client, month, project, person, with a"),
    ("unbilled_report", {"from_date": "2026-11-02", "to_date": "2026-11-01"}, "has from_date after to_date"),
    ("timesheet_report", {"period": "last month"}, "period takes one of 'today', 'yesterday', 'this_week', "),
    ("timesheet_report", {"capacity_hours": 0}, "capacity_hours must be above 0"),
    ("timesheet_report", {"period": "today", "to_date": "2026-11-01"}, "has both period and dates; give one of them"),
    ("sales_report", {"group_by": "week"}, "group_by takes one or two of client, month, day, quarter, year, project,"),
    ("sales_report", {"group_by": "client,month,day"}, "with a comma between, not 'client,month,day'"),
    ("sales_report", {"group_by": ["client", "client"]}, "group_by takes two different words, not 'client,client'"),
    ("sales_report", {"basis": "paid"}, "basis takes one of 'invoiced' or 'received', not 'paid'"),
    ("tax_report", {"period": "next_year"}, "period takes one of 'today', 'yesterday', 'this_week', "),
    ("tax_report", {"from_date": "2026-02-01", "to_date": "2026-01-01"}, "has from_date after to_date"),
    ("expenses_report", {"group_by": "status"}, "takes one or two of project, month, client, person"),
    ("expenses_report", {"period": "today", "from_date": "2026-01-01"}, "has both period and dates; give one of them"),
    ("project_status", {"threshold": -1}, "threshold must be at least 0"),
    ("profitability_report", {"project_id": 7, "cost_rates": {"-1": 5}}, "cost_rates.0.staff_id takes the id"),
    ("recurring_revenue_report", {"month": "May"}, "there is no argument 'month'. It takes none."),
    ("billing_check", {"client_id": 7}, "there is no argument 'client_id'. It takes none."),
    ("client_overview", {}, "takes client_id or email, one of the two"),
    ("list_changes", {"since": "yesterday"}, "since takes a day or a time, like 2026-11-01"),
    ("list_changes", {"cursor": "abc"}, "cursor takes the cursor of an earlier answer, whole"),
    ("export_records", {"tool": "list_clients", "format": "pdf"}, "format takes one of 'csv', 'jsonl' or 'xlsx'"),
    ("bill_project_hours", {"project_id": 7, "group_by": "week"}, "group_by takes one of 'entry', 'title', "),
    ("bill_project_hours", {"project_id": 7, "tax": 101}, "tax must be at most 100"),
    ("create_invoice_from_estimate", {"estimate_id": 7, "confirm": True}, "due_date is required"),
    ("convert_lead", {"lead_id": 7, "project": {"rate": 5}}, "project.name is required"),
    ("convert_lead", {"lead_id": 7, "tasks": [{"titel": "x"}]}, "tasks.0.title is required"),
    ("import_contacts", {"rows": []}, "rows takes a list that is not empty"),
    ("import_contacts", {"rows": [{}] * 501}, "rows takes at most 500"),
    ("import_contacts", {"rows": ["Ann"], "confirm": True}, "rows.0 takes an object, not 'Ann'"),
    ("send_payment_reminders", {"confirm": True}, "takes either invoice_ids or min_days_overdue"),
    ("send_payment_reminders", {"invoice_ids": [7], "min_days_overdue": 5}, "takes either invoice_ids or"),
    # what belongs together
    (
        "create_recurring_schedule",
        {
            "client_id": 7,
            "next_date": "2026-12-01",
            "time_interval": "monthly",
            "currency_code": "USD",
            "due_period": 14,
            "action": "autobill",
        },
        "needs payment_profile_id",
    ),
]


@pytest.mark.parametrize(("tool", "arguments", "words"), WRONG)
async def test_invalid_arguments_are_reported_with_valid_values_and_nothing_is_sent(
    account: respx.MockRouter, agent: Agent, tool: str, arguments: dict[str, Any], words: str
) -> None:
    message = await agent.refusal(tool, **arguments)
    assert words in message
    assert len(account.calls) == 0
    assert len(message) < 2_000
    for foreign in ("pydantic", "Input should", "validation error", "For further information"):
        assert foreign not in message


async def test_a_misspelled_argument_is_rejected_by_every_tool_in_both_eras(
    account: respx.MockRouter, time: FakeTime, era: Era
) -> None:
    every_tool = replace(SETTINGS, toolsets=EVERYTHING)
    async with agent_of(Clientary(every_tool, clock=time.clock), era) as agent:
        message = {tool.name: await agent.refusal(tool.name, no_such_thing=1) for tool in ALL}
    assert [name for name, text in message.items() if not text.startswith(f"{name}: ")] == []
    assert [name for name, text in message.items() if "there is no argument 'no_such_thing'" not in text] == []
    writing = {tool.name for tool in ALL if not tool.effect.reads_only}
    assert {name for name, text in message.items() if text.endswith("Nothing was sent.")} == writing
    assert len(account.calls) == 0


# Unusual forms that are accepted


def sent(account: respx.MockRouter) -> Any:
    """The body of the last request."""
    return json.loads(account.calls.last.request.content)


@pytest.mark.parametrize("items", [[LINE], json.dumps([LINE]), f" {json.dumps([LINE])} "])
async def test_lines_are_accepted_as_a_list_or_as_json_text(
    account: respx.MockRouter, agent: Agent, items: Any
) -> None:
    account.post("invoices").respond(201, json={"id": 7})
    await agent.answer("create_invoice", **INVOICE, items=items)
    assert sent(account)["invoice"]["invoice_items_attributes"] == [LINE]


async def test_a_list_within_lines_given_as_json_text_is_still_checked(account: respx.MockRouter, agent: Agent) -> None:
    message = await agent.refusal("create_invoice", **INVOICE, items=json.dumps([{"title": "x"}]))
    assert "items.0.price is required" in message
    assert len(account.calls) == 0


@pytest.mark.parametrize(
    "recipients", [["a@b.co", "c@d.co"], '["a@b.co", "c@d.co"]', "a@b.co; c@d.co", ["Ann <a@b.co>", "c@d.co", "C@D.co"]]
)
async def test_recipients_are_accepted_in_any_form(account: respx.MockRouter, agent: Agent, recipients: Any) -> None:
    account.get("invoices/7").respond(json={"id": 7})
    account.post("invoices/7/messages").respond(200)
    await agent.answer("send_invoice_message", **MAIL, recipients=recipients)
    assert sent(account)["recipients"] == ["a@b.co", "c@d.co"]


PAIR = {"name": "PO", "value": "7"}


@pytest.mark.parametrize(
    "extra", [[PAIR], json.dumps([PAIR]), {"PO": "7"}, '{"PO": "7"}', {"PO": 7}, PAIR, [json.dumps(PAIR)]]
)
async def test_free_keys_are_accepted_as_pairs_or_as_an_object_or_as_json_text(
    account: respx.MockRouter, agent: Agent, extra: Any
) -> None:
    account.post("clients").respond(201, json={"id": 7})
    await agent.answer("create_client", name="Acme", invoice_extra_fields=extra)
    assert sent(account)["client"]["invoice_extra_fields"] == {"PO": "7"}


LIKE_JSON = ['{"a": 1}', "[1, 2]", "true", "7", '"quoted"', "[", " {", "1e5", "007"]


@pytest.mark.parametrize(
    ("field", "text"),
    covering(product(["name", "description", "number"], LIKE_JSON)),
)
async def test_text_that_looks_like_json_stays_text(
    account: respx.MockRouter, agent: Agent, field: str, text: str
) -> None:
    account.put("clients/7").respond(json={"id": 7})
    await agent.answer("update_client", client_id=7, **{field: text})
    assert sent(account) == {"client": {field: text}}


async def test_null_is_the_same_as_not_given(account: respx.MockRouter, agent: Agent) -> None:
    account.post("clients").respond(201, json={"id": 7})
    await agent.answer("create_client", name="Acme", city=None, number=None, invoice_extra_fields=None)
    assert sent(account) == {"client": {"name": "Acme"}}
    account.get("clients").respond(json={"clients": []})
    await agent.answer("list_clients", limit=None, offset=None, detail=None, sort=None, updated_since=None)
    assert not account.calls.last.request.url.query


@pytest.mark.parametrize("confirm", [None, False, "false", "False", ""])
async def test_false_or_no_confirmation_confirms_nothing(account: respx.MockRouter, agent: Agent, confirm: Any) -> None:
    account.get("tasks/7").respond(json={"id": 7, "title": "Call"})
    assert (await agent.answer("delete_task", task_id=7, confirm=confirm))["done"] is False
    assert {call.request.method for call in account.calls} == {"GET"}


@pytest.mark.parametrize("id_", [7, "7", 7.0, " 7 "])
async def test_an_id_is_accepted_as_number_or_text(account: respx.MockRouter, agent: Agent, id_: Any) -> None:
    account.get("clients/7").respond(json={"id": 7})
    assert (await agent.answer("get_client", client_id=id_))["id"] == 7


@pytest.mark.parametrize(("given", "leaves"), [("1.50", 1.5), (1.5, 1.5), ("2", 2), (2, 2), (" 3 ", 3), ("0.10", 0.1)])
async def test_an_amount_is_accepted_as_number_or_text(
    account: respx.MockRouter, agent: Agent, given: Any, leaves: float
) -> None:
    account.post("projects/7/hours").respond(201, json={"id": 7})
    await agent.answer("create_project_hours", project_id="7", title="Work", hours=given)
    assert sent(account)["project_item"]["hours"] == leaves


@pytest.mark.parametrize(("number", "leaves"), [(101, "101"), (7.5, "7.5"), ("007", "007")])
async def test_a_number_is_accepted_where_text_is_expected(
    account: respx.MockRouter, agent: Agent, number: Any, leaves: str
) -> None:
    account.post("clients").respond(201, json={"id": 7})
    await agent.answer("create_client", name="Acme", number=number)
    assert sent(account)["client"]["number"] == leaves

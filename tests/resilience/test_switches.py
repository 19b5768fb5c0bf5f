"""Every behavior that the API documentation leaves open: the same job works and reports the same under each.

One long job runs with the documented samples, then with every value of every switch.
"""

from dataclasses import fields, replace
from itertools import combinations
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest

from clientary_mcp.sandbox import Sandbox, Switches
from tests.conftest import TODAY, agency, session_with
from tests.support.agent import Agent, agent_of
from tests.support.long import covering, pairwise

pytestmark = pytest.mark.anyio

REFUSALS = ("plan_limit", "without_stripe", "allow_hours")  # these end a job, each with a test of its own below
SAMPLES = Switches(extra_keys=False)
Outcome = dict[str, Any]


def values_of(hint: Any) -> list[Any]:
    """Every value of every switch."""
    if get_origin(hint) is Literal:
        return list(get_args(hint))
    if hint is bool:
        return [True, False]
    return [value for part in get_args(hint) for value in ([None] if part is type(None) else values_of(part))]


HINTS = get_type_hints(Switches)
VALUES = {each.name: values_of(HINTS[each.name]) for each in fields(Switches) if each.name not in REFUSALS}
TURNED = [*pairwise(VALUES), *({name: value} for name, values in VALUES.items() for value in values)]
"""All of them at once, until every two values have met; and each alone."""


def name_of(turned: dict[str, Any]) -> str:
    """The name and value of one switch."""
    return "together" if len(turned) > 1 else str(turned)


# Fields that an answer lacks when Clientary does not send them.
MISSING = {
    ("nested_client_in_projects", False): {"client", "client_name"},
    ("bare_arrays", True): {"from_date", "to_date"},
}


async def run_job(switches: Switches) -> Outcome:
    """Run the job on a new account with these switches; return its answers by subject."""
    sandbox = Sandbox(TODAY, filled=False, switches=switches)
    async with agent_of(session_with(sandbox)) as agent:
        answers: Outcome = {}
        await _people(agent, answers)
        await _work(agent, answers)
        await _money(agent, answers)
        await _look(agent, answers)
        await _ask(agent, answers)
        await _hand_over(agent, answers)
        await _share_out(agent, answers)
        answers["mail"] = [{**message} for message in sandbox.sent_messages]
        await _tidy(agent, answers)
        counts = (
            "SELECT (SELECT count(*) FROM clients) + (SELECT count(*) FROM invoices) + (SELECT count(*) FROM tasks)"
        )
        answers["left"] = sandbox.connection.execute(counts).fetchone()[0]
        return answers


async def _people(agent: Agent, answers: Outcome) -> None:
    answers["client"] = await agent.answer("create_client", name="Acme", number="A-1", country="US", description="")
    client_id = answers["client"]["id"]
    answers["client changed"] = await agent.answer("update_client", client_id=client_id, city="Bath", number="A-2")
    answers["contact"] = await agent.answer("create_contact", client_id=client_id, name="Ann", email="ann@example.com")
    answers["contact changed"] = await agent.answer(
        "update_contact", contact_id=answers["contact"]["id"], title="Owner"
    )
    answers["lead"] = await agent.answer("create_lead", name="Globex")
    answers["lead changed"] = await agent.answer(
        "update_lead", lead_id=answers["lead"]["id"], website="https://example.com"
    )


async def _work(agent: Agent, answers: Outcome) -> None:
    answers["project"] = await agent.answer(
        "create_project",
        name="Site", rate=120.5, client_id=answers["client"]["id"], budget=9000, budget_type="amount",
        end_date="2027-01-31",
    )  # fmt: skip
    project = {"project_id": answers["project"]["id"]}
    answers["project changed"] = await agent.answer("update_project", **project, status="billable", currency_code="EUR")
    answers["hours"] = await agent.answer(
        "create_project_hours", **project, title="Layout", hours=1.5, date="2026-11-02"
    )
    entry = {"hour_entry_id": answers["hours"]["id"]}
    answers["hours changed"] = await agent.answer("update_hour_entry", **entry, hours=2.25, description="Grid")
    answers["task"] = await agent.answer(
        "create_task", **project, title="Pick a font", due_date="2026-12-01", assignee_id=1
    )
    answers["task done"] = await agent.answer("update_task", task_id=answers["task"]["id"], complete=True)
    answers["expense"] = await agent.answer("create_expense", **project, amount=99.95, incurred_on="2026-11-03")
    answers["expense changed"] = await agent.answer("update_expense", expense_id=answers["expense"]["id"], amount=89.05)


async def _money(agent: Agent, answers: Outcome) -> None:
    client = {"client_id": answers["client"]["id"]}
    taxes = {"tax": 5, "tax_label": "GST", "tax2": 9.975, "tax2_label": "QST", "compound_tax": True}
    lines = [
        {"title": "Phase one", "quantity": 0, "price": 0, "item_type": "section"},
        {"title": "Layout", "quantity": 2.25, "price": 120.5, "taxable": True},
        {"title": "Fonts", "quantity": 1, "price": 19.99, "taxable": False},
    ]
    answers["invoice"] = await agent.answer(
        "create_invoice", **client, **taxes, date="2026-11-20", due_date="2026-12-20", currency_code="EUR", items=lines
    )
    invoice, items = {"invoice_id": answers["invoice"]["id"]}, answers["invoice"]["items"]
    changes = [
        {"item_id": items[1]["item_id"], "quantity": 3},
        {"item_id": items[2]["item_id"], "remove": True},
        {"title": "Hosting", "quantity": 12, "price": 4.99, "taxable": False},
    ]
    answers["invoice changed"] = await agent.answer("update_invoice", **invoice, status="sent", note="", items=changes)
    answers["payment"] = await agent.answer("create_payment", **invoice, amount=100.01, received_on="2026-11-19")
    answers["estimate"] = await agent.answer(
        "create_estimate", **client, **taxes, date="2026-11-20", currency_code="EUR", items=lines
    )
    answers["estimate changed"] = await agent.answer(
        "update_estimate", estimate_id=answers["estimate"]["id"], status="accepted", title="Offer"
    )
    answers["card"] = await agent.answer(
        "create_payment_profile",
        **client, stripe_customer_id="cus_1", stripe_source_id="card_1", last_four_digits="4242", name="Ann",
        expiration_date="2028-01-31",
    )  # fmt: skip
    answers["schedule"] = await agent.answer(
        "create_recurring_schedule",
        **client, **taxes, next_date="2026-12-01", time_interval="monthly", currency_code="EUR", due_period=14,
        action="autobill", payment_profile_id=answers["card"]["id"], occurrences_remaining=6, items=lines,
    )  # fmt: skip
    answers["schedule changed"] = await agent.answer(
        "update_recurring_schedule", recurring_schedule_id=answers["schedule"]["id"], status="paused"
    )


async def _look(agent: Agent, answers: Outcome) -> None:
    own = {name: {f"{name}_id": answers[name]["id"]} for name in ("client", "project", "invoice", "estimate")}
    for kind in own:
        answers[f"{kind} again"] = await agent.answer(f"get_{kind}", **own[kind])
    for name in ("clients", "contacts", "leads", "projects", "tasks", "invoices", "estimates", "payments"):
        answers[name] = await agent.answer(f"list_{name}")
    year = {"from_date": "2026-01-01", "to_date": "2026-12-31"}
    answers["expenses"] = await agent.answer("list_expenses", **year)
    answers["schedules"] = await agent.answer("list_recurring_schedules")
    answers["staff"] = await agent.answer("list_staff")
    answers["hours of the project"] = await agent.answer("list_project_hours", **own["project"])
    answers["cards"] = await agent.answer("list_client_payment_profiles", **own["client"])
    to = {"recipients": ["ann@example.com", "bo@example.com"], "send_copy": True, "confirm": True}
    answers["invoice mailed"] = await agent.answer("send_invoice_message", **own["invoice"], **to)
    answers["estimate mailed"] = await agent.answer("send_estimate_message", **own["estimate"], **to)
    answers["what a client takes along"] = await agent.answer("delete_client", **own["client"])


async def _ask(agent: Agent, answers: Outcome) -> None:
    own = {name: {f"{name}_id": answers[name]["id"]} for name in ("client", "project")}
    days = {"from_date": "2026-11-01", "to_date": "2026-11-30"}
    answers["found"] = await agent.answer("search", query="acme", include_closed=True)
    answers["unbilled"] = await agent.answer("unbilled_report", **own["client"])
    answers["budget"] = await agent.answer("project_status", **own["project"], by_person=True)
    answers["profit"] = await agent.answer("profitability_report", **own["project"], default_cost_rate=40)
    answers["owed"] = await agent.answer("receivables_report", as_of="2027-01-31", group_by="invoice")
    answers["every month"] = await agent.answer("recurring_revenue_report")
    answers["overview"] = await agent.answer("client_overview", **own["client"])
    answers["times"] = await agent.answer("timesheet_report", **days)
    answers["all hours"] = await agent.answer("list_hours", missing_description=False)
    answers["tasks done"] = await agent.answer("list_tasks", complete=True, due_before="2027-01-01")
    answers["large invoices"] = await agent.answer("list_invoices", min_balance=100, order="largest")


async def _hand_over(agent: Agent, answers: Outcome) -> None:
    sure = {"confirm": True}
    people = [{"client": "Acme", "name": name, "email": f"{name.lower()}@example.com"} for name in ("Ann", "Bo")]
    answers["people"] = await agent.confirmed("import_contacts", rows=people)
    offer = {"estimate_id": answers["estimate"]["id"], "due_date": "2026-12-31", "date": "2026-11-20"}
    answers["ordered"] = await agent.answer("create_invoice_from_estimate", **offer, **sure)
    answers["ordered again"] = await agent.answer("create_invoice_from_estimate", **offer, allow_duplicate=False)
    bill = {"project_id": answers["project"]["id"], "date": "2026-11-20", "due_date": "2026-12-31"}
    shown = await agent.answer("bill_project_hours", **bill, tax=5, include_expenses=True)
    answers["bill"] = {part: shown[part] for part in shown if part != "preview_id"}
    billed = await agent.confirmed("bill_project_hours", **bill, tax=5, include_expenses=True)
    # Hours that the API cannot mark as billed have their own message: see tests/tools/workflows.
    answers["billed"] = {part: billed[part] for part in ("done", "record", "totals")}
    answers["billed again"] = (await agent.answer("bill_project_hours", **bill, tax=5, include_expenses=True))["done"]
    answers["converted"] = await agent.confirmed(
        "convert_lead",
        lead_id=answers["lead"]["id"],
        project={"name": "Plan", "rate": 80},
        tasks=[{"title": "Call"}],
    )


async def _share_out(agent: Agent, answers: Outcome) -> None:
    client, day = {"client_id": answers["client"]["id"]}, {"date": "2026-11-20", "due_date": "2026-12-31"}
    answers["copied"] = await agent.answer("copy_invoice", invoice_id=answers["invoice"]["id"], note="Again", **day)
    copy = [answers["copied"]["id"]]
    changes = {"status": "sent", "po": "PO-9"}
    answers["sent"] = await agent.confirmed("bulk_update", tool="update_invoice", ids=copy, changes=changes)
    share = {**client, "amount": 10.5, "received_on": "2026-11-18", "note": "Check 7", "invoice_ids": copy}
    answers["allocated"] = await agent.confirmed("allocate_payment", **share)
    wire = {"date": "2026-11-19", "amount": "20,25", "currency_code": "EUR", "text": "Wire"}
    choice = {"row": 1, "invoice_ids": copy}
    answers["reconciled"] = await agent.confirmed("reconcile_payments", rows=[wire], choices=[choice])
    answers["copy paid"] = await agent.answer("get_invoice", invoice_id=copy[0])
    where = {**client, "query": "Site"}
    answers["rates"] = await agent.confirmed("bulk_update", tool="update_project", where=where, changes={"rate": "+5%"})
    line = {"title": "Shop", "quantity": 3, "price": 333.33, "taxable": True}
    about = {"date": "2026-11-20", "currency_code": "EUR", "tax": 19, "tax_label": "VAT"}
    offer = await agent.answer("create_estimate", **client, **about, items=[line])
    answers["part"] = await agent.answer(
        "create_invoice_from_estimate", estimate_id=offer["id"], percent=30, label="Deposit", confirm=True, **day
    )
    worked = {"project_id": answers["project"]["id"], "title": "Grid", "hours": 1.25, "date": "2026-11-10"}
    await agent.answer("create_project_hours", **worked)
    billed = await agent.confirmed("bill_project_hours", **client, **day, tax=5)
    answers["billed by client"] = {part: billed[part] for part in ("done", "record", "totals")}
    answers["checked"] = (await agent.answer("billing_check"))["rows"]


async def _tidy(agent: Agent, answers: Outcome) -> None:
    sure = {"confirm": True}
    invoice = {"invoice_id": answers["invoice"]["id"]}
    paid = await agent.answer("charge_payment_profile", **invoice, payment_profile_id=answers["card"]["id"], **sure)
    answers["charged"] = paid
    answers["payment gone"] = await agent.answer("delete_payment", **invoice, payment_id=paid["record"]["id"], **sure)
    answers["owed again"] = await agent.answer("get_invoice", **invoice)
    won = answers["converted"]["record"]["id"]
    answers["what was won is gone"] = await agent.answer("delete_client", client_id=won, **sure)
    for name in ("task", "expense", "invoice", "estimate", "lead", "contact", "project", "client"):
        answers[f"{name} gone"] = await agent.answer(f"delete_{name}", **{f"{name}_id": answers[name]["id"]}, **sure)


def differences(expected: Any, answers: Any, missing: set[str], where: str = "") -> list[str]:
    """Where `reported` differs from the expected values; it may contain more and omit empty values."""
    if isinstance(expected, dict) and isinstance(answers, dict):
        wanted = {key: part for key, part in expected.items() if part not in (None, "") and key not in missing}
        return [
            found
            for key, part in wanted.items()
            for found in differences(part, answers.get(key), missing, f"{where}.{key}")
        ]
    if isinstance(expected, list) and isinstance(answers, list) and len(expected) == len(answers):
        parts = enumerate(zip(expected, answers, strict=True))
        return [found for n, (one, other) in parts for found in differences(one, other, missing, f"{where}[{n}]")]
    return [] if expected == answers else [f"{where}: {expected!r} became {answers!r}"]


@pytest.fixture(scope="module")
async def documented_answers() -> Outcome:
    """The job's answers with the documented samples."""
    return await run_job(SAMPLES)


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """For the fixture above, which outlives one test."""
    return "asyncio"


async def test_the_job_reports_words_iso_dates_and_exact_numbers(documented_answers: Outcome) -> None:
    answers = documented_answers
    assert answers["project changed"].items() >= {
        "status": "billable", "project_type": "hourly", "budget_type": "amount", "rate": 120.5, "budget": 9000,
        "end_date": "2027-01-31", "currency_code": "EUR", "client_id": answers["client"]["id"],
    }.items()  # fmt: skip
    assert answers["hours changed"].items() >= {"hours": 2.25, "cost": 271.13, "date": "2026-11-02"}.items()
    assert answers["hours changed"]["billed"] is False
    assert answers["task done"].items() >= {"complete": True, "due_date": "2026-12-01"}.items()
    # Three times 120.50 is taxed at 5 % and then at 9.975 %; twelve months of hosting are not.
    assert answers["owed again"].items() >= {
        "status": "sent", "date": "2026-11-20", "due_date": "2026-12-20", "currency_code": "EUR", "subtotal": 421.38,
        "total_cost": 477.32, "total_payments": 100.01, "balance": 377.31,
    }.items()  # fmt: skip
    assert [(item["title"], item["item_type"], item["taxable"]) for item in answers["owed again"]["items"]] == [
        ("Phase one", "section", False),
        ("Layout", "line", True),
        ("Hosting", "line", False),
    ]
    assert answers["charged"]["record"]["amount"] == 377.31
    assert answers["estimate changed"]["status"] == "accepted"
    assert answers["schedule changed"].items() >= {
        "status": "paused", "action": "autobill", "time_interval": "monthly", "next_date": "2026-12-01",
    }.items()  # fmt: skip
    assert [message["recipients"] for message in answers["mail"]] == [["ann@example.com", "bo@example.com"]] * 2
    assert answers["copy paid"]["total_payments"] == 30.75
    assert [step["outcome"] for step in answers["reconciled"]["steps"]] == ["recorded"]
    assert [(step["before"], step["after"]) for step in answers["rates"]["steps"]] == [
        ({"rate": 120.5}, {"rate": 126.53})
    ]
    assert answers["part"]["record"]["total_cost"] == 357
    assert answers["billed by client"]["totals"][0].items() >= {"hours": 1.25, "total": 166.07}.items()
    assert answers["left"] == 0


@pytest.mark.parametrize("turned", covering(TURNED, lambda turned: tuple(combinations(turned.items(), 2))), ids=name_of)
async def test_the_job_reports_the_same_however_clientary_answers(
    documented_answers: Outcome, turned: dict[str, Any]
) -> None:
    answers = await run_job(replace(Switches(), **turned))
    missing = set[str]().union(*(MISSING.get(switch, set()) for switch in turned.items()))
    assert differences(documented_answers, answers, missing) == []
    assert "unreadable" not in str(answers)
    assert "as it was sent" not in str(answers)


@pytest.mark.parametrize("as_text", [False, True])
async def test_the_status_of_a_client_is_a_word(*, as_text: bool) -> None:
    sandbox = Sandbox(TODAY, filled=False, switches=Switches(status_as_text=as_text))
    async with agent_of(session_with(sandbox)) as agent:
        client = await agent.answer("create_client", name="Acme")
        assert client["status"] == "active"
        client = await agent.answer("update_client", client_id=client["id"], status="archived")
        assert client["status"] == "archived"


@pytest.mark.parametrize(("key", "works"), [("billed", True), ("billed?", False), (None, False)])
async def test_hours_that_cannot_be_marked_billed_are_reported(key: Any, *, works: bool) -> None:
    sandbox = agency(switches=Switches(billed_key=key))
    (entry,) = sandbox.connection.execute("SELECT id FROM hours WHERE NOT billed").fetchone()
    async with agent_of(session_with(sandbox)) as agent:
        answer = await agent.answer("update_hour_entry", hour_entry_id=entry, billed=True)
    assert answer["billed"] is works
    assert ("billed: sent true, Clientary shows false" in answer.get("notice", "")) is not works


@pytest.mark.parametrize("form", values_of(HINTS["error_body"]))
async def test_a_rejection_is_recognized_in_every_form(form: Any) -> None:
    sandbox = Sandbox(TODAY, filled=False, switches=Switches(error_body=form, allow_hours=False))
    async with agent_of(session_with(sandbox)) as agent:
        await agent.answer("create_client", name="Acme", number="A-1")
        text = await agent.refusal("create_client", name="Bolt", number="A-1")
        assert "rejected this (422)" in text
        assert "Nothing was changed." in text
        assert ("already been taken" in text) is (form not in ("html", "empty"))
        assert "<" not in text
        assert "clients/9 was not found" in await agent.refusal("get_client", client_id=9)
        assert "not allowed to do this" in await agent.refusal("get_hour_entry", hour_entry_id=70001)


@pytest.mark.parametrize("form", values_of(HINTS["error_body"]))
@pytest.mark.parametrize("resource", ["clients", "contacts", "leads"])
async def test_a_full_plan_is_reported(resource: str, form: Any) -> None:
    sandbox = agency(switches=Switches(plan_limit=frozenset({resource}), error_body=form))
    arguments = {"name": "Ann", "client_id": 1201, "email": "ann@example.com"}
    async with agent_of(session_with(sandbox)) as agent:
        given = arguments if resource == "contacts" else {"name": "Ann"}
        text = await agent.refusal(f"create_{resource.removesuffix('s')}", **given)
    assert f"plan allows no more {resource}. Nothing was changed." in text
    assert [method for method, _ in sandbox.requests] == ["POST"]


async def test_without_stripe_a_card_is_rejected_with_the_reason() -> None:
    sandbox = agency(switches=Switches(without_stripe=True))
    async with agent_of(session_with(sandbox)) as agent:
        text = await agent.refusal(
            "create_payment_profile",
            client_id=1201, stripe_customer_id="cus_1", stripe_source_id="card_1", last_four_digits="4242", name="Ann",
            expiration_date="2028-01-31",
        )  # fmt: skip
    assert "Stripe integration is not enabled" in text


async def test_without_permission_for_hours_the_rest_still_works() -> None:
    sandbox = agency(switches=Switches(allow_hours=False))
    async with agent_of(session_with(sandbox)) as agent:
        assert "not allowed to do this" in await agent.refusal("list_project_hours", project_id=2401)
        assert (await agent.answer("get_project", project_id=2401))["id"] == 2401
        assert (await agent.answer("list_project_tasks", project_id=2401))["complete"] is True

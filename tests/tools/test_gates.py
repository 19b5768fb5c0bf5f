"""The gate before irreversible calls: every gated tool previews first, and acts only when confirmed.

Figures are compared with the account's own tables, which store money in cents.
"""

import json
import re
from collections.abc import AsyncIterator
from decimal import Decimal
from itertools import product
from typing import Any

import pytest

from clientary_mcp.sandbox import Sandbox, Switches
from clientary_mcp.tools import ALL
from tests.conftest import session_with
from tests.support.agent import Agent, Era, agent_of
from tests.support.clock import FakeTime
from tests.support.gated import ADDRESSED, EVERYTHING, GATED, JOBS, RECORDS, id_name, kind_of, own_id, record_for
from tests.support.lists_in_sql import exactly, sums
from tests.support.long import covering
from tests.support.users import configured, writes

pytestmark = pytest.mark.anyio

TABLES = {
    "client": "clients",
    "contact": "contacts",
    "lead": "leads",
    "project": "projects",
    "hour_entry": "hours",
    "task": "tasks",
    "expense": "expenses",
    "invoice": "invoices",
    "estimate": "estimates",
    "payment": "payments",
    "payment_profile": "payment_profiles",
    "recurring_schedule": "recurring_schedules",
}
# The related records per the API documentation: tables, and the column that refers to the record.
CASCADES = {
    "delete_client": ("projects", "invoices", "estimates", "contacts"),
    "delete_project": ("tasks", "hours"),
    "delete_lead": ("estimates", "contacts"),
    "delete_invoice": ("invoice_items", "payments"),
    "delete_estimate": ("estimate_items",),
}


@pytest.fixture
async def agent(sandbox: Sandbox, era: Era) -> AsyncIterator[Agent]:
    """An agent on the sandbox account, in both eras of the protocol."""
    async with agent_of(session_with(sandbox, toolsets=EVERYTHING), era) as agent:
        yield agent


def one(sandbox: Sandbox, query: str, *values: Any) -> Any:
    """The single value of a query."""
    (value,) = sandbox.connection.execute(query, values).fetchone()
    return value


def count(sandbox: Sandbox, table: str, where: str = "1") -> int:
    """The number of rows of a table that match a condition."""
    return int(one(sandbox, f"SELECT count(*) FROM {table} WHERE {where}"))  # noqa: S608 names and ids of our own


def row_of(sandbox: Sandbox, table: str, record_id: int) -> dict[str, Any]:
    """One row of a table."""
    found = sandbox.connection.execute(f"SELECT * FROM {table} WHERE id = ?", (record_id,))  # noqa: S608 our names
    return dict(found.fetchone())


def dump(sandbox: Sandbox) -> list[str]:
    """Everything in the account."""
    return list(sandbox.connection.iterdump())


def cents(amount: float) -> Decimal:
    """An amount of an answer, in the unit of the tables; exact, so that a lost cent is detected."""
    return Decimal(str(amount)) * 100


def in_words(amount: int, currency: str) -> str:
    """An amount of the tables as answers write it within a sentence."""
    return f"{Decimal(amount) / 100:,.2f} {currency}"


def test_every_gated_tool_has_a_case() -> None:
    assert list(RECORDS) == GATED


@pytest.mark.parametrize("tool", GATED)
async def test_an_unconfirmed_call_only_reads(sandbox: Sandbox, agent: Agent, tool: str) -> None:
    arguments, label = record_for(sandbox, tool)
    before = dump(sandbox)
    answer = await agent.answer(tool, **arguments)
    assert {method for method, _ in sandbox.requests} == {"GET"}
    assert dump(sandbox) == before
    assert sandbox.sent_messages == []
    record_id = own_id(tool, arguments)
    assert answer["done"] is False
    # A job on any number of records shows each of them in a step.
    shown = [answer["record"]] if "record" in answer else answer["steps"]
    assert any(record_id in row.values() and label in row.values() for row in shown)
    assert ("record" in answer) or tool in JOBS
    # In a sentence, a job on one record may use the name that users know it by.
    names = {str(record_id), f"“{label}”"} if tool in JOBS else {str(record_id)}
    assert "record" not in answer or any(name in answer["message"] for name in names)
    assert answer["message"].startswith("Nothing was changed.")
    assert "confirm=true" in answer["to_proceed"]


@pytest.mark.parametrize("tool", JOBS)
async def test_a_job_carries_out_its_preview_and_a_second_call_does_nothing(
    sandbox: Sandbox, era: Era, tool: str
) -> None:
    arguments, _ = record_for(sandbox, tool)
    time = FakeTime(sandbox.today)
    async with agent_of(configured(sandbox, time), era) as agent:
        shown = await agent.answer(tool, **arguments)
        answer = await agent.confirmed(tool, **arguments)
        written = len(sandbox.ledger)
        await time.clock.sleep(3_600)  # so that no answer is replayed: a job knows what it did without that
        second = [await agent.answer(tool, **arguments, confirm=confirm) for confirm in (False, True)]
    assert (answer["done"], written > 0) == (True, True)
    assert answer.get("totals") == shown.get("totals")
    assert [(related["done"], "to_proceed" in related) for related in second] == [(False, False)] * 2
    assert len(sandbox.ledger) == written


@pytest.mark.parametrize("tool", [tool for tool in GATED if tool.startswith("delete_")])
async def test_a_confirmed_delete_removes_the_record_and_its_related_records(
    sandbox: Sandbox, agent: Agent, tool: str
) -> None:
    arguments, _ = record_for(sandbox, tool)
    record_id, kind = own_id(tool, arguments), kind_of(tool)
    tables = (*TABLES.values(), "invoice_items", "estimate_items")
    there = {table: count(sandbox, table) for table in tables}
    goes = {table: count(sandbox, table, f"{kind}_id = {record_id}") for table in CASCADES.get(tool, ())}
    assert all(goes.values())  # otherwise the test would prove nothing
    answer = await agent.answer(tool, **arguments, confirm=True)
    assert (answer["done"], str(record_id) in answer["message"]) == (True, True)
    assert "deleted" in answer["message"]
    assert [method for method, _ in writes(sandbox)] == ["DELETE"]
    assert count(sandbox, TABLES[kind], f"id = {record_id}") == 0
    for table, rows in {TABLES[kind]: 1, **goes}.items():
        assert count(sandbox, table) == there[table] - rows
    if f"get_{kind}" in {each.name for each in ALL}:
        assert "was not found" in await agent.refusal(f"get_{kind}", **arguments)


@pytest.mark.parametrize(("tool", "confirm"), covering(product(ADDRESSED, [False, True])))
async def test_a_record_that_does_not_exist_is_not_found(
    sandbox: Sandbox, agent: Agent, tool: str, *, confirm: bool
) -> None:
    arguments, _ = record_for(sandbox, tool)
    name = id_name(tool)
    before = dump(sandbox)
    text = await agent.refusal(tool, **arguments | {name: 999_999_999}, confirm=confirm)
    assert "was not found" in text
    assert "999999999" in text
    assert f"Check {name}; list_" in text
    assert dump(sandbox) == before
    assert sandbox.sent_messages == []


# The report on a missing record whose id is in a list or a path: it must not be dropped silently.
OF_NONE = {
    "import_contacts": ("Client 999999999 does not exist.", "Client 999999999 does not exist."),
    "send_payment_reminders": ("the invoice does not exist", "the invoice does not exist"),
    "reconcile_payments": ("invoice 999999999 does not exist", "invoice 999999999 does not exist"),
    "bulk_update": ("lead 999999999 does not exist", "lead 999999999 does not exist"),
    "api_request": ("Nothing could be read at that path", "leads/999999999 was not found"),
}


@pytest.mark.parametrize("confirm", [False, True])
@pytest.mark.parametrize("tool", [tool for tool in GATED if tool not in ADDRESSED])
async def test_a_missing_record_in_a_list_or_path_is_reported(
    sandbox: Sandbox, agent: Agent, tool: str, *, confirm: bool
) -> None:
    arguments, _ = record_for(sandbox, tool)
    absent = json.loads(json.dumps(arguments).replace(str(own_id(tool, arguments)), "999999999"))
    before = dump(sandbox)
    result = await agent.call(tool, absent | {"confirm": confirm})
    assert OF_NONE[tool][confirm] in str(result.content)
    assert (result.structured_content or {}).get("done", False) is False
    assert dump(sandbox) == before
    assert sandbox.sent_messages == []


@pytest.mark.parametrize("tool", ["delete_payment", "delete_payment_profile"])
@pytest.mark.parametrize("confirm", [False, True])
async def test_a_record_of_another_parent_is_not_found(
    sandbox: Sandbox, agent: Agent, tool: str, *, confirm: bool
) -> None:
    arguments, _ = record_for(sandbox, tool)
    parent = next(iter(arguments))
    table = TABLES[parent.removesuffix("_id")]
    other = one(sandbox, f"SELECT id FROM {table} WHERE id <> ?", arguments[parent])  # noqa: S608 our names
    before = dump(sandbox)
    text = await agent.refusal(tool, **arguments | {parent: other}, confirm=confirm)
    assert "was not found" in text
    assert parent in text
    assert dump(sandbox) == before


async def test_a_card_of_another_client_is_not_charged(sandbox: Sandbox, agent: Agent) -> None:
    arguments, _ = record_for(sandbox, "charge_payment_profile")
    other = one(
        sandbox,
        "SELECT id FROM payment_profiles WHERE client_id <> (SELECT client_id FROM invoices WHERE id = ?)",
        arguments["invoice_id"],
    )
    arguments["payment_profile_id"] = other
    before = dump(sandbox)
    assert "was not found" in await agent.refusal("charge_payment_profile", **arguments)
    assert "payment_profile_id" in await agent.refusal("charge_payment_profile", **arguments, confirm=True)
    assert dump(sandbox) == before


async def test_deleting_a_client_previews_related_records_to_the_cent(sandbox: Sandbox, agent: Agent) -> None:
    arguments, _ = record_for(sandbox, "delete_client")
    owner = arguments["client_id"]
    # One invoice in another currency, which must not be added to the others.
    spare = one(sandbox, "SELECT currency_code FROM invoices WHERE client_id = ?", owner)
    sandbox.connection.execute(
        "UPDATE invoices SET currency_code = ? WHERE id = (SELECT max(id) FROM invoices WHERE client_id = ?)",
        ("GBP" if spare != "GBP" else "EUR", owner),
    )
    related = (await agent.answer("delete_client", **arguments))["goes_with_it"]
    counts = {table: count(sandbox, table, f"client_id = {owner}") for table in related}
    assert set(counts) == set(CASCADES["delete_client"])
    assert counts["invoices"] > 30
    assert {table: part["count"] for table, part in related.items()} == counts
    for table in ("invoices", "estimates"):
        assert exactly(related[table]["amounts"]) == sums(sandbox, f"list_{table}", f"client_id = {owner}")
    assert len(related["invoices"]["amounts"]) == 2
    names = {row[0] for row in sandbox.connection.execute("SELECT name FROM contacts WHERE client_id = ?", (owner,))}
    assert set(related["contacts"]["first"]) == names


async def test_deleting_a_project_counts_its_tasks_hours_and_possibly_related_records(
    sandbox: Sandbox, agent: Agent
) -> None:
    arguments, _ = record_for(sandbox, "delete_project")
    answer = await agent.answer("delete_project", **arguments)
    related = answer["goes_with_it"]
    for part, tables in (
        (related, ("tasks", "hours")),
        (related["possibly"], ("invoices", "estimates")),
    ):
        for table in tables:
            assert part[table]["count"] == count(sandbox, table, f"project_id = {arguments['project_id']}")
    assert "Comments" in answer["not_visible"]


async def test_related_records_without_permission_are_marked_hidden(sandbox: Sandbox, agent: Agent) -> None:
    arguments, _ = record_for(sandbox, "delete_project")
    sandbox.switches = Switches(allow_hours=False)
    related = (await agent.answer("delete_project", **arguments))["goes_with_it"]
    assert "count" not in related["hours"]
    assert "is not allowed to list them" in related["hours"]["not_visible"]
    assert related["tasks"]["count"] == count(sandbox, "tasks", f"project_id = {arguments['project_id']}")


async def test_deleting_a_schedule_counts_the_invoices_that_stay(sandbox: Sandbox, agent: Agent) -> None:
    arguments, _ = record_for(sandbox, "delete_recurring_schedule")
    made = count(sandbox, "invoices", f"recurring_schedule_id = {arguments['recurring_schedule_id']}")
    invoices = count(sandbox, "invoices")
    related = (await agent.answer("delete_recurring_schedule", **arguments))["goes_with_it"]
    assert related["stays"]["invoices_already_made"]["count"] == made
    assert "stay" in (await agent.answer("delete_recurring_schedule", **arguments, confirm=True))["message"]
    assert count(sandbox, "invoices") == invoices


async def test_deleting_a_card_names_the_schedules_that_charge_it(sandbox: Sandbox, agent: Agent) -> None:
    arguments, _ = record_for(sandbox, "delete_payment_profile")
    schedules = [
        str(row["id"])
        for row in sandbox.connection.execute(
            "SELECT id FROM recurring_schedules WHERE payment_profile_id = ?", (arguments["payment_profile_id"],)
        )
    ]
    related = (await agent.answer("delete_payment_profile", **arguments))["goes_with_it"]
    related = related["recurring_schedules_that_charge_it"]
    assert related["count"] == len(schedules)
    assert sorted(name.split()[0] for name in related["first"]) == schedules


async def test_deleting_an_invoice_previews_its_payments(sandbox: Sandbox, agent: Agent) -> None:
    arguments, _ = record_for(sandbox, "delete_invoice")
    row = row_of(sandbox, "invoices", arguments["invoice_id"])
    answer = await agent.answer("delete_invoice", **arguments)
    assert in_words(row["total_cost"], row["currency_code"]) in answer["message"]
    assert cents(answer["goes_with_it"]["payments"]["received"]) == row["total_payments"]
    assert answer["goes_with_it"]["payments"]["currency_code"] == row["currency_code"]


# The tool that the alternative names, and the column that then holds that value.
ALTERNATIVES = [
    ("delete_client", "update_client", "status", 2),
    ("delete_project", "update_project", "status", 2),
    ("delete_task", "update_task", "complete", 1),
    ("delete_invoice", "update_invoice", "status", 3),
    ("delete_estimate", "update_estimate", "status", 7),
    ("delete_recurring_schedule", "update_recurring_schedule", "status", 1),
]


@pytest.mark.parametrize(("tool", "instead", "column", "code"), ALTERNATIVES)
async def test_the_suggested_alternative_works_and_can_be_undone(
    sandbox: Sandbox, agent: Agent, tool: str, instead: str, column: str, code: int
) -> None:
    arguments, _ = record_for(sandbox, tool)
    named = (await agent.answer(tool, **arguments))["alternative"]
    words: dict[str, Any] = dict(re.findall(r"(\w+)=(\w+)", named))
    assert named.startswith(instead)
    was = (await agent.answer(f"get_{kind_of(tool)}", **arguments))[column]
    changed = await agent.answer(instead, **words)
    assert str(changed[column]).lower() == words[column]
    assert row_of(sandbox, TABLES[kind_of(tool)], own_id(tool, arguments))[column] == code
    assert (await agent.answer(instead, **words | {column: was}))[column] == was


@pytest.mark.parametrize("tool", ["send_invoice_message", "send_estimate_message"])
async def test_a_mail_is_previewed_and_then_sent_once(sandbox: Sandbox, agent: Agent, tool: str) -> None:
    arguments, number = record_for(sandbox, tool)
    kind = kind_of(tool)
    row = row_of(sandbox, f"{kind}s", arguments[f"{kind}_id"])
    mail = {"subject": "Your papers", "message": "Hello", "attach_pdf": True}
    answer = await agent.answer(tool, **arguments, **mail)
    assert all(address in answer["message"] for address in arguments["recipients"])
    assert kind in answer["message"]
    assert f"total {in_words(row['total_cost'], row['currency_code'])}" in answer["message"]
    if kind == "invoice":
        assert f"balance {in_words(row['balance'], row['currency_code'])}" in answer["message"]
        assert cents(answer["record"]["balance"]) == row["balance"]
    shown = answer["goes_with_it"]["mail"]
    assert shown == {"recipients": arguments["recipients"], "send_copy": False, **mail}
    assert (answer["record"]["number"], sandbox.sent_messages) == (number, [])
    answer = await agent.answer(tool, **arguments, **mail, confirm=True)
    assert answer["done"] is True
    assert all(address in answer["message"] for address in arguments["recipients"])
    assert sandbox.sent_messages == [{"kind": kind, "id": row["id"], **shown}]


async def test_a_charge_previews_the_balance_and_charges_exactly_that(sandbox: Sandbox, agent: Agent) -> None:
    arguments, _ = record_for(sandbox, "charge_payment_profile")
    invoice = row_of(sandbox, "invoices", arguments["invoice_id"])
    card = row_of(sandbox, "payment_profiles", arguments["payment_profile_id"])["last_four_digits"]
    amount = in_words(invoice["balance"], invoice["currency_code"])
    answer = await agent.answer("charge_payment_profile", **arguments)
    assert f"charge {amount}" in answer["message"]
    assert card in answer["message"]
    answer = await agent.answer("charge_payment_profile", **arguments, confirm=True)
    assert amount in answer["message"]
    assert in_words(0, invoice["currency_code"]) in answer["message"]
    assert cents(answer["record"]["amount"]) == invoice["balance"]
    assert row_of(sandbox, "payments", answer["record"]["id"])["amount"] == invoice["balance"]
    assert row_of(sandbox, "invoices", invoice["id"])["balance"] == 0


async def test_deleting_a_payment_previews_the_new_balance(sandbox: Sandbox, agent: Agent) -> None:
    arguments, _ = record_for(sandbox, "delete_payment")
    amount = row_of(sandbox, "payments", arguments["payment_id"])["amount"]
    invoice = row_of(sandbox, "invoices", arguments["invoice_id"])
    answer = await agent.answer("delete_payment", **arguments)
    assert in_words(amount, invoice["currency_code"]) in answer["message"]
    assert in_words(invoice["balance"] + amount, invoice["currency_code"]) in answer["message"]
    await agent.answer("delete_payment", **arguments, confirm=True)
    assert row_of(sandbox, "invoices", invoice["id"])["balance"] == invoice["balance"] + amount


async def test_deleting_a_card_payment_warns_that_it_may_not_be_refunded(sandbox: Sandbox, agent: Agent) -> None:
    row = sandbox.connection.execute(
        "SELECT invoice_id, id AS payment_id FROM payments WHERE transaction_id LIKE 'ch_%'"
    ).fetchone()
    assert "refund the money" in (await agent.answer("delete_payment", **dict(row)))["not_visible"]

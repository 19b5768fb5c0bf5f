"""Undo restores what was there, however unusual that was, and deletes only what is as it was made."""

from typing import Any

import pytest

from clientary_mcp.sandbox import Sandbox, Switches
from tests.conftest import TODAY
from tests.support.tables import SWITCHES
from tests.support.users import configured, connect, some
from tests.tools.workflows.test_undo import CREATES, addressed, refused, row_of, undo

pytestmark = pytest.mark.anyio

CHANGES: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    ("invoices", "invoice", {"due_date": "2020-01-01"}, {"due_date": "2030-12-31"}),
    ("hours", "hour_entry", {"hours": 9_000}, {"hours": 9}),
    ("hours", "hour_entry", {"date": "2031-05-05"}, {"date": "2026-05-05"}),
    (
        "recurring_schedules",
        "recurring_schedule",
        {"next_date": "2020-01-01", "status": 0},
        {"next_date": "2030-01-01"},
    ),
    ("recurring_schedules", "recurring_schedule", {"next_date": "2020-01-01", "status": 0}, {"status": "paused"}),
]


@pytest.mark.parametrize(("table", "kind", "before", "change"), CHANGES)
async def test_an_unusual_value_comes_back(
    sandbox: Sandbox, table: str, kind: str, before: dict[str, Any], change: dict[str, Any]
) -> None:
    (record,) = some(sandbox, table)
    values = ", ".join(f"{name} = ?" for name in before)
    sandbox.connection.execute(f"UPDATE {table} SET {values} WHERE id = {record}", tuple(before.values()))  # noqa: S608 our names
    async with connect(configured(sandbox)) as agent:
        await agent.answer(f"update_{kind}", **{f"{kind}_id": record}, **change)
        assert (await undo(agent))["done"] is True
    row = row_of(sandbox, table, record) or {}
    assert {name: row[name] for name in before} == before


async def test_a_deleted_entry_of_many_hours_is_made_again(sandbox: Sandbox) -> None:
    (entry,) = some(sandbox, "hours")
    sandbox.connection.execute(f"UPDATE hours SET hours = 9000, date = '2031-05-05' WHERE id = {entry}")  # noqa: S608 our names
    async with connect(configured(sandbox)) as agent:
        await agent.answer("delete_hour_entry", hour_entry_id=entry, confirm=True)
        made = (await undo(agent))["record"]
    assert (made["hours"], made["date"]) == (90, "2031-05-05")


INVOICE = ("create_invoice", {"date": str(TODAY), "due_date": str(TODAY), "status": "sent", "currency_code": "EUR"})
MADE: list[tuple[str, dict[str, Any], str]] = [*CREATES, (*INVOICE, "invoices")]
MEANWHILE: dict[str, tuple[str, str]] = {
    "create_client": ("name = 'Initech'", "name"),
    "create_task": ("complete = 1", "complete"),
    "create_expense": ("amount = 900", "amount"),
    "create_project_hours": ("billed = 1", "billed"),
    "create_project": ("name = 'Stay'", "name"),
    "create_payment": ("amount = 200", "amount"),
    "create_invoice": ("balance = 0, status = 4", "status, balance"),
}


def made_of(sandbox: Sandbox, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments that make a record of that tool."""
    more = {"client_id": some(sandbox, "clients")[0], "items": [{"title": "Work", "quantity": 3, "price": 33.33}]}
    return arguments | addressed(sandbox, tool) | (more if tool == "create_invoice" else {})


@pytest.mark.parametrize(("tool", "arguments", "table"), [each for each in MADE if each[0] in MEANWHILE])
async def test_what_somebody_changed_since_it_was_made_is_not_deleted(
    sandbox: Sandbox, tool: str, arguments: dict[str, Any], table: str
) -> None:
    change, fields = MEANWHILE[tool]
    async with connect(configured(sandbox)) as agent:
        made = await agent.answer(tool, **made_of(sandbox, tool, arguments))
        sandbox.connection.execute(f"UPDATE {table} SET {change} WHERE id = {made['id']}")  # noqa: S608 our names
        text = await refused(agent)
    deletes = tool.replace("create", "delete").replace("project_hours", "hour_entry")
    assert f"somebody changed {fields} since; {deletes} deletes it all the same" in text
    assert row_of(sandbox, table, made["id"])


@pytest.mark.parametrize("switches", SWITCHES)
async def test_in_every_form_of_the_wire_what_nobody_changed_is_deleted(sandbox: Sandbox, switches: Switches) -> None:
    sandbox.switches = switches
    for tool, arguments, table in MADE:
        async with connect(configured(sandbox)) as agent:
            made = await agent.answer(tool, **made_of(sandbox, tool, arguments))
            assert (await undo(agent))["done"] is True
        assert row_of(sandbox, table, made["id"]) is None

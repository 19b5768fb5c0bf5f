"""Undo restores what was there, however unusual that was."""

from typing import Any

import pytest

from clientary_mcp.sandbox import Sandbox
from tests.support.users import configured, connect, some
from tests.tools.workflows.test_undo import row_of, undo

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

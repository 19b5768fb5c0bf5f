"""The days on which schedules make invoices, as their list tells them for a range of days."""

from datetime import date
from typing import Any

import pytest

from clientary_mcp.sandbox import Sandbox
from tests.support.agent import Agent
from tests.support.plain_calendar import days_of_schedule
from tests.support.tables import rows

pytestmark = pytest.mark.anyio

Row = dict[str, Any]


def days_of(row: Row, first: str, last: str) -> list[str]:
    days = (day.isoformat() for day in days_of_schedule(row, date.fromisoformat(last)))
    return [day for day in days if day >= first]


@pytest.mark.parametrize(("first", "last"), [("2027-01-01", "2027-01-31"), (None, "2026-12-31")])
async def test_every_active_schedule_tells_its_days(
    sandbox: Sandbox, sandbox_agent: Agent, first: str | None, last: str
) -> None:
    given = {"to_date": last} if first is None else {"from_date": first, "to_date": last}
    answer = await sandbox_agent.answer("list_recurring_schedules", **given, status="active")
    found = rows(sandbox, "SELECT * FROM recurring_schedules WHERE status = 0")
    expected = {row["id"]: days for row in found if (days := days_of(row, first or "", last))}
    assert any(len(days) > 1 for days in expected.values())
    assert {row["id"]: row["occurrences"] for row in answer["records"]} == expected


async def test_without_a_last_day_the_next_one_decides(sandbox: Sandbox, sandbox_agent: Agent) -> None:
    answer = await sandbox_agent.answer("list_recurring_schedules", from_date="2026-12-10")
    later = rows(sandbox, "SELECT id FROM recurring_schedules WHERE next_date >= '2026-12-10'")
    assert {row["id"] for row in answer["records"]} == {row["id"] for row in later}
    assert not any("occurrences" in row for row in answer["records"])


async def test_paused_and_stopped_ones_make_none(sandbox: Sandbox, sandbox_agent: Agent) -> None:
    answer = await sandbox_agent.answer("list_recurring_schedules", to_date="2027-12-31", detail="full")
    told = {row["status"] for row in answer["records"] if "occurrences" in row}
    assert told == {"active"}
    assert {row["status"] for row in answer["records"]} == {"active", "paused", "stopped"}

"""A period in place of dates: the days it stands for, in reports, lists and exports; and which are refused."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import respx

from clientary_mcp.api.session import Clientary
from clientary_mcp.sandbox import Sandbox
from tests.conftest import SETTINGS, agency, session_with
from tests.support.agent import Agent, agent_of
from tests.support.clock import FakeTime

pytestmark = pytest.mark.anyio

DATES = ("from_date", "to_date")


@pytest.fixture(scope="module")
def books() -> Sandbox:
    """An account for tests that only read; today is 2026-11-20."""
    return agency()


def days(answer: dict[str, Any]) -> tuple[str | None, ...]:
    return tuple(answer.get(name) for name in DATES)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, ("2026-11-01", "2026-11-20")),
        ({"period": "last_quarter"}, ("2026-07-01", "2026-09-30")),
        ({"from_date": "2026-10-05"}, ("2026-10-05", "2026-11-20")),
        ({"from_date": "2026-12-01"}, ("2026-12-01", "2026-12-01")),
        ({"to_date": "2026-10-05"}, ("1970-01-01", "2026-10-05")),
    ],
)
async def test_a_report_with_usual_days_always_tells_both(
    books: Sandbox, arguments: dict[str, Any], expected: tuple[str, str]
) -> None:
    async with agent_of(session_with(books)) as agent:
        answer = await agent.answer("timesheet_report", **arguments)
        same = await agent.answer("timesheet_report", from_date=expected[0], to_date=expected[1])
    assert days(answer) == expected
    assert answer == same


async def test_a_report_on_everything_takes_a_period_too(books: Sandbox) -> None:
    async with agent_of(session_with(books)) as agent:
        answer = await agent.answer("unbilled_report", period="last_month")
        same = await agent.answer("unbilled_report", from_date="2026-10-01", to_date="2026-10-31")
    assert days(answer) == ("2026-10-01", "2026-10-31")
    assert answer == same


@pytest.mark.parametrize(
    ("start", "reply", "expected", "who"),
    [
        ("04-06", {}, ("2022-04-06", "2023-04-05"), "04-06: CLIENTARY_FISCAL_YEAR_START sets it"),
        (None, {"from_date": "2023/07/01"}, ("2022-07-01", "2023-06-30"), "07-01: Clientary reports it"),
        (None, {}, ("2022-01-01", "2022-12-31"), "01-01: neither Clientary nor CLIENTARY_FISCAL_YEAR_START"),
        (None, {"from_date": "2020-02-29"}, ("2022-01-01", "2022-12-31"), "01-01: neither"),
    ],
)
async def test_the_fiscal_year_is_the_owners_or_else_clientarys_and_the_answer_says_which(
    account: respx.MockRouter, time: FakeTime, start: str | None, reply: dict[str, Any], expected: object, who: str
) -> None:
    expenses = account.get("expenses").respond(json={"expenses": [], **reply})
    account.get("projects").respond(json={"projects": []})
    account.get("staff").respond(json={"staff": []})
    async with agent_of(Clientary(replace(SETTINGS, fiscal_year_start=start), clock=time.clock)) as agent:
        answer = await agent.answer("timesheet_report", period="last_fiscal_year")  # the day is 2023-11-14
    assert days(answer) == expected
    assert f"The fiscal year starts on {who}" in answer["notice"]
    assert len(expenses.calls) == (start is None)


async def test_where_expenses_are_not_visible_the_fiscal_year_is_the_calendar_year(
    account: respx.MockRouter, agent: Agent
) -> None:
    account.get("expenses").respond(403)
    account.get("projects").respond(json={"projects": []})
    account.get("staff").respond(json={"staff": []})
    answer = await agent.answer("timesheet_report", period="this_fiscal_year")
    assert days(answer) == ("2023-01-01", "2023-11-14")
    assert "neither Clientary nor CLIENTARY_FISCAL_YEAR_START says otherwise" in answer["notice"]


async def test_an_export_of_a_period_is_the_export_of_its_days(books: Sandbox, tmp_path: Path) -> None:
    async with agent_of(session_with(books, export_dir=tmp_path, fiscal_year_start="07-01")) as agent:
        shown = await agent.answer("timesheet_report", period="this_fiscal_year")
        given = [{"name": "period", "value": "this_fiscal_year"}]
        answer = await agent.answer("export_records", tool="timesheet_report", arguments=given, format="jsonl")
    assert days(answer) == days(shown) == ("2026-07-01", "2026-11-20")
    assert answer["exported_rows"] == shown["row_count"] > 0
    assert answer["notice"] == shown["notice"]

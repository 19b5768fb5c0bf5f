"""Expenses without dates: those of the fiscal year, and the answer says which year that is and who set it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import respx

from clientary_mcp.api.session import Clientary
from tests.conftest import SETTINGS, agency, session_with
from tests.support.agent import Agent, agent_of
from tests.support.clock import FakeTime

pytestmark = pytest.mark.anyio

# The played day is 2023-11-14.
YEAR = {"from_date": "2023-04-06", "to_date": "2024-04-05"}
CALENDAR = {"from_date": "2023-01-01", "to_date": "2023-12-31"}
LISTS: list[tuple[str, dict[str, Any], str]] = [
    ("list_expenses", {}, "expenses"),
    ("list_expenses", {"query": "expense"}, "expenses"),
    ("list_client_expenses", {"client_id": 4}, "clients/4/expenses"),
    ("list_project_expenses", {"project_id": 24}, "projects/24/expenses"),
]


def queries(account: respx.MockRouter) -> list[dict[str, str]]:
    return [dict(call.request.url.params) for call in account.calls]


@pytest.mark.parametrize(("tool", "arguments", "path"), LISTS)
async def test_the_year_that_the_owner_set_is_asked_for(
    account: respx.MockRouter, time: FakeTime, tool: str, arguments: dict[str, Any], path: str
) -> None:
    account.get(path).respond(json={"total_count": 1, "expenses": [{"id": 3, "amount": 1, "description": "Expense"}]})
    owner = Clientary(replace(SETTINGS, fiscal_year_start="04-06"), clock=time.clock)
    async with agent_of(owner) as agent:
        answer = await agent.answer(tool, **arguments)
        dated = await agent.answer(tool, **arguments, from_date="2022-04-06", to_date="2023-04-05")
    assert queries(account) == [YEAR, {"from_date": "2022-04-06", "to_date": "2023-04-05"}]
    assert {name: answer[name] for name in YEAR} == YEAR
    assert answer["notice"] == "Without dates, this is the fiscal year that CLIENTARY_FISCAL_YEAR_START sets."
    assert "notice" not in dated


@pytest.mark.parametrize(("tool", "arguments", "path"), LISTS)
async def test_where_nobody_tells_the_year_it_is_the_calendar_year(
    agent: Agent, account: respx.MockRouter, tool: str, arguments: dict[str, Any], path: str
) -> None:
    account.get(path).respond(json={"total_count": 1, "expenses": [{"id": 3, "amount": 1, "description": "Expense"}]})
    answer = await agent.answer(tool, **arguments)
    assert queries(account) == [{}, CALENDAR]
    assert {name: answer[name] for name in CALENDAR} == CALENDAR
    assert answer["notice"].startswith("Without dates, this is the calendar year")


async def test_an_export_covers_the_same_year(tmp_path: Path) -> None:
    async with agent_of(session_with(agency(), export_dir=tmp_path, fiscal_year_start="07-01")) as agent:
        shown = await agent.answer("list_expenses", limit=1000)
        answer = await agent.answer("export_records", tool="list_expenses", arguments=[], format="jsonl")
    assert (answer["from_date"], answer["to_date"]) == ("2026-07-01", "2027-06-30")
    assert answer["exported_rows"] == shown["total_count"] > 0
    assert answer["totals"] == shown["total_amounts"]
    assert answer["notice"] == shown["notice"]

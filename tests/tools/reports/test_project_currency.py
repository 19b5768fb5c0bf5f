"""A project that states no currency is in its client's: for every report and list, and for rounding."""

import pytest

from tests.conftest import session_with
from tests.support.agent import Agent, agent_of
from tests.support.quarry import Books

pytestmark = pytest.mark.anyio


def yen_books() -> Books:
    """Three entries of 0.33 hours at 1,001 yen, 330.33 each, on a project without a currency."""
    books = Books()
    books.rows("UPDATE clients SET currency_code = 'jpy'")
    books.rows("UPDATE projects SET currency_code = NULL, rate = 100100")
    for day in ("2026-10-01", "2026-10-02", "2026-10-03"):
        books.hours(day, 33, None)
    return books


async def test_reports_and_lists_agree_on_the_currency_of_a_project_that_states_none() -> None:
    async with agent_of(session_with(yen_books().sandbox)) as agent:
        (unbilled,) = (await agent.answer("unbilled_report"))["totals"]
        assert (unbilled["currency_code"], unbilled["amount"]) == ("JPY", 990)
        (project,) = await _projects(agent)
        (status,) = (await agent.answer("project_status", project_id=project))["rows"]
        assert (status["currency_code"], status["unbilled_amount"]) == ("JPY", 990)
        (profit,) = (await agent.answer("profitability_report", project_id=project, default_cost_rate=501))["rows"]
        assert (profit["currency_code"], profit["labour"]) == ("JPY", 496)  # 0.99 h at 501
        hours = await agent.answer("list_hours")
        assert [row["currency_code"] for row in hours["total_amounts"]] == ["JPY"]


async def _projects(agent: Agent) -> list[int]:
    return [row["id"] for row in (await agent.answer("list_projects"))["records"]]


async def test_a_client_that_states_none_either_is_asked_once() -> None:
    books = yen_books()
    books.rows("UPDATE clients SET currency_code = NULL")
    books.sandbox.requests.clear()
    async with agent_of(session_with(books.sandbox)) as agent:
        (row,) = (await agent.answer("unbilled_report"))["rows"]
    assert row["currency_code"] == "unknown"
    asked = [path for _, path in books.sandbox.requests if path.endswith(f"clients/{books.client}")]
    assert len(asked) == 1

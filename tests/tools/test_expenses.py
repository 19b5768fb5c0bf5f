"""Tools for expenses."""

from typing import Any

import pytest
import respx

from tests.support.agent import Agent
from tests.support.played_requests import Exchange
from tests.support.replies import CLIENT, EXPENSE

pytestmark = pytest.mark.anyio

LIST = {"total_count": 1, "from_date": "2011/01/01", "to_date": "2011/12/31", "expenses": [EXPENSE]}
ALL_FIELDS = {
    "amount": 500,
    "client_id": 4,
    "project_id": 24,
    "description": "Train",
    "incurred_on": "2026-03-01",
}
ID = {"expense_id": 3}
RANGE = {"from_date": "2026-01-01", "to_date": "2026-03-31"}
QUARTER = {"from_date": "2023-07-01", "to_date": "2023-09-30"}  # today is 2023-11-14
CLEARED = {"client_id": "", "project_id": "", "description": "", "incurred_on": ""}
LISTS: list[tuple[str, dict[str, Any], str]] = [
    ("list_expenses", {}, "expenses"),
    ("list_expenses", {"client_id": 4}, "clients/4/expenses"),
    ("list_expenses", {"project_id": 24}, "projects/24/expenses"),
    ("list_client_expenses", {"client_id": 4}, "clients/4/expenses"),
    ("list_project_expenses", {"project_id": 24}, "projects/24/expenses"),
]

EXCHANGES = [
    *(Exchange(tool, of, "GET", path, reply=LIST) for tool, of, path in LISTS),
    *(Exchange(tool, of | RANGE, "GET", path, RANGE, reply=LIST) for tool, of, path in LISTS),
    *(Exchange(tool, of | {"period": "last_quarter"}, "GET", path, QUARTER, reply=LIST) for tool, of, path in LISTS),
    *(
        Exchange(
            tool,
            of | {"from_date": "2026/1/5", "to_date": None},
            "GET",
            path,
            {"from_date": "2026-01-05"},
            reply=LIST,
        )
        for tool, of, path in LISTS
    ),
    Exchange("get_expense", ID, "GET", "expenses/3", reply=EXPENSE),
    Exchange("create_expense", ALL_FIELDS, "POST", "expenses", body={"expense": ALL_FIELDS}, reply=EXPENSE),
    Exchange(
        "create_expense",
        {"amount": "19.99", "client_id": None},
        "POST",
        "expenses",
        body={"expense": {"amount": 19.99, "incurred_on": "2023-11-14"}},
        reply=EXPENSE,
    ),
    Exchange("update_expense", {**ID, **ALL_FIELDS}, "PUT", "expenses/3", body={"expense": ALL_FIELDS}, reply=EXPENSE),
    Exchange(
        "update_expense",
        {**ID, "clear": [*CLEARED]},
        "PUT",
        "expenses/3",
        body={"expense": CLEARED},
        reply=EXPENSE,
    ),
    Exchange("delete_expense", {**ID, "confirm": True}, "DELETE", "expenses/3"),
]


@pytest.mark.parametrize("exchange", EXCHANGES, ids=str)
async def test_a_call_sends_this_request(agent: Agent, account: respx.MockRouter, exchange: Exchange) -> None:
    await exchange.takes_place(agent, account)


@pytest.mark.parametrize(("tool", "of", "path"), LISTS)
async def test_a_list_reports_the_date_range_that_clientary_used(
    agent: Agent, account: respx.MockRouter, tool: str, of: dict[str, Any], path: str
) -> None:
    account.get(path).respond(json=LIST)
    account.get("clients/4").respond(json={**CLIENT, "id": 4})
    assert await agent.answer(tool, **of) == {
        "records": [
            {
                "id": 3,
                "incurred_on": "2011-03-02",
                "amount": 500.25,
                "description": "Expense Description!",
                "client_id": 4,
                "client": "ACME Corp",
            }
        ],
        "returned": 1,
        "total_count": 1,
        "complete": True,
        "from_date": "2011-01-01",
        "to_date": "2011-12-31",
        "total_amounts": [{"currency_code": "the account's", "count": 1, "amount": 500.25}],
        "notice": "Without dates, this is the fiscal year that Clientary reports.",
    }


async def test_a_filtered_list_reports_the_date_range_that_clientary_used(
    agent: Agent, account: respx.MockRouter
) -> None:
    account.get("expenses").respond(json=LIST)
    answer = await agent.answer("list_expenses", query="nothing like it")
    assert (answer["returned"], answer["from_date"], answer["to_date"]) == (0, "2011-01-01", "2011-12-31")


async def test_a_missing_date_range_is_not_invented(agent: Agent, account: respx.MockRouter) -> None:
    account.get("expenses").respond(json={"total_count": 0, "from_date": None, "expenses": []})
    assert await agent.answer("list_expenses", from_date="2026-01-01") == {
        "records": [],
        "returned": 0,
        "total_count": 0,
        "complete": True,
        "from_date": "2026-01-01",  # as it was asked for
    }


async def test_deleting_a_billed_expense_previews_that_its_invoice_stays(
    agent: Agent, account: respx.MockRouter
) -> None:
    account.get("expenses/3").respond(json={**EXPENSE, "invoice_id": 110})
    answer = await agent.answer("delete_expense", **ID)
    assert answer["done"] is False
    assert answer["record"]["amount"] == 500.25
    assert "invoice 110" in answer["not_visible"]

"""Tools for projects."""

from typing import Any

import pytest
import respx

from tests.support.agent import Agent
from tests.support.played_requests import Exchange, sent
from tests.support.replies import CLIENT, EXPENSE, PROJECT, TASK, listed

pytestmark = pytest.mark.anyio

LIST = listed("projects", PROJECT)
ALL_FIELDS = {
    "name": "Website",
    "rate": 125.5,
    "client_id": 2123,
    "number": "PROJ101",
    "description": "New site",
    "project_type": "hourly",
    "budget_type": "amount",
    "budget": 15000,
    "currency_code": "usd",
    "end_date": "2026/12/31",
    "status": "billable",
}
ON_THE_WIRE = {
    **ALL_FIELDS,
    "project_type": 0,
    "budget_type": 1,
    "currency_code": "USD",
    "end_date": "2026-12-31",
    "status": 4,
}
ID = {"project_id": 24}
CLEARED = {"client_id": "", "budget": "", "end_date": "", "number": "", "description": ""}

EXCHANGES = [
    Exchange("list_projects", {}, "GET", "projects", reply=LIST),
    Exchange("list_projects", {"include_completed": False}, "GET", "projects", reply=LIST),
    Exchange("list_projects", {"include_completed": True}, "GET", "projects", {"filter": "all"}, reply=LIST),
    Exchange("list_projects", {"status": "completed"}, "GET", "projects", {"filter": "all"}, reply=LIST),
    Exchange("list_projects", {"client_id": 2123}, "GET", "clients/2123/projects", reply=LIST),
    Exchange("list_client_projects", {"client_id": 2123}, "GET", "clients/2123/projects", reply=LIST),
    Exchange("get_project", ID, "GET", "projects/24", reply=PROJECT),
    Exchange("create_project", ALL_FIELDS, "POST", "projects", body={"project": ON_THE_WIRE}, reply=PROJECT),
    Exchange(
        "create_project",
        {"name": "Shop", "rate": "9000.50", "project_type": "fixed", "budget_type": "hours", "status": None},
        "POST",
        "projects",
        body={"project": {"name": "Shop", "rate": 9000.5, "project_type": 2, "budget_type": 0}},
        reply=PROJECT,
    ),
    Exchange(
        "update_project", {**ID, **ALL_FIELDS}, "PUT", "projects/24", body={"project": ON_THE_WIRE}, reply=PROJECT
    ),
    Exchange(
        "update_project",
        {**ID, "clear": [*CLEARED]},
        "PUT",
        "projects/24",
        body={"project": CLEARED},
        reply=PROJECT,
    ),
    Exchange(
        "update_project",
        {**ID, "status": "completed", "budget": None},
        "PUT",
        "projects/24",
        body={"project": {"status": 2}},
        reply=PROJECT,
    ),
    Exchange(
        "update_project",
        {**ID, "status": "active", "budget": 0},
        "PUT",
        "projects/24",
        body={"project": {"status": 1, "budget": 0}},
        reply=PROJECT,
    ),
    Exchange("delete_project", {**ID, "confirm": True}, "DELETE", "projects/24"),
]


@pytest.mark.parametrize("exchange", EXCHANGES, ids=str)
async def test_a_call_sends_this_request(agent: Agent, account: respx.MockRouter, exchange: Exchange) -> None:
    await exchange.takes_place(agent, account)


async def test_a_list_shows_words_numbers_and_the_client(agent: Agent, account: respx.MockRouter) -> None:
    account.get("projects").respond(json=LIST)
    assert (await agent.answer("list_projects"))["records"] == [
        {
            "id": 24,
            "name": "Project Name",
            "number": "PROJ101",
            "client_id": 2123,
            "client_name": "ACME Corp",
            "status": "active",
            "project_type": "hourly",
            "rate": 125,
            "budget_type": "hours",
            "budget": 15000,
            "worked_hours": 87,
            "unbilled_hours": 8.5,
            "currency_code": "USD",
            "end_date": "2011-04-06",
        }
    ]


@pytest.mark.parametrize(
    ("link", "client_id"),
    [
        ({"client": CLIENT}, 2123),
        ({"client": {"id": "2123"}}, 2123),
        ({"client": {}}, None),
        ({"client": None}, None),
        ({"client": None, "client_id": 2123}, 2123),
        ({"client_id": "2123"}, 2123),
    ],
)
async def test_the_client_may_be_sent_as_an_object_or_as_an_id(
    agent: Agent, account: respx.MockRouter, link: dict[str, Any], client_id: int | None
) -> None:
    project = {key: value for key, value in PROJECT.items() if key != "client"}
    account.get("projects/24").respond(json=project | link)
    assert (await agent.answer("get_project", **ID)).get("client_id") == client_id


@pytest.mark.parametrize(
    ("field", "code", "word"),
    [
        ("status", 2, "completed"),
        ("status", "Billable", "billable"),
        ("status", 3, "3"),
        ("project_type", 2, "fixed"),
        ("project_type", 1, "1"),
        ("budget_type", "1", "amount"),
        ("budget_type", 5, "5"),
    ],
)
async def test_codes_become_words_and_unknown_codes_text(
    agent: Agent, account: respx.MockRouter, field: str, code: Any, word: str
) -> None:
    account.get("projects/24").respond(json={**PROJECT, field: code})
    assert (await agent.answer("get_project", **ID))[field] == word


@pytest.mark.parametrize("word", ["completed", "2", 2])
async def test_only_the_valid_words_of_a_field_are_accepted(agent: Agent, account: respx.MockRouter, word: Any) -> None:
    refusal = await agent.refusal("update_project", **ID, project_type=word)
    assert "project_type takes one of 'hourly' or 'fixed'" in refusal
    assert sent(account) == []


async def test_deleting_a_project_separates_certain_from_possible_deletions(
    agent: Agent, account: respx.MockRouter
) -> None:
    account.get("projects/24").respond(json=PROJECT)
    account.get("projects/24/tasks").respond(json=listed("tasks", TASK))
    account.get("projects/24/hours").respond(json={"hours": []})
    account.get("projects/24/expenses").respond(json={"total_count": 1, "expenses": [EXPENSE]})
    account.get("projects/24/invoices").respond(json=listed("invoices"))
    account.get("projects/24/estimates").respond(404)
    answer = await agent.answer("delete_project", **ID)
    assert answer["done"] is False
    possibly = answer["goes_with_it"].pop("possibly")
    assert answer["goes_with_it"] == {"tasks": {"count": 1, "first": ["Redesign website"]}, "hours": {"count": 0}}
    assert possibly.pop("estimates").keys() == {"not_visible"}
    assert possibly == {
        "expenses": {
            "count": 1,
            "first": ["Expense Description!"],
            "amounts": [{"currency_code": "the account's", "count": 1, "amount": 500.25}],
        },
        "invoices": {"count": 0},
    }
    assert "status=completed" in answer["alternative"]

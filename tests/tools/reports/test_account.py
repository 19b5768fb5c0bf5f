"""What is told of the account itself, compared with its tables and the settings."""

from typing import Any

import pytest
import respx

from clientary_mcp.sandbox import Sandbox, Switches
from tests.conftest import agency, session_with
from tests.support.agent import Agent, agent_of
from tests.support.replies import listed
from tests.support.tables import SWITCHES, put, rows

pytestmark = pytest.mark.anyio

TABLES = (
    *("clients", "contacts", "leads", "projects", "tasks", "expenses", "invoices", "estimates", "payments"),
    *("recurring_schedules", "staff"),
)


async def told(sandbox: Sandbox, **settings: Any) -> dict[str, Any]:
    async with agent_of(session_with(sandbox, **settings)) as agent:
        answer: dict[str, Any] = await agent.answer("get_account")
    return answer


@pytest.mark.parametrize("switches", SWITCHES)
async def test_counts_are_those_of_the_tables(switches: Switches) -> None:
    sandbox = agency(switches=switches)
    answer = await told(sandbox)
    expected = {table: rows(sandbox, f"SELECT count(*) AS n FROM {table}")[0]["n"] for table in TABLES}  # noqa: S608 ours
    assert answer["counts"] == expected
    assert answer["currencies"] == ["EUR", "GBP", "JPY", "USD"]
    assert answer["not_known"] == ["owner: CLIENTARY_STAFF_ID, which says it, is not set."]


async def test_day_year_owner_and_address_are_as_the_owner_set_them(books: Sandbox) -> None:
    staff = put(books, "staff", name="Ann Owner")
    answer = await told(books, time_zone="Pacific/Auckland", fiscal_year_start="04-06", staff_id=staff)
    assert (answer["today"], answer["time_zone"]) == ("2026-11-21", "Pacific/Auckland")
    assert answer["fiscal_year_start"] == "04-06"
    assert answer["owner"] == {"staff_id": staff, "name": "Ann Owner"}
    assert answer["address"] == "http://localhost"
    assert answer["not_known"] == []
    assert "CLIENTARY_FISCAL_YEAR_START sets it" in answer["basis"]


@pytest.mark.parametrize(
    ("settings", "may"),
    [
        ({}, ["read", "write", "money", "mail", "delete"]),
        ({"read_only": True}, ["read"]),
        ({"toolsets": frozenset({"read", "write"})}, ["read", "write"]),
    ],
)
async def test_it_says_what_may_be_done(books: Sandbox, settings: dict[str, Any], may: list[str]) -> None:
    assert (await told(books, **settings))["may"] == may


async def test_what_was_done_in_this_hour_is_not_left(books: Sandbox) -> None:
    tasks = [put(books, "tasks", title="Call") for _ in range(2)]
    async with agent_of(session_with(books, deletes_per_hour=3)) as agent:
        assert (await agent.answer("get_account"))["caps_left"] == {"deletes": 3, "mails": 30, "charges": 10}
        for task in tasks:
            await agent.confirmed("delete_task", task_id=task)
        assert (await agent.answer("get_account"))["caps_left"] == {"deletes": 1, "mails": 30, "charges": 10}


async def test_what_is_not_visible_or_not_stated_is_named(account: respx.MockRouter, agent: Agent) -> None:
    account.get("leads").respond(403)
    account.get("staff").respond(json={"staff": []})
    account.get("tasks").respond(json={"tasks": [{"id": number} for number in range(1, 51)]})
    account.get("expenses").respond(json={"expenses": [{"id": 1}]})
    for plural in ("contacts", "projects", "invoices", "estimates", "payments", "recurring"):
        account.get(plural).respond(json=listed(plural))
    account.get("clients").respond(json=listed("clients", {"id": 1, "account": {"currency_code": "jpy"}}))
    answer = await agent.answer("get_account")
    assert answer["currencies"] == ["JPY"]
    assert answer["counts"]["staff"] == 0
    assert answer["counts"]["expenses"] == 1
    assert not {"leads", "tasks"} & answer["counts"].keys()
    assert answer["not_known"][1:] == [f"{name}: not visible, or not stated." for name in ("leads", "tasks")]
    assert answer["fiscal_year_start"] == "01-01"

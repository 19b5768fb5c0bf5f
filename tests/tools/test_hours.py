"""Tools for hours."""

from typing import Any

import pytest
import respx

from tests.support.agent import Agent
from tests.support.played_requests import Exchange, Request, sent, without_names
from tests.support.replies import HOUR_ENTRY, PROJECT, STAFF, listed

pytestmark = pytest.mark.anyio

LIST = {"hours": [HOUR_ENTRY]}
PROJECTS = listed("projects", PROJECT)
OF_PROJECT = "projects/24/hours"
ALL_FIELDS = {
    "title": "Setup",
    "hours": 1.5,
    "date": "2023-03-01",
    "description": "Longer note",
    "rate": 80,
}
ID = {"hour_entry_id": 7}
CLEARED = {"date": "", "rate": "", "description": ""}

EXCHANGES = [
    Exchange("list_project_hours", {"project_id": 24}, "GET", OF_PROJECT, reply=LIST),
    Exchange("list_project_hours", {"project_id": 24, "billed": None}, "GET", OF_PROJECT, reply=LIST),
    Exchange(
        "list_project_hours", {"project_id": 24, "billed": True}, "GET", OF_PROJECT, {"filter": "billed"}, reply=LIST
    ),
    Exchange(
        "list_project_hours", {"project_id": 24, "billed": False}, "GET", OF_PROJECT, {"filter": "unbilled"}, reply=LIST
    ),
    Exchange("list_hours", {}, "GET", "projects", {"filter": "all"}, reply=PROJECTS, then_read={OF_PROJECT: LIST}),
    Exchange(
        "list_hours",
        {"client_id": 2123, "billed": False},
        "GET",
        "projects",
        {"filter": "all"},
        reply=PROJECTS,
        then_read={f"{OF_PROJECT}?filter=unbilled": LIST},
    ),
    Exchange("list_hours", {"project_id": 24}, "GET", "projects/24/hours", reply=LIST),
    Exchange("get_hour_entry", ID, "GET", "hours/7", reply=HOUR_ENTRY),
    Exchange(
        "create_project_hours",
        {"project_id": 24, **ALL_FIELDS},
        "POST",
        OF_PROJECT,
        body={"project_item": ALL_FIELDS},
        reply=HOUR_ENTRY,
    ),
    Exchange(
        "create_project_hours",
        {"project_id": 24, "title": "Setup", "hours": "0.25", "rate": None},
        "POST",
        OF_PROJECT,
        body={"project_item": {"title": "Setup", "hours": 0.25, "date": "2023-11-14"}},
        reply=HOUR_ENTRY,
    ),
    Exchange(
        "update_hour_entry", {**ID, **ALL_FIELDS}, "PUT", "hours/7", body={"project_item": ALL_FIELDS}, reply=HOUR_ENTRY
    ),
    Exchange(
        "update_hour_entry",
        {**ID, "clear": [*CLEARED]},
        "PUT",
        "hours/7",
        body={"project_item": CLEARED},
        reply=HOUR_ENTRY,
    ),
    Exchange(
        "update_hour_entry",
        {**ID, "billed": True, "title": None},
        "PUT",
        "hours/7",
        body={"project_item": {"billed": True}},
        reply=HOUR_ENTRY,
        then_read={"hours/7": {**HOUR_ENTRY, "billed?": True}},
    ),
    Exchange("delete_hour_entry", {**ID, "confirm": True}, "DELETE", "hours/7"),
]


@pytest.mark.parametrize("exchange", EXCHANGES, ids=str)
async def test_a_call_sends_this_request(agent: Agent, account: respx.MockRouter, exchange: Exchange) -> None:
    await exchange.takes_place(agent, account)


async def test_hours_without_counts_are_counted_locally(agent: Agent, account: respx.MockRouter) -> None:
    account.get(OF_PROJECT).respond(json=LIST)
    account.get("staff").respond(json={"staff": [STAFF]})
    without_names(account)
    assert await agent.answer("list_project_hours", project_id=24) == {
        "records": [
            {
                "id": 7,
                "project_id": 1,
                "user_id": 2,
                "person": "John Doe",
                "date": "2011-07-29",
                "title": "Redesign Work",
                "hours": 8,
                "rate": 75,
                "billed": False,
            }
        ],
        "returned": 1,
        "total_count": 1,
        "complete": True,
        "total_amounts": [{"currency_code": "the project's", "count": 1, "hours": 8, "cost": 600}],
    }


@pytest.mark.parametrize(
    ("fields", "arguments", "asked"),
    [
        ({"worked_hours": 0}, {}, False),
        ({"worked_hours": None}, {}, True),
        ({"worked_hours": 8, "unbilled_hours": 0}, {"billed": False}, False),
        ({"worked_hours": 8, "unbilled_hours": 0}, {"billed": True}, True),
        ({"worked_hours": 8, "unbilled_hours": "0.5"}, {"billed": False}, True),
    ],
)
async def test_of_projects_that_report_no_such_hours_only_a_few_are_read(
    agent: Agent, account: respx.MockRouter, fields: dict[str, Any], arguments: dict[str, Any], *, asked: bool
) -> None:
    projects = [{**PROJECT, **fields, "id": number} for number in range(1, 11)]
    account.get("projects").respond(json=listed("projects", *projects))
    account.get(path__regex="/hours$").respond(json={"hours": []})
    await agent.answer("list_hours", **arguments)
    read = {request.path for request in sent(account)} - {"projects"}
    assert read == {f"projects/{number}/hours" for number in (range(1, 11) if asked else (8, 9, 10))}


async def test_hours_found_where_none_are_reported_make_every_project_be_read(
    agent: Agent, account: respx.MockRouter
) -> None:
    projects = [{**PROJECT, "worked_hours": 0, "id": number} for number in range(1, 6)]
    account.get("projects").respond(json=listed("projects", *projects))
    account.get("projects/5/hours").respond(json={"hours": [{"id": 50, "hours": 1}]})
    account.get("projects/1/hours").respond(json={"hours": [{"id": 10, "hours": 2}]})
    account.get(path__regex="/hours$").respond(json={"hours": []})
    assert {row["id"] for row in (await agent.answer("list_hours"))["records"]} == {10, 50}


async def test_an_unreadable_project_fails_the_list(agent: Agent, account: respx.MockRouter) -> None:
    account.get("projects").respond(json=listed("projects", PROJECT, {**PROJECT, "id": 25}))
    account.get(OF_PROJECT).respond(json=LIST)
    account.get("projects/25/hours").respond(403)
    assert "not allowed to do this" in await agent.refusal("list_hours")


@pytest.mark.parametrize("key", ["billed?", "billed"])
async def test_billed_is_read_with_and_without_a_question_mark(
    agent: Agent, account: respx.MockRouter, key: str
) -> None:
    entry = {name: value for name, value in HOUR_ENTRY.items() if name != "billed?"} | {key: True}
    account.get("hours/7").respond(json=entry)
    answer = await agent.answer("get_hour_entry", **ID)
    assert answer["billed"] is True
    assert "billed?" not in answer


@pytest.mark.parametrize("reply", [{"status_code": 204}, {"status_code": 200, "json": {**HOUR_ENTRY, "billed?": True}}])
@pytest.mark.parametrize(("asked", "shown"), [(True, False), (False, True), (True, None)])
async def test_a_billed_flag_that_did_not_change_is_reported(
    agent: Agent, account: respx.MockRouter, reply: dict[str, Any], asked: bool, shown: bool | None
) -> None:
    account.put("hours/7").respond(**reply)
    account.get("hours/7").respond(json={**HOUR_ENTRY, "billed?": shown})
    answer = await agent.answer("update_hour_entry", **ID, billed=asked)
    assert f"billed: sent {str(asked).lower()}, Clientary shows " in answer["notice"]
    assert answer.get("billed") is shown
    assert sent(account) == [
        Request("PUT", "hours/7", body={"project_item": {"billed": asked}}),
        Request("GET", "hours/7"),
    ]


@pytest.mark.parametrize("billed", [True, False])
async def test_a_billed_flag_that_changed_needs_no_notice(
    agent: Agent, account: respx.MockRouter, *, billed: bool
) -> None:
    account.put("hours/7").respond(204)
    account.get("hours/7").respond(json={**HOUR_ENTRY, "billed?": billed})
    answer = await agent.answer("update_hour_entry", **ID, billed=billed)
    assert answer["billed"] is billed
    assert "notice" not in answer


@pytest.mark.parametrize("hours", [0, -1, "0.0", True, "two"])
async def test_impossible_hours_send_nothing(agent: Agent, account: respx.MockRouter, hours: Any) -> None:
    refusal = await agent.refusal("create_project_hours", project_id=24, title="Setup", hours=hours)
    assert "hours" in refusal
    assert sent(account) == []


async def test_deleting_a_billed_entry_previews_that_its_invoice_stays(agent: Agent, account: respx.MockRouter) -> None:
    account.get("hours/7").respond(json={**HOUR_ENTRY, "billed?": True})
    answer = await agent.answer("delete_hour_entry", **ID)
    assert answer["done"] is False
    assert answer["record"]["title"] == "Redesign Work"
    assert "invoice" in answer["not_visible"]

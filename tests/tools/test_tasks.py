"""Tools for tasks."""

from typing import Any

import pytest
import respx

from tests.support.agent import Agent
from tests.support.played_requests import Exchange, Request, sent
from tests.support.replies import TASK, listed

pytestmark = pytest.mark.anyio

LIST = listed("tasks", TASK)
ALL_FIELDS = {
    "title": "Pick up some milk",
    "project_id": 24,
    "client_id": 2123,
    "assignee_id": 2,
    "description": "Two bottles",
    "due_date": "2026-03-01",
}
ID = {"task_id": 11}
CLEARED = {"project_id": "", "client_id": "", "assignee_id": "", "description": "", "due_date": ""}
CREATED = Request("POST", "tasks", body={"task": {"title": "milk"}})
CREATED_ONE = Request("POST", "task", body={"task": {"title": "milk"}})

EXCHANGES = [
    Exchange("list_tasks", {}, "GET", "tasks", reply=LIST),
    Exchange("list_tasks", {"project_id": 24}, "GET", "projects/24/tasks", reply=LIST),
    Exchange("list_project_tasks", {"project_id": 24}, "GET", "projects/24/tasks", reply=LIST),
    Exchange("get_task", ID, "GET", "tasks/11", reply=TASK),
    Exchange("create_task", ALL_FIELDS, "POST", "tasks", body={"task": ALL_FIELDS}, reply=TASK),
    Exchange(
        "create_task",
        {"title": "milk", "due_date": None},
        "POST",
        "tasks",
        body={"task": {"title": "milk"}},
        reply=TASK,
    ),
    Exchange("update_task", {**ID, **ALL_FIELDS}, "PUT", "tasks/11", body={"task": ALL_FIELDS}, reply=TASK),
    Exchange("update_task", {**ID, "clear": [*CLEARED]}, "PUT", "tasks/11", body={"task": CLEARED}, reply=TASK),
    Exchange(
        "update_task",
        {**ID, "complete": True, "title": None},
        "PUT",
        "tasks/11",
        body={"task": {"complete": True, "completed": True}},
        reply=TASK,
        then_read={"tasks/11": {**TASK, "complete": True, "completed_at": "2026-03-01T10:00:00Z"}},
    ),
    Exchange("delete_task", {**ID, "confirm": True}, "DELETE", "tasks/11"),
]


@pytest.mark.parametrize("exchange", EXCHANGES, ids=str)
async def test_a_call_sends_this_request(agent: Agent, account: respx.MockRouter, exchange: Exchange) -> None:
    await exchange.takes_place(agent, account)


async def test_a_task_is_brief_in_lists_and_complete_alone(agent: Agent, account: respx.MockRouter) -> None:
    account.get("tasks").respond(json=LIST)
    account.get("tasks/11").respond(json=TASK)
    brief = {"id": 11, "title": "Redesign website", "due_date": "2012-12-01", "complete": False}
    assert (await agent.answer("list_tasks"))["records"] == [brief]
    assert await agent.answer("get_task", **ID) == {
        **brief,
        "user_id": 1,
        "task_group_id": 4,
        "created_at": "2012-11-08T21:20:47Z",
        "updated_at": "2012-11-08T21:20:47Z",
    }


async def test_creates_fall_back_to_the_singular_path(agent: Agent, account: respx.MockRouter) -> None:
    account.post("tasks").respond(404)
    account.post("task").respond(201, json=TASK)
    assert (await agent.answer("create_task", title="milk"))["id"] == 11
    assert sent(account) == [CREATED, CREATED_ONE]


async def test_a_task_rejected_under_both_paths_is_not_found(agent: Agent, account: respx.MockRouter) -> None:
    account.post("tasks").respond(404)
    account.post("task").respond(404)
    assert "was not found" in await agent.refusal("create_task", title="milk")
    assert sent(account) == [CREATED, CREATED_ONE]


@pytest.mark.parametrize("status", [401, 403, 422, 426, 500])
async def test_only_a_missing_path_triggers_the_fallback(agent: Agent, account: respx.MockRouter, status: int) -> None:
    account.post("tasks").respond(status)
    await agent.refusal("create_task", title="milk")
    assert sent(account) == [CREATED]


@pytest.mark.parametrize("key", ["complete", "completed"])
@pytest.mark.parametrize("done", [True, False])
async def test_completing_a_task_sends_both_keys_and_checks_the_result(
    agent: Agent, account: respx.MockRouter, key: str, *, done: bool
) -> None:
    task = {name: value for name, value in TASK.items() if name != "complete"}
    account.put("tasks/11").respond(204)
    account.get("tasks/11").respond(json={**task, key: done})
    answer = await agent.answer("update_task", **ID, complete=done)
    assert answer["complete"] is done
    assert "notice" not in answer
    assert sent(account) == [
        Request("PUT", "tasks/11", body={"task": {"complete": done, "completed": done}}),
        Request("GET", "tasks/11"),
    ]


@pytest.mark.parametrize("reply", [{"status_code": 204}, {"json": {**TASK, "complete": True}}])
async def test_a_task_that_stays_open_is_reported(
    agent: Agent, account: respx.MockRouter, reply: dict[str, Any]
) -> None:
    account.put("tasks/11").respond(**reply)
    account.get("tasks/11").respond(json=TASK)
    answer = await agent.answer("update_task", **ID, complete=True)
    assert answer["complete"] is False
    assert "complete: sent true, Clientary shows false" in answer["notice"]
    assert [request.method for request in sent(account)] == ["PUT", "GET"]


async def test_deleting_a_task_previews_it_and_the_alternative(agent: Agent, account: respx.MockRouter) -> None:
    account.get("tasks/11").respond(json=TASK)
    answer = await agent.answer("delete_task", **ID)
    assert answer["done"] is False
    assert answer["record"]["title"] == "Redesign website"
    assert "complete=true" in answer["alternative"]

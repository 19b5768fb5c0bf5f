"""Metrics: what is counted and measured, by labels of few values, and none per account."""

from typing import Any

import pytest

from clientary_mcp.sandbox import Fault, Faults, Sandbox
from tests.conftest import agency
from tests.server.test_answers_to_questions import MAIL, NO, mail
from tests.support.agent import Era
from tests.support.clock import FakeTime
from tests.support.team import Team, agent_at
from tests.support.users import YES, User, configured, connect, some
from tests.telemetry.conftest import Telemetry

pytestmark = pytest.mark.anyio

Labels = dict[str, Any]


async def test_each_call_is_measured_by_its_tool_and_its_error(telemetry: Telemetry, sandbox: Sandbox) -> None:
    async with connect(configured(sandbox)) as agent:
        await agent.answer("list_staff")
        await agent.answer("list_staff")
        await agent.refusal("get_client", client_id=999_999)
        await agent.refusal("no_such_tool")
    measured = telemetry.metrics["mcp.server.operation.duration"]
    calls = [(labels, count) for labels, count in measured if labels["mcp.method.name"] == "tools/call"]
    call, error = {"mcp.method.name": "tools/call"}, {"error.type": "tool_error"}
    assert calls == [
        (call | {"gen_ai.tool.name": "list_staff"}, 2),
        (call | {"gen_ai.tool.name": "get_client"} | error, 1),
        (call | {"gen_ai.tool.name": "_OTHER"} | error, 1),
    ]


async def test_each_try_of_a_request_is_measured_and_each_wait(telemetry: Telemetry, time: FakeTime) -> None:
    sandbox = agency(
        faults=Faults([Fault(429, "GET", "staff", retry_after=3, times=1), Fault(503, "GET", "staff", times=1)])
    )
    async with connect(configured(sandbox, time)) as agent:
        await agent.answer("list_staff")
    request = {"http.request.method": "GET", "url.template": "staff"}
    assert telemetry.metrics["http.client.request.duration"] == [
        (request | {"http.response.status_code": 429, "error.type": "429"}, 1),
        (request | {"http.response.status_code": 503, "error.type": "503"}, 1),
        (request | {"http.response.status_code": 200}, 1),
    ]
    assert telemetry.metrics["clientary.retries"] == [({}, 2)]
    why = {labels["clientary.why"]: count for labels, count in telemetry.metrics["clientary.wait"]}
    assert why["Clientary's rate limit was reached"] == why["Clientary returned 503"] == 1


async def test_a_call_that_is_not_made_again_is_counted(telemetry: Telemetry, sandbox: Sandbox) -> None:
    async with connect(configured(sandbox)) as agent:
        await agent.answer("create_client", name="Globex")
        assert "clientary.told_again" not in telemetry.metrics
        await agent.answer("create_client", name="Globex")
    assert telemetry.metrics["clientary.told_again"] == [({}, 1)]


async def test_a_write_of_unknown_outcome_is_counted(telemetry: Telemetry, time: FakeTime) -> None:
    sandbox = agency(faults=Faults([Fault("drop", "POST", "invoices/*/messages")]))
    async with connect(configured(sandbox, time, ask_user="never")) as agent:
        await agent.refusal_of_confirmed(MAIL, **mail(sandbox))
    assert telemetry.metrics["clientary.outcome_unknown"] == [({}, 1)]


@pytest.mark.parametrize(("reply", "answer"), [(YES, "agreed"), (NO, "decline")])
async def test_questions_are_counted_by_their_answer(
    telemetry: Telemetry, sandbox: Sandbox, era: Era, reply: Any, answer: str
) -> None:
    async with connect(configured(sandbox), era, User(reply)) as agent:
        await agent.call("delete_expense", {"expense_id": some(sandbox, "expenses")[0], "confirm": True})
    counted = {labels["clientary.answer"]: count for labels, count in telemetry.metrics["clientary.questions"]}
    assert counted == {"asked": 1, answer: 1}
    refused = telemetry.metrics.get("clientary.refused", [])
    assert refused == ([] if answer == "agreed" else [({"clientary.because": "person"}, 1)])


async def test_refusals_are_counted_by_their_reason(telemetry: Telemetry, sandbox: Sandbox) -> None:
    async with connect(configured(sandbox, deletes_per_hour=0, ask_user="never")) as agent:
        await agent.refusal_of_confirmed("delete_expense", expense_id=some(sandbox, "expenses")[0])
    assert telemetry.metrics["clientary.refused"] == [({"clientary.because": "cap"}, 1)]


async def test_offices_and_sessions_are_counted_while_they_are_open(telemetry: Telemetry, sandbox: Sandbox) -> None:
    team = Team({"acme": sandbox})
    _, token = await team.enroll()
    async with team.serves() as app, agent_at(app, {"Authorization": f"Bearer {token}"}, "legacy") as agent:
        await agent.answer("list_staff")
        assert telemetry.metrics["clientary.offices"] == [({}, 1)]
        assert "mcp.server.session.duration" not in telemetry.metrics
    assert telemetry.metrics["clientary.offices"] == [({}, 0)]
    assert telemetry.metrics["mcp.server.session.duration"] == [({}, 1)]

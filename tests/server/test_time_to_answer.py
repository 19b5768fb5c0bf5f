"""The time to answer, and that an approved change happens while the client still waits. Time is virtual.

Before protocol 2026-07-28 the call stays open meanwhile: TypeScript clients end it after 60 seconds, and those of mcp
1.x after a timeout of their own, which the server does not know.
"""

from types import SimpleNamespace
from typing import Any

import anyio
import httpx
import mcp_types
import pytest
from mcp import MCPError
from mcp.client import ClientRequestContext
from mcp.client.session import ElicitationFnT
from mcp.server import request_state

from clientary_mcp.api.call import Clock
from clientary_mcp.api.session import Clientary
from clientary_mcp.sandbox import Fault, Faults, Sandbox
from clientary_mcp.sandbox.network import Network
from clientary_mcp.server.app import ClientaryServer
from clientary_mcp.settings import Settings
from tests.support.clock import FakeTime
from tests.support.gated import record_for
from tests.support.users import QUESTION, YES, User, configured, connect, host, some, text_of, writes
from tests.support.virtual_time import VirtualLoop, clock_of, session_on

pytestmark = pytest.mark.anyio

CLIENTS_WAIT = 60


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": VirtualLoop}


def on_virtual_time(sandbox: Sandbox, **settings: Any) -> Clientary:
    chosen = Settings(base_url="http://localhost", api_token=sandbox.token, time_zone="UTC", **settings)
    return Clientary(chosen, Network(sandbox), clock_of(sandbox))


def agrees_after(seconds: float) -> ElicitationFnT:
    """A user who agrees after this many seconds."""

    async def think(context: ClientRequestContext, params: mcp_types.ElicitRequestParams) -> mcp_types.ElicitResult:
        await anyio.sleep(seconds)
        return YES

    return think


async def delete_a_lead(sandbox: Sandbox, user: ElicitationFnT, **settings: Any) -> tuple[str, float]:
    """The answer to the confirmed call, and the seconds that it took."""
    (lead,) = some(sandbox, "leads")
    async with connect(on_virtual_time(sandbox, **settings), "legacy", user) as agent:
        asked = anyio.current_time()
        result = await agent.call("delete_lead", {"lead_id": lead, "confirm": True})
        return text_of(result), anyio.current_time() - asked


@pytest.mark.parametrize(("settings", "seconds"), [({}, 54), ({"ask_timeout": 300}, 299), ({"deadline": 10}, 54)])
async def test_a_timely_approval_is_carried_out_while_the_client_still_waits(
    sandbox: Sandbox, settings: dict[str, float], seconds: float
) -> None:
    text, took = await delete_a_lead(sandbox, agrees_after(seconds), **settings)
    assert '"done":true' in text
    assert len(writes(sandbox)) == 1
    assert took < CLIENTS_WAIT or settings


@pytest.mark.parametrize(("settings", "seconds"), [({}, 55), ({"ask_timeout": 20}, 20)])
async def test_a_late_approval_finds_the_question_withdrawn(
    sandbox: Sandbox, settings: dict[str, float], seconds: float
) -> None:
    text, took = await delete_a_lead(sandbox, agrees_after(seconds + 1), **settings)
    assert "The user did not answer in time (CLIENTARY_ASK_TIMEOUT)" in text
    assert took == pytest.approx(seconds)
    assert not writes(sandbox)


def slow_reads(seconds: float, nth: int | None = None) -> Faults:
    return Faults([Fault("slow", "GET", "leads/*", seconds=seconds, nth=nth)])


async def test_an_approval_that_leaves_too_little_time_changes_nothing(sandbox: Sandbox) -> None:
    sandbox.faults = slow_reads(2, nth=2)  # what is read again after approval
    text, took = await delete_a_lead(sandbox, agrees_after(54))
    assert "The user agreed too late" in text
    assert took < CLIENTS_WAIT
    assert not writes(sandbox)


async def test_the_time_to_read_the_preview_counts_too(sandbox: Sandbox) -> None:
    sandbox.faults = slow_reads(20, nth=1)
    text, took = await delete_a_lead(sandbox, agrees_after(36))
    assert "did not answer in time" in text
    assert took == pytest.approx(55)
    assert not writes(sandbox)


async def test_a_preview_that_leaves_no_time_to_ask_is_reported_without_asking(sandbox: Sandbox) -> None:
    sandbox.faults, user = slow_reads(9, nth=1), User()
    text, _ = await delete_a_lead(sandbox, user, ask_timeout=8)
    assert "Clientary was so slow that no time was left to ask the user" in text
    assert not user.questions


async def test_a_delayed_change_is_not_made_after_the_client_stopped_waiting(
    sandbox: Sandbox,
) -> None:
    sandbox.faults = Faults([Fault(429, "DELETE", retry_after=10)])
    text, took = await delete_a_lead(sandbox, agrees_after(54))
    assert "nothing was changed" in text.lower()
    assert took < CLIENTS_WAIT
    assert sandbox.store.count("leads", f"id = {some(sandbox, 'leads')[0]}") == 1


async def test_a_job_approved_late_stops_in_time_and_reports_what_it_did(sandbox: Sandbox) -> None:
    arguments, _ = record_for(sandbox, "convert_lead")
    sandbox.faults = Faults([Fault("slow", "POST", "tasks", seconds=4)])
    async with connect(on_virtual_time(sandbox), "legacy", agrees_after(54)) as agent:
        asked = anyio.current_time()
        text = await agent.refusal("convert_lead", **arguments, confirm=True)
        took = anyio.current_time() - asked
    assert "Stopped at" in text
    assert "Done before" in text
    assert took <= CLIENTS_WAIT


async def test_a_client_that_wants_progress_gets_it_while_the_user_decides(sandbox: Sandbox) -> None:
    (lead,) = some(sandbox, "leads")
    heard: list[tuple[float, str | None]] = []
    times: list[float] = []

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        heard.append((progress, message))
        times.append(anyio.current_time())

    async with connect(on_virtual_time(sandbox), "legacy", agrees_after(28)) as agent:
        begun = anyio.current_time()
        await agent.client.call_tool("delete_lead", {"lead_id": lead, "confirm": True}, progress_callback=on_progress)
    assert [round(moment - begun) for moment in times] == [0, 5, 10, 15, 20, 25]
    assert [progress for progress, _ in heard] == sorted({progress for progress, _ in heard})
    assert all(message and "asked for approval" in message for _, message in heard)


# A client that disconnected


async def test_approval_of_a_cancelled_call_has_no_effect(sandbox: Sandbox) -> None:
    (lead,) = some(sandbox, "leads")
    async with connect(on_virtual_time(sandbox), "legacy", agrees_after(30)) as agent:
        with anyio.move_on_after(10) as patience:
            await agent.call("delete_lead", {"lead_id": lead, "confirm": True})
        await anyio.sleep(60)
    assert patience.cancelled_caught
    assert not writes(sandbox)


class GivesUp(Network):
    """A client that gives up at the moment when the preview is read again."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox)
        self.patience, self._reads = anyio.CancelScope(), 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await super().handle_async_request(request)
        self._reads += 1
        if self._reads == 2:
            with anyio.CancelScope(shield=True):
                self.patience.cancel()
                await anyio.sleep(1)
        return response


async def test_approval_of_a_call_cancelled_a_moment_later_has_no_effect(sandbox: Sandbox) -> None:
    (task,) = some(sandbox, "tasks")
    network = GivesUp(sandbox)
    async with connect(session_on(sandbox, network), "legacy", User()) as agent:
        with network.patience:
            await agent.call("delete_task", {"task_id": task, "confirm": True})
        await anyio.sleep(60)
    assert network.patience.cancelled_caught
    assert not writes(sandbox)


async def test_approval_in_a_session_closed_a_moment_later_has_no_effect(sandbox: Sandbox) -> None:
    sandbox.faults = slow_reads(4, nth=2)
    (lead,) = some(sandbox, "leads")

    async def ask() -> None:
        with pytest.raises(MCPError, match="closed"):
            await client.call_tool("delete_lead", {"lead_id": lead, "confirm": True})

    async with session_on(sandbox) as clientary, anyio.create_task_group() as group:
        async with host(ClientaryServer(clientary), "legacy", agrees_after(30)) as client:
            group.start_soon(ask)
            await anyio.sleep(32)
        await anyio.sleep(60)
    assert not writes(sandbox)


# Where the question is the result of the call


@pytest.fixture
def sealing(monkeypatch: pytest.MonkeyPatch, time: FakeTime) -> None:
    """The SDK's seal on a question, by the same clock."""
    monkeypatch.setattr(request_state, "time", SimpleNamespace(time=time.clock.wall))


async def yes_after(seconds: float, sandbox: Sandbox, time: FakeTime) -> str:
    """The answer to a call whose user agrees after this many seconds."""
    (lead,) = some(sandbox, "leads")
    arguments = {"lead_id": lead, "confirm": True}
    async with connect(configured(sandbox, time), "auto", User()) as agent:
        session = agent.client.session
        question = await session.call_tool("delete_lead", arguments, allow_input_required=True)
        assert isinstance(question, mcp_types.InputRequiredResult)
        await time.clock.sleep(seconds)
        answer = await session.call_tool(
            "delete_lead",
            arguments,
            input_responses={QUESTION: YES},
            request_state=question.request_state,
            allow_input_required=True,
        )
    assert isinstance(answer, mcp_types.CallToolResult)
    return text_of(answer)


@pytest.mark.usefixtures("sealing")
async def test_a_question_returned_as_a_result_can_be_answered_for_fifteen_minutes(
    sandbox: Sandbox, time: FakeTime
) -> None:
    assert '"done":true' in await yes_after(899, sandbox, time)
    assert len(writes(sandbox)) == 1


@pytest.mark.usefixtures("sealing")
@pytest.mark.parametrize("seconds", [901, 86_400])
async def test_a_reply_after_fifteen_minutes_is_too_late(sandbox: Sandbox, time: FakeTime, seconds: float) -> None:
    text = await yes_after(seconds, sandbox, time)
    assert "The user did not answer within 15 minutes" in text
    assert not writes(sandbox)


@pytest.mark.usefixtures("sealing")
async def test_the_minutes_are_those_of_the_wall_clock_since_another_host_may_get_the_reply(
    sandbox: Sandbox, time: FakeTime
) -> None:
    up_for, clock = [0.0], time.clock

    async def elsewhere(seconds: float) -> None:
        await clock.sleep(seconds)
        up_for[0] += 86_400

    time.clock = Clock(now=lambda: up_for[0], wall=clock.wall, sleep=elsewhere)
    assert '"done":true' in await yes_after(899, sandbox, time)
    assert len(writes(sandbox)) == 1

"""The drain: first announced, then new calls are refused, idle streams end, and the rest is answered."""

from pathlib import Path

import anyio
import httpx
import mcp_types
import pytest
from anyio.abc import TaskStatus
from mcp import MCPError
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from clientary_mcp.sandbox import Sandbox
from clientary_mcp.server.http.drain import AnswersFirst, Drain
from tests.server.http.test_app import HELLO
from tests.server.http.test_ending import ACCEPT, UNAVAILABLE, SlowAccount, agent_of, refuses_new_calls, serving
from tests.support.agent import Agent, Era
from tests.support.processes import PATIENCE
from tests.support.users import YES

pytestmark = pytest.mark.anyio

ANNOUNCED, DEADLINE = 10.0, 60.0
CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
CALLS, OF_EACH = 50, 10
REPLY = {"jsonrpc": "2.0", "id": 1, "result": {}}


class Elapsed:
    """Seconds, which the test lets pass."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


async def test_calls_are_served_while_the_end_is_announced_and_refused_afterwards() -> None:
    now = Elapsed()
    drain = Drain(DEADLINE, ANNOUNCED, now)
    app = httpx.ASGITransport(AnswersFirst(PlainTextResponse("answered"), drain))
    async with httpx.AsyncClient(transport=app, base_url="http://127.0.0.1") as http:
        drain.begin()
        now.seconds = ANNOUNCED - 0.1
        assert (await http.post("/mcp", json=CALL)).text == "answered"
        now.seconds = ANNOUNCED
        refusal = await http.post("/mcp", json=CALL)
        assert refusal.status_code == UNAVAILABLE
        assert refusal.headers["retry-after"] == "5"
        assert (await http.get("/mcp")).status_code == UNAVAILABLE
        assert (await http.post("/mcp", json=REPLY)).text == "answered"
        assert (await http.delete("/mcp")).text == "answered"


@pytest.mark.parametrize("at_once", [False, True])
def test_it_is_over_with_the_last_answer_or_at_the_last_deadline(*, at_once: bool) -> None:
    now = Elapsed()
    drain = Drain(DEADLINE, ANNOUNCED, now)
    assert (drain.begun, drain.over) == (False, False)
    drain.begin(at_once=at_once)
    refused_from = 0.0 if at_once else ANNOUNCED
    assert (drain.begun, drain.refuses, drain.over) == (True, at_once, at_once)
    drain.pending.add("a call")
    now.seconds = refused_from + DEADLINE
    assert (drain.refuses, drain.over) == (True, False)
    now.seconds += 2
    assert (drain.refuses, drain.over) == (True, True)
    now.seconds = refused_from
    drain.pending.clear()
    assert (drain.refuses, drain.over) == (True, True)


def test_only_streams_without_a_call_end_early() -> None:
    class Stream:
        def __init__(self, *, busy: bool) -> None:
            self.busy, self.ended = busy, False

        def end(self) -> None:
            self.ended = True

    drain, idle, busy = Drain(DEADLINE), Stream(busy=False), Stream(busy=True)
    drain.streams |= {idle, busy}
    drain.end_idle_streams()
    assert (idle.ended, busy.ended) == (True, False)


class ManyCalls(SlowAccount):
    """Clientary, which has received all calls once it has received so many."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox)
        self._received = 0
        self.all_received = anyio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and "/clients" in scope["path"]:
            self._received += 1
            if self._received == CALLS:
                self.all_received.set()
        await super().__call__(scope, receive, send)


class Crowd:
    """Everything that a server has under way: calls, questions, streams and sessions."""

    def __init__(self, address: str) -> None:
        self._address = address
        self.answers: list[int] = []
        self.deleted: list[bool] = []
        self._questions = self._streams = 0
        self.all_asked, self.user_replies, self.all_streams_ended = anyio.Event(), anyio.Event(), anyio.Event()

    async def call(self, agent: Agent) -> None:
        self.answers.append((await agent.answer("list_clients", limit=1000))["returned"])

    async def _reply(self, _: object, params: mcp_types.ElicitRequestParams) -> mcp_types.ElicitResult:
        self._questions += 1
        if self._questions == OF_EACH:
            self.all_asked.set()
        await self.user_replies.wait()
        return YES

    async def delete(self, expense_id: int) -> None:
        async with agent_of(self._address, "http", "legacy", elicitation_callback=self._reply) as agent:
            answer = await agent.answer("delete_expense", expense_id=expense_id, confirm=True)
            self.deleted.append(answer["done"])

    async def session(self, http: httpx.AsyncClient) -> dict[str, str]:
        """A session of an older protocol, as the headers that name it."""
        opened = await http.post("/mcp", json=HELLO)
        return {"Mcp-Session-Id": opened.headers["mcp-session-id"]}

    async def listen(self, http: httpx.AsyncClient, *, task_status: TaskStatus[None]) -> None:
        """Read the event stream of a session to its end, which must be a clean one."""
        async with http.stream("GET", "/mcp", headers=await self.session(http)) as stream:
            task_status.started()
            async for _ in stream.aiter_raw():
                pass
        self._streams += 1
        if self._streams == OF_EACH:
            self.all_streams_ended.set()


async def test_nothing_under_way_is_lost(sandbox: Sandbox, tmp_path: Path) -> None:
    account, log = ManyCalls(sandbox), tmp_path / "stderr"
    expenses = [row[0] for row in sandbox.connection.execute("SELECT id FROM expenses ORDER BY id LIMIT ?", [OF_EACH])]
    with anyio.fail_after(PATIENCE):
        async with (
            serving(account, "http", log, CLIENTARY_CONCURRENCY="64") as (process, address),
            agent_of(address, "http", "legacy") as older,
            agent_of(address, "http", "auto") as newer,
            httpx.AsyncClient(base_url=address, headers=ACCEPT, timeout=PATIENCE) as http,
            anyio.create_task_group() as tasks,
        ):
            crowd = Crowd(address)
            for _ in range(CALLS // 2):
                tasks.start_soon(crowd.call, older)
                tasks.start_soon(crowd.call, newer)
            for expense_id in expenses:
                tasks.start_soon(crowd.delete, expense_id)
                await tasks.start(crowd.listen, http)
                await crowd.session(http)
            await account.all_received.wait()
            await crowd.all_asked.wait()
            process.terminate()
            await refuses_new_calls(address, "http")
            await crowd.all_streams_ended.wait()
            assert crowd.answers == crowd.deleted == []
            account.released.set()
            crowd.user_replies.set()
            assert await process.wait() == 0
    assert crowd.answers == [64] * CALLS
    assert crowd.deleted == [True] * OF_EACH
    assert log.read_text().count("\n") == 1


@pytest.mark.parametrize(("tool", "arguments"), [("list_clients", {}), ("create_client", {"name": "Acme"})])
async def test_a_second_signal_ends_it_at_once_even_while_a_change_is_sent(
    sandbox: Sandbox, tmp_path: Path, era: Era, tool: str, arguments: dict[str, str]
) -> None:
    account = SlowAccount(sandbox)

    async def call(agent: Agent) -> None:
        with pytest.raises(MCPError):
            await agent.call(tool, arguments)

    with anyio.fail_after(PATIENCE):
        async with (
            serving(account, "http", tmp_path / "stderr", CLIENTARY_DEADLINE="3600") as (process, address),
            agent_of(address, "http", era) as agent,
            anyio.create_task_group() as tasks,
        ):
            tasks.start_soon(call, agent)
            await account.asked.wait()
            process.terminate()
            await refuses_new_calls(address, "http")
            process.terminate()
            assert await process.wait() == 0

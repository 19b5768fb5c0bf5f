"""SIGTERM over HTTP: calls under way are answered, new ones are refused, and open streams keep nothing alive."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx
import mcp_types
import pytest
import uvicorn
from anyio.abc import Process
from mcp import Client, MCPError
from mcp.client.sse import sse_client
from starlette.types import Receive, Scope, Send

from clientary_mcp.sandbox import Sandbox
from tests.server.http.test_app import HELLO, PATHS
from tests.support.agent import Agent, Era
from tests.support.processes import PATIENCE, free_port, listening
from tests.support.users import YES

pytestmark = pytest.mark.anyio

CONNECTIONS: list[tuple[str, Era]] = [("http", "auto"), ("http", "legacy"), ("sse", "legacy")]
ACCEPT = {"Accept": "application/json, text/event-stream"}
UNAVAILABLE = 503


class SlowAccount:
    """Clientary, which answers requests about clients only when the test allows it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._app = sandbox.app
        self.asked, self.released = anyio.Event(), anyio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and "/clients" in scope["path"]:
            self.asked.set()
            await self.released.wait()
        await self._app(scope, receive, send)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[int]:
        """Serve on a loopback port."""
        port = free_port()
        server = uvicorn.Server(uvicorn.Config(self, port=port, log_level="error", lifespan="off"))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(server.serve)
            try:
                yield port
            finally:
                self.released.set()
                server.should_exit = True


@asynccontextmanager
async def serving(
    account: SlowAccount, transport: str, log: Path, **settings: str
) -> AsyncIterator[tuple[Process, str]]:
    """A process that serves this account, and its address."""
    port = free_port()
    async with account.listening() as upstream:
        account_settings = {
            "CLIENTARY_BASE_URL": f"http://127.0.0.1:{upstream}",
            "CLIENTARY_API_TOKEN": "sandbox",
            **settings,
        }
        async with listening("--transport", transport, port=port, log=log, **account_settings) as process:
            yield process, f"http://127.0.0.1:{port}"


@asynccontextmanager
async def agent_of(address: str, transport: str, era: Era, **how: Any) -> AsyncIterator[Agent]:
    """An agent of that server, whose client has read the tools already: it checks results against them."""
    server = sse_client(f"{address}/sse") if transport == "sse" else f"{address}/mcp"
    async with Client(server, mode=era, **how) as client:
        await client.list_tools()
        yield Agent(client)


async def refuses_new_calls(address: str, transport: str) -> None:
    """Return once a new call is refused; a signal takes its time to arrive."""
    path = f"{PATHS['sse']}?session_id={'0' * 32}" if transport == "sse" else PATHS["streamable-http"]
    async with httpx.AsyncClient(base_url=address, headers=ACCEPT) as http:
        while (response := await http.post(path, json=HELLO)).status_code != UNAVAILABLE:
            pass
        assert "shutting down" in response.text
        assert (await http.get("/sse" if transport == "sse" else "/mcp")).status_code == UNAVAILABLE
        assert (await http.get("/health")).text == "alive\n"


@pytest.mark.parametrize(("transport", "era"), CONNECTIONS)
async def test_a_call_under_way_is_answered_before_the_process_ends(
    sandbox: Sandbox, tmp_path: Path, transport: str, era: Era
) -> None:
    account, log = SlowAccount(sandbox), tmp_path / "stderr"
    clients: list[int] = []

    async def call(agent: Agent) -> None:
        clients.append((await agent.answer("list_clients", limit=1000))["returned"])

    with anyio.fail_after(PATIENCE):
        async with (
            serving(account, transport, log) as (process, address),
            agent_of(address, transport, era) as agent,
        ):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(call, agent)
                await account.asked.wait()
                process.terminate()
                await refuses_new_calls(address, transport)
                assert clients == []
                account.released.set()
            assert await process.wait() == 0
    assert clients == [64]
    assert "Traceback" not in log.read_text()


@pytest.mark.parametrize(("transport", "path"), [("http", "/mcp"), ("sse", "/sse")])
async def test_an_open_stream_does_not_keep_the_process_alive(
    sandbox: Sandbox, tmp_path: Path, transport: str, path: str
) -> None:
    with anyio.fail_after(PATIENCE):
        async with (
            serving(SlowAccount(sandbox), transport, tmp_path / "stderr") as (process, address),
            httpx.AsyncClient(base_url=address, headers=ACCEPT, timeout=PATIENCE) as http,
        ):
            if transport == "http":
                http.headers["Mcp-Session-Id"] = (await http.post(path, json=HELLO)).headers["mcp-session-id"]
            async with http.stream("GET", path) as stream:
                assert stream.headers["content-type"].startswith("text/event-stream")
                process.terminate()
                assert await process.wait() == 0


@pytest.mark.parametrize(("transport", "era"), CONNECTIONS)
async def test_the_deadline_of_a_call_bounds_the_wait(
    sandbox: Sandbox, tmp_path: Path, transport: str, era: Era
) -> None:
    account = SlowAccount(sandbox)
    refusals: list[str] = []

    async def call(agent: Agent) -> None:
        refusals.append(await agent.refusal("list_clients"))

    with anyio.fail_after(PATIENCE):
        async with (
            serving(account, transport, tmp_path / "stderr", CLIENTARY_DEADLINE="1") as (process, address),
            agent_of(address, transport, era) as agent,
        ):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(call, agent)
                await account.asked.wait()
                process.terminate()
            assert await process.wait() == 0
    assert len(refusals) == 1


class User:
    """The user of a client that can ask, who answers when the test allows it."""

    def __init__(self) -> None:
        self.asked, self.ready = anyio.Event(), anyio.Event()

    async def answer(self, _: object, params: mcp_types.ElicitRequestParams) -> mcp_types.ElicitResult:
        self.asked.set()
        await self.ready.wait()
        return YES


async def test_a_question_to_the_user_can_still_be_answered(sandbox: Sandbox, tmp_path: Path) -> None:
    account, user = SlowAccount(sandbox), User()
    account.released.set()
    client_id = sandbox.connection.execute("SELECT max(id) FROM clients").fetchone()[0]
    done: list[bool] = []

    async def call(agent: Agent) -> None:
        done.append((await agent.answer("delete_client", client_id=client_id, confirm=True))["done"])

    with anyio.fail_after(PATIENCE):
        async with (
            serving(account, "http", tmp_path / "stderr") as (process, address),
            agent_of(address, "http", "legacy", elicitation_callback=user.answer) as agent,
        ):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(call, agent)
                await user.asked.wait()
                process.terminate()
                await refuses_new_calls(address, "http")
                user.ready.set()
            assert await process.wait() == 0
    assert done == [True]


@pytest.mark.long
async def test_a_question_that_nobody_answers_does_not_keep_the_process_alive(sandbox: Sandbox, tmp_path: Path) -> None:
    account, user = SlowAccount(sandbox), User()
    account.released.set()
    client_id = sandbox.connection.execute("SELECT max(id) FROM clients").fetchone()[0]

    async def call(agent: Agent) -> None:
        with pytest.raises(MCPError):
            await agent.call("delete_client", {"client_id": client_id, "confirm": True})

    with anyio.fail_after(PATIENCE):
        async with (
            serving(account, "http", tmp_path / "stderr", CLIENTARY_DEADLINE="1") as (process, address),
            agent_of(address, "http", "legacy", elicitation_callback=user.answer) as agent,
        ):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(call, agent)
                await user.asked.wait()
                process.terminate()
            assert await process.wait() == 0
    assert list(sandbox.ledger) == []

"""The user is asked over every transport that can carry it: real processes, with a client that can ask."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import mcp_types
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.sse import sse_client
from mcp.client.stdio import stdio_client

from tests.server.http.test_transports import CONNECTIONS
from tests.support.agent import Agent, Era
from tests.support.processes import COMMAND, PATIENCE, free_port, listening
from tests.support.users import YES, User

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    """Real time: processes take some."""
    return "asyncio"


NO = mcp_types.ElicitResult(action="decline")


@asynccontextmanager
async def connected(transport: str, era: Era, log: Path, user: User | None, ask: str) -> AsyncIterator[Agent]:
    """An agent of a new process that serves the embedded account."""
    serve = ["--sandbox", "--date", "2026-11-20", "--transport", transport]
    how: dict[str, Any] = {"mode": era, "elicitation_callback": user}
    if transport == "stdio":
        settings = {"CLIENTARY_ASK_USER": ask}
        process = StdioServerParameters(command=COMMAND[0], args=[*COMMAND[1:], *serve], env=settings)
        with log.open("w") as stderr:
            async with Client(stdio_client(process, errlog=stderr), **how) as client:
                yield Agent(client)
        return
    port = free_port()
    async with listening(*serve, port=port, log=log, CLIENTARY_ASK_USER=ask):
        address = f"http://127.0.0.1:{port}"
        server = sse_client(f"{address}/sse") if transport == "sse" else f"{address}/mcp"
        async with Client(server, **how) as client:
            yield Agent(client)


@pytest.mark.parametrize(("transport", "era"), CONNECTIONS)
async def test_denial_keeps_the_record_and_approval_deletes_it(transport: str, era: Era, tmp_path: Path) -> None:
    log, user = tmp_path / "stderr", User(NO)
    with anyio.fail_after(PATIENCE):
        async with connected(transport, era, log, user, "always") as agent:
            leads = (await agent.answer("list_leads", limit=2))["records"]
            ids = [lead["id"] for lead in leads]
            assert "declined" in await agent.refusal("delete_lead", lead_id=ids[0], confirm=True)
            assert (await agent.answer("get_lead", lead_id=ids[0]))["id"] == ids[0]
            user.reply = YES
            assert (await agent.answer("delete_lead", lead_id=ids[0], confirm=True))["done"] is True
            assert "was not found" in await agent.refusal("get_lead", lead_id=ids[0])
            assert (await agent.answer("get_lead", lead_id=ids[1]))["id"] == ids[1]
    assert [leads[0]["name"] in question for question in user.questions] == [True, True]
    assert "Traceback" not in log.read_text()


@pytest.mark.parametrize(("transport", "era"), [("stdio", "auto"), ("streamable-http", "legacy")])
async def test_always_is_refused_by_a_process_whose_client_cannot_ask(transport: str, era: Era, tmp_path: Path) -> None:
    with anyio.fail_after(PATIENCE):
        async with connected(transport, era, tmp_path / "stderr", None, "always") as agent:
            lead = (await agent.answer("list_leads", limit=1))["records"][0]["id"]
            assert "cannot ask" in await agent.refusal("delete_lead", lead_id=lead, confirm=True)
            assert (await agent.answer("get_lead", lead_id=lead))["id"] == lead

"""The command as hosts run it: a real process, driven by a real client, over every transport and in both eras."""

import base64
import json
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream
from mcp import Client, StdioServerParameters
from mcp.client.sse import sse_client
from mcp.client.stdio import stdio_client
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS

from clientary_mcp.tools import ALL
from tests.support.agent import Agent, Era
from tests.support.processes import COMMAND, PATIENCE, environment, free_port, listening

pytestmark = pytest.mark.anyio

CONNECTIONS = [
    ("stdio", "auto"),
    ("stdio", "legacy"),
    ("sse", "legacy"),  # this transport is not part of the newer protocol
    ("streamable-http", "auto"),
    ("streamable-http", "legacy"),
]
TOKEN = "t0ken-that-nobody-may-see"


@asynccontextmanager
async def connected(transport: str, era: Era, log: Path) -> AsyncIterator[Client]:
    """A client of a new process that serves the embedded account."""
    serve = ["--sandbox", "--date", "2026-11-20", "--transport", transport]
    if transport == "stdio":
        process = StdioServerParameters(
            command=COMMAND[0], args=[*COMMAND[1:], *serve], env={"CLIENTARY_LOG_LEVEL": "DEBUG"}
        )
        with log.open("w") as stderr:
            async with Client(stdio_client(process, errlog=stderr), mode=era) as client:
                yield client
        return
    port = free_port()
    async with listening(*serve, port=port, log=log, CLIENTARY_LOG_LEVEL="DEBUG"):
        address = f"http://127.0.0.1:{port}"
        server = sse_client(f"{address}/sse") if transport == "sse" else f"{address}/mcp"
        async with Client(server, mode=era) as client:
            yield client


@pytest.mark.parametrize(("transport", "era"), CONNECTIONS)
async def test_a_real_client_works_with_a_real_process(transport: str, era: Era, tmp_path: Path) -> None:
    log = tmp_path / "stderr"
    with anyio.fail_after(PATIENCE):
        async with connected(transport, era, log) as client:
            versions = HANDSHAKE_PROTOCOL_VERSIONS if era == "legacy" else MODERN_PROTOCOL_VERSIONS
            assert client.protocol_version in versions
            assert client.instructions
            assert client.instructions.startswith("Clientary keeps the clients")
            offered = await client.list_tools()
            # All but requests of any kind, which are off unless they are named.
            assert [tool.name for tool in offered.tools] == [tool.name for tool in ALL if tool.resource != "raw"]
            assert offered.next_cursor is None
            await _is_useful(Agent(client))
    assert "Traceback" not in log.read_text()


async def _is_useful(agent: Agent) -> None:
    """An agent's first calls: reads a list over its pages, previews a delete, and makes a mistake."""
    clients = await agent.answer("list_clients", limit=1000)
    assert (clients["returned"], clients["total_count"], clients["complete"]) == (64, 64, True)
    client_id = clients["records"][0]["id"]
    preview = await agent.answer("delete_client", client_id=client_id)
    assert (preview["done"], preview["record"]["id"]) == (False, client_id)
    assert (await agent.answer("get_client", client_id=client_id))["id"] == client_id
    assert "client_id" in await agent.refusal("get_client", clientid=client_id)


async def test_several_clients_share_one_process_and_account(tmp_path: Path) -> None:
    port = free_port()
    arguments = ("--sandbox", "--transport", "streamable-http")
    with anyio.fail_after(PATIENCE):
        async with listening(*arguments, port=port, log=tmp_path / "stderr"):
            address = f"http://127.0.0.1:{port}/mcp"
            async with Client(address) as one, Client(address, mode="legacy") as other:
                made = await Agent(one).answer("create_client", name="Seen by both")
                seen = await Agent(other).answer("get_client", client_id=made["id"])
    assert seen["name"] == "Seen by both"


class Lines:
    """The protocol over stdio, line by line, without a client that could hide other output."""

    def __init__(self, process: Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.stdin = process.stdin
        self.stdout = BufferedByteReceiveStream(process.stdout)
        self.received: list[dict[str, Any]] = []

    async def send(self, method: str, params: dict[str, Any], number: int | None = None) -> None:
        """Send a request, or without a number a notification."""
        message = {"jsonrpc": "2.0", "method": method, "params": params}
        line = json.dumps(message if number is None else message | {"id": number})
        await self.stdin.send(f"{line}\n".encode())

    async def answer(self, number: int) -> dict[str, Any]:
        """The answer to a request; every line until then has to be a message, too."""
        while True:
            message = json.loads(await self.stdout.receive_until(b"\n", 1_000_000))
            assert message["jsonrpc"] == "2.0"
            self.received.append(message)
            if message.get("id") == number:
                return dict(message["result"])


async def test_stdout_carries_only_the_protocol_and_the_token_appears_nowhere(tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "stderr"
    account = {
        "CLIENTARY_BASE_URL": f"http://127.0.0.1:{port}",
        "CLIENTARY_API_TOKEN": TOKEN,  # which the sandbox rejects: a token would show up in an error
        "CLIENTARY_LOG_LEVEL": "DEBUG",
    }
    hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    with anyio.fail_after(PATIENCE):
        async with listening("sandbox", port=port, log=tmp_path / "stand-in"):
            with log.open("wb") as stderr:
                process = await anyio.open_process(
                    COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, env=environment(**account)
                )
            async with process:
                lines = Lines(process)
                await lines.send("initialize", hello, 1)
                assert (await lines.answer(1))["serverInfo"]["name"] == "clientary"
                await lines.send("notifications/initialized", {})
                await lines.send("tools/call", {"name": "list_clients", "arguments": {}}, 2)
                answer = await lines.answer(2)
                await lines.stdin.aclose()
                assert b"".join([rest async for rest in lines.stdout]) == b""
                assert await process.wait() == 0
    assert answer["isError"] is True
    assert "rejected the API token" in answer["content"][0]["text"]
    text = json.dumps(lines.received) + log.read_text() + (tmp_path / "stand-in").read_text()
    for secret in (TOKEN, base64.b64encode(f"{TOKEN}:{TOKEN}".encode()).decode()):
        assert secret not in text

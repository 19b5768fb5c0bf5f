"""Servers as desktop hosts run them: real processes over stdio, which can be killed."""

import json
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import mcp_types
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream

from tests.support.processes import COMMAND, PATIENCE, environment

_HELLO = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
_LONGEST_LINE = 10_000_000


class Killed(Exception):
    """The process ended before it answered."""


class StdioServer:
    """One process, and the calls that are under way in it."""

    def __init__(self, process: Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process, self._stdin = process, process.stdin
        self._stdout = BufferedByteReceiveStream(process.stdout)
        self._answers: dict[int, dict[str, Any]] = {}
        self._events: dict[int, anyio.Event] = {}
        self._last = 0

    async def read(self) -> None:
        """Pass every answer on to whoever waits for it, until the process ends."""
        try:
            while True:
                message = json.loads(await self._stdout.receive_until(b"\n", _LONGEST_LINE))
                if (number := message.get("id")) in self._events:
                    self._answers[number] = message
                    self._events[number].set()
        except (anyio.EndOfStream, anyio.IncompleteRead, anyio.ClosedResourceError):
            for event in self._events.values():
                event.set()

    async def _ask(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        self._last = number = self._last + 1
        event = self._events[number] = anyio.Event()
        await self._send({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        await event.wait()
        if number not in self._answers:
            raise Killed
        return dict(self._answers.pop(number)["result"])

    async def _send(self, message: dict[str, Any]) -> None:
        await self._stdin.send(json.dumps(message).encode() + b"\n")

    async def begin(self) -> None:
        """Shake hands."""
        await self._ask("initialize", _HELLO)
        await self._send({"jsonrpc": "2.0", "method": "notifications/initialized", "params": {}})

    async def call(self, tool: str, arguments: dict[str, Any]) -> mcp_types.CallToolResult:
        """Call a tool; Killed if the process ends before it answers."""
        return mcp_types.CallToolResult.model_validate(
            await self._ask("tools/call", {"name": tool, "arguments": arguments})
        )

    def signal(self, number: int) -> None:
        """Send it a signal."""
        self._process.send_signal(signal.Signals(number))

    async def kill(self) -> None:
        """End it at once, in whatever it does."""
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()


@asynccontextmanager
async def stdio_servers(count: int, port: int, log: Path, **settings: str) -> AsyncIterator[list[StdioServer]]:
    """So many processes on the account at that port, all of one user."""
    account = {"CLIENTARY_BASE_URL": f"http://127.0.0.1:{port}", "CLIENTARY_API_TOKEN": "sandbox", **settings}
    servers: list[StdioServer] = []
    processes: list[Process] = []
    with anyio.fail_after(PATIENCE), log.open("ab") as stderr:
        async with anyio.create_task_group() as tasks:
            try:
                for _ in range(count):
                    processes.append(
                        await anyio.open_process(
                            COMMAND,
                            stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE,
                            stderr=stderr,
                            env=environment(**account),
                        )
                    )
                    servers.append(StdioServer(processes[-1]))
                    tasks.start_soon(servers[-1].read)
                async with anyio.create_task_group() as beginning:
                    for server in servers:
                        beginning.start_soon(server.begin)
                yield servers
            finally:
                for process in processes:
                    if process.returncode is None:
                        process.kill()
                with anyio.CancelScope(shield=True):
                    for process in processes:
                        await process.aclose()
                tasks.cancel_scope.cancel()

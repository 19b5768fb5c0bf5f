"""Minimal MCP clients, so that the measurement is of the server: JSON-RPC over pipes and over HTTP.

They initialize as current hosts do (revision 2025-11-25) and check only that a response is a result.
"""

import asyncio
import contextlib
import json
from asyncio import Future, StreamReader, StreamWriter
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from itertools import count
from typing import Any, Protocol, Self

from benchmarks.processes import Contender, free_port, start, stop

_HELLO = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "benchmarks", "version": "1"},
}


class Agent(Protocol):
    """A session with one server in its own process."""

    process: Process

    async def ask(self, method: str, params: dict[str, Any]) -> Any:
        """The result of one request; raises if the response is not a result."""


class OverStdio:
    """Concurrent requests over one pair of pipes."""

    def __init__(self, process: Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.process = process
        self._to, self._from = process.stdin, process.stdout
        self._ids = count(1)
        self._waiting: dict[int, Future[Any]] = {}
        self._reading = asyncio.create_task(self._read())

    @classmethod
    @contextlib.asynccontextmanager
    async def session(cls, server: Contender, upstream: int) -> AsyncIterator[Self]:
        """A session with a server that is started for it and stopped afterwards."""
        process = await start(server.stdio, upstream)
        agent = cls(process)
        try:
            await agent.ask("initialize", _HELLO)
            agent._send({"method": "notifications/initialized"})
            yield agent
        finally:
            await stop(process)
            await agent._reading

    async def ask(self, method: str, params: dict[str, Any]) -> Any:
        """Send one line and receive one line."""
        if self._reading.done():
            raise ConnectionError("the server has ended")
        number = next(self._ids)
        answer: Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        self._send({"id": number, "method": method, "params": params})
        return await answer

    def _send(self, message: dict[str, Any]) -> None:
        self._to.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")

    async def _read(self) -> None:
        while line := await self._from.readline():
            message = json.loads(line)
            if (answer := self._waiting.pop(message.get("id"), None)) is None:
                continue  # a notification
            if "result" in message:
                answer.set_result(message["result"])
            else:
                answer.set_exception(RuntimeError(message["error"]["message"]))
        for answer in self._waiting.values():
            answer.set_exception(ConnectionError("the server has ended"))


class OverHttp:
    """Concurrent requests, each over a connection that is reused for the next one."""

    def __init__(self, process: Process, port: int) -> None:
        self.process = process
        self._port = port
        self._session = ""
        self._ids = count(1)
        self._idle: list[tuple[StreamReader, StreamWriter]] = []

    @classmethod
    @contextlib.asynccontextmanager
    async def session(cls, server: Contender, upstream: int) -> AsyncIterator[Self]:
        """A session with a server that is started for it and stopped afterwards."""
        port = free_port()
        process = await start([*server.http, str(port)], upstream)
        agent = cls(process, port)
        try:
            await agent._listening()
            await agent.ask("initialize", _HELLO)
            await agent.post({"method": "notifications/initialized"})
            yield agent
        finally:
            for _, writer in agent._idle:
                writer.close()
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await stop(process)

    async def ask(self, method: str, params: dict[str, Any]) -> Any:
        """The last message of the event stream returned for one POST."""
        body = await self.post({"id": next(self._ids), "method": method, "params": params})
        events = [line.removeprefix(b"data: ") for line in body.splitlines() if line.startswith(b"data: {")]
        return json.loads(events[-1])["result"]

    async def _listening(self) -> None:
        for _ in range(600):
            with contextlib.suppress(OSError):
                self._idle.append(await asyncio.open_connection("127.0.0.1", self._port))
                return
            await asyncio.sleep(0.05)
        raise ConnectionError("the server does not listen")

    async def post(self, message: dict[str, Any], headers: str | None = None) -> bytes:
        """The body of the answer to one message; the headers are those of the session unless others are given."""
        content = json.dumps({"jsonrpc": "2.0", **message}).encode()
        head = (
            f"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\nContent-Type: application/json\r\n"
            f"Accept: application/json, text/event-stream\r\nContent-Length: {len(content)}\r\n"
            f"{self._session if headers is None else headers}\r\n"
        )
        self._idle = [pair for pair in self._idle if not pair[0].at_eof()]  # servers close what was idle for long
        reader, writer = self._idle.pop() if self._idle else await asyncio.open_connection("127.0.0.1", self._port)
        writer.write(head.encode() + content)
        body = await self._body(reader)
        self._idle.append((reader, writer))
        return body

    async def _body(self, reader: StreamReader) -> bytes:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        assert head.startswith("HTTP/1.1 20"), head
        headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:-2])
        if session := headers.get("mcp-session-id"):
            self._session = f"Mcp-Session-Id: {session}\r\nMcp-Protocol-Version: {_HELLO['protocolVersion']}\r\n"
        if headers.get("transfer-encoding") != "chunked":
            return await reader.readexactly(int(headers["content-length"]))
        body = b""
        while size := int(await reader.readline(), 16):
            body += (await reader.readexactly(size + 2))[:-2]
        await reader.readline()
        return body

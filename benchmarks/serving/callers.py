"""Callers: a minimal client of revision 2026-07-28 for each, and rounds of calls that many of them make."""

import asyncio
import json
import time
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable, Sequence
from contextlib import suppress
from copy import copy
from itertools import count
from typing import Any

from benchmarks.serving.processes import GATE

_ABOUT = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "benchmarks", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}

_numbers = count(1)

Call = Callable[[], tuple[str, dict[str, Any]]]
"""The tool and the arguments of the next call."""


def read() -> tuple[str, dict[str, Any]]:
    """A call with one request to Clientary."""
    return "get_client", {"client_id": next(_numbers)}


def write() -> tuple[str, dict[str, Any]]:
    """A call that must not be made twice."""
    return "create_client", {"name": f"Client {next(_numbers)}"}


def capped_write() -> tuple[str, dict[str, Any]]:
    """A call that counts towards an hourly limit as well."""
    return "delete_client", {"client_id": next(_numbers), "confirm": True}


class Caller:
    """One caller, with a credential of their own for one account; each call in turn, over one connection."""

    def __init__(self, port: int, account: int | str, token: str | None = None) -> None:
        """`account` is its host, or its port on this machine."""
        self._port = port
        if token:
            self._path, credentials = "/mcp", {"Authorization": f"Bearer {token}"}
        else:
            self._path = "/direct/mcp"
            credentials = {
                "Authorization": f"Bearer {GATE}",
                "X-Clientary-Host": account if isinstance(account, str) else f"127.0.0.1:{account}",
                "X-Clientary-Token": f"caller-{next(_numbers)}",
            }
        self._credentials = "".join(f"{name}: {value}\r\n" for name, value in credentials.items())
        self._connection: tuple[StreamReader, StreamWriter] | None = None

    def again(self) -> "Caller":
        """The same caller, over another connection."""
        other = copy(self)
        other._connection = None
        return other

    async def call(self, tool: str, arguments: dict[str, Any]) -> Any:
        """The structured content of a tool's answer; raises if it is an error."""
        result = await self.ask("tools/call", {"name": tool, "arguments": arguments})
        assert not result.get("isError"), result
        return result["structuredContent"]

    async def ask(self, method: str, params: dict[str, Any]) -> Any:
        """The result of one request."""
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": _ABOUT}}
        content = json.dumps(message).encode()
        name = f"Mcp-Name: {params['name']}\r\n" if "name" in params else ""
        head = (
            f"POST {self._path} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\nContent-Type: application/json\r\n"
            f"Accept: application/json, text/event-stream\r\nContent-Length: {len(content)}\r\n{self._credentials}"
            f"Mcp-Protocol-Version: 2026-07-28\r\nMcp-Method: {method}\r\n{name}\r\n"
        )
        if self._connection is None or self._connection[0].at_eof():
            self._connection = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._connection
        writer.write(head.encode() + content)
        body = await _body(reader)
        return json.loads(body[body.index(b"{") :])["result"]

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            with suppress(OSError):
                self._connection[1].close()
            self._connection = None


async def rounds(callers: Sequence[Caller], each: int, call: Call) -> list[float]:
    """How many seconds each call took; all callers call at the same time, each one call after the other."""
    took: list[float] = []

    async def calls(caller: Caller) -> None:
        for _ in range(each):
            tool, arguments = call()
            began = time.perf_counter()
            await caller.call(tool, arguments)
            took.append(time.perf_counter() - began)

    async with asyncio.TaskGroup() as group:
        for caller in callers:
            group.create_task(calls(caller))
    return took


async def _body(reader: StreamReader) -> bytes:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:-2])
    if headers.get("transfer-encoding") != "chunked":
        body = await reader.readexactly(int(headers["content-length"]))
    else:
        body = b""
        while size := int(await reader.readline(), 16):
            body += (await reader.readexactly(size + 2))[:-2]
        await reader.readline()
    assert head.startswith("HTTP/1.1 200"), (head, body)
    return body

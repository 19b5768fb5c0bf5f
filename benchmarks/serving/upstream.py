"""Clientary for many accounts, simulated as fast as Python can: one account on each port, answering every method.

`python -m benchmarks.serving.upstream ACCOUNTS [SECONDS]` prints the ports in one line, and ends when its standard
input does. Each answer takes so many seconds.
"""

import asyncio
import json
import sys
from collections.abc import Mapping
from itertools import count
from typing import Any

from benchmarks.upstream import client

_new_ids = count(1_000_000)


class Account(asyncio.Protocol):
    """One connection: answers request after request."""

    def __init__(self, seconds: float) -> None:
        self._received, self._seconds = b"", seconds

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep where answers go."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each request that is complete."""
        self._received += data
        while b"\r\n\r\n" in self._received:
            head, rest = self._received.split(b"\r\n\r\n", 1)
            fields = head.lower().partition(b"\r\ncontent-length: ")[2]
            length = int(fields.partition(b"\r\n")[0] or 0)
            if len(rest) < length:
                return
            self._received = rest[length:]
            asyncio.get_running_loop().call_later(self._seconds, self._answer, head, rest[:length])

    def _answer(self, head: bytes, body: bytes) -> None:
        method, path, _ = head.split(b" ", 2)
        name = path.decode().partition("?")[0].rpartition("/")[2]
        if method == b"POST":
            self._send("201 Created", {**client(next(_new_ids)), **json.loads(body).get("client", {})})
        elif method == b"DELETE":
            self._send("204 No Content", None)
        elif name.isdigit():
            self._send("200 OK", client(int(name)))
        else:
            self._send("200 OK", {"page_count": 1, "page_size": 30, "total_count": 0, name: []})

    def _send(self, status: str, body: Mapping[str, Any] | None) -> None:
        content = b"" if body is None else json.dumps(body).encode()
        head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        self._transport.write(head.encode() + content)


async def serve(accounts: int, seconds: float) -> None:
    """Answer until standard input ends, so that the process never outlives its parent."""
    loop = asyncio.get_running_loop()
    servers = [await loop.create_server(lambda: Account(seconds), "127.0.0.1", 0, backlog=256) for _ in range(accounts)]
    print(*(server.sockets[0].getsockname()[1] for server in servers), flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), float(sys.argv[2]) if sys.argv[2:] else 0.0))

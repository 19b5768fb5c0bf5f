"""Servers on loopback that answer byte by byte, and break their connections in every way there is."""

import asyncio
import errno
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing, suppress

import anyio

Script = Callable[["Connection"], Awaitable[None]]


class Connection:
    """The server's end of a connection, which is read only where the script says so."""

    def __init__(self, end: socket.socket, served: "Served") -> None:
        self._end, self._served = end, served

    async def head(self) -> None:
        """Read up to the end of a request's head."""
        received = b""
        while b"\r\n\r\n" not in received:
            received += await self._receive()

    async def arrived(self) -> None:
        """Wait until something was sent, and leave it unread."""
        await anyio.wait_readable(self._end)
        self._served.received += len(self._end.recv(1, socket.MSG_PEEK))

    async def send(self, content: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self._end, content)

    async def _receive(self) -> bytes:
        content = await asyncio.get_running_loop().sock_recv(self._end, 65_536)
        if not content:
            raise ConnectionResetError(errno.ECONNRESET, "the client closed")
        self._served.received += len(content)
        return content

    async def forget(self) -> None:
        """Keep the connection, and do nothing more."""
        await anyio.sleep_forever()

    def reset(self) -> None:
        """Break the connection at once: what is under way in either direction is lost."""
        self._end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._end.close()


class Served:
    """A server, and what has reached it: connections and bytes."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.connections = self.received = 0
        self.ended = asyncio.Event()
        """Set when the server has closed a connection."""


@asynccontextmanager
async def serving(script: Script) -> AsyncIterator[Served]:
    """Run the script for each connection, and close it afterwards."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        listener.settimeout(0)
        served = Served(listener.getsockname()[1])

        async def run(end: socket.socket) -> None:
            with closing(end), suppress(ConnectionError):
                await script(Connection(end, served))
            served.ended.set()

        async def accept() -> None:
            while True:
                end, _ = await asyncio.get_running_loop().sock_accept(listener)
                served.connections += 1
                group.start_soon(run, end)

        async with anyio.create_task_group() as group:
            group.start_soon(accept)
            yield served
            group.cancel_scope.cancel()


def unused_port() -> int:
    """A port of loopback that refuses connections."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port: int = listener.getsockname()[1]
        return port


@asynccontextmanager
async def full_queue() -> AsyncIterator[int]:
    """A port of loopback that lets connections wait: its queue is full, and nobody takes them from it."""
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        try:
            for each in waiting:
                each.settimeout(0)
                each.connect_ex(listener.getsockname())
            yield listener.getsockname()[1]
        finally:
            for each in waiting:
                each.close()

"""Ways to Redis that fail: cut off, or so that answers get lost whose questions took effect."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import anyio
from anyio.abc import SocketAttribute, SocketStream

from clientary_mcp.state.redis.connection import RedisConnection


class RedisWay:
    """Passes everything on, unless it is cut: then it breaks every connection, and lets nobody through."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._is_cut = False
        self._passing = set[anyio.CancelScope]()

    def cut(self) -> None:
        """Let nobody through until it is mended."""
        self._is_cut = True
        for scope in self._passing:
            scope.cancel()

    def mend(self) -> None:
        """Let everybody through again."""
        self._is_cut = False

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        """The way; yields what `CLIENTARY_STORE` would be."""
        listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
        port = listener.extra(SocketAttribute.local_port)  # noqa: S610 - no query of a database
        async with listener, anyio.create_task_group() as group:
            group.start_soon(listener.serve, self._pass_on)
            yield f"redis://127.0.0.1:{port}"
            group.cancel_scope.cancel()

    def _loses(self) -> bool:
        """Whether an answer gets lost, and its connection breaks."""
        return False

    async def _pass_on(self, client: SocketStream) -> None:
        if self._is_cut:
            await client.aclose()
            return
        async with (
            client,
            await anyio.connect_tcp("127.0.0.1", self._port) as server,
            anyio.create_task_group() as group,
        ):
            self._passing.add(group.cancel_scope)

            async def asked() -> None:
                with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
                    async for data in client:
                        await server.send(data)
                group.cancel_scope.cancel()

            group.start_soon(asked)
            try:
                async for data in server:
                    if self._loses():
                        break
                    await client.send(data)
            finally:
                self._passing.discard(group.cancel_scope)
                group.cancel_scope.cancel()


class LossyRedis(RedisWay):
    """Loses the answers that are to be lost."""

    losing = False
    """Whether the next answer is lost."""
    lost = 0
    """How many were."""

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[RedisConnection]:
        """A connection to Redis on this way."""
        async with self.listening() as url:
            connection = RedisConnection(url)
            try:
                await connection.open()
                yield connection
            finally:
                self.losing = False
                await connection.aclose()

    def _loses(self) -> bool:
        if self.losing:
            self.losing, self.lost = False, self.lost + 1
            return True
        return False

"""A way to Redis on which answers get lost: what was asked took effect, and nobody knows."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import anyio
from anyio.abc import SocketAttribute, SocketStream

from clientary_mcp.state.redis.connection import RedisConnection


class LossyRedis:
    """Passes everything on, but for the answers that are to be lost: then it breaks the connection."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.losing = False
        """Whether the next answer is lost."""
        self.lost = 0
        """How many were."""

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[RedisConnection]:
        """A connection to Redis on this way."""
        listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
        port = listener.extra(SocketAttribute.local_port)  # noqa: S610 - no query of a database
        async with listener, anyio.create_task_group() as group:
            group.start_soon(listener.serve, self._pass_on)
            connection = RedisConnection(f"redis://127.0.0.1:{port}")
            try:
                await connection.open()
                yield connection
            finally:
                self.losing = False
                await connection.aclose()
                group.cancel_scope.cancel()

    async def _pass_on(self, client: SocketStream) -> None:
        async with (
            client,
            await anyio.connect_tcp("127.0.0.1", self._port) as server,
            anyio.create_task_group() as group,
        ):

            async def asked() -> None:
                with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
                    async for data in client:
                        await server.send(data)
                group.cancel_scope.cancel()

            group.start_soon(asked)
            async for data in server:
                if self.losing:
                    self.losing, self.lost = False, self.lost + 1
                    group.cancel_scope.cancel()
                    return
                await client.send(data)

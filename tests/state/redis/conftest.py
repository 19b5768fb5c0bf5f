"""Connections to a real Redis, each as another replica of the server has it; each test has an account of its own."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing
from uuid import uuid4

import pytest

from clientary_mcp.state.redis.connection import RedisConnection
from tests.support.redis_server import RedisServer, own_redis, redis_server

__all__ = ["own_redis", "redis_server"]

Replica = Callable[[], Awaitable[RedisConnection]]


@pytest.fixture
def account_id() -> str:
    """An account that no other test has."""
    return uuid4().hex[:16]


@pytest.fixture
async def replica(redis_server: RedisServer) -> AsyncIterator[Replica]:
    """Opens the connection of another replica."""
    async with AsyncExitStack() as stack:

        async def new() -> RedisConnection:
            connection = await stack.enter_async_context(aclosing(RedisConnection(redis_server.url)))
            await connection.open()
            return connection

        yield new

"""Connections to a real Redis, each as another replica of the server has it; each test has an account of its own."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, aclosing
from typing import Any
from uuid import uuid4

import pytest
from redis import Redis

from clientary_mcp.settings import Settings
from clientary_mcp.state.memory import Memory
from clientary_mcp.state.redis.connection import RedisConnection
from clientary_mcp.state.redis.memory import redis_memory
from clientary_mcp.state.sealing import KeyRing
from tests.support.redis_server import RedisServer, own_redis, redis_server
from tests.support.redis_time import RedisTime

__all__ = ["own_redis", "redis_server"]

Replica = Callable[[], Awaitable[RedisConnection]]
MemoryOf = Callable[..., Memory]
RING = KeyRing(["a secret of at least 32 characters"])


@pytest.fixture
def account_id() -> str:
    """An account that no other test has."""
    return uuid4().hex[:16]


@pytest.fixture
def redis(redis_server: RedisServer) -> Iterator[Redis]:
    """What an administrator sees."""
    with redis_server.administrator() as redis:
        yield redis


@pytest.fixture
def time(redis: Redis, account_id: str) -> RedisTime:
    """The account grows older when somebody waits."""
    return RedisTime(redis, account_id)


@pytest.fixture
async def replica(redis_server: RedisServer, time: RedisTime) -> AsyncIterator[Replica]:
    """Opens the connection of another replica."""
    async with AsyncExitStack() as stack:

        async def new() -> RedisConnection:
            connection = RedisConnection(redis_server.url, wall=time.clock.wall)
            await stack.enter_async_context(aclosing(connection))
            await connection.open()
            return connection

        yield new


@pytest.fixture
def memory_of(account_id: str) -> MemoryOf:
    """The memory of the account on a connection."""

    def new(connection: RedisConnection, **settings: Any) -> Memory:
        chosen = Settings(subdomain="acme", api_token="t0ken-of-acme", **settings)
        return redis_memory(chosen, connection, account_id, RING)

    return new


@pytest.fixture
async def ours(replica: Replica, memory_of: MemoryOf) -> Memory:
    """The memory on one replica."""
    return memory_of(await replica(), mails_per_hour=5)


@pytest.fixture
async def theirs(replica: Replica, memory_of: MemoryOf) -> Memory:
    """The memory on another."""
    return memory_of(await replica(), mails_per_hour=5)

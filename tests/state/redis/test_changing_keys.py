"""Changing `CLIENTARY_KEYS` while replicas run: in the order that docs/serving.md gives, none is ever unready."""

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from clientary_mcp.state.backend import Backend
from clientary_mcp.state.backends import backend_for
from tests.support.redis_server import RedisServer

pytestmark = pytest.mark.anyio

OLD, NEW = "o" * 32, "n" * 32


@pytest.fixture
async def replicas() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as replicas:
        yield replicas


async def started(replicas: AsyncExitStack, server: RedisServer, *keys: str) -> Backend:
    """A replica with these keys."""
    backend = backend_for(server.url, keys, time.time)
    await backend.open()
    replicas.push_async_callback(backend.aclose)
    return backend


async def test_a_new_key_is_rolled_out_behind_the_old_one_first(
    own_redis: RedisServer, replicas: AsyncExitStack
) -> None:
    rings = ((OLD,), (OLD, NEW), (NEW, OLD), (NEW,))
    before = await started(replicas, own_redis, *rings[0])
    for ring in rings[1:]:
        after = await started(replicas, own_redis, *ring)
        assert [await before.problem(), await after.problem()] == [None, None]
        before = after


async def test_a_replica_that_does_not_know_the_key_of_another_is_not_ready(
    own_redis: RedisServer, replicas: AsyncExitStack
) -> None:
    before = await started(replicas, own_redis, OLD)
    after = await started(replicas, own_redis, NEW, OLD)
    assert [await before.problem(), await after.problem()] == ["keys", None]

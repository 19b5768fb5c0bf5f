"""A Redis that comes back without what it held: nothing that may be under way is done a second time."""

import time
from contextlib import AsyncExitStack, aclosing

import pytest

from clientary_mcp.errors import NotRemembered
from clientary_mcp.settings import Settings
from clientary_mcp.state.backends import backend_for
from clientary_mcp.state.memory import Memory
from clientary_mcp.state.redis.connection import RedisConnection
from tests.state.redis.conftest import MemoryOf
from tests.support.redis_server import RedisServer

pytestmark = pytest.mark.anyio

CALL, LEASE = "create_payment 7 100", 120.0
OLD, NEW = "o" * 40, "n" * 40


def begun_anew(server: RedisServer) -> None:
    with server.administrator() as redis:
        redis.flushall()


async def refusal(memory: Memory, call: str = CALL) -> str:
    with pytest.raises(NotRemembered) as failure:
        await memory.claims.take(call, LEASE, await memory.claims.find(call))
    return failure.value.message()


async def test_what_is_under_way_is_made_by_nobody_else_until_it_has_ended(
    own_redis: RedisServer, memory_of: MemoryOf
) -> None:
    passed = 0.0
    async with AsyncExitStack() as stack:

        async def replica() -> Memory:
            connection = RedisConnection(own_redis.url, now=lambda: time.monotonic() + passed)
            await stack.enter_async_context(aclosing(connection))
            await connection.open()
            return memory_of(connection)

        ours, theirs = await replica(), await replica()
        assert await ours.claims.take(CALL, LEASE, None)
        await ours.claims.sent(CALL, (), LEASE)
        assert await ours.claims.take("another call", LEASE, None)
        begun_anew(own_redis)
        assert await refusal(theirs) == (
            "Nothing was sent: this server's shared memory has lost what it held, so that what is under way could be"
            " done twice. Try again in 2 minutes. This says nothing of an earlier call."
        )
        with pytest.raises(NotRemembered):
            await ours.claims.sent("another call", (), LEASE)
        with pytest.raises(NotRemembered):
            await ours.claims.done(CALL, 600)
        assert "has lost what it held" in await refusal(ours, "another call")
        assert "has lost what it held" in await refusal(await replica())  # which started afterwards
        passed = LEASE
        assert await theirs.claims.take(CALL, LEASE, None)


async def test_a_restart_that_loses_nothing_keeps_nothing_from_being_done(
    own_redis: RedisServer, memory_of: MemoryOf
) -> None:
    async with aclosing(RedisConnection(own_redis.url)) as connection:
        await connection.open()
        memory = memory_of(connection)
        own_redis.stop()
        own_redis.start()
        assert await memory.claims.take(CALL, LEASE, None)


async def test_replicas_agree_on_who_is_who_also_if_only_one_started_since(own_redis: RedisServer) -> None:
    settings = Settings(subdomain="acme", api_token="t0ken-of-acme")
    old, new = (backend_for(own_redis.url, keys, time.time) for keys in ((OLD, NEW), (NEW, OLD)))
    async with aclosing(old), aclosing(new):
        await old.open()
        begun_anew(own_redis)
        await new.open()
        for backend in (old, new):
            await backend.memory(settings).previews.keep("call", {})
        assert len(await old.contents()) == 1
        begun_anew(own_redis)
        assert [await backend.problem() for backend in (old, new)] == [None, None]
        await new.values.put("identity", new.ring.seal(b"of somebody who had other keys", "identity"))
        assert [await backend.problem() for backend in (old, new)] == ["keys", "keys"]

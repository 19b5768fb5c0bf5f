"""The slots of callers over replicas, each with a connection of its own to a real Redis."""

import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import anyio
import pytest
from redis import Redis

from clientary_mcp.api.call import Call
from clientary_mcp.errors import RateLimited
from clientary_mcp.state.redis.call_slots import RedisCallSlots
from clientary_mcp.state.redis.connection import RedisConnection
from clientary_mcp.state.redis.pace import RedisPace
from tests.state.redis.conftest import Replica
from tests.support.redis_server import RedisServer

pytestmark = pytest.mark.anyio


class Office:
    """Runs calls of callers of one account on one replica."""

    def __init__(self, connection: RedisConnection, account_id: str, most: int, places: int = 64) -> None:
        self.slots, self.pace = RedisCallSlots(connection, most), RedisPace(connection, account_id, places, 0)

    @asynccontextmanager
    async def call(self, caller: str = "ada", deadline: float = 60) -> AsyncIterator[None]:
        """A call, after its first request."""
        async with self.slots.taken(caller, deadline):
            await self.request(deadline)
            yield

    async def make_call(self) -> None:
        """A call with one request."""
        async with self.call():
            pass

    async def request(self, deadline: float = 60) -> None:
        """One request of a call."""
        call = Call(deadline, latest=time.monotonic() + deadline)
        await self.pace.done(await self.pace.begin(call, writes=False), call, accepted=True)


class Calls:
    """Calls of one caller, and how many were under way at once."""

    def __init__(self) -> None:
        self.under_way = self.most = self.ended = 0

    async def run(self, office: Office) -> None:
        async with office.call():
            self.under_way += 1
            self.most = max(self.most, self.under_way)
            await anyio.sleep(0.01)
            self.under_way -= 1
        self.ended += 1


async def test_replicas_together_run_no_more_calls_of_a_caller_than_may(replica: Replica, account_id: str) -> None:
    offices, calls = [Office(await replica(), account_id, 3) for _ in range(2)], Calls()
    async with anyio.create_task_group() as group:
        for number in range(20):
            group.start_soon(calls.run, offices[number % 2])
    assert (calls.most, calls.ended) == (3, 20)


async def test_a_caller_keeps_no_other_waiting(replica: Replica, account_id: str) -> None:
    one, other = [Office(await replica(), account_id, 1) for _ in range(2)]
    async with one.call("ada"), anyio.create_task_group() as group:
        group.start_soon(other.make_call)
        await anyio.wait_all_tasks_blocked()
        async with other.call("grace"):
            group.cancel_scope.cancel()


async def test_a_call_keeps_its_slot_from_its_first_request_to_its_end(
    replica: Replica, account_id: str, redis: Redis
) -> None:
    office, key = Office(await replica(), account_id, 1), f"clientary:1:{{{account_id}}}:calls:ada"
    async with office.slots.taken("ada", 60):
        assert not redis.exists(key)
        for _ in range(2):
            await office.request()
            assert redis.zcard(key) == 1
    await office.pace.connection.flush()
    assert not redis.exists(key)


@pytest.mark.parametrize("where", ["here", "there"])
async def test_a_call_without_a_slot_before_its_deadline_is_told_so(
    replica: Replica, account_id: str, where: str
) -> None:
    one, other = [Office(await replica(), account_id, 1) for _ in range(2)]
    async with one.call():
        with pytest.raises(RateLimited, match="at a time") as late:
            async with (one if where == "here" else other).call(deadline=0.1):
                pass
    assert late.value.effect == "not sent"
    async with other.call():
        pass


async def test_a_call_that_waits_for_a_place_has_its_slot(replica: Replica, account_id: str, redis: Redis) -> None:
    office = Office(await replica(), account_id, 8, places=1)
    turn = await office.pace.begin(Call(60), writes=False)
    async with anyio.create_task_group() as group:
        group.start_soon(office.make_call)
        with anyio.fail_after(10):
            while not redis.zcard(f"clientary:1:{{{account_id}}}:calls:ada"):  # noqa: ASYNC110 - the Redis is real
                await anyio.sleep(0.001)
        await office.pace.done(turn, Call(60), accepted=True)


async def test_the_slot_of_a_replica_that_died_lapses_after_the_deadline(
    replica: Replica, account_id: str, redis: Redis
) -> None:
    one, other = [Office(await replica(), account_id, 1) for _ in range(2)]
    key = f"clientary:1:{{{account_id}}}:calls:ada"
    async with one.call():
        known: Any = redis.zrange(key, 0, -1, withscores=True)
        [(call, lapses)] = known
        assert lapses / 1_000 == pytest.approx(time.time() + 90, abs=20)
        redis.zadd(key, {call: 1})
        async with other.call():
            assert redis.zcard(key) == 1


async def test_a_cancelled_call_gives_its_slot_back(replica: Replica, account_id: str) -> None:
    one, other = [Office(await replica(), account_id, 1) for _ in range(2)]
    with anyio.CancelScope() as scope:
        async with one.call():
            scope.cancel()
            await anyio.sleep_forever()
    async with other.call():
        pass


async def test_without_redis_each_replica_runs_as_many(own_redis: RedisServer, account_id: str) -> None:
    async with aclosing(RedisConnection(own_redis.url)) as connection:
        await connection.open()
        office, calls = Office(connection, account_id, 3), Calls()
        async with office.call():
            own_redis.stop()
        async with anyio.create_task_group() as group:
            for _ in range(9):
                group.start_soon(calls.run, office)
    assert (calls.most, calls.ended) == (3, 9)

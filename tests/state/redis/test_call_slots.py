"""The slots of callers over replicas, each with a connection of its own to a real Redis."""

import time
from contextlib import aclosing

import anyio
import pytest

from clientary_mcp.errors import RateLimited
from clientary_mcp.state.redis.call_slots import RedisCallSlots
from clientary_mcp.state.redis.connection import RedisConnection
from tests.state.redis.conftest import Replica
from tests.support.redis_server import RedisServer

pytestmark = pytest.mark.anyio


class Calls:
    """Calls of one caller, and how many were under way at once."""

    def __init__(self) -> None:
        self.under_way = self.most = self.ended = 0

    async def run(self, slots: RedisCallSlots, caller: str) -> None:
        async with slots.taken(caller, 60):
            self.under_way += 1
            self.most = max(self.most, self.under_way)
            await anyio.sleep(0.01)
            self.under_way -= 1
        self.ended += 1


async def test_replicas_together_run_no_more_calls_of_a_caller_than_may(replica: Replica, account_id: str) -> None:
    slots, calls = [RedisCallSlots(await replica(), 3) for _ in range(2)], Calls()
    async with anyio.create_task_group() as group:
        for number in range(20):
            group.start_soon(calls.run, slots[number % 2], account_id)
    assert (calls.most, calls.ended) == (3, 20)


async def test_a_caller_keeps_no_other_waiting(replica: Replica, account_id: str) -> None:
    one = RedisCallSlots(await replica(), 1)
    async with one.taken(account_id, 60), one.taken(f"{account_id}-2", 60):
        pass


@pytest.mark.parametrize("where", ["here", "there"])
async def test_a_call_without_a_slot_before_its_deadline_is_told_so(
    replica: Replica, account_id: str, where: str
) -> None:
    one, other = RedisCallSlots(await replica(), 1), RedisCallSlots(await replica(), 1)
    async with one.taken(account_id, 60):
        with pytest.raises(RateLimited, match="at a time") as late:
            async with (one if where == "here" else other).taken(account_id, 0.03):
                pass
    assert late.value.effect == "not sent"
    async with other.taken(account_id, 60):
        pass


async def test_the_slot_of_a_replica_that_died_lapses_after_the_deadline(
    replica: Replica, account_id: str, redis_server: RedisServer
) -> None:
    one, other = RedisCallSlots(await replica(), 1), RedisCallSlots(await replica(), 1)
    with redis_server.administrator() as administrator:
        key = f"clientary:1:{{{account_id}}}:calls"
        async with one.taken(account_id, 60):
            [(call, lapses)] = administrator.zrange(key, 0, -1, withscores=True)
            assert lapses / 1_000 == pytest.approx(time.time() + 90, abs=20)
            administrator.zadd(key, {call: 1})
            async with other.taken(account_id, 60):
                assert administrator.zcard(key) == 1


async def test_a_cancelled_call_gives_its_slot_back(replica: Replica, account_id: str) -> None:
    one, other = RedisCallSlots(await replica(), 1), RedisCallSlots(await replica(), 1)
    with anyio.CancelScope() as scope:
        async with one.taken(account_id, 60):
            scope.cancel()
            await anyio.sleep_forever()
    async with other.taken(account_id, 60):
        pass


async def test_without_redis_each_replica_runs_four(own_redis: RedisServer) -> None:
    async with aclosing(RedisConnection(own_redis.url)) as connection:
        await connection.open()
        slots, calls = RedisCallSlots(connection, 8), Calls()
        async with slots.taken("caller", 60):
            own_redis.stop()
        async with anyio.create_task_group() as group:
            for _ in range(12):
                group.start_soon(calls.run, slots, "caller")
    assert (calls.most, calls.ended) == (4, 12)

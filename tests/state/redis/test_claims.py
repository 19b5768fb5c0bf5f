"""Claims on Redis, as replicas see them."""

from collections import Counter

import anyio
import pytest

from clientary_mcp.durations import DAY, HOUR, MINUTE
from clientary_mcp.errors import NotRemembered, TakenOver
from clientary_mcp.state.claims import State
from clientary_mcp.state.memory import Memory
from clientary_mcp.state.redis.connection import RedisConnection
from tests.state.redis.conftest import MemoryOf, Replica
from tests.support.redis_server import RedisServer
from tests.support.redis_time import RedisTime

pytestmark = pytest.mark.anyio

CALL, LEASE, WINDOW = "create_payment 7 100", 2 * MINUTE, 10 * MINUTE


async def state_for(memory: Memory, call: str = CALL) -> State | None:
    claim = await memory.claims.find(call)
    return claim.state if claim else None


async def sent(memory: Memory, *seen: int) -> None:
    assert await memory.claims.take(CALL, LEASE, await memory.claims.find(CALL))
    await memory.claims.sent(CALL, seen, LEASE)


async def test_of_three_replicas_that_make_the_same_calls_at_once_one_makes_each(
    replica: Replica, memory_of: MemoryOf
) -> None:
    memories, made = [memory_of(await replica()) for _ in range(3)], Counter[str]()

    async def make(memory: Memory, call: str) -> None:
        if await memory.claims.take(call, LEASE, None):
            await memory.claims.sent(call, (), LEASE)
            made[call] += 1
            await memory.claims.done(call, WINDOW, "payments", 1)

    async with anyio.create_task_group() as group:
        for number in range(20):
            for memory in memories:
                group.start_soon(make, memory, f"call {number}")
    assert made == {f"call {number}": 1 for number in range(20)}


async def test_a_replica_that_ended_leaves_its_call_free_if_it_was_not_sent_and_else_unknown(
    ours: Memory, replica: Replica, memory_of: MemoryOf
) -> None:
    for number, stage in enumerate(("claimed", "sent", "claimed again")):
        connection = await replica()
        dying = memory_of(connection)
        assert await dying.claims.take(CALL, LEASE, await dying.claims.find(CALL))
        if stage == "sent":
            await dying.claims.sent(CALL, [5], LEASE)
        assert await state_for(ours) == "busy"
        await connection.aclose()
        found = await ours.claims.find(CALL)
        assert (found and (found.state, found.seen)) == (None if number == 0 else ("unknown", frozenset({5})))


async def test_a_replica_that_cannot_renew_its_name_loses_its_claim_and_then_sends_nothing(
    redis_server: RedisServer, ours: Memory, memory_of: MemoryOf
) -> None:
    cut_off = RedisConnection(redis_server.url)  # never opened, so that nobody takes it for alive
    theirs = memory_of(cut_off)
    assert await theirs.claims.take(CALL, LEASE, None)
    assert await ours.claims.take(CALL, LEASE, None)
    with pytest.raises(TakenOver):
        await theirs.claims.sent(CALL, (), LEASE)
    await theirs.claims.release(CALL, None)
    await ours.claims.sent(CALL, (), LEASE)
    for settle in (theirs.claims.done(CALL, WINDOW), theirs.claims.unknown(CALL)):
        with pytest.raises(TakenOver):
            await settle
    assert await state_for(theirs) == "busy"
    await cut_off.aclose()


async def test_a_replica_that_was_taken_for_dead_and_settles_in_time_keeps_its_claim(
    redis_server: RedisServer, ours: Memory, memory_of: MemoryOf
) -> None:
    cut_off = RedisConnection(redis_server.url)
    theirs = memory_of(cut_off)
    await sent(theirs)
    known = await ours.claims.find(CALL)
    assert known is not None
    assert known.state == "unknown"
    await theirs.claims.done(CALL, WINDOW, "payments", 12)
    assert not await ours.claims.take(CALL, LEASE, known)
    assert await state_for(ours) == "done"
    await cut_off.aclose()


async def test_a_replica_that_was_taken_for_dead_says_how_its_call_ended_also_after_another_asked(
    redis_server: RedisServer, ours: Memory, memory_of: MemoryOf
) -> None:
    cut_off = RedisConnection(redis_server.url)
    theirs = memory_of(cut_off)
    await sent(theirs)
    for _ in range(2):
        known = await ours.claims.find(CALL)
        assert await ours.claims.take(CALL, LEASE, known)
        await ours.claims.release(CALL, known)
        assert await state_for(ours) == "unknown"
    await theirs.claims.done(CALL, WINDOW, "payments", 12)
    assert await state_for(ours) == "done"
    await cut_off.aclose()


async def test_an_unknown_outcome_is_held_for_a_day_and_known_again_after_another_that_had_no_effect(
    ours: Memory, theirs: Memory, time: RedisTime
) -> None:
    await sent(ours, 3, 1)
    when = time.clock.wall()
    await ours.claims.unknown(CALL)
    await time.clock.sleep(HOUR)
    found = await theirs.claims.find(CALL)
    assert found is not None
    assert (found.state, found.seen) == ("unknown", frozenset({1, 3}))
    assert found.since == pytest.approx(when, abs=60)
    assert found.until == pytest.approx(when + DAY, abs=60)
    await sent(theirs)
    await theirs.claims.release(CALL, found)
    again = await ours.claims.find(CALL)
    assert again is not None
    assert (again.state, again.seen) == ("unknown", frozenset({1, 3}))
    await time.clock.sleep(DAY - HOUR)
    assert await state_for(ours) is None


async def test_what_is_known_stays_until_a_request_is_sent_again(
    ours: Memory, replica: Replica, memory_of: MemoryOf
) -> None:
    await sent(ours)
    await ours.claims.done(CALL, WINDOW, "payments", 12)
    connection = await replica()
    theirs = memory_of(connection)
    known = await theirs.claims.find(CALL)
    assert await theirs.claims.take(CALL, LEASE, known)  # with allow_duplicate
    assert await state_for(ours) == "busy"
    await connection.aclose()
    assert await state_for(ours) == "done"


async def test_a_lease_lapses_and_a_window_ends(ours: Memory, theirs: Memory, time: RedisTime) -> None:
    await sent(ours)
    await time.clock.sleep(LEASE + 1)
    assert await state_for(theirs) == "unknown"
    await ours.claims.done(CALL, WINDOW, "payments", 12)
    await time.clock.sleep(WINDOW - 60)
    assert await state_for(theirs) == "done"
    await time.clock.sleep(60)
    assert await state_for(theirs) is None


async def test_what_ended_while_redis_was_away_is_known_after_it_returns(
    own_redis: RedisServer, memory_of: MemoryOf
) -> None:
    connections = [RedisConnection(own_redis.url) for _ in range(2)]
    ours, theirs = (memory_of(connection) for connection in connections)
    await sent(ours)
    assert await ours.claims.take("another call", LEASE, None)
    assert await ours.claims.take("a third", LEASE, None)
    await ours.claims.sent("a third", (), LEASE)
    own_redis.stop()
    for settling in (
        ours.claims.done(CALL, WINDOW, "payments", 12),
        ours.claims.release("another call", None),
        ours.claims.unknown("a third"),
        theirs.claims.take("another call", LEASE, None),
    ):
        with pytest.raises(NotRemembered):
            await settling
    own_redis.start()
    assert await state_for(ours) == "done"
    assert await state_for(theirs) == "done"
    assert await state_for(theirs, "a third") == "unknown"
    assert await theirs.claims.take("another call", LEASE, None)
    for connection in connections:
        await connection.aclose()

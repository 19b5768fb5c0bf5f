"""The ledger of jobs on Redis, as replicas see it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import anyio.lowlevel
import pytest

from clientary_mcp.durations import DAY, MINUTE
from clientary_mcp.errors import OutcomeUnknown, Refused, TakenOver, Unavailable
from clientary_mcp.state.memory import Memory
from clientary_mcp.state.redis.connection import RedisConnection
from tests.state.redis.conftest import MemoryOf, Replica
from tests.support.redis_server import RedisServer
from tests.support.redis_time import RedisTime

pytestmark = pytest.mark.anyio

JOB, STEP, LEASE = "bill project 7", "invoice of project 7", 2 * MINUTE


async def never(seconds: float, why: str) -> bool:
    return False


@asynccontextmanager
async def turn(memory: Memory, job: str = JOB) -> AsyncIterator[None]:
    async with memory.ledger.turn(job, never, LEASE):
        yield


async def is_busy(memory: Memory) -> bool:
    try:
        async with turn(memory):
            return False
    except Unavailable as error:
        return error.effect == "not sent"


async def test_a_job_runs_on_one_replica_at_a_time(ours: Memory, theirs: Memory) -> None:
    async with turn(ours):
        assert await is_busy(theirs)
        async with turn(theirs, "another job"):
            pass
    assert not await is_busy(theirs)


async def test_sessions_of_one_process_take_turns(ours: Memory) -> None:
    order = []

    async def work(memory: Memory, name: str) -> None:
        async with turn(memory):
            order.append(f"{name} begins")
            await anyio.lowlevel.checkpoint()
            order.append(f"{name} ends")

    async with anyio.create_task_group() as group:
        group.start_soon(work, ours, "one")
        group.start_soon(work, ours, "other")
    assert [step.partition(" ")[2] for step in order] == ["begins", "ends"] * 2


async def test_waiting_for_a_turn_ends_with_it(ours: Memory, theirs: Memory) -> None:
    waited = []
    async with anyio.create_task_group() as group:
        let_go = anyio.Event()

        async def hold() -> None:
            async with turn(theirs):
                begun.set()
                await let_go.wait()
            ended.set()

        async def wait(seconds: float, why: str) -> bool:
            waited.append(why)
            let_go.set()
            await ended.wait()
            return True

        begun, ended = anyio.Event(), anyio.Event()
        group.start_soon(hold)
        await begun.wait()
        async with ours.ledger.turn(JOB, wait, LEASE):
            assert waited == ["another process works on the same job"]


async def test_the_turn_of_a_replica_that_ended_is_free(ours: Memory, replica: Replica, memory_of: MemoryOf) -> None:
    connection = await replica()
    async with turn(memory_of(connection)):
        assert await is_busy(ours)
        await connection.aclose()
        assert not await is_busy(ours)


async def test_a_turn_lasts_no_longer_than_its_lease(ours: Memory, theirs: Memory, time: RedisTime) -> None:
    async with turn(ours):
        await time.clock.sleep(LEASE + 1)
        async with turn(theirs):
            with pytest.raises(TakenOver):
                async with ours.ledger.step(STEP):
                    raise AssertionError("it was sent")
            async with theirs.ledger.step(STEP):
                pass
        assert await ours.ledger.find(STEP) is None


async def test_a_replica_that_was_taken_for_dead_sends_nothing(
    redis_server: RedisServer, ours: Memory, memory_of: MemoryOf
) -> None:
    cut_off = RedisConnection(redis_server.url)  # never opened, so that nobody takes it for alive
    theirs = memory_of(cut_off)
    async with theirs.ledger.turn(JOB, never, LEASE) as check:
        await check()
        async with turn(ours):
            with pytest.raises(TakenOver):
                await check()
            with pytest.raises(TakenOver):
                async with theirs.ledger.step(STEP):
                    raise AssertionError("it was sent")
    await cut_off.aclose()


async def test_a_step_is_sent_and_then_kept_only_if_it_is_to_be(ours: Memory, theirs: Memory, time: RedisTime) -> None:
    async with ours.ledger.step(STEP, "another"):
        found = await theirs.ledger.find("another")
        assert found is not None
        assert found.state == "sent"
        assert found.since == pytest.approx(time.clock.wall(), abs=60)
    assert await theirs.ledger.find(STEP) is None
    async with ours.ledger.step(STEP, keep=True):
        pass
    found = await theirs.ledger.find(STEP)
    assert found is not None
    assert found.state == "done"
    await time.clock.sleep(DAY + 1)
    assert await theirs.ledger.find(STEP) is None


async def test_a_step_that_failed_is_kept_if_its_outcome_is_unknown(ours: Memory, theirs: Memory) -> None:
    for failure, state in ((Refused("No."), None), (OutcomeUnknown("It was lost."), "sent")):
        with pytest.raises(type(failure)):
            async with ours.ledger.step(STEP):
                raise failure
        found = await theirs.ledger.find(STEP)
        assert (found and found.state) == state

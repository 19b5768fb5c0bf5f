"""Turns of jobs, caps, one-time answers, writes under way and new records, as two processes see them."""

from collections.abc import Awaitable, Callable

import anyio
import pytest

from clientary_mcp.durations import DAY, HOUR
from clientary_mcp.errors import BlockedByOwner, NotDone, OutcomeUnknown, TakenOver, Unavailable
from clientary_mcp.state.ledger import Step
from clientary_mcp.state.memory import StoredMemory
from tests.support.clock import FakeTime

pytestmark = pytest.mark.anyio

JOB, STEP, LEASE = "bill project 7", "bill project 7", 180.0


def waiting(time: FakeTime, most: float) -> Callable[[float, str], Awaitable[bool]]:
    """Waits like a call that has so many seconds left."""
    until = time.clock.now() + most

    async def wait(seconds: float, _: str) -> bool:
        if time.clock.now() + seconds > until:
            return False
        await time.clock.sleep(seconds)
        await anyio.lowlevel.checkpoint()
        return True

    return wait


async def test_a_job_waits_for_its_turn_while_another_process_does_it(
    ours: StoredMemory, theirs: StoredMemory, time: FakeTime
) -> None:
    order: list[str] = []
    begun, may_end = anyio.Event(), anyio.Event()

    async def first() -> None:
        async with ours.ledger.turn(JOB, waiting(time, 60), LEASE):
            begun.set()
            await may_end.wait()
            order.append("ours")

    async def second() -> None:
        async with theirs.ledger.turn(JOB, waiting(time, 60), LEASE):
            order.append("theirs")

    async with anyio.create_task_group() as group:
        group.start_soon(first)
        await begun.wait()
        with pytest.raises(Unavailable, match="Another process works on the same job"):
            async with theirs.ledger.turn(JOB, waiting(time, 5), LEASE):
                pytest.fail("two at once")
        async with theirs.ledger.turn("another job", waiting(time, 0), LEASE):
            pass
        group.start_soon(second)
        await anyio.lowlevel.checkpoint()
        may_end.set()
    assert order == ["ours", "theirs"]


async def test_a_job_whose_turn_was_taken_over_sends_nothing_more(
    ours: StoredMemory, theirs: StoredMemory, time: FakeTime
) -> None:
    async with ours.ledger.turn(JOB, waiting(time, 60), LEASE) as check:
        await check()
        async with ours.ledger.step(STEP):
            pass
        await time.clock.sleep(LEASE + 1)
        async with theirs.ledger.turn(JOB, waiting(time, 60), LEASE):
            with pytest.raises(TakenOver):
                await check()
            with pytest.raises(TakenOver):
                async with ours.ledger.step(STEP):
                    pytest.fail("it was sent")
            async with theirs.ledger.step(STEP):
                pass
    async with ours.ledger.turn(JOB, waiting(time, 60), LEASE), ours.ledger.step(STEP):
        pass


async def test_a_step_is_known_to_others_while_it_is_sent_and_afterwards_only_if_it_matters(
    ours: StoredMemory, theirs: StoredMemory, time: FakeTime
) -> None:
    now = time.clock.wall()
    async with ours.ledger.step(STEP):
        assert await theirs.ledger.find(STEP) == Step("sent", now)
    assert await theirs.ledger.find(STEP) is None
    with pytest.raises(NotDone):
        async with ours.ledger.step(STEP):
            raise NotDone("It was refused.")
    assert await theirs.ledger.find(STEP) is None
    with pytest.raises(OutcomeUnknown):
        async with ours.ledger.step(STEP):
            raise OutcomeUnknown("It was lost.")
    assert await theirs.ledger.find(STEP) == Step("sent", now)
    async with ours.ledger.step("mail", keep=True):
        pass
    assert await theirs.ledger.find("mail") == Step("done", now)
    await time.clock.sleep(DAY + 1)
    assert await theirs.ledger.find("mail") is None


async def test_a_step_that_was_interrupted_stays_as_sent(ours: StoredMemory, theirs: StoredMemory) -> None:
    with pytest.raises(ZeroDivisionError):
        async with ours.ledger.step(STEP):
            raise ZeroDivisionError
    found = await theirs.ledger.find(STEP)
    assert found is not None
    assert found.state == "sent"


async def test_a_cap_counts_what_all_processes_sent(ours: StoredMemory, theirs: StoredMemory, time: FakeTime) -> None:
    for number in range(4):
        async with (ours, theirs)[number % 2].quotas.spend("mail"):
            pass
    for failure in (NotDone("It was refused."), OutcomeUnknown("It was lost.")):
        with pytest.raises(type(failure)):
            async with theirs.quotas.spend("mail"):
                raise failure
    for memory in (ours, theirs):
        with pytest.raises(BlockedByOwner, match="5 e-mails"):
            await memory.quotas.check(["mail"])
        with pytest.raises(BlockedByOwner):
            async with memory.quotas.spend("mail"):
                pytest.fail("it was sent")
    await time.clock.sleep(HOUR + 1)
    await ours.quotas.check(["mail"])


async def test_an_answer_to_a_question_counts_once(ours: StoredMemory, theirs: StoredMemory) -> None:
    assert await ours.answered.first("question", HOUR)
    assert not await theirs.answered.first("question", HOUR)
    assert await theirs.answered.first("another", HOUR)


async def test_writes_of_others_are_known_while_they_are_under_way_and_an_hour_longer(
    ours: StoredMemory, theirs: StoredMemory, time: FakeTime
) -> None:
    before = time.clock.wall()
    row = await ours.writes.begin(("POST", "payments"), 180, "ours")
    assert await theirs.writes.of_others_since(before, "theirs") == [("POST", "payments")]
    assert await ours.writes.of_others_since(before, "ours") == []
    await time.clock.sleep(10)
    await ours.writes.end(row)
    assert await theirs.writes.of_others_since(before, "theirs") == [("POST", "payments")]
    await time.clock.sleep(1)
    assert await theirs.writes.of_others_since(time.clock.wall(), "theirs") == []


async def test_a_write_whose_process_died_is_over_when_it_would_have_been_at_the_latest(
    ours: StoredMemory, theirs: StoredMemory, time: FakeTime
) -> None:
    await ours.writes.begin(("POST", "payments"), 180, "ours")
    await time.clock.sleep(179)
    assert await theirs.writes.of_others_since(time.clock.wall(), "theirs") == [("POST", "payments")]
    await time.clock.sleep(2)
    assert await theirs.writes.of_others_since(time.clock.wall(), "theirs") == []


async def test_new_records_are_known_by_their_list(ours: StoredMemory, theirs: StoredMemory) -> None:
    await ours.made.add("clients", 7)
    assert await theirs.made.ids("clients") == {7}
    assert await theirs.made.ids("leads") == set()

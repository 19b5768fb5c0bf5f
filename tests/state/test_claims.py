"""Claims of calls, as two processes see them: what each state means for the same call in the other one."""

import os
import subprocess
import sys

import pytest

from clientary_mcp.durations import DAY, HOUR, MINUTE
from clientary_mcp.errors import TakenOver
from clientary_mcp.state.claims import Claim, State
from clientary_mcp.state.memory import StoredMemory
from clientary_mcp.state.owner import has_ended, this_process
from tests.state.conftest import NewMemory
from tests.support.clock import FakeTime

pytestmark = pytest.mark.anyio

CALL, LEASE, WINDOW = "create_payment 7 100", 2 * MINUTE, 10 * MINUTE


async def state_for(memory: StoredMemory, call: str = CALL) -> State | None:
    claim = await memory.claims.find(call)
    return claim.state if claim else None


async def claimed(memory: StoredMemory, known: Claim | None = None) -> None:
    assert await memory.claims.take(CALL, LEASE, known)


async def sent(memory: StoredMemory, *seen: int) -> None:
    await claimed(memory, await memory.claims.find(CALL))
    await memory.claims.sent(CALL, seen, LEASE)


async def test_nothing_is_known_of_a_call_that_was_never_made(ours: StoredMemory, theirs: StoredMemory) -> None:
    assert await state_for(ours) is None
    await claimed(ours)
    assert await state_for(theirs, "another call") is None


async def test_only_one_of_two_processes_that_found_nothing_claims_the_call(
    ours: StoredMemory, theirs: StoredMemory
) -> None:
    await claimed(ours)
    assert not await theirs.claims.take(CALL, LEASE, None)


async def test_a_call_under_way_is_busy_for_others(ours: StoredMemory, theirs: StoredMemory) -> None:
    await claimed(ours)
    assert await state_for(theirs) == "busy"
    await ours.claims.sent(CALL, [], LEASE)
    assert await state_for(theirs) == "busy"


async def test_a_call_that_had_no_effect_can_be_made(ours: StoredMemory, theirs: StoredMemory) -> None:
    await sent(ours)
    await ours.claims.release(CALL, None)
    assert await state_for(theirs) is None
    await claimed(theirs)


async def test_a_call_that_succeeded_is_known_with_its_record_for_as_long_as_was_said(
    ours: StoredMemory, theirs: StoredMemory, time: FakeTime
) -> None:
    await sent(ours)
    await ours.claims.done(CALL, WINDOW, "payments", 12)
    await time.clock.sleep(WINDOW - 1)
    found = await theirs.claims.find(CALL)
    assert found is not None
    assert (found.state, found.made) == ("done", 12)
    await time.clock.sleep(2)
    assert await state_for(theirs) is None


async def test_a_window_of_zero_remembers_no_success(ours: StoredMemory, theirs: StoredMemory) -> None:
    await sent(ours)
    await ours.claims.done(CALL, 0, "payments", 12)
    assert await state_for(theirs) is None


async def test_an_unknown_outcome_is_held_for_a_day_from_when_it_was_sent(
    ours: StoredMemory, theirs: StoredMemory, time: FakeTime
) -> None:
    await sent(ours, 3, 1)
    when = time.clock.wall()
    await ours.claims.unknown(CALL)
    await time.clock.sleep(HOUR)
    found = await theirs.claims.find(CALL)
    assert found is not None
    assert (found.state, found.since, found.seen) == ("unknown", when, frozenset({1, 3}))
    await claimed(theirs, found)
    await theirs.claims.release(CALL, found)
    await time.clock.sleep(DAY - HOUR - 1)
    assert await ours.claims.find(CALL) == found
    await time.clock.sleep(2)
    assert await state_for(ours) is None


async def test_a_call_whose_process_stands_still_longer_than_its_lease_is_unknown_if_it_was_sent(
    ours: StoredMemory, theirs: StoredMemory, time: FakeTime
) -> None:
    await sent(ours)
    await time.clock.sleep(LEASE + 1)
    assert await state_for(theirs) == "unknown"


async def test_a_process_whose_call_was_taken_over_cannot_send_it(
    ours: StoredMemory, theirs: StoredMemory, time: FakeTime
) -> None:
    await claimed(ours)
    await time.clock.sleep(LEASE + 1)
    assert await state_for(theirs) is None
    await claimed(theirs)
    with pytest.raises(TakenOver):
        await ours.claims.sent(CALL, (), LEASE)
    await ours.claims.release(CALL, None)
    await theirs.claims.sent(CALL, (), LEASE)
    assert await state_for(ours) == "busy"


async def test_sending_begins_the_lease_anew(ours: StoredMemory, theirs: StoredMemory, time: FakeTime) -> None:
    await claimed(ours)
    await time.clock.sleep(LEASE - 1)
    lapses = await ours.claims.sent(CALL, (), LEASE)
    await time.clock.sleep(LEASE - 1)
    assert await state_for(theirs) == "busy"
    assert lapses == time.clock.wall() + 1


async def test_what_is_known_of_an_earlier_call_outlives_another_that_had_no_effect(
    ours: StoredMemory, theirs: StoredMemory
) -> None:
    await sent(ours)
    await ours.claims.done(CALL, WINDOW, "payments", 12)
    known = await theirs.claims.find(CALL)
    await claimed(theirs, known)  # with allow_duplicate
    assert await state_for(ours) == "busy"
    await theirs.claims.release(CALL, known)
    assert await ours.claims.find(CALL) == known
    await sent(theirs)
    await theirs.claims.release(CALL, known)
    assert await ours.claims.find(CALL) == known


async def test_deleting_the_record_forgets_the_call_that_made_it(ours: StoredMemory, theirs: StoredMemory) -> None:
    await sent(ours)
    await ours.claims.done(CALL, WINDOW, "payments", 12)
    await theirs.claims.deleted("payments", 1)
    await theirs.claims.deleted("invoices", 12)
    assert await state_for(theirs) == "done"
    await theirs.claims.deleted("payments", 12)
    assert await state_for(ours) is None


DYING = """
import sys
import anyio
from clientary_mcp.settings import Settings
from clientary_mcp.state.memory import local_memory
now, call, stage = sys.argv[1:]
memory = local_memory(Settings(subdomain="acme", api_token="t0ken-of-acme"), lambda: float(now), shared=True)

async def main():
    assert await memory.claims.take(call, 120.0, await memory.claims.find(call))
    if stage == "sent":
        await memory.claims.sent(call, [5], 120.0)

anyio.run(main)
print(memory.store.owner)
"""


def died(time: FakeTime, stage: str) -> str:
    """The name of a process that claimed the call and ended without settling it."""
    command = [sys.executable, "-c", DYING, str(time.clock.wall()), CALL, stage]
    return subprocess.run(command, env={**os.environ}, check=True, capture_output=True, text=True).stdout.strip()  # noqa: S603 - ours


async def test_a_process_that_died_leaves_its_call_unknown_once_it_was_sent_and_else_free(
    ours: StoredMemory, theirs: StoredMemory, time: FakeTime
) -> None:
    assert has_ended(died(time, "claimed"))
    assert await state_for(ours) is None
    died(time, "sent")
    found = await ours.claims.find(CALL)
    assert found is not None
    assert (found.state, found.seen) == ("unknown", frozenset({5}))
    died(time, "claimed")  # it looked for the effect of the one before
    assert await theirs.claims.find(CALL) == found


def test_a_living_process_has_not_ended_and_another_with_the_same_id_is_another() -> None:
    here = this_process()
    where, pid, start, salt = here.rsplit("/", 3)
    assert not has_ended(here)
    assert has_ended(f"{where}/{pid}/{int(start) - 1}/{salt}")
    assert not has_ended(f"another machine/{pid}/{int(start) - 1}/{salt}")
    assert not has_ended(f"{where}/1/{_start_of_init()}/{salt}")  # which we may not signal, unless we are root


def _start_of_init() -> str:
    with open("/proc/1/stat") as file:
        return file.read().rpartition(")")[2].split()[19]


def test_a_process_that_was_killed_and_not_yet_collected_has_ended() -> None:
    script = "from clientary_mcp.state.owner import this_process; print(this_process(), flush=True); input()"
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - ours
        assert process.stdout is not None
        owner = process.stdout.readline().strip()
        assert not has_ended(owner)
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert has_ended(owner)


def test_each_process_has_a_name_of_its_own(another: NewMemory) -> None:
    assert another().store.owner != another().store.owner

"""The memory of an account that several callers share: what each of them sees of the others."""

from dataclasses import replace
from typing import Any

import pytest

from clientary_mcp.durations import HOUR, MINUTE
from clientary_mcp.errors import BlockedByOwner
from clientary_mcp.settings import Settings
from clientary_mcp.state.actions import Action
from clientary_mcp.state.memory import Memory, StoredMemory, local_memory
from tests.state.conftest import NewMemory
from tests.support.clock import FakeTime

pytestmark = pytest.mark.anyio

CALL, LEASE, WINDOW = "create_client Globex", 120.0, 600.0
ANN, BO = "a" * 16, "b" * 16
OF_ACCOUNT = Settings(subdomain="acme", api_token="t0ken-of-acme", mails_per_hour=5)


def view(memory: StoredMemory, caller: str, **lower: Any) -> Memory:
    """The memory for a session of a caller, whose limits may be lower."""
    return memory.of(caller, replace(OF_ACCOUNT, api_token=f"t0ken-of-{caller}", **lower))


@pytest.fixture
def ann(ours: StoredMemory) -> Memory:
    return view(ours, ANN)


@pytest.fixture
def bo(ours: StoredMemory) -> Memory:
    """Another caller's, in the same process."""
    return view(ours, BO)


async def test_a_claim_tells_who_made_the_call(ann: Memory, bo: Memory, ours: StoredMemory) -> None:
    assert await ann.claims.take(CALL, LEASE, None)
    await ann.claims.sent(CALL, (), LEASE)
    await ann.claims.done(CALL, WINDOW, "clients", 7)
    for memory in (ann, bo, ours):
        found = await memory.claims.find(CALL)
        assert found is not None
        assert (found.by, found.plural, found.made) == (ANN, "clients", 7)


async def test_the_single_owner_has_no_name(ours: StoredMemory, theirs: StoredMemory) -> None:
    assert ours.caller == ""
    assert await ours.claims.take(CALL, LEASE, None)
    found = await theirs.claims.find(CALL)
    assert found is not None
    assert (found.state, found.by) == ("busy", "")


async def test_sessions_of_one_process_claim_a_call_from_each_other(ann: Memory, bo: Memory) -> None:
    assert await ann.claims.take(CALL, LEASE, None)
    found = await bo.claims.find(CALL)
    assert found is not None
    assert found.state == "busy"
    assert not await bo.claims.take(CALL, LEASE, None)


async def test_a_call_made_again_is_whose_who_sent_it_unless_that_had_no_effect(ann: Memory, bo: Memory) -> None:
    assert await ann.claims.take(CALL, LEASE, None)
    await ann.claims.sent(CALL, (), LEASE)
    await ann.claims.done(CALL, WINDOW, "clients", 7)
    known = await bo.claims.find(CALL)
    assert await bo.claims.take(CALL, LEASE, known)
    await bo.claims.sent(CALL, (), LEASE)
    under_way = await ann.claims.find(CALL)
    assert under_way is not None
    assert under_way.by == BO
    await bo.claims.release(CALL, known)
    assert await ann.claims.find(CALL) == known
    assert await bo.claims.take(CALL, LEASE, known)
    await bo.claims.sent(CALL, (), LEASE)
    await bo.claims.unknown(CALL)
    left = await ann.claims.find(CALL)
    assert left is not None
    assert (left.state, left.by) == ("unknown", BO)


async def send(memory: Memory) -> None:
    async with memory.quotas.spend("mail"):
        pass


async def test_a_callers_own_limit_counts_what_that_caller_sent_in_whatever_process(
    ours: StoredMemory, theirs: StoredMemory, bo: Memory, time: FakeTime
) -> None:
    ann, ann_elsewhere = view(ours, ANN, mails_per_hour=2), view(theirs, ANN, mails_per_hour=2)
    await send(bo)
    await send(ann)
    await send(ann_elsewhere)
    for memory in (ann, ann_elsewhere):
        with pytest.raises(BlockedByOwner, match="hourly limit of 2 e-mails for this caller") as refused:
            await memory.quotas.check(["mail"])
        assert "Try again in 60 minutes" in str(refused.value)
    await bo.quotas.check(["mail"])
    await time.clock.sleep(HOUR + 1)
    await send(ann)


async def test_the_accounts_limit_counts_what_all_callers_sent(ours: StoredMemory, ann: Memory, bo: Memory) -> None:
    for memory in (ann, bo, ann, bo, ours):
        await send(memory)
    for memory, whose in (
        (ann, " for all callers of this account"),
        (bo, " for all callers of this account"),
        (ours, ""),
    ):
        with pytest.raises(BlockedByOwner, match=f"hourly limit of 5 e-mails{whose} is reached") as refused:
            await send(memory)
        assert "CLIENTARY_MAILS_PER_HOUR" in str(refused.value)


async def test_a_caller_may_be_allowed_none(ours: StoredMemory, ann: Memory) -> None:
    await send(ann)
    with pytest.raises(BlockedByOwner, match="hourly limit of 0 e-mails for this caller") as refused:
        await send(view(ours, ANN, mails_per_hour=0))
    assert "Try again" not in str(refused.value)
    assert "Whoever runs this server can change it" in str(refused.value)


async def test_a_lowered_limit_says_when_enough_of_what_was_sent_is_an_hour_old(
    ours: StoredMemory, ann: Memory, time: FakeTime
) -> None:
    for _ in range(3):
        await send(ann)
        await time.clock.sleep(10 * MINUTE)
    lowered = view(ours, ANN, mails_per_hour=2)
    with pytest.raises(BlockedByOwner, match="Try again in 40 minutes"):
        await send(lowered)
    await time.clock.sleep(40 * MINUTE + 1)
    await send(lowered)


async def test_a_preview_is_found_by_whom_it_was_shown_to_alone(
    ann: Memory, bo: Memory, ours: StoredMemory, theirs: StoredMemory
) -> None:
    preview_id = await ann.previews.keep("a call", {"invoice 7": "digest"})
    for memory in (bo, ours, theirs):
        assert await memory.previews.find(preview_id) is None
    await bo.previews.carried_out(preview_id, {"invoice 7": None}, whole=True)
    found = await view(theirs, ANN).previews.find(preview_id)
    assert found is not None
    assert (found.items, found.done, found.ended) == ({"invoice 7": "digest"}, {}, None)


def action(number: int) -> Action:
    return Action(str(number), 0.0, "update_client", before={"city": "Ulm"})


@pytest.mark.parametrize("hours", [0, 2])
async def test_only_whose_change_it_was_sees_it_and_takes_it_back(time: FakeTime, hours: int) -> None:
    memory = local_memory(replace(OF_ACCOUNT, undo_hours=hours), time.clock.wall, shared=True)
    ann, bo = view(memory, ANN), view(memory, BO)
    await ann.actions.add(action(1))
    assert await bo.actions.recent() == await memory.actions.recent() == []
    assert await bo.actions.find("1") is None
    assert not await bo.actions.take("1")
    another_session = view(memory, ANN)
    assert await another_session.actions.recent() == [action(1)]
    assert await another_session.actions.take("1")
    await bo.actions.release("1")
    assert not await ann.actions.take("1")
    await memory.aclose()


async def test_a_process_remembers_the_changes_of_those_callers_who_changed_something_last(ours: StoredMemory) -> None:
    callers = [f"{number:016x}" for number in range(101)]
    for caller in (*callers[:100], callers[0], callers[100]):
        await view(ours, caller).actions.add(action(1))
    assert await view(ours, callers[0]).actions.find("1")
    assert await view(ours, callers[1]).actions.find("1") is None
    assert await view(ours, callers[100]).actions.find("1")


async def test_what_the_account_holds_is_known_to_every_caller(ann: Memory, bo: Memory, time: FakeTime) -> None:
    await ann.billed.add(7, 24, {"hours": [range(1, 4)]})
    await ann.made.add("clients", 7)
    async with ann.ledger.step("reminder", keep=True):
        pass
    assert [run.invoice_id for run in await bo.billed.runs()] == [7]
    assert await bo.made.ids("clients") == {7}
    assert await bo.ledger.find("reminder")
    assert await ann.answered.first("question", HOUR)
    assert not await bo.answered.first("question", HOUR)
    before = time.clock.wall()
    await ann.writes.begin(("POST", "payments"), 180, "a session")
    assert await bo.writes.of_others_since(before, "another") == [("POST", "payments")]
    assert await ann.writes.of_others_since(before, "a session") == []


async def test_the_file_says_of_callers_their_ids_alone(ann: Memory, ours: StoredMemory, another: NewMemory) -> None:
    await ann.previews.keep("a call", {})
    await send(ann)
    assert ours.store.counts() == another().store.counts()
    assert {row[0] for row in ours.store.rows("SELECT caller FROM previews UNION SELECT caller FROM spent")} == {ANN}

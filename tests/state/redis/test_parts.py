"""Previews, billed work, writes, answers and actions on Redis, as replicas and callers see them."""

from dataclasses import replace

import pytest
from redis import Redis

from clientary_mcp.durations import DAY, HOUR
from clientary_mcp.state.actions import Action
from clientary_mcp.state.memory import Memory
from clientary_mcp.state.redis.memory import redis_memory
from clientary_mcp.state.sealing import KeyRing
from clientary_mcp.state.store import digest
from tests.conftest import SETTINGS
from tests.state.redis.conftest import MemoryOf, Replica
from tests.support.redis_time import RedisTime

pytestmark = pytest.mark.anyio


WITH_UNDO = replace(SETTINGS, undo_hours=2)


def of(memory: Memory, caller: str) -> Memory:
    return memory.of(caller, SETTINGS)


async def test_a_preview_is_found_by_its_caller_on_every_replica_for_a_day(
    ours: Memory, theirs: Memory, time: RedisTime
) -> None:
    preview = await of(ours, "anna").previews.keep("the call", {"invoice 1": "a1", "invoice \udc80": "b2"})
    assert await of(theirs, "ben").previews.find(preview) is None
    assert await theirs.previews.find(preview) is None
    found = await of(theirs, "anna").previews.find(preview)
    assert found is not None
    assert (found.call, found.items, found.done, found.ended) == (
        digest("the call"),
        {"invoice 1": "a1", "invoice \udc80": "b2"},
        {},
        None,
    )
    assert found.at == pytest.approx(time.clock.wall(), abs=60)
    await of(theirs, "ben").previews.carried_out(preview, {"invoice 1": 6}, whole=True)
    await of(theirs, "anna").previews.carried_out(preview, {"invoice 1": 7}, whole=False)
    await of(theirs, "anna").previews.carried_out(preview, {"invoice \udc80": None}, whole=True)
    found = await of(ours, "anna").previews.find(preview)
    assert found is not None
    assert found.done == {"invoice 1": 7, "invoice \udc80": None}
    assert found.ended == pytest.approx(time.clock.wall(), abs=60)
    await time.clock.sleep(DAY + 1)
    assert await of(ours, "anna").previews.find(preview) is None


async def test_what_an_invoice_bills_is_known_for_years_in_the_order_in_which_it_was_noted(
    ours: Memory, theirs: Memory, time: RedisTime
) -> None:
    assert await theirs.billed.runs() == []
    await ours.billed.add(7, 24, {"hours": [range(1, 4), range(9, 10)], "expenses": [range(3, 4)]})
    await ours.billed.add(7, 24, {"hours": [range(1, 4)]})
    await ours.billed.add(8, 24, {"hours": [range(20, 21)], "expenses": []})
    await time.clock.sleep(1_000 * DAY)
    found = await theirs.billed.runs(invoice_id=7)
    assert {(run.plural, run.ids) for run in found} == {
        ("hours", range(1, 4)),
        ("hours", range(9, 10)),
        ("expenses", range(3, 4)),
    }
    assert len(found) == 3, "what is noted twice counts once"
    await theirs.billed.free(7, {"hours": [range(1, 3)]})
    await theirs.billed.replaced("hours", 20, 30)
    runs = sorted(await ours.billed.runs(), key=lambda run: run.order)
    assert [(run.invoice_id, run.project_id, run.ids, run.freed) for run in runs[-3:]] == [
        (8, 24, range(20, 21), False),
        (7, 0, range(1, 3), True),
        (8, 24, range(30, 31), False),
    ]


async def test_writes_of_other_sessions_are_seen_while_they_may_change_a_list(
    ours: Memory, theirs: Memory, time: RedisTime
) -> None:
    over = await ours.writes.begin(("POST", "payments"), 180, "one")
    await ours.writes.end(over)
    assert await ours.check() is None
    await time.clock.sleep(1)
    moment = await theirs.writes.now()
    begun = await ours.writes.begin(("DELETE", "clients"), 180, "one")
    lingering = await ours.writes.begin(("PUT", "odd path"), 180, "one")
    await ours.writes.end(lingering, 120)
    assert await ours.check() is None
    assert await theirs.writes.of_others_since(moment, "one") == []
    assert set(await theirs.writes.of_others_since(moment, "other")) == {("DELETE", "clients"), ("PUT", "odd path")}
    await ours.writes.end(begun)
    assert await ours.check() is None
    assert len(await theirs.writes.of_others_since(moment, "other")) == 2
    await time.clock.sleep(10)
    assert await theirs.writes.of_others_since(moment + 1, "other") == [("PUT", "odd path")]


async def test_the_ids_of_created_records_are_known_for_an_hour(ours: Memory, theirs: Memory, time: RedisTime) -> None:
    await ours.made.add("payments", 1)
    assert await ours.made.ids("payments") == {1}
    await time.clock.sleep(HOUR / 2)
    await ours.made.add("payments", 2)
    await ours.made.add("invoices", 3)
    assert await ours.made.ids("invoices") == {3}
    assert await theirs.made.ids("payments") == {1, 2}
    await time.clock.sleep(HOUR / 2)
    assert await theirs.made.ids("payments") == {2}


async def test_one_answer_to_a_question_counts(ours: Memory, theirs: Memory, time: RedisTime) -> None:
    assert await theirs.answered.first("q1", 600)
    assert not await ours.answered.first("q1", 600)
    assert await ours.answered.first("q2", 600)
    await time.clock.sleep(601)
    assert await ours.answered.first("q1", 600)


def action(number: int) -> Action:
    return Action(str(number), number, "update_client", "Canary Ltd", {"client_id": number}, None, {"city": "Ulm"})


async def test_changes_are_kept_sealed_for_their_caller_and_taken_back_once(
    replica: Replica, memory_of: MemoryOf, time: RedisTime, account_id: str, redis: Redis
) -> None:
    connection = await replica()
    one, other = (memory_of(connection, undo_hours=2).of("anna", SETTINGS) for _ in range(2))
    assert await other.actions.recent() == []
    for number in range(3):
        await one.actions.add(action(number))
    assert await other.actions.recent() == [action(number) for number in (2, 1, 0)]
    assert await one.of("ben", SETTINGS).actions.find("1") is None
    assert not await one.of("ben", SETTINGS).actions.take("1")
    assert [await actions.take("1") for actions in (other.actions, one.actions)] == [True, False]
    assert not await one.actions.take("7")
    assert [change.taken_back for change in await one.actions.recent()] == [False, True, False]
    await other.actions.release("1")
    assert await one.actions.take("1")
    stored = [redis.hgetall(key) for key in redis.scan_iter(f"*{account_id}*:action:*")]
    assert len(stored) == 3
    assert "Canary" not in str(stored)
    stranger = redis_memory(WITH_UNDO, connection, account_id, KeyRing(["another secret of at least 32 characters"]))
    assert await stranger.of("anna", SETTINGS).actions.recent() == []
    await time.clock.sleep(2 * HOUR + 1)
    assert await one.actions.recent() == []
    assert await one.actions.find("1") is None


async def test_without_the_setting_nothing_of_a_change_is_stored(ours: Memory, account_id: str, redis: Redis) -> None:
    await ours.actions.add(action(1))
    assert await ours.actions.find("1")
    assert list(redis.scan_iter(f"*{account_id}*")) == []


async def test_the_latest_changes_are_kept(replica: Replica, memory_of: MemoryOf) -> None:
    ours = memory_of(await replica(), undo_hours=2)
    for number in range(203):
        await ours.actions.add(action(number))
    assert [change.id for change in await ours.actions.recent()] == [str(number) for number in range(202, 2, -1)]

"""What holds for everything on Redis: answers may get lost, commands are few, keys end, and nothing can be read."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from redis import Redis

from clientary_mcp.durations import DAY, MINUTE
from clientary_mcp.errors import BlockedByOwner
from clientary_mcp.state.actions import Action
from clientary_mcp.state.memory import Memory
from tests.state.redis.conftest import MemoryOf, Replica
from tests.support.redis_proxy import LossyRedis
from tests.support.redis_server import RedisServer

pytestmark = pytest.mark.anyio

CALL, LEASE, WINDOW = "send_invoice_message 7", 2 * MINUTE, 10 * MINUTE
ACTION = Action("1", 1.0, "update_client")
BILLED, SEALED = {"billed", "billed-order"}, {"action", "actions"}
Act = Callable[[], Awaitable[Any]]


async def waits(seconds: float, why: str) -> bool:
    raise AssertionError(why)


async def spend(memory: Memory) -> None:
    async with memory.quotas.spend("mail"):
        pass


async def bill_a_step(memory: Memory) -> None:
    async with memory.ledger.turn("job", waits, LEASE), memory.ledger.step("step", keep=True):
        pass


async def test_whatever_answer_gets_lost_is_asked_for_again_and_takes_effect_once(
    redis_server: RedisServer, memory_of: MemoryOf
) -> None:
    lossy = LossyRedis(redis_server.port)
    async with lossy.connected() as connection:
        memory = memory_of(connection, mails_per_hour=1, undo_hours=1)

        async def losing(act: Act) -> Any:
            lossy.losing = True
            answer = await act()
            assert not lossy.losing
            return answer

        assert await losing(lambda: memory.claims.take(CALL, LEASE, None))
        await losing(lambda: memory.claims.sent(CALL, [1], LEASE))
        await losing(lambda: memory.claims.done(CALL, WINDOW, "payments", 12))
        known = await losing(lambda: memory.claims.find(CALL))
        assert (known.state, known.made) == ("done", 12)
        assert await losing(lambda: memory.claims.take(CALL, LEASE, known))
        await losing(lambda: memory.claims.release(CALL, known))
        assert await memory.claims.find(CALL) is not None
        await losing(lambda: memory.claims.deleted("payments", 12))
        assert await memory.claims.find(CALL) is None
        await losing(lambda: spend(memory))
        with pytest.raises(BlockedByOwner):
            await memory.quotas.check(["mail"])
        await losing(lambda: bill_a_step(memory))
        await losing(lambda: memory.billed.add(7, 1, {"hours": [range(1, 4)]}))
        assert [run.order for run in await memory.billed.runs()] == [1]
        assert await losing(lambda: memory.answered.first("question", 60))
        write = await losing(lambda: memory.writes.begin(("POST", "payments"), 60, "one"))
        await memory.writes.end(write)
        assert await losing(memory.check) is None
        assert len(await memory.writes.of_others_since(0, "other")) == 1
        await memory.actions.add(ACTION)
        assert await losing(lambda: memory.actions.take("1"))
    assert lossy.lost == 14


async def test_a_capped_write_takes_eight_commands_and_a_delete_five(
    replica: Replica, memory_of: MemoryOf, redis: Redis
) -> None:
    memory = memory_of(await replica())

    async def mail() -> None:
        known = await memory.claims.find(CALL)
        await memory.quotas.check({"mail"})
        await memory.claims.take(CALL, LEASE, known)
        async with memory.quotas.spend("mail"):
            write = await memory.writes.begin(("POST", "messages"), 180, "one")
            await memory.claims.sent(CALL, (), LEASE)
            await memory.writes.end(write)
        await memory.claims.done(CALL, WINDOW)

    async def delete() -> None:
        await memory.quotas.check({"delete"})
        async with memory.quotas.spend("delete"):
            write = await memory.writes.begin(("DELETE", "payments"), 180, "one")
            await memory.writes.end(write)
        await memory.claims.deleted("payments", 12)

    async def list_of_many_pages() -> None:
        await memory.writes.of_others_since(await memory.writes.now(), "one")

    for act in (mail, delete, list_of_many_pages):  # so that Redis knows the scripts
        await act()
    assert [await commands(redis, act) for act in (mail, delete, list_of_many_pages)] == [8, 5, 2]


async def commands(redis: Any, act: Act) -> int:
    """How many commands clients send while it acts."""
    sent = 0
    with redis.monitor() as monitor:
        await act()
        redis.echo("the end")
        while (command := monitor.next_command())["command"] != "ECHO the end":
            sent += command["client_type"] != "lua" and not command["command"].startswith(
                ("SET clientary:1:alive", "EVAL local new", "INFO")
            )
    return sent


async def test_every_key_ends_and_only_billed_work_is_kept_for_years(
    replica: Replica, memory_of: MemoryOf, redis: Any, account_id: str
) -> None:
    memory = memory_of(await replica(), undo_hours=1)
    assert await memory.claims.take(CALL, LEASE, None)
    await memory.claims.sent(CALL, [1], LEASE)
    await memory.claims.done(CALL, WINDOW, "payments", 12)
    await spend(memory)
    await bill_a_step(memory)
    await memory.billed.add(7, 1, {"hours": [range(1, 4)]})
    await memory.answered.first("question", 60)
    await memory.writes.begin(("POST", "payments"), 60, "one")
    await memory.made.add("payments", 12)
    await memory.previews.carried_out(
        await memory.previews.keep("call", {"invoice 1": "a"}), {"invoice 1": 7}, whole=True
    )
    await memory.actions.add(ACTION)
    left = {key.partition("}:")[2]: redis.ttl(key) for key in redis.scan_iter(f"clientary:1:*{account_id}*")}
    kinds = {key.partition(":")[0] for key in left}
    assert kinds == {
        "claim",
        "made-by",
        "fence",
        "quota",
        "step",
        *BILLED,
        "answered",
        "writes",
        "made",
        "preview",
        *SEALED,
    }
    for key, seconds in left.items():
        years = key.partition(":")[0] in BILLED
        assert (3_649 * DAY if years else 0) < seconds <= (3_650 * DAY if years else 2 * DAY), key

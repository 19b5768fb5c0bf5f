"""Quotas on Redis, over all replicas and for each caller."""

from typing import Any

import anyio
import pytest

from clientary_mcp.durations import HOUR, MINUTE
from clientary_mcp.errors import BlockedByOwner, Refused
from clientary_mcp.settings import Settings
from clientary_mcp.state.memory import Memory
from tests.state.redis.conftest import MemoryOf, Replica
from tests.support.redis_time import RedisTime

pytestmark = pytest.mark.anyio


def caller_settings(**limits: Any) -> Settings:
    return Settings(subdomain="acme", api_token="t0ken-of-acme", **limits)


async def spend(memory: Memory, kind: str = "delete") -> None:
    async with memory.quotas.spend(kind):
        pass


async def test_of_sixty_tries_over_three_replicas_thirty_are_made(replica: Replica, memory_of: MemoryOf) -> None:
    memories, spent = [memory_of(await replica(), deletes_per_hour=30) for _ in range(3)], 0

    async def attempt(memory: Memory) -> None:
        nonlocal spent
        try:
            await spend(memory)
        except BlockedByOwner:
            return
        spent += 1

    async with anyio.create_task_group() as group:
        for _ in range(20):
            for memory in memories:
                group.start_soon(attempt, memory)
    assert spent == 30


async def test_a_limit_says_when_the_next_is_possible(replica: Replica, memory_of: MemoryOf, time: RedisTime) -> None:
    ours = memory_of(await replica(), deletes_per_hour=2)
    await spend(ours)
    await time.clock.sleep(20 * MINUTE)
    await spend(ours)
    with pytest.raises(BlockedByOwner, match=r"The hourly limit of 2 deletes is reached\. Try again in 40 minutes\."):
        await ours.quotas.check({"delete", "mail", "write"})
    await time.clock.sleep(40 * MINUTE)
    await ours.quotas.check(["delete"])
    await spend(ours)
    await ours.quotas.check(["mail"])


async def test_a_lowered_limit_says_when_enough_of_what_was_sent_is_an_hour_old(
    replica: Replica, memory_of: MemoryOf, time: RedisTime
) -> None:
    account = memory_of(await replica())
    anna = account.of("anna", caller_settings(mails_per_hour=5))
    for _ in range(3):
        await spend(anna, "mail")
        await time.clock.sleep(10 * MINUTE)
    with pytest.raises(BlockedByOwner, match=r"for this caller is reached\. Try again in 40 minutes\."):
        await spend(account.of("anna", caller_settings(mails_per_hour=2)), "mail")
    with pytest.raises(BlockedByOwner, match=r"0 e-mails for this caller is reached\. Whoever runs this server"):
        await spend(account.of("anna", caller_settings(mails_per_hour=0)), "mail")


async def test_a_limit_of_zero_names_no_time(replica: Replica, memory_of: MemoryOf) -> None:
    with pytest.raises(BlockedByOwner) as refused:
        await memory_of(await replica(), mails_per_hour=0).quotas.check(["mail"])
    assert "Try again" not in str(refused.value)


async def test_what_had_no_effect_does_not_count(replica: Replica, memory_of: MemoryOf) -> None:
    ours = memory_of(await replica(), deletes_per_hour=1)
    with pytest.raises(Refused):
        async with ours.quotas.spend("delete"):
            raise Refused("It has payments.")
    await spend(ours)
    with pytest.raises(BlockedByOwner):
        await spend(ours)


async def test_a_caller_has_a_limit_of_its_own_below_the_account_s(
    replica: Replica, memory_of: MemoryOf, time: RedisTime
) -> None:
    account = memory_of(await replica(), mails_per_hour=3)
    anna = account.of("anna", caller_settings(mails_per_hour=1))
    ben = account.of("ben", caller_settings(mails_per_hour=3))
    await spend(anna, "mail")
    with pytest.raises(BlockedByOwner, match="1 e-mail for this caller"):
        await spend(anna, "mail")
    await spend(ben, "mail")
    await spend(ben, "mail")
    with pytest.raises(
        BlockedByOwner, match="The hourly limit of 3 e-mails for all callers of this account is reached"
    ):
        await spend(ben, "mail")
    await time.clock.sleep(HOUR)
    await spend(anna, "mail")


async def test_no_kind_has_no_limit(ours: Memory) -> None:
    async with ours.quotas.spend(None):
        await ours.quotas.check([])


async def test_what_is_left_counts_every_replica_and_the_callers_own_limit(
    replica: Replica, memory_of: MemoryOf, time: RedisTime
) -> None:
    ours, theirs = [memory_of(await replica(), deletes_per_hour=3, mails_per_hour=5) for _ in range(2)]
    await spend(ours)
    await time.clock.sleep(HOUR - MINUTE)
    await spend(theirs)
    assert await theirs.quotas.left() == {"delete": 1, "mail": 5, "money": 10}
    await time.clock.sleep(MINUTE)
    assert await ours.quotas.left() == {"delete": 2, "mail": 5, "money": 10}
    caller = ours.of("ann", caller_settings(deletes_per_hour=1))
    assert (await caller.quotas.left())["delete"] == 1
    await spend(caller)
    assert (await caller.quotas.left())["delete"] == 0

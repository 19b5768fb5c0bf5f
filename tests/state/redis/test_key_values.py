"""Key-values over replicas on a real Redis."""

from contextlib import aclosing

import anyio
import pytest

from clientary_mcp.errors import NotRemembered
from clientary_mcp.state.redis.connection import RedisConnection
from clientary_mcp.state.redis.key_values import RedisKeyValues
from tests.state.redis.conftest import Replica
from tests.state.redis.test_connection import GONE
from tests.support.redis_server import RedisServer

pytestmark = pytest.mark.anyio


@pytest.fixture
async def values(replica: Replica) -> RedisKeyValues:
    return RedisKeyValues(await replica())


@pytest.fixture
async def others(replica: Replica) -> RedisKeyValues:
    """Those of another replica."""
    return RedisKeyValues(await replica())


@pytest.fixture
def name(account_id: str) -> str:
    """What the keys of one test begin with."""
    return f"{account_id}*[?]\\"


async def test_a_value_is_kept_for_its_time_or_for_good(
    values: RedisKeyValues, others: RedisKeyValues, name: str, redis_server: RedisServer
) -> None:
    assert await values.put(f"{name}lasting", "1")
    assert await values.put(f"{name}passing", "2", 60)
    assert [await others.get(name + key) for key in ("lasting", "passing", "other")] == ["1", "2", None]
    assert await others.get_all(*[name + key for key in ("passing", "other", "lasting")]) == ["2", None, "1"]
    with redis_server.administrator() as administrator:
        assert administrator.ttl(f"clientary:1:{name}lasting") == -1
        assert 30 < administrator.ttl(f"clientary:1:{name}passing") <= 60
    assert await values.put(f"{name}lasting", "3", 0.001)
    with anyio.fail_after(5):
        while await others.get(f"{name}lasting") is not None:
            pass


async def test_only_the_first_of_several_puts_a_new_value(
    values: RedisKeyValues, others: RedisKeyValues, name: str
) -> None:
    assert await values.put(name, "a", 60, only_new=True)
    assert not await others.put(name, "b", 60, only_new=True)
    assert await others.get(name) == "a"
    await others.delete(name)
    assert await others.put(name, "c", only_new=True)


async def test_a_value_is_taken_once(values: RedisKeyValues, others: RedisKeyValues, name: str) -> None:
    taken: list[str | None] = []

    async def take(each: RedisKeyValues) -> None:
        taken.append(await each.take(name))

    await values.put(name, "value", 60)
    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(take, values)
            group.start_soon(take, others)
    assert sorted(value or "" for value in taken) == [*[""] * 9, "value"]


async def test_events_are_counted_over_all_replicas_from_the_first_on(
    values: RedisKeyValues, others: RedisKeyValues, name: str, redis_server: RedisServer
) -> None:
    assert [await each.count(name, 60) for each in (values, others, values)] == [1, 2, 3]
    with redis_server.administrator() as administrator:
        administrator.pexpire(f"clientary:1:{name}", 30_000)
        await others.count(name, 60)
        assert administrator.pttl(f"clientary:1:{name}") <= 30_000
    await values.delete(name)
    assert await others.count(name, 60) == 1


async def test_keys_are_listed_by_how_they_begin_and_deleted(values: RedisKeyValues, name: str) -> None:
    keys = [f"{name}token:{number:04}" for number in range(1_100)]
    async with anyio.create_task_group() as group:
        for key in (*keys, f"{name}tokens", f"{name}profile:a", name.replace("*", "b")):
            group.start_soon(values.put, key, "", 60)
    assert await values.keys(f"{name}token:") == keys
    await values.delete(*keys, "never there")
    await values.delete()
    assert await values.keys(name) == [f"{name}profile:a", f"{name}tokens"]


async def test_without_redis_nothing_is_remembered(own_redis: RedisServer) -> None:
    async with aclosing(RedisConnection(own_redis.url)) as connection:
        await connection.open()
        values = RedisKeyValues(connection)
        await values.put("key", "value")
        own_redis.stop()
        for attempt in (values.get, values.get_all, values.take, values.keys, values.delete):
            with pytest.raises(NotRemembered) as gone:
                await attempt("key")
            assert gone.value.message() == GONE
        own_redis.start()
        assert await values.get("key") == "value"

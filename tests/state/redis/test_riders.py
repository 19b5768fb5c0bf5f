"""Scripts whose answer nobody waits for, on a real Redis."""

from contextlib import aclosing

import anyio
import pytest
from redis import Redis

from clientary_mcp.errors import NotRemembered
from clientary_mcp.state.redis.connection import RedisConnection
from clientary_mcp.state.redis.scripts import Script
from tests.state.redis.conftest import Replica
from tests.support.processes import free_port
from tests.support.redis_proxy import LossyRedis
from tests.support.redis_server import RedisServer

pytestmark = pytest.mark.anyio

ADD = Script("redis.call('SADD', KEYS[1], ARGV[1])")
ALL = Script("return redis.call('SMEMBERS', KEYS[1])")
REMOVE = Script("redis.call('SREM', KEYS[1], ARGV[1])")
BROKEN = Script("return redis.call('NOSUCHCOMMAND')")


async def test_what_is_to_run_soon_runs_ahead_of_what_is_asked_next(replica: Replica, account_id: str) -> None:
    connection = await replica()
    keys = [connection.key(account_id, "set")]
    await connection.run(ADD, keys, "known")
    connection.soon(ADD, keys, "1")
    connection.soon(BROKEN, keys)
    connection.soon(ADD, keys, "2")
    assert set(await connection.run(ALL, keys)) == {"known", "1", "2"}


async def test_what_is_to_run_soon_of_one_account_is_one_command(own_redis: RedisServer) -> None:
    async with aclosing(RedisConnection(own_redis.url)) as connection:
        await connection.open()
        mine, other = ([connection.key(account, "set")] for account in ("a" * 16, "b" * 16))

        async def add() -> None:
            for member in ("1", "2"):
                connection.soon(ADD, mine, member)
                connection.soon(ADD, other, member)
            connection.soon(REMOVE, mine, "1")
            await connection.flush()

        await add()  # in full
        with own_redis.administrator() as administrator:
            administrator.config_resetstat()
            await add()
            assert administrator.info("commandstats")["cmdstat_evalsha"]["calls"] == 2
            assert (administrator.smembers(mine[0]), administrator.smembers(other[0])) == ({"2"}, {"1", "2"})


async def test_it_waits_for_others_of_its_account_before_it_travels_with_another(
    redis_server: RedisServer, account_id: str, redis: Redis
) -> None:
    now = 0.0
    async with aclosing(RedisConnection(redis_server.url, now=lambda: now)) as connection:
        await connection.open()
        mine, other = ([connection.key(account, "set")] for account in (account_id, account_id[::-1]))
        connection.soon(ADD, mine, "1")
        await connection.run(ALL, other)
        assert redis.smembers(mine[0]) == set()
        now = 0.002
        connection.soon(ADD, mine, "2")
        await connection.run(ALL, other)
        assert redis.smembers(mine[0]) == {"1", "2"}


async def test_it_waits_while_redis_only_reads(own_redis: RedisServer, account_id: str) -> None:
    async with aclosing(RedisConnection(own_redis.url)) as connection:
        await connection.open()
        keys = [connection.key(account_id, "set")]
        with own_redis.administrator() as administrator:
            administrator.replicaof("127.0.0.1", free_port())
            connection.soon(ADD, keys, "1")
            connection.soon(REMOVE, keys, "0")
            await connection.flush()
            assert not connection.reachable
            administrator.replicaof("NO", "ONE")
            assert await connection.run(ALL, keys) == ["1"]


async def test_it_runs_by_itself_and_also_after_redis_has_forgotten_the_script(
    replica: Replica, account_id: str, redis: Redis
) -> None:
    connection = await replica()
    key = connection.key(account_id, "set")
    connection.soon(ADD, [key], "1")
    await connection.flush()
    redis.script_flush()
    connection.soon(ADD, [key], "2")
    with anyio.fail_after(10):
        while redis.smembers(key) != {"1", "2"}:  # noqa: ASYNC110 - nothing is asked, so nothing tells when it has run
            await anyio.sleep(0.001)


async def test_it_runs_before_the_connection_closes(redis_server: RedisServer, account_id: str, redis: Redis) -> None:
    async with aclosing(RedisConnection(redis_server.url)) as connection:
        await connection.open()
        key = connection.key(account_id, "set")
        connection.soon(ADD, [key], "1")
    assert redis.smembers(key) == {"1"}


async def test_it_runs_though_what_it_travelled_with_was_cancelled(replica: Replica, account_id: str) -> None:
    connection = await replica()
    keys = [connection.key(account_id, "set")]
    connection.soon(ADD, keys, "1")
    async with anyio.create_task_group() as group:
        group.start_soon(connection.run, ALL, keys)
        await anyio.lowlevel.checkpoint()
        group.cancel_scope.cancel()
    assert await connection.run(ALL, keys) == ["1"]


async def test_what_is_asked_fails_alone_and_a_lost_answer_is_asked_for_again(
    redis_server: RedisServer, account_id: str
) -> None:
    lossy = LossyRedis(redis_server.port)
    async with lossy.connected() as connection:
        keys = [connection.key(account_id, "set")]
        connection.soon(ADD, keys, "1")
        with pytest.raises(NotRemembered, match="Redis says"):
            await connection.run(BROKEN, keys)
        connection.soon(ADD, keys, "2")
        lossy.losing = True
        assert set(await connection.run(ALL, keys)) == {"1", "2"}

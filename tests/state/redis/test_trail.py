"""The trail of all replicas on a real Redis."""

import json
import logging
from contextlib import aclosing

import pytest

from clientary_mcp.state.redis.connection import RedisConnection
from clientary_mcp.state.redis.trail import RedisTrail
from clientary_mcp.state.sealing import KeyRing
from tests.state.redis.conftest import Replica
from tests.support.redis_server import RedisServer

pytestmark = pytest.mark.anyio

OLD, NEW = "of last year, and long enough for a key", "of this year, and long enough for a key"
CANARY = "canary-of-a-line"


async def test_replicas_read_the_lines_of_all_the_newest_last(replica: Replica, account_id: str) -> None:
    connections = [await replica() for _ in range(2)]
    one, other = (RedisTrail(connection, account_id, KeyRing([OLD])) for connection in connections)
    lines = [{"id": number, "tool": "get_client", "given": {"name": "Zoë"}} for number in range(4)]
    for number, line in enumerate(lines):
        await (one, other)[number % 2].add(line)
        await connections[number % 2].flush()
    assert await other.recent(10_000) == lines
    size = len(json.dumps(lines[0], separators=(",", ":"), ensure_ascii=False).encode()) + 1
    assert await one.recent(3 * size - 1) == lines[2:]
    assert await one.recent(10) == []


async def test_the_trail_of_an_account_is_its_own_and_opens_with_the_ring_alone(
    replica: Replica, account_id: str
) -> None:
    connection = await replica()
    await RedisTrail(connection, account_id, KeyRing([OLD])).add({"id": "1"})
    await RedisTrail(connection, account_id, KeyRing([NEW, OLD])).add({"id": "2"})
    assert await RedisTrail(connection, account_id, KeyRing([NEW, OLD])).recent(1_000) == [{"id": "1"}, {"id": "2"}]
    assert await RedisTrail(connection, account_id, KeyRing([NEW])).recent(1_000) == [{"id": "2"}]
    assert await RedisTrail(connection, account_id[::-1], KeyRing([OLD])).recent(1_000) == []


async def test_about_the_last_500_lines_are_kept_for_a_week_and_none_is_readable(
    replica: Replica, account_id: str, redis_server: RedisServer
) -> None:
    trail = RedisTrail(await replica(), account_id, KeyRing([OLD]))
    for number in range(620):
        await trail.add({"id": number, "given": CANARY})
    assert [line["id"] for line in await trail.recent(10**6)] == [*range(120, 620)]
    with redis_server.administrator() as administrator:
        key = f"clientary:1:{{{account_id}}}:trail"
        assert 500 <= administrator.xlen(key) <= 600
        assert administrator.ttl(key) == pytest.approx(7 * 24 * 3_600, abs=60)
        assert CANARY not in str(administrator.xrange(key))


async def test_without_redis_nothing_fails_and_lines_wait_for_it(
    own_redis: RedisServer, account_id: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with aclosing(RedisConnection(own_redis.url)) as connection:
        await connection.open()
        trail = RedisTrail(connection, account_id, KeyRing([OLD]))
        await trail.add({"id": 1})
        await connection.flush()
        own_redis.stop()
        with caplog.at_level(logging.WARNING):
            await trail.add({"id": 2, "given": CANARY})
            await trail.add({"id": 3})
            assert await trail.recent(1_000) == []
        own_redis.start()
        await trail.recent(1_000)
        await connection.flush()
        assert [line["id"] for line in await trail.recent(1_000)] == [1, 2, 3]
        await trail.add({"id": 4})
        own_redis.stop()
    assert caplog.text.count("this replica's file alone") == 1
    assert "cannot be read" in caplog.text
    assert CANARY not in caplog.text

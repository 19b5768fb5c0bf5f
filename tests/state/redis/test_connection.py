"""The connection to Redis: what it needs, what becomes of it without one, and who is alive."""

import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import anyio
import pytest

from clientary_mcp.errors import NotRemembered, SettingsError
from clientary_mcp.state.redis.connection import RedisConnection
from clientary_mcp.state.redis.scripts import Script
from tests.state.redis.conftest import Replica
from tests.support.redis_server import RedisServer, installed, sentinel_of

pytestmark = pytest.mark.anyio

GONE = (
    "Nothing was sent: this server's shared memory can't be reached, and without it nothing keeps a write from"
    " happening twice. Try again in a minute. This says nothing of an earlier call."
)


@asynccontextmanager
async def opened(url: str, now: Callable[[], float] = time.monotonic) -> AsyncIterator[RedisConnection]:
    async with aclosing(RedisConnection(url, now=now)) as connection:
        await connection.open()
        yield connection


async def refusal(url: str) -> str:
    with pytest.raises(SettingsError) as refused:
        async with opened(url):
            pass
    return str(refused.value)


@pytest.fixture
def server_with(tmp_path: Path) -> Iterator[Callable[..., RedisServer]]:
    installed()
    servers: list[RedisServer] = []

    def new(*options: str, password: str = "") -> RedisServer:
        directory = tmp_path / f"server-{len(servers)}"
        directory.mkdir()
        servers.append(RedisServer(directory, *options, password=password))
        servers[-1].start()
        return servers[-1]

    yield new
    for server in servers:
        server.stop()


async def test_a_store_that_is_not_there_is_a_wrong_setting(own_redis: RedisServer) -> None:
    own_redis.stop()
    address = f"redis://127.0.0.1:{own_redis.port}/0"
    assert await refusal(own_redis.url) == f"CLIENTARY_STORE: the Redis at {address} cannot be reached."


async def test_sentinels_that_are_not_there_are_a_wrong_setting(own_redis: RedisServer) -> None:
    own_redis.stop()
    place = f"127.0.0.1:{own_redis.port},localhost:{own_redis.port}/main/0"
    text = await refusal(f"redis+sentinel://user:s3cret@{place}?sentinel_password=s3cret")
    assert text == f"CLIENTARY_STORE: the Redis at redis+sentinel://{place} cannot be reached."


@pytest.mark.parametrize("url", ["redis+sentinel://s3cret@host", "redis+sentinel://h:p:q/main", "redis://host:s3cret"])
def test_a_store_that_is_no_url_is_a_wrong_setting(url: str) -> None:
    with pytest.raises(SettingsError, match="CLIENTARY_STORE is no URL of a Redis") as refused:
        RedisConnection(url)
    assert "s3cret" not in str(refused.value)


async def test_a_wrong_password_is_a_wrong_setting_and_not_shown(server_with: Callable[..., RedisServer]) -> None:
    server = server_with(password="right")
    async with opened(server.url):
        pass
    for login in ("", ":wr0ng@", "somebody:wr0ng@"):
        text = await refusal(f"redis://{login}127.0.0.1:{server.port}")
        assert "does not accept the user or the password" in text
        assert "CLIENTARY_STORE" in text
        assert "wr0ng" not in text


async def test_a_store_that_forgets_by_itself_is_a_wrong_setting(server_with: Callable[..., RedisServer]) -> None:
    text = await refusal(server_with("--maxmemory-policy", "allkeys-lru").url)
    assert "maxmemory-policy allkeys-lru, and noeviction is needed" in text


async def test_whether_it_outlives_a_restart_is_known(server_with: Callable[..., RedisServer]) -> None:
    async with opened(server_with().url) as kept:
        assert kept.persistent
    async with opened(server_with("--appendonly", "no").url) as kept_in_memory:
        assert not kept_in_memory.persistent


async def test_what_cannot_be_remembered_is_said_and_it_works_again_once_redis_is_back(own_redis: RedisServer) -> None:
    passed = 0.0
    async with opened(own_redis.url, lambda: passed) as connection:
        await connection.command("SET", "clientary:1:test", "1")
        own_redis.stop()
        with pytest.raises(NotRemembered) as failure:
            await connection.command("GET", "clientary:1:test")
        assert failure.value.message() == GONE
        states = [connection.healthy]
        passed = 6.0
        assert [*states, connection.healthy] == [True, False]
        own_redis.start()
        assert await connection.command("GET", "clientary:1:test") == "1"
        assert connection.healthy


async def test_a_redis_that_stands_still_is_given_up_after_two_tries(own_redis: RedisServer) -> None:
    async with opened(own_redis.url) as connection:
        with own_redis.standing_still():
            begun = time.monotonic()
            with pytest.raises(NotRemembered, match="can't be reached"):
                await connection.command("GET", "clientary:1:test")
            assert time.monotonic() - begun > 1.9
        assert await connection.command("GET", "clientary:1:test") is None


async def test_a_script_that_redis_has_lost_is_sent_again(own_redis: RedisServer) -> None:
    add = Script("return redis.call('INCR', KEYS[1]) + ARGV[1]")
    async with opened(own_redis.url) as connection:
        key = connection.key("a", "counter")
        assert [await connection.run(add, [key], 10) for _ in range(2)] == [11, 12]
        with own_redis.administrator() as redis:
            redis.script_flush()
        assert await connection.run(add, [key], 10) == 13


async def test_an_owner_has_ended_once_its_key_is_gone(replica: Replica) -> None:
    ours, theirs = await replica(), await replica()
    holder = theirs.holder()
    assert holder != theirs.holder()
    assert not await ours.has_ended(holder)
    await theirs.aclose()
    assert await ours.has_ended(holder)
    assert not await ours.has_ended(ours.holder())


class Beats:
    """Waits of a heartbeat, which end when the test says so."""

    def __init__(self) -> None:
        self.waits: list[float] = []
        self._end, self._begun = anyio.Event(), anyio.Event()

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self._begun.set()
        await self._end.wait()
        self._end = anyio.Event()

    async def beat(self) -> None:
        """Let it beat once."""
        await self._begun.wait()
        self._begun = anyio.Event()
        self._end.set()
        await self._begun.wait()


async def test_a_process_keeps_its_name_alive_and_finds_out_that_redis_is_gone_and_back(
    own_redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    beats, passed = Beats(), 0.0
    async with aclosing(RedisConnection(own_redis.url, now=lambda: passed, sleep=beats.sleep)) as connection:
        await connection.open()
        name = f"clientary:1:alive:{connection.owner}"
        with own_redis.administrator() as redis:
            assert 10_000 < redis.pttl(name) <= 15_000
            redis.delete(name)
            await beats.beat()
            assert redis.exists(name)
        own_redis.stop()
        passed = 6.0
        await beats.beat()
        await beats.beat()
        states = [connection.healthy]
        own_redis.start()
        await beats.beat()
        assert [*states, connection.healthy] == [False, True]
    assert beats.waits == [5.0, 5.0, 1.0, 1.0, 5.0]
    place = f"The Redis at redis://127.0.0.1:{own_redis.port}/0"
    gone, back = [record.getMessage() for record in caplog.records]
    assert gone.startswith(f"{place} cannot be reached: ")
    assert back == f"{place} can be reached again."


async def test_sentinels_say_where_redis_is(own_redis: RedisServer, tmp_path: Path) -> None:
    with sentinel_of(own_redis, tmp_path) as port:
        async with opened(f"redis+sentinel://127.0.0.1:{port}/main/0") as connection:
            await connection.command("SET", "clientary:1:test", "here")
        with own_redis.administrator() as redis:
            assert redis.get("clientary:1:test") == "here"


async def test_what_must_not_be_lost_waits_for_a_replica_of_redis(
    own_redis: RedisServer, server_with: Callable[..., RedisServer]
) -> None:
    script = Script("return redis.call('INCR', KEYS[1])")
    server_with("--appendonly", "no", "--replicaof", "127.0.0.1", str(own_redis.port))
    own_redis.wait_for_replica()
    with own_redis.administrator() as redis:
        async with opened(own_redis.url) as connection:
            key = connection.key("a", "counter")
            commands = []
            with redis.monitor() as monitor:
                for lasting in (False, True):
                    await connection.run(script, [key], lasting=lasting)
                while "WAIT" not in commands:
                    commands.append(monitor.next_command()["command"].partition(" ")[0])
    asked = [command for command in commands if command in ("EVALSHA", "EVAL", "WAIT")]
    assert asked == ["EVALSHA", "EVAL", "EVALSHA", "WAIT"]

"""The pace over replicas, each with a connection of its own to a real Redis."""

import time
from contextlib import aclosing
from itertools import pairwise
from pathlib import Path

import anyio
import httpx
import pytest

from clientary_mcp.api.call import Call
from clientary_mcp.api.rate_limit import Pacing
from clientary_mcp.api.session import Clientary
from clientary_mcp.errors import NotRemembered
from clientary_mcp.settings import Settings
from clientary_mcp.state.memory import local_memory
from clientary_mcp.state.pace import NoTurnInTime, Turn, Waiter
from clientary_mcp.state.redis.connection import RedisConnection
from clientary_mcp.state.redis.pace import RedisPace
from tests.state.redis.conftest import Replica
from tests.state.redis.test_connection import GONE
from tests.support.redis_proxy import LossyRedis
from tests.support.redis_server import RedisServer

pytestmark = pytest.mark.anyio


@pytest.fixture
async def three(replica: Replica) -> list[RedisConnection]:
    """The connections of three replicas."""
    return [await replica() for _ in range(3)]


def paces(three: list[RedisConnection], account_id: str, places: int = 4, per_second: float = 0) -> list[RedisPace]:
    return [RedisPace(connection, account_id, places, per_second) for connection in three]


async def answered(pace: RedisPace, accepted: bool | None = True, hold: float = 0.0, call: Call | None = None) -> Turn:
    """One request, which does not wait for its turn."""
    call = call or Call(60)
    turn = await pace.begin(call, writes=False)
    await pace.done(turn, call, accepted, hold)
    await pace.connection.flush()
    return turn


async def assert_free(pace: RedisPace, places: int) -> None:
    """So many requests more may begin now, and not one more."""
    turns = [await pace.begin(Call(60), writes=False) for _ in range(places)]
    with pytest.raises(NoTurnInTime, match="no place"):
        await pace.begin(hasty(), writes=False)
    for turn in turns:
        await pace.done(turn, Call(60), None)


def hasty() -> Call:
    """A call that must end soon."""
    return Call(60, latest=time.monotonic() + 0.03)


def everything_written(directory: Path) -> bytes:
    """What a server of Redis ever wrote to its files."""
    return b"".join(path.read_bytes() for path in directory.rglob("appendonly.aof.*"))


class Watched(RedisPace):
    """Keeps the turns that it gives."""

    def __init__(self, connection: RedisConnection, account: str, concurrency: int, per_second: float) -> None:
        super().__init__(connection, account, concurrency, per_second)
        self.turns: list[Turn] = []

    async def begin(self, waiter: Waiter, *, writes: bool) -> Turn:
        self.turns.append(await super().begin(waiter, writes=writes))
        return self.turns[-1]


async def test_callers_of_one_process_take_turns_however_many_requests_of_one_wait(
    three: list[RedisConnection], account_id: str
) -> None:
    pace, order, waiting = paces(three, account_id, 1)[0], list[str](), list[str]()
    callers, all_wait = ["ann"] * 4 + ["bob"] * 2, anyio.Event()

    async def on_wait(_: float | None, why: str) -> None:
        waiting.append(why)
        if len(waiting) == len(callers):
            all_wait.set()

    async def request(caller: str) -> None:
        turn = await pace.begin(Call(60, on_wait, caller=caller), writes=False)
        order.append(caller)
        await pace.done(turn, Call(60), None)

    held = await pace.begin(Call(60), writes=False)
    async with anyio.create_task_group() as group:
        for caller in callers:
            group.start_soon(request, caller)
        await all_wait.wait()
        await anyio.wait_all_tasks_blocked()
        await pace.done(held, Call(60), None)
    assert (sorted(order[:2]), sorted(order[2:4])) == (["ann", "bob"], ["ann", "bob"])


async def test_replicas_together_keep_to_the_places_and_the_rate(three: list[RedisConnection], account_id: str) -> None:
    left: list[float] = []
    under_way, most = 0, 0

    async def answer(request: httpx.Request) -> httpx.Response:
        nonlocal under_way, most
        left.append(time.time())
        under_way += 1
        most = max(most, under_way)
        await anyio.sleep(0.03)
        under_way -= 1
        return httpx.Response(200, json={})

    watched = [Watched(connection, account_id, 4, 150) for connection in three]
    networks = [Pacing(httpx.MockTransport(answer), pace) for pace in watched]
    async with anyio.create_task_group() as group:
        for number in range(120):
            request = httpx.Request("GET", "http://acme.test/", extensions={"call": Call(60)})
            group.start_soon(networks[number % 3].handle_async_request, request)
    turns = sorted(turn.start for pace in watched for turn in pace.turns)
    assert (len(left), most) == (120, 4)
    assert min(later - earlier for earlier, later in pairwise(turns)) >= 0.0066
    assert all(sent >= turn - 0.005 for sent, turn in zip(sorted(left), turns, strict=True))


@pytest.mark.parametrize(
    ("per_second", "refusals", "gap"), [(5, 0, 0.2), (0, 1, 0.1), (0, 3, 0.4), (4, 1, 0.5), (4, 5, 2)]
)
async def test_a_rate_limit_error_on_one_replica_slows_all(
    three: list[RedisConnection], account_id: str, per_second: float, refusals: int, gap: float
) -> None:
    one, other, third = paces(three, account_id, per_second=per_second)
    for _ in range(refusals):
        await answered(one, accepted=False, hold=0.5)
    turns = [await answered(pace, None) for pace in (other, third, one)]
    assert [later.start - earlier.start for earlier, later in pairwise(turns)] == pytest.approx([gap, gap], abs=1e-6)
    assert other.limited(Call(60)) == bool(refusals)


@pytest.mark.parametrize(("asked", "held_back"), [(5, 5), (600, 20)])
async def test_what_clientary_asks_of_one_replica_holds_all_back(
    three: list[RedisConnection], account_id: str, asked: float, held_back: float
) -> None:
    one, *others = paces(three, account_id)
    refused = await answered(one, accepted=False, hold=asked)
    turns = [await answered(pace, None) for pace in others]
    assert held_back <= turns[0].start - refused.start < held_back + 1
    assert turns[1].start - turns[0].start == pytest.approx(0.1, abs=1e-6)
    with pytest.raises(NoTurnInTime) as late:
        await others[0].begin(Call(1), writes=False)
    assert late.value.wait is not None
    assert late.value.wait > held_back - 1


@pytest.mark.parametrize(("places", "refusals", "left"), [(4, 0, 4), (4, 1, 2), (5, 1, 2), (4, 3, 2), (1, 1, 1)])
async def test_rate_limit_errors_halve_the_places_of_all_down_to_two(
    three: list[RedisConnection], account_id: str, places: int, refusals: int, left: int
) -> None:
    one, other, _ = paces(three, account_id, places)
    for _ in range(refusals):
        await answered(one, accepted=False)
    await assert_free(other, left)


async def test_three_successes_restore_a_place(three: list[RedisConnection], account_id: str) -> None:
    one, other, third = paces(three, account_id)
    await answered(one, accepted=False)
    for _ in range(3):
        await answered(other)
    await assert_free(third, 3)
    for _ in range(6):
        await answered(other)
    await assert_free(third, 4)


async def test_successes_shorten_the_interval_down_to_the_rate(three: list[RedisConnection], account_id: str) -> None:
    one, other, third = paces(three, account_id, per_second=4)
    refused = await answered(one, accepted=False)
    turns = [refused, *[await answered(pace) for pace in (other, third, one, other, third)]]
    gaps = [later.start - earlier.start for earlier, later in pairwise(turns)]
    assert gaps == pytest.approx([0.25, 0.5, 0.35, 0.25, 0.25], abs=1e-6)


async def test_of_requests_under_way_at_the_same_time_only_the_first_refusal_counts(
    three: list[RedisConnection], account_id: str
) -> None:
    at_once = paces(three, account_id, places=8)
    turns = [await pace.begin(Call(60), writes=False) for pace in at_once]
    await anyio.sleep(0.002)  # by the milliseconds of Redis
    for pace, turn in zip(at_once, turns, strict=True):
        await pace.done(turn, Call(60), accepted=False)
    await assert_free(at_once[0], 4)


async def test_the_place_of_a_request_that_hangs_or_died_is_given_to_the_next(
    three: list[RedisConnection], account_id: str
) -> None:
    one, other, third = paces(three, account_id, places=1)
    hangs = Call(0.4)
    held = await one.begin(hangs, writes=False)
    next_one = Call(60)
    turn = await other.begin(next_one, writes=False)
    assert turn.start - held.start > 0.049
    await one.done(held, hangs, accepted=True)
    with pytest.raises(NoTurnInTime, match="no place"):
        await third.begin(hasty(), writes=False)
    await other.done(turn, next_one, accepted=True)
    await answered(third)


async def test_a_place_that_was_cancelled_is_free_at_once(three: list[RedisConnection], account_id: str) -> None:
    one, other, _ = paces(three, account_id, places=1)
    reached = anyio.Event()

    async def answer(_: httpx.Request) -> httpx.Response:
        reached.set()
        await anyio.sleep_forever()
        raise AssertionError("it was cancelled")

    request = httpx.Request("GET", "http://acme.test/", extensions={"call": Call(60)})
    async with anyio.create_task_group() as group:
        group.start_soon(Pacing(httpx.MockTransport(answer), one).handle_async_request, request)
        await reached.wait()
        group.cancel_scope.cancel()
    await one.connection.flush()  # what gives the place back leaves within milliseconds
    assert (await other.begin(Call(60), writes=False)).wait == 0


async def test_a_process_serves_its_requests_in_order_and_no_other_process_waits_for_all_of_them(
    three: list[RedisConnection], account_id: str
) -> None:
    one, other, _ = paces(three, account_id, places=1)
    served: list[str] = []

    async def wait_and_note(pace: RedisPace, name: str, queued: anyio.Event) -> None:
        async def on_wait(_: float | None, why: str) -> None:
            assert why == "too many requests at once"
            queued.set()

        call = Call(60, on_wait)
        turn = await pace.begin(call, writes=False)
        await anyio.sleep(0.005)
        await pace.done(turn, call, accepted=True)
        assert call.waited > 0
        served.append(name)

    first = await one.begin(Call(60), writes=False)
    async with anyio.create_task_group() as group:
        for name in (*(f"ours {number:02}" for number in range(60)), "theirs"):
            queued = anyio.Event()
            group.start_soon(wait_and_note, other if name == "theirs" else one, name, queued)
            await queued.wait()
        await one.done(first, Call(60), accepted=True)
    assert served[-1] != "theirs"
    served.remove("theirs")
    assert served == sorted(served)


async def test_a_turn_is_taken_and_given_back_once_though_an_answer_is_lost(
    replica: Replica, redis_server: RedisServer, account_id: str
) -> None:
    other = RedisPace(await replica(), account_id, 4, 0)
    lossy = LossyRedis(redis_server.port)
    async with lossy.connected() as connection:
        pace = RedisPace(connection, account_id, 4, 0)
        lossy.losing = True
        turn = await pace.begin(Call(60), writes=True)
        assert not lossy.losing
        await assert_free(other, 3)
        lossy.losing = True
        await pace.done(turn, Call(60), accepted=False)
        assert not lossy.losing
        await assert_free(other, 2)  # halved once


async def test_without_redis_reads_go_on_one_at_a_time_and_writes_are_refused(
    own_redis: RedisServer, account_id: str
) -> None:
    async with aclosing(RedisConnection(own_redis.url)) as connection:
        await connection.open()
        pace = RedisPace(connection, account_id, 4, 0)
        under_way = await pace.begin(Call(60), writes=True)
        own_redis.stop()
        await pace.done(under_way, Call(60), accepted=True)
        with pytest.raises(NotRemembered) as refused:
            await pace.begin(Call(60), writes=True)
        assert refused.value.message() == GONE
        turn = await pace.begin(Call(60), writes=False)
        with pytest.raises(NoTurnInTime, match="no place"):
            await pace.begin(Call(0.02), writes=False)
        await pace.done(turn, Call(60), accepted=False, hold=7)
        assert (await answered(pace, None)).wait > 6
        own_redis.start()
        await pace.done(await pace.begin(Call(60), writes=True), Call(60), accepted=True)
        assert (await answered(pace)).wait == 0


async def test_a_write_whose_turn_is_not_reserved_is_not_sent(
    own_redis: RedisServer, account_id: str, tmp_path: Path
) -> None:
    methods: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        methods.append(request.method)
        return httpx.Response(200, json={"id": 7, "name": "Acme"})

    settings = Settings(subdomain="acme", api_token="t0ken-of-acme", store="memory")
    async with aclosing(RedisConnection(own_redis.url)) as connection:
        await connection.open()
        memory = local_memory(settings, time.time, shared=False)
        memory.pace = RedisPace(connection, account_id, 4, 0)
        async with Clientary(settings, httpx.MockTransport(answer), memory=memory) as clientary:
            await clientary.post("clients", {"name": "Acme"})
            own_redis.stop()
            with pytest.raises(NotRemembered) as refused:
                await clientary.post("clients", {"name": "Acme"})
            assert (await clientary.fetch("clients/7"))["name"] == "Acme"
    assert refused.value.effect == "not sent"
    assert methods == ["POST", "GET"]
    written = everything_written(tmp_path)
    assert b":places" in written
    assert not [secret for secret in (b"Acme", b"acme", b"t0ken") if secret in written]


async def test_a_new_request_gets_no_place_while_others_wait(three: list[RedisConnection], account_id: str) -> None:
    one, other, _ = paces(three, account_id, places=1)
    turn, key = await one.begin(Call(60), writes=False), three[0].key(account_id, "pace")
    with pytest.raises(NoTurnInTime, match="no place"):
        await other.begin(hasty(), writes=False)
    assert await three[0].command("HEXISTS", key, "wanted")
    await three[0].command("HSET", key, "wanted", round(time.time() * 1_000) + 60_000)
    await one.done(turn, Call(60), accepted=True)
    with pytest.raises(NoTurnInTime, match="no place"):  # in the same packet, before any other process
        await one.begin(Call(60, latest=time.monotonic() + 0.001), writes=False)
    assert await one.begin(Call(60), writes=False)

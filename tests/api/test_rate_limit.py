"""Adaptive concurrency and rate: both drop at once on a rate-limit error and recover step by step."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import anyio
import httpx
import pytest
from mcp import Client

from clientary_mcp.api.call import Clock
from clientary_mcp.api.session import Clientary
from clientary_mcp.errors import RateLimited
from clientary_mcp.server.app import ClientaryServer
from clientary_mcp.settings import Settings
from tests.support.agent import Era, agent_of
from tests.support.clock import FakeTime
from tests.support.processes import PATIENCE

pytestmark = pytest.mark.anyio

PAGES = 40
FASTEST_AFTER_A_REFUSAL, SLOWEST = 0.1, 2.0
"""Seconds from the start of a request to that of the next."""


class Account:
    """Clientary, simulated: rejects a given number of requests and holds others until released."""

    def __init__(self, time: FakeTime) -> None:
        self._time = time
        self.starts: list[float] = []
        self.asked_for: list[str] = []
        self.refusals: list[httpx.Response] = []
        self.keeps_waiting = False
        self.waiting: list[anyio.Event] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.starts.append(self._time.clock.now())
        page = int(request.url.params.get("page", "1"))
        self.asked_for.append(f"page {page}" if request.url.path.endswith("/clients") else "record")
        if self.refusals:
            return self.refusals.pop(0)
        if self.keeps_waiting:
            self.waiting.append(turn := anyio.Event())
            await turn.wait()
        record = {"id": page, "name": "Acme"}
        counts = {"page_count": PAGES, "page_size": 1, "total_count": PAGES}
        return httpx.Response(200, json={**record, "clients": [record], **counts})

    @property
    def gap(self) -> float:
        """Seconds between the starts of the last two requests."""
        return self.starts[-1] - self.starts[-2]

    async def answer_one(self) -> None:
        """Answer the longest-waiting request, and let every task react."""
        self.waiting.pop(0).set()
        await anyio.wait_all_tasks_blocked()


def busy(retry_after: int | None = None) -> httpx.Response:
    """A rate-limit error."""
    return httpx.Response(429, headers={} if retry_after is None else {"Retry-After": str(retry_after)})


@pytest.fixture
def account(time: FakeTime) -> Account:
    return Account(time)


def session(account: Account, time: FakeTime, clock: Clock | None = None, **settings: Any) -> Clientary:
    """A session with that account, under an owner's settings."""
    chosen = Settings(subdomain="acme", api_token="t0ken", **settings)
    return Clientary(chosen, httpx.MockTransport(account), clock or time.clock)


async def make_reads(clientary: Clientary, times: int = 1) -> None:
    """Make this many requests, one after another."""
    for _ in range(times):
        await clientary.fetch("clients/7")


async def refused(clientary: Clientary, account: Account, times: int) -> None:
    """A request that is rejected this many times and then answered."""
    account.refusals = [busy() for _ in range(times)]
    await make_reads(clientary)


async def at_once(clientary: Clientary, account: Account) -> int:
    """The number of concurrent requests out of many waiting ones."""
    account.keeps_waiting, account.waiting = True, []
    async with anyio.create_task_group() as crowd:
        for _ in range(30):
            crowd.start_soon(make_reads, clientary)
        await anyio.wait_all_tasks_blocked()
        crowd.cancel_scope.cancel()
    account.keeps_waiting = False
    return len(account.waiting)


# At the same time


@pytest.mark.parametrize(("refusals", "left"), [(0, 8), (1, 4), (2, 2), (5, 2)])
async def test_each_rate_limit_error_halves_concurrency_down_to_two(
    account: Account, time: FakeTime, refusals: int, left: int
) -> None:
    clientary = session(account, time, concurrency=8)
    await refused(clientary, account, refusals)
    assert await at_once(clientary, account) == left


async def test_a_single_slot_stays_single(account: Account, time: FakeTime) -> None:
    clientary = session(account, time, concurrency=1)
    await refused(clientary, account, 1)
    assert await at_once(clientary, account) == 1


async def test_three_successes_restore_one_slot_up_to_the_configured_limit(account: Account, time: FakeTime) -> None:
    clientary = session(account, time, concurrency=5)
    await refused(clientary, account, 3)
    await make_reads(clientary)
    seen = [await at_once(clientary, account)]
    for _ in range(5):
        await make_reads(clientary)
        seen.append(await at_once(clientary, account))
        await make_reads(clientary, 2)
    assert seen == [2, 3, 4, 5, 5, 5]


async def test_a_rate_limit_error_in_between_restarts_the_count(account: Account, time: FakeTime) -> None:
    clientary = session(account, time, concurrency=4)
    await refused(clientary, account, 1)
    await make_reads(clientary)
    await refused(clientary, account, 1)
    await make_reads(clientary)
    assert await at_once(clientary, account) == 2
    await make_reads(clientary)
    assert await at_once(clientary, account) == 3


# How fast


@pytest.mark.parametrize(
    ("per_second", "refusals", "gap"),
    [(0, 0, 0), (0, 1, FASTEST_AFTER_A_REFUSAL), (0, 2, 0.2), (0, 3, 0.4), (4, 1, 0.5), (4, 2, 1), (4, 5, SLOWEST)],
)
async def test_each_rate_limit_error_doubles_the_interval_up_to_two_seconds(
    account: Account, time: FakeTime, per_second: float, refusals: int, gap: float
) -> None:
    clientary = session(account, time, requests_per_second=per_second)
    await refused(clientary, account, refusals)
    await make_reads(clientary)
    assert account.gap == pytest.approx(gap)


@pytest.mark.parametrize(("per_second", "fastest"), [(0, 0), (4, 0.25), (1.25, 0.8)])
async def test_each_success_shortens_the_interval_by_three_tenths_down_to_the_configured_rate(
    account: Account, time: FakeTime, per_second: float, fastest: float
) -> None:
    clientary = session(account, time, requests_per_second=per_second)
    await refused(clientary, account, 5)
    first = len(account.starts)
    await make_reads(clientary, 80)
    gaps = [later - earlier for earlier, later in pairwise(account.starts[first - 1 :])]
    assert gaps[0] > 1.3
    for earlier, later in pairwise(gaps):
        assert later <= earlier + 1e-9
        assert later == pytest.approx(max(fastest, 0.7 * earlier)) or earlier < FASTEST_AFTER_A_REFUSAL
    assert gaps[-1] == pytest.approx(fastest)


@pytest.mark.parametrize(("asked", "held_back"), [(6, 6), (19, 19), (600, 20)])
async def test_retry_after_on_one_call_delays_all_calls_but_not_forever(
    account: Account, time: FakeTime, asked: int, held_back: float
) -> None:
    clientary = session(account, time)
    account.refusals = [busy(asked)]
    hasty = clientary.new_call()
    hasty.deadline = 5
    with pytest.raises(RateLimited):
        await make_reads(clientary.within(hasty))
    assert not time.waits
    await make_reads(clientary)
    assert account.gap == held_back


async def test_a_call_that_cannot_wait_for_its_turn_does_not_delay_others(account: Account, time: FakeTime) -> None:
    clientary = session(account, time, requests_per_second=0.5)
    await make_reads(clientary)
    for _ in range(10):
        hasty = clientary.new_call()
        hasty.deadline = 0.2
        with pytest.raises(RateLimited, match="waiting their turn"):
            await make_reads(clientary.within(hasty))
    assert not time.waits
    await make_reads(clientary)
    assert account.gap == pytest.approx(2)


# Several agents


async def test_a_call_of_many_pages_does_not_starve_another_agents_read(account: Account, time: FakeTime) -> None:
    server = ClientaryServer(session(account, time, concurrency=2))
    answered: list[str] = []

    async def calls(client: Client, tool: str, **arguments: Any) -> None:
        await client.call_tool(tool, arguments)
        answered.append(tool)

    async with Client(server) as reader, Client(server) as other, anyio.create_task_group() as group:
        account.keeps_waiting = True
        group.start_soon(lambda: calls(reader, "list_clients", limit=PAGES))
        await anyio.wait_all_tasks_blocked()
        await account.answer_one()
        group.start_soon(lambda: calls(other, "get_client", client_id=7))
        await anyio.wait_all_tasks_blocked()
        assert account.asked_for == ["page 1", "page 2", "page 3"]
        for _ in range(4):
            await account.answer_one()
        assert account.asked_for[3:5] == ["record", "page 4"]
        assert answered == ["get_client"]
        account.keeps_waiting = False
        while account.waiting:
            await account.answer_one()
    assert answered == ["get_client", "list_clients"]
    assert len(account.asked_for) == PAGES + 1


async def test_agents_share_one_rate_and_a_rate_limit_error_slows_them_all(account: Account, time: FakeTime) -> None:
    server = ClientaryServer(session(account, time, requests_per_second=4))
    async with Client(server) as one, Client(server) as other:
        for client in (one, other, one, other):
            await client.call_tool("get_client", {"client_id": 7})
        assert [later - earlier for earlier, later in pairwise(account.starts)] == pytest.approx([0.25] * 3)
        account.refusals = [busy()]
        await one.call_tool("get_client", {"client_id": 7})
        await other.call_tool("get_client", {"client_id": 7})
    assert account.gap == pytest.approx(0.5)


async def test_waiting_for_a_slot_is_reported_as_progress_and_in_the_answer(
    account: Account, time: FakeTime, era: Era
) -> None:
    server = ClientaryServer(session(account, time, concurrency=1))
    messages: list[str | None] = []
    heard = anyio.Event()
    metas: dict[str, Any] = {}

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        messages.append(message)
        heard.set()

    async def calls(client: Client, tool: str, **arguments: Any) -> None:
        metas[tool] = (await client.call_tool(tool, arguments, progress_callback=on_progress)).meta or {}

    async with Client(server, mode=era) as one, Client(server, mode=era) as other, anyio.create_task_group() as group:
        account.keeps_waiting = True
        group.start_soon(lambda: calls(one, "get_lead", lead_id=7))
        await anyio.wait_all_tasks_blocked()
        group.start_soon(lambda: calls(other, "get_client", client_id=7))
        with anyio.fail_after(PATIENCE):
            await heard.wait()
        await anyio.wait_all_tasks_blocked()
        await time.clock.sleep(2.5)
        for _ in range(2):
            await account.answer_one()
    assert messages == ["too many requests at once: waiting"]
    assert metas["get_client"].items() >= {"waited_seconds": 2.5, "retries": 0}.items()
    assert "waited_seconds" not in metas["get_lead"]


async def test_waiting_for_a_turn_is_reported_as_progress_and_in_the_answer(
    account: Account, time: FakeTime, era: Era
) -> None:
    messages: list[str | None] = []
    heard = anyio.Event()

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        messages.append(message)
        heard.set()

    async def until_progress_is_reported(seconds: float) -> None:
        await heard.wait()
        await time.clock.sleep(seconds)

    waits = session(account, time, requests_per_second=4, clock=replace(time.clock, sleep=until_progress_is_reported))
    with anyio.fail_after(PATIENCE):
        async with agent_of(waits, era) as agent:
            await agent.client.call_tool("get_client", {"client_id": 7})
            answer = await agent.client.call_tool("get_client", {"client_id": 7}, progress_callback=on_progress)
    assert messages == ["keeping to the rate that Clientary accepts: waiting 0.2 s"]
    assert answer.meta is not None
    assert (answer.meta["waited_seconds"], answer.meta["retries"]) == (0.25, 0)


async def test_once_the_deadline_is_past_nothing_more_is_sent(time: FakeTime) -> None:
    methods: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        methods.append(request.method)
        return httpx.Response(200, json={"id": 7, "name": "Acme"})

    settings = Settings(subdomain="acme", api_token="t0ken-of-acme")
    async with Clientary(settings, httpx.MockTransport(answer), time.clock) as clientary:
        call = clientary.within(clientary.new_call())
        await call.fetch("clients/7")
        await time.clock.sleep(61)
        with pytest.raises(RateLimited) as caught:
            await call.post("clients", {})
    assert caught.value.effect == "not sent"
    assert methods == ["GET"]

"""The pace of sessions that share a memory in one process; `tests/api/test_rate_limit.py` tests it alone."""

from itertools import pairwise

import anyio
import httpx
import pytest

from clientary_mcp.api.session import Clientary
from clientary_mcp.errors import RateLimited
from clientary_mcp.settings import Settings
from clientary_mcp.state.memory import local_memory
from tests.support.clock import FakeTime

pytestmark = pytest.mark.anyio


class Account:
    """Clientary, simulated: answers with 429 as often as it is told, and waits for `open` where it is given one."""

    def __init__(self, time: FakeTime) -> None:
        self._time = time
        self.starts: list[float] = []
        self.under_way = 0
        self.refusals: list[httpx.Response] = []
        self.open: anyio.Event | None = None

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.starts.append(self._time.clock.now())
        if self.refusals:
            return self.refusals.pop()
        self.under_way += 1
        if self.open is not None:
            await self.open.wait()
        return httpx.Response(200, json={"id": 7})


def sessions(account: Account, time: FakeTime, **settings: float) -> list[Clientary]:
    """Sessions of two callers of one account."""
    chosen = Settings(subdomain="acme", api_token="t0ken-of-acme", **settings)  # type: ignore[arg-type]  # whole numbers
    memory = local_memory(chosen, time.clock.wall, shared=False)
    network = httpx.MockTransport(account)
    return [Clientary(chosen, network, time.clock, memory.of(caller, chosen)) for caller in ("ann", "bob")]


async def test_callers_of_an_account_share_its_places(time: FakeTime) -> None:
    account = Account(time)
    account.open = anyio.Event()
    async with anyio.create_task_group() as group:
        for clientary in sessions(account, time, concurrency=3) * 4:
            group.start_soon(clientary.fetch, "clients/7")
        await anyio.wait_all_tasks_blocked()
        assert account.under_way == 3
        account.open.set()
    assert account.under_way == 8


async def test_callers_of_an_account_share_its_rate_and_its_holds(time: FakeTime) -> None:
    account = Account(time)
    ann, bob = sessions(account, time, requests_per_second=4)
    for clientary in (ann, bob, ann):
        await clientary.fetch("clients/7")
    assert [later - earlier for earlier, later in pairwise(account.starts)] == pytest.approx([0.25, 0.25])
    account.refusals = [httpx.Response(429, headers={"Retry-After": "9"})]
    hasty = ann.new_call()
    hasty.deadline = 5
    with pytest.raises(RateLimited):
        await ann.within(hasty).fetch("clients/7")
    await bob.fetch("clients/7")
    assert account.starts[-1] - account.starts[-2] == pytest.approx(9)

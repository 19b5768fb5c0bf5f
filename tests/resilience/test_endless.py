"""An endless list: only the requested part is read, within bounds and with flat memory."""

import gc
import tracemalloc

import anyio.lowlevel
import httpx
import pytest

from clientary_mcp.api.session import Clientary
from clientary_mcp.settings import Settings
from tests.resilience.test_hostile import checked, session
from tests.support.agent import Agent
from tests.support.clock import FakeTime
from tests.support.users import connect

pytestmark = pytest.mark.anyio


class Endless:
    """A list of a million clients on 100,000 pages, which counts the pages read."""

    def __init__(self, note: str = "") -> None:
        self.requests, self.note = 0, note

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests += 1
        page = int(request.url.params.get("page", "1"))
        rows = [{"id": 10 * page + each, "name": f"Client {each}", "description": self.note} for each in range(10)]
        plural = request.url.path.rpartition("/")[2]
        counts = {"page_count": 100_000, "page_size": 10, "total_count": 1_000_000}
        return httpx.Response(200, json={plural: rows, **counts})


@pytest.mark.parametrize(("limit", "pages"), [(1, 1), (50, 5), (1000, 100)])
async def test_only_the_requested_part_of_an_endless_list_is_read(time: FakeTime, limit: int, pages: int) -> None:
    endless = Endless()
    async with connect(session(endless, time)) as agent:
        shown = checked(await agent.call("list_clients", {"limit": limit}))
    assert endless.requests == pages
    assert (shown["complete"], shown["total_count"]) == (False, 1_000_000)
    assert shown["next_offset"] <= limit


@pytest.mark.long
async def test_paging_through_an_endless_list_keeps_memory_flat(time: FakeTime) -> None:
    endless = Endless("n" * 1_000)
    async with connect(session(endless, time)) as agent:
        offset = await _read_on(agent, 0, 2)
        gc.collect()
        tracemalloc.start()
        try:
            offset = await _read_on(agent, offset, 2)
            gc.collect()
            before, _ = tracemalloc.get_traced_memory()
            await _read_on(agent, offset, 6)
            gc.collect()
            after, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert after - before < 1_000_000
    assert peak - before < 20_000_000


async def _read_on(agent: Agent, offset: int, calls: int) -> int:
    for _ in range(calls):
        shown = await agent.answer("list_clients", limit=1000, offset=offset)
        assert shown["next_offset"] == offset + shown["returned"] > offset
        offset = int(shown["next_offset"])
    return offset


async def test_a_preview_over_an_endless_list_ends_and_is_bounded(time: FakeTime) -> None:
    endless = Endless("n" * 1_000)

    async def answer(request: httpx.Request) -> httpx.Response:
        await time.clock.sleep(0.1)  # the time of a response: an endless read ends at the deadline
        await anyio.lowlevel.checkpoint()
        assert endless.requests < 2_000, "it reads without end"
        if request.url.path.rpartition("/")[2] == "7":
            return httpx.Response(200, json={"id": 7, "name": "Acme"})
        return endless(request)

    settings = Settings(subdomain="acme", api_token="t0ken-of-acme")
    async with connect(Clientary(settings, httpx.MockTransport(answer), time.clock)) as agent:
        shown = checked(await agent.call("delete_client", {"client_id": 7}))
    assert endless.requests < 1_000
    assert shown["done"] is False
    assert shown["goes_with_it"]["invoices"]["count_is_at_least"] is True

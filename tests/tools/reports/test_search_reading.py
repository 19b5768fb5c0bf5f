"""How a search reads an account: all lists concurrently, within its permissions and with flat memory."""

import gc
import json
import tracemalloc
from collections.abc import Callable

import anyio.lowlevel
import httpx
import pytest

from clientary_mcp.api.session import Clientary
from clientary_mcp.sandbox import Fault, Faults, Sandbox
from clientary_mcp.sandbox.network import Network
from clientary_mcp.settings import Settings
from tests.support.agent import Agent, agent_of
from tests.support.clock import FakeTime
from tests.tools.reports.test_search import NAMED, TYPES, found

pytestmark = pytest.mark.anyio


def behind(network: httpx.AsyncBaseTransport, sandbox: Sandbox) -> Clientary:
    """A session with the account through this transport."""
    settings = Settings(base_url="http://localhost", api_token=sandbox.token)
    return Clientary(settings, network, FakeTime(sandbox.today).clock)


class Walled(httpx.AsyncBaseTransport):
    """An account in which some lists may not be read."""

    def __init__(self, sandbox: Sandbox, hidden: set[str], status: int = 403) -> None:
        self._inner, self._hidden, self._status = Network(sandbox), hidden, status

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.rpartition("/")[2] in self._hidden:
            return httpx.Response(self._status)
        return await self._inner.handle_async_request(request)


async def test_types_without_permission_are_named_and_the_others_searched(sandbox: Sandbox) -> None:
    async with agent_of(behind(Walled(sandbox, {"staff", "leads"}), sandbox)) as agent:
        answer = await agent.answer("search", query="Beacon Furniture")
    assert ("client", 1201, "exact") in found(answer)
    assert [text for text in answer["left_out"] if "is not allowed to see" in text] == [
        "leads: the owner of the API token is not allowed to see them.",
        "staff: the owner of the API token is not allowed to see them.",
    ]
    assert set(answer["searched"]) == NAMED - {"staff", "lead"}


async def test_without_any_permission_the_search_fails(sandbox: Sandbox) -> None:
    async with agent_of(behind(Walled(sandbox, set(TYPES.values())), sandbox)) as agent:
        assert "is not allowed to do this" in await agent.refusal("search", query="Beacon")
    async with agent_of(behind(Walled(sandbox, set(TYPES.values()), 401), sandbox)) as agent:
        assert "token" in await agent.refusal("search", query="Beacon")


async def test_any_other_failure_of_a_list_fails_the_search(sandbox: Sandbox, sandbox_agent: Agent) -> None:
    sandbox.faults = Faults([Fault(500, "GET", "tasks")])
    assert "500" in await sandbox_agent.refusal("search", query="Beacon Furniture")


class Counting(httpx.AsyncBaseTransport):
    """Counts the requests that are under way at the same time, each of a different list or page."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._inner = Network(sandbox)
        self._now = 0
        self.most = 0
        self.first: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._now += 1
        self.most = max(self.most, self._now)
        if self._now > len(self.first):
            self.first.append(request.url.path.rpartition("/")[2])
        await anyio.lowlevel.checkpoint()
        response = await self._inner.handle_async_request(request)
        self._now -= 1
        return response


async def test_all_lists_are_read_at_the_same_time(sandbox: Sandbox) -> None:
    counting = Counting(sandbox)
    session = behind(counting, sandbox)
    async with agent_of(session) as agent:
        await agent.answer("search", query="Beacon")
    assert counting.most == session.settings.concurrency
    assert len(set(counting.first)) == session.settings.concurrency, "different lists"


def many_invoices(count: int) -> Callable[[httpx.Request], httpx.Response]:
    """An account with only invoices, each with a long text that is not requested."""

    def answer(request: httpx.Request) -> httpx.Response:
        page = int(request.url.params.get("page", 1))
        first = (page - 1) * 30 + 1
        rows = [
            {"id": number, "number": str(number), "title": f"Monthly services {number}", "note": "n" * 2_000}
            for number in range(first, min(first + 30, count + 1))
        ]
        about = {"page_count": -(-count // 30), "page_size": 30, "total_count": count}
        return httpx.Response(200, content=json.dumps({**about, "invoices": rows}).encode())

    return answer


@pytest.mark.long
async def test_memory_stays_flat_however_many_invoices_there_are(time: FakeTime) -> None:
    peaks = []
    for count in (3_000, 3_000, 9_000):  # the first warms up
        settings = Settings(subdomain="acme", api_token="t0ken-of-acme")
        async with agent_of(Clientary(settings, httpx.MockTransport(many_invoices(count)), time.clock)) as agent:
            gc.collect()
            tracemalloc.start()
            try:
                answer = await agent.answer("search", query="monthly services", types=["invoice"])
                peaks.append(tracemalloc.get_traced_memory()[1])
            finally:
                tracemalloc.stop()
        assert answer["searched"] == {"invoice": count}
        assert answer["row_count"] == 25
    assert peaks[2] < 1.2 * peaks[1]

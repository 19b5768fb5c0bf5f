"""An account of 1,000 clients and 20,000 invoices, 50 ms a page: few requests, and an end in time."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import anyio
import httpx
import pytest

from benchmarks.large_account import answer
from benchmarks.upstream import SECONDS_PER_PAGE
from clientary_mcp.api.call import Clock
from clientary_mcp.api.session import Clientary
from tests.conftest import SETTINGS
from tests.support.agent import Agent, agent_of
from tests.support.virtual_time import VirtualLoop

pytestmark = pytest.mark.anyio

PAGES = {"clients": 100, "leads": 10, "contacts": 15, "projects": 10, "tasks": 20, "staff": 1}
OLD = {"from_date": "2020-01-01", "to_date": "2020-12-31"}
DOCUMENTS = {"invoices": 667, "estimates": 30}


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": VirtualLoop}


class Account:
    """The account, with the requests for each path."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/api/v2/")
        self.requests[path] += 1
        await anyio.sleep(SECONDS_PER_PAGE)
        asked = request.url.params
        content = answer(path, int(asked.get("page", 1)), asked.get("updated_since", ""), asked.get("sort", ""))
        return httpx.Response(200, content=content)


@asynccontextmanager
async def agent_on(account: Account, **settings: Any) -> AsyncIterator[Agent]:
    """An agent on that account."""
    clock = Clock(now=asyncio.get_running_loop().time, sleep=anyio.sleep)
    async with agent_of(Clientary(replace(SETTINGS, **settings), httpx.MockTransport(account), clock)) as agent:
        yield agent


def seconds(pages: int) -> float:
    """What they may take, four at a time."""
    return 1.3 * pages / SETTINGS.concurrency * SECONDS_PER_PAGE


async def test_a_search_for_a_name_reads_no_invoices_and_ends_in_time() -> None:
    account, begun = Account(), asyncio.get_running_loop().time()
    async with agent_on(account) as agent:
        found = await agent.answer("search", query="cliënt")
        assert found["rows"][0]["type"] == "client"
    assert account.requests == PAGES
    assert asyncio.get_running_loop().time() - begun < seconds(sum(PAGES.values()))


@pytest.mark.long
async def test_a_search_for_a_number_reads_each_page_once_and_ends_in_time() -> None:
    account, begun = Account(), asyncio.get_running_loop().time()
    async with agent_on(account) as agent:
        found = await agent.answer("search", query="INV-17042")
        assert [(row["type"], row["id"]) for row in found["rows"]] == [("invoice", 117_042)]
    assert account.requests - Counter(PAGES | DOCUMENTS) <= Counter({"clients/43": 1})
    assert asyncio.get_running_loop().time() - begun < seconds(sum((PAGES | DOCUMENTS).values()))


@pytest.mark.parametrize(
    ("tool", "arguments", "pages", "ways"),
    [
        ("search", {"query": "17042"}, 667 + 100, "types would leave fewer pages"),
        (
            "list_invoices",
            {"status": "sent"},
            667,
            "updated_since would leave fewer pages to read. Without filters and",
        ),
        ("receivables_report", {}, 667, "client_id would leave fewer pages"),
        ("list_hours", {}, 30, "client_id or project_id would leave fewer pages"),
        (
            "timesheet_report",
            {"from_date": "2020-01-01", "to_date": "2020-12-31"},
            30,
            "client_id or project_id would leave fewer pages",
        ),
        ("list_clients", {"query": "x"}, 100, "updated_since would leave fewer pages"),
    ],
)
async def test_a_call_that_cannot_end_tells_its_pages_and_how_to_narrow_it(
    tool: str, arguments: dict[str, Any], pages: int, ways: str
) -> None:
    account = Account()
    async with agent_on(account, deadline=1.0) as agent:
        refusal = await agent.refusal(tool, **arguments)
    stated = re.match(
        r"This needs at least (\d+) pages of Clientary's lists and records, and \d+ of them were read", refusal
    )
    assert stated is not None
    assert pages <= int(stated[1]) <= sum((PAGES | DOCUMENTS).values())
    assert "before the deadline (1 s)" in refusal
    assert ways in refusal
    assert "minute" not in refusal
    assert account.requests.total() <= SETTINGS.concurrency * (1 / SECONDS_PER_PAGE + 1)


async def test_a_call_that_ends_among_single_records_tells_its_pages_too() -> None:
    async with agent_on(Account(), deadline=0.4) as agent:
        refusal = await agent.refusal("recurring_revenue_report")
    assert refusal.startswith("This needs at least 2")
    assert "minute" not in refusal


async def test_without_filters_a_long_list_is_read_only_as_far_as_asked() -> None:
    account = Account()
    async with agent_on(account, deadline=1.0) as agent:
        assert (await agent.answer("list_clients", limit=20))["returned"] == 20
    assert account.requests == {"clients": 2}

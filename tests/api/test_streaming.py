"""Lists as streams: every record once and in order, pages read concurrently, and again if the list changed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import replace
from math import ceil
from typing import Any

import anyio.lowlevel
import httpx
import pytest

from clientary_mcp.api.session import Clientary
from clientary_mcp.api.streaming import rereads
from clientary_mcp.errors import ListChanged, NotAllowed
from tests.conftest import SETTINGS
from tests.support.clock import FakeTime
from tool_schemas.clients import Client
from tool_schemas.expenses import Expense

pytestmark = pytest.mark.anyio

SIZE = 5


class Account:
    """A list of clients, which may grow after its first page was sent; counts concurrent requests."""

    def __init__(self, total: int, changes: int = 0) -> None:
        self.total, self.changes = total, changes
        self.asked: list[int] = []
        self.under_way = self.most = 0

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        page = int(request.url.params.get("page", "1"))
        self.asked.append(page)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await anyio.lowlevel.checkpoint()
        finally:
            self.under_way -= 1
        ids = range((page - 1) * SIZE + 1, min(page * SIZE, self.total) + 1)
        counts = {"page_count": ceil(self.total / SIZE), "page_size": SIZE, "total_count": self.total}
        if page == 1 and self.changes:
            self.changes -= 1
            self.total += 1
        return httpx.Response(200, json={"clients": [{"id": id_} for id_ in ids], **counts})


@asynccontextmanager
async def session(answer: Any, concurrency: int = 4) -> AsyncIterator[Clientary]:
    """A session with this account."""
    settings = replace(SETTINGS, concurrency=concurrency)
    async with Clientary(settings, httpx.MockTransport(answer), FakeTime().clock) as clientary:
        yield clientary


@pytest.mark.parametrize("total", [0, 1, SIZE, SIZE + 1, 403])
async def test_every_record_is_yielded_once_in_order_and_every_page_read_once(total: int) -> None:
    async with session(account := Account(total)) as clientary:
        assert [client.id async for client in clientary.stream(Client, "clients")] == list(range(1, total + 1))
    assert sorted(account.asked) == list(range(1, max(1, ceil(total / SIZE)) + 1))


@pytest.mark.parametrize("concurrency", [1, 4])
async def test_pages_are_read_concurrently_as_far_as_the_settings_allow(concurrency: int) -> None:
    async with session(account := Account(403), concurrency) as clientary:
        assert len([client async for client in clientary.stream(Client, "clients")]) == 403
    assert account.most == concurrency


async def test_a_reader_that_stops_early_leaves_no_request_in_flight() -> None:
    async with session(account := Account(1_000)) as clientary:
        async for client in clientary.stream(Client, "clients"):
            if client.id > SIZE:
                break
        for _ in range(20):  # the stream closes itself as soon as others run
            await anyio.lowlevel.checkpoint()
        assert account.under_way == 0
        assert len(account.asked) < 1_000 / SIZE / 2


async def test_a_stream_goes_on_from_the_page_that_was_looked_at() -> None:
    async with session(account := Account(12)) as clientary:
        stream = clientary.stream(Client, "clients")
        assert [client.id for client in (await stream.peek()).records] == [1, 2, 3, 4, 5]
        assert [client.id async for client in stream] == list(range(1, 13))
        assert sorted(account.asked) == [1, 2, 3]
        assert [client.id async for client in stream] == list(range(1, 13))
    assert sorted(account.asked) == [1, 1, 2, 2, 3, 3]


async def test_a_list_that_changed_since_it_was_looked_at_is_an_error() -> None:
    async with session(Account(12, changes=1)) as clientary:
        await (stream := clientary.stream(Client, "clients")).peek()
        with pytest.raises(ListChanged):
            [client async for client in stream]


@pytest.mark.parametrize("changes", [0, 1])
async def test_who_stops_early_can_ask_whether_the_list_changed_so_far(changes: int) -> None:
    async with session(Account(30, changes)) as clientary:
        stream = clientary.stream(Client, "clients", read_ahead=False)
        async for client in stream:
            if client.id == 2 * SIZE:
                break
        with pytest.raises(ListChanged) if changes else nullcontext():
            stream.check()


async def test_the_first_page_carries_the_lists_metadata() -> None:
    sent = {"expenses": [], "total_count": 0, "from_date": "2026/01/01", "to_date": "2026-12-31"}
    async with session(lambda _: httpx.Response(200, json=sent)) as clientary:
        stream = clientary.stream(Expense, "expenses")
        assert [expense async for expense in stream] == []
    assert stream.first_page is not None
    assert (str(stream.first_page.from_date), str(stream.first_page.to_date)) == ("2026-01-01", "2026-12-31")


async def test_a_list_that_changed_is_an_error_at_the_end_of_the_stream() -> None:
    async with session(Account(12, changes=1)) as clientary:
        with pytest.raises(ListChanged, match="list at clients changed while it was read"):
            [client async for client in clientary.stream(Client, "clients")]


@pytest.mark.parametrize("changes", [0, 1])
async def test_a_rereading_consumer_starts_again_when_the_list_changed(changes: int) -> None:
    @rereads
    async def count(clientary: Clientary) -> int:
        return len([client async for client in clientary.stream(Client, "clients")])

    async with session(account := Account(12, changes)) as clientary:
        assert await count(clientary) == 12 + changes
    assert account.asked.count(1) == 1 + changes


async def test_a_list_that_changes_again_is_not_read_a_third_time() -> None:
    async with session(account := Account(12, changes=9)) as clientary:
        with pytest.raises(ListChanged):
            await clientary.list_all(Client, "clients")
    assert account.asked.count(1) == 2


async def test_any_other_failure_is_raised_at_once() -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        account.asked.append(1)
        return httpx.Response(403)

    account = Account(0)
    async with session(answer) as clientary:
        with pytest.raises(NotAllowed):
            await clientary.list_all(Client, "clients")
    assert account.asked == [1]

"""Lists that state neither pages nor a count: one of exactly a usual page's length is not called whole unasked."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest
import respx

from clientary_mcp.api.session import Clientary
from clientary_mcp.errors import MalformedResponse, Unavailable
from clientary_mcp.tools.support.lookups import currencies_of
from tests.conftest import SETTINGS
from tests.support.agent import Agent
from tests.support.clock import FakeTime
from tests.support.long import covering
from tool_schemas.clients import Client
from tool_schemas.hours import HourEntry
from tool_schemas.invoices import Invoice

pytestmark = pytest.mark.anyio

PATH = "projects/1/hours"
USUAL = (10, 20, 30, 50, 100)


class Quiet:
    """A list in pages that says nothing about them; past its end it answers as `after` does."""

    def __init__(self, total: int, size: int, after: Callable[[], Any] = list, **envelope: Any) -> None:
        self.total, self.size, self.after, self.envelope = total, size, after, envelope
        self.asked: list[int] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        number = int(request.url.params.get("page", "1"))
        self.asked.append(number)
        ids = range((number - 1) * self.size + 1, min(number * self.size, self.total) + 1)
        rows = [{"id": id_, "amount": "1.00"} for id_ in ids]
        sent = rows if rows or number == 1 else self.after()
        if isinstance(sent, httpx.Response):
            return sent
        plural = request.url.path.rpartition("/")[2]
        return httpx.Response(200, json={plural: sent, **self.envelope})


@asynccontextmanager
async def session(answer: Any) -> AsyncIterator[Clientary]:
    settings = replace(SETTINGS, deadline=5)
    async with Clientary(settings, httpx.MockTransport(answer), FakeTime().clock) as clientary:
        yield clientary


@pytest.mark.parametrize(
    ("size", "total"),
    covering(
        ((size, total) for size in USUAL for total in (size, size + 1, 2 * size, 2 * size + 7)),
        lambda size, total: (size, total - 2 * size if total > size + 1 else total - size),
    ),
)
async def test_every_record_of_every_page_is_read(size: int, total: int) -> None:
    async with session(account := Quiet(total, size)) as clientary:
        assert [entry.id for entry in await clientary.list_all(HourEntry, PATH)] == list(range(1, total + 1))
        page = await clientary.collect(HourEntry, PATH, limit=None)
    assert (len(page.records), page.total_count, page.complete) == (total, total, True)
    assert account.asked[: len(account.asked) // 2] == list(range(1, total // size + 2))


@pytest.mark.parametrize("length", [1, 9, 11, 49, 51, 99, 101, 200])
async def test_a_list_of_another_length_costs_one_request(length: int) -> None:
    async with session(account := Quiet(length, 1_000)) as clientary:
        assert len(await clientary.list_all(HourEntry, PATH)) == length
    assert account.asked == [1]


@pytest.mark.parametrize(
    "after", [list, lambda: httpx.Response(404), lambda: httpx.Response(422, json={"page": ["is too high"]})]
)
async def test_an_empty_or_refused_next_page_is_the_end(after: Callable[[], Any]) -> None:
    async with session(account := Quiet(50, 50, after)) as clientary:
        page = await clientary.collect(HourEntry, PATH, limit=50)
    assert (len(page.records), page.total_count, page.complete) == (50, 50, True)
    assert account.asked == [1, 2]


async def test_a_list_that_ignores_the_page_is_whole_and_can_be_added_up() -> None:
    rows = [{"id": number, "total_cost": "1.00", "currency_code": "EUR"} for number in range(1, 31)]
    async with session(lambda _: httpx.Response(200, json=rows)) as clientary:
        page = await clientary.collect(Invoice, "invoices", limit=30)
    assert (len(page.records), page.total_count, page.complete) == (30, 30, True)
    assert page.whole_list is not None
    assert len(page.whole_list) == 30


@pytest.mark.parametrize(("after", "error"), [(503, Unavailable), (200, MalformedResponse)])
async def test_a_next_page_that_fails_does_not_make_the_list_whole(after: int, error: type[Exception]) -> None:
    async with session(Quiet(50, 50, lambda: httpx.Response(after, json={"page": 2}))) as clientary:
        with pytest.raises(error):
            await clientary.list_all(HourEntry, PATH)


async def test_a_first_page_that_fails_is_no_empty_list(account: respx.MockRouter, agent: Agent) -> None:
    account.get("projects/9/hours").respond(404)
    assert "was not found" in await agent.refusal("list_project_hours", project_id=9)


@pytest.mark.parametrize(("limit", "asked"), [(10, [1]), (49, [1]), (50, [1, 2]), (51, [1, 2]), (101, [1, 2, 3])])
async def test_the_next_page_is_read_only_if_it_is_needed(limit: int, asked: list[int]) -> None:
    async with session(account := Quiet(120, 50)) as clientary:
        page = await clientary.collect(HourEntry, PATH, limit=limit)
    assert account.asked == asked
    assert [entry.id for entry in page.records] == list(range(1, limit + 1))
    assert (page.more, page.complete) == (True, False)
    assert page.total_count in (None, 120)


@pytest.mark.parametrize("offset", [5, 40, 50, 75])
async def test_an_offset_counts_from_the_first_page_even_of_a_list_documented_as_paged(offset: int) -> None:
    async with session(Quiet(75, 10)) as clientary:
        page = await clientary.collect(Client, "clients", offset=offset, limit=20)
    assert [client.id for client in page.records] == list(range(1, 76))[offset:][:20]


@pytest.mark.parametrize("stated", [{"total_count": 50}, {"page_count": 1}])
async def test_a_list_that_states_its_count_or_pages_is_believed(stated: dict[str, Any]) -> None:
    async with session(account := Quiet(50, 50, **stated)) as clientary:
        assert len(await clientary.list_all(HourEntry, PATH)) == 50
    assert account.asked == [1]


async def test_a_stated_page_size_counts_as_usual() -> None:
    async with session(account := Quiet(60, 25, page_size=25)) as clientary:
        assert len(await clientary.list_all(HourEntry, PATH)) == 60
    assert account.asked == [1, 2, 3]


async def test_currencies_are_looked_for_beyond_the_first_page() -> None:
    rows = [{"id": number, "currency_code": "EUR"} for number in range(1, 61)]

    def answer(request: httpx.Request) -> httpx.Response:
        number = int(request.url.params.get("page", "1"))
        single = request.url.path.rpartition("/")[2]
        return httpx.Response(
            200, json=rows[int(single) - 1] if single.isdigit() else rows[(number - 1) * 50 : number * 50]
        )

    async with session(answer) as clientary:
        assert (await currencies_of(clientary, [1, 2, 55])).of(55) == "EUR"

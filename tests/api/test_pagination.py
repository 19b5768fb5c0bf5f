"""Pagination: Clientary's pages become one answer without lost or duplicate records, with the offset of the rest."""

from collections.abc import Callable, Mapping
from math import ceil
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import pytest
import respx
from hypothesis import example, given
from hypothesis import strategies as st

from clientary_mcp.api.session import Clientary
from clientary_mcp.errors import MalformedResponse, NotAllowed, NotFound, Refused, Unavailable
from clientary_mcp.settings import Settings
from tests.conftest import SETTINGS
from tests.support.agent import Agent
from tests.support.clock import FakeTime
from tool_schemas.base.results import Page
from tool_schemas.clients import Client
from tool_schemas.expenses import Expense
from tool_schemas.hours import HourEntry

Answer = Callable[[int], Any]


class Book:
    """A Clientary list with this many records per page, which records the requested pages."""

    def __init__(self, total: int, size: int, **envelope: Any) -> None:
        self.size, self.asked = size, list[int]()
        self.ids = list(range(1, total + 1))
        counts = {"page_count": ceil(total / size), "page_size": size, "total_count": total}
        self.envelope = {key: value for key, value in (counts | envelope).items() if value is not None}

    def page(self, number: int) -> dict[str, Any]:
        self.asked.append(number)
        ids = self.ids[(number - 1) * self.size : number * self.size]
        return {"clients": [{"id": id_, "name": f"Client {id_}"} for id_ in ids], **self.envelope}


def session(answer: Answer, settings: Settings = SETTINGS) -> Clientary:
    """A session with an account in which every list responds to a page like this."""

    requests = 0

    def handle(request: httpx.Request) -> httpx.Response:
        nonlocal requests
        requests += 1
        assert requests < 500, "it asks without end"
        sent = answer(int(request.url.params.get("page", "1")))
        return sent if isinstance(sent, httpx.Response) else httpx.Response(200, json=sent)

    return Clientary(settings, httpx.MockTransport(handle), FakeTime().clock)


def collect(answer: Answer, **how: Any) -> Page[Client]:
    async def read() -> Page[Client]:
        return await session(answer).collect(Client, "clients", **how)

    return anyio.run(read)


def ids(page: Page[Any]) -> list[int]:
    return [record.id for record in page.records]


# Compared with a simple model

totals, sizes, offsets = st.integers(0, 60), st.integers(1, 12), st.integers(0, 70)
limits = st.none() | st.integers(1, 80)


@given(total=totals, size=sizes, limit=limits, offset=offsets, as_text=st.booleans())
@example(total=0, size=10, limit=50, offset=0, as_text=False)
@example(total=20, size=10, limit=10, offset=10, as_text=True)
@example(total=25, size=10, limit=10, offset=30, as_text=False)
@example(total=60, size=20, limit=1, offset=45, as_text=False)
def test_exactly_the_requested_records_are_returned_whatever_the_page_size(
    total: int, size: int, limit: int | None, offset: int, as_text: bool
) -> None:
    book = Book(total, size)
    if as_text:
        book.envelope = {key: f" {count}" for key, count in book.envelope.items()}
    page = collect(book.page, limit=limit, offset=offset)

    assert ids(page) == book.ids[offset:][:limit]
    more = limit is not None and offset + limit < total
    assert (page.complete, page.more, page.total_count) == (not more, more, total)
    assert ("past the end" in (page.notice or "")) is (offset > 0 and offset >= total)


@pytest.mark.parametrize(
    ("size", "offset", "limit", "asked"),
    [
        (10, 0, 10, [1]),
        (10, 0, 11, [1, 2]),
        (10, 35, 10, [4, 5]),
        (10, 97, 5, [10]),
        (10, 100, 5, [11]),
        (20, 40, 20, [5, 1, 3]),  # 10 are on a page by the documentation
        (4, 40, 4, [5, 1, 11]),
        (50, 10, 10, [2, 1]),
    ],
)
def test_only_the_pages_that_contain_them_are_read(size: int, offset: int, limit: int, asked: list[int]) -> None:
    book = Book(100, size)
    collect(book.page, limit=limit, offset=offset)
    assert book.asked == asked


@given(total=totals, size=sizes, limit=limits, keys=st.sets(st.sampled_from(["page_count", "page_size"])))
@example(total=25, size=20, limit=20, keys={"page_count"})
def test_continuing_from_next_offset_returns_every_record_exactly_once(
    total: int, size: int, limit: int | None, keys: set[str]
) -> None:
    book = Book(total, size, **dict.fromkeys(keys))
    seen: list[int] = []
    more = True
    while more:
        page = collect(book.page, limit=limit, offset=len(seen))
        seen += ids(page)
        more = page.more
        assert page.complete is not more
        assert page.records or not more
    assert seen == book.ids


@given(total=st.integers(0, 40), size=sizes, limit=limits, offset=offsets, stated=st.integers(-5, 20))
@example(total=40, size=10, limit=20, offset=0, stated=1)
@example(total=40, size=10, limit=20, offset=20, stated=100)
@example(total=40, size=10, limit=20, offset=20, stated=0)
@example(total=40, size=10, limit=20, offset=0, stated=-5)
def test_a_wrong_page_size_loses_no_record(total: int, size: int, limit: int | None, offset: int, stated: int) -> None:
    page = collect(Book(total, size, page_size=stated).page, limit=limit, offset=offset)
    assert ids(page) == list(range(1, total + 1))[offset:][:limit]


@given(length=st.integers(0, 300), limit=limits, offset=st.integers(0, 310), bare=st.booleans())
def test_an_unpaginated_list_is_returned_in_parts(length: int, limit: int | None, offset: int, bare: bool) -> None:
    rows = [{"id": number} for number in range(1, length + 1)]

    async def read() -> Page[HourEntry]:
        return await session(lambda _: rows if bare else {"hours": rows}).collect(
            HourEntry, "projects/1/hours", limit=limit, offset=offset
        )

    page = anyio.run(read)
    assert ids(page) == list(range(1, length + 1))[offset:][:limit]
    of_a_usual_page = length in (10, 20, 30, 50, 100)  # so that the next page is not needed, nor the count known
    assert page.total_count == (None if of_a_usual_page and limit and offset + limit < length else length)
    assert page.more is (limit is not None and offset + limit < length)


@pytest.mark.parametrize("offset", [0, 5, 20, 40])
def test_a_list_documented_as_paginated_but_sent_whole_is_just_as_exact(offset: int) -> None:
    page = collect(lambda _: [{"id": number} for number in range(1, 32)], limit=10, offset=offset)
    assert ids(page) == list(range(1, 32))[offset:][:10]
    assert page.total_count == 31


# Irregular pages


def test_records_that_move_to_the_next_page_during_the_read_are_returned_once() -> None:
    book = Book(6, 2)
    shifted = {1: [1, 2], 2: [2, 3], 3: [4, 5]}

    def answer(number: int) -> Any:
        return book.page(number) | {"clients": [{"id": id_} for id_ in shifted[number]]}

    page = collect(answer, limit=None)
    assert ids(page) == [1, 2, 3, 4, 5]
    assert not page.complete
    assert page.notice is not None
    assert "reports 6 records but returned 5" in page.notice


@pytest.mark.parametrize("stated", [3, 5, 0])
def test_a_mismatched_count_is_detected(stated: int) -> None:
    page = collect(Book(4, 2, total_count=stated).page, limit=None)
    assert ids(page) == [1, 2, 3, 4]
    assert f"reports {stated} records but returned 4" in (page.notice or "")
    assert not page.complete


def test_an_endpoint_that_ignores_the_page_parameter_is_detected() -> None:
    book = Book(9, 3)
    page = collect(lambda _: book.page(1), limit=None)
    assert ids(page) == [1, 2, 3]
    assert not page.complete
    assert page.notice


@pytest.mark.parametrize("limit", [None, 50, 1000])
@pytest.mark.parametrize("records", [0, 3])
def test_a_page_count_of_a_million_over_empty_pages_stops_early(limit: int | None, records: int) -> None:
    book = Book(records, 10, page_count=1_000_000)
    page = collect(book.page, limit=limit)
    assert ids(page) == book.ids
    assert page.complete
    assert len(book.asked) <= 101


def test_an_offset_past_the_end_returns_nothing_with_a_message() -> None:
    page = collect(Book(25, 10).page, offset=90)
    assert (ids(page), page.complete, page.more) == ([], True, False)
    assert page.notice == "Offset 90 is past the end of the list of 25 records."


@pytest.mark.parametrize("offset", [0, 1, 2])
def test_an_offset_past_the_end_of_an_unpaginated_list_is_empty(offset: int) -> None:
    page = collect(lambda _: [{"id": 7}], offset=offset)
    assert ids(page) == ([] if offset else [7])
    assert (page.total_count, page.complete, page.more) == (1, True, False)


@pytest.mark.parametrize(
    "envelope",
    [
        {"page_count": "three", "page_size": None, "total_count": []},
        {"page_count": True, "total_count": {}},
        {"page_count": 1.5, "page_size": "", "total_count": "many"},
        {"page_count": None, "page_size": None, "total_count": None},
        {"page_count": "1e9999", "page_size": "x", "total_count": "∞"},
    ],
)
def test_invalid_counts_are_treated_as_missing(envelope: dict[str, Any]) -> None:
    page = collect(lambda _: {"clients": [{"id": 7}], **envelope})
    assert ids(page) == [7]
    assert page.complete


def test_a_count_without_pages_is_read_page_by_page() -> None:
    book = Book(25, 10, page_count=None, page_size=None)
    page = collect(book.page)
    assert ids(page) == book.ids
    assert page.complete
    assert sorted(book.asked) == [1, 2, 3]


# A page that fails


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(403), NotAllowed),
        (httpx.Response(404), NotFound),
        (httpx.Response(500), Unavailable),
        (httpx.Response(502), Unavailable),
        (httpx.Response(200, html="<p>Log in</p>"), MalformedResponse),
        ({"clients": [{"name": "no id"}]}, MalformedResponse),
        ({"error": "no"}, Refused),
        ({"other": []}, MalformedResponse),
    ],
)
@pytest.mark.parametrize("failing", [1, 3, 5])
def test_a_failing_page_fails_the_call_with_its_own_error(answer: Any, error: type[Exception], failing: int) -> None:
    book = Book(10, 2)
    with pytest.raises(error):
        collect(lambda number: answer if number == failing else book.page(number), limit=None)


def test_when_several_pages_fail_one_error_is_raised() -> None:
    book = Book(10, 2)
    with pytest.raises(NotAllowed):
        collect(lambda number: httpx.Response(403) if number > 1 else book.page(1), limit=None)


# Concurrency


@pytest.mark.anyio
async def test_pages_are_read_concurrently_and_joined_in_order() -> None:
    book = Book(10, 2)
    in_flight = most = 0
    all_places_taken = anyio.Event()
    answered = {number: anyio.Event() for number in range(2, 7)}

    async def answer(request: httpx.Request) -> httpx.Response:
        nonlocal in_flight, most
        number = int(request.url.params.get("page", "1"))
        in_flight += 1
        most = max(most, in_flight)
        if number > 1:
            if in_flight == 4:
                all_places_taken.set()
            await all_places_taken.wait()
            if number < 5:
                await answered[number + 1].wait()  # the last page answers first
            answered[number].set()
        in_flight -= 1
        return httpx.Response(200, json=book.page(number))

    clientary = Clientary(SETTINGS, httpx.MockTransport(answer), FakeTime().clock)
    page = await clientary.collect(Client, "clients", limit=None)
    assert book.asked == [1, 5, 4, 3, 2]
    assert ids(page) == book.ids
    assert most == 4


@pytest.mark.anyio
@pytest.mark.parametrize("concurrency", [1, 3])
async def test_a_hundred_pages_never_use_more_slots_than_the_setting_allows(concurrency: int) -> None:
    book = Book(1000, 10)
    in_flight = most = 0

    async def answer(request: httpx.Request) -> httpx.Response:
        nonlocal in_flight, most
        in_flight += 1
        most = max(most, in_flight)
        await anyio.lowlevel.checkpoint()
        in_flight -= 1
        return httpx.Response(200, json=book.page(int(request.url.params.get("page", "1"))))

    settings = Settings(subdomain="acme", api_token="t0ken", concurrency=concurrency)
    clientary = Clientary(settings, httpx.MockTransport(answer), FakeTime().clock)
    assert ids(await clientary.collect(Client, "clients", limit=1000)) == book.ids
    assert most == concurrency
    assert sorted(book.asked) == list(range(1, 101))


# As an agent sees it


def played(account: respx.MockRouter, path: str, answer: Answer) -> list[Mapping[str, str]]:
    """Mock the list at this path; return the received queries."""
    queries: list[Mapping[str, str]] = []

    def handle(request: httpx.Request) -> httpx.Response:
        queries.append(dict(request.url.params))
        return httpx.Response(200, json=answer(int(request.url.params.get("page", "1"))))

    account.get(path).mock(side_effect=handle)
    return queries


@pytest.mark.anyio
async def test_an_agent_continues_where_the_last_answer_ended(account: respx.MockRouter, agent: Agent) -> None:
    played(account, "clients", Book(25, 10).page)
    first = await agent.answer("list_clients", limit=15)
    assert (first["returned"], first["total_count"], first["complete"], first["next_offset"]) == (15, 25, False, 15)
    rest = await agent.answer("list_clients", limit=15, offset=first["next_offset"])
    assert [row["id"] for row in rest["records"]] == list(range(16, 26))
    assert rest["complete"]
    assert "next_offset" not in rest


@pytest.mark.anyio
async def test_a_page_number_is_rejected_with_a_pointer_to_offset(agent: Agent) -> None:
    assert "no argument 'page'. Did you mean offset?" in await agent.refusal("list_clients", page=2)


@pytest.mark.anyio
async def test_the_filter_is_sent_with_every_page_and_page_1_is_implicit(
    account: respx.MockRouter, agent: Agent
) -> None:
    queries = played(account, "clients", Book(30, 10).page)
    await agent.answer("list_clients", updated_since="2026-01-01", sort="date")
    same = {"updated_since": "2026-01-01", "sort": "date"}
    assert queries[0] == same
    assert sorted(query["page"] for query in queries[1:]) == ["2", "3"]
    assert all(query == same | {"page": query["page"]} for query in queries[1:])


@pytest.mark.anyio
async def test_expenses_include_the_date_range_that_clientary_used(account: respx.MockRouter, agent: Agent) -> None:
    rows = [{"id": number, "amount": "1.50"} for number in range(1, 301)]
    sent = {"expenses": rows, "total_count": "300", "from_date": "2026/01/01", "to_date": "2026-12-31"}
    queries = played(account, "expenses", lambda _: sent)
    first = await agent.answer("list_expenses")
    assert (first["from_date"], first["to_date"]) == ("2026-01-01", "2026-12-31")
    assert (first["returned"], first["next_offset"]) == (50, 50)
    rest = await agent.answer("list_expenses", limit=1000, offset=50)
    assert (rest["returned"], rest["complete"]) == (250, True)
    assert queries == [{}, {}]


@pytest.mark.anyio
async def test_records_beyond_a_count_without_pages_are_all_returned() -> None:
    sent = {"expenses": [{"id": 1}, {"id": 2}], "total_count": 1}
    page = await session(lambda _: sent).collect(Expense, "expenses")
    assert ids(page) == [1, 2]

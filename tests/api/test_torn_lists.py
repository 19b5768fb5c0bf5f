"""Lists that change during a read: detected, read once more, and reported. `complete` is a promise.

Clientary is simulated by a list that changes between two of its pages.
"""

from collections.abc import Callable
from itertools import product
from math import ceil
from typing import Any

import httpx
import pytest

from clientary_mcp.api.session import Clientary
from clientary_mcp.errors import ListChanged
from clientary_mcp.settings import Settings
from tests.support.agent import ERAS, Era
from tests.support.clock import FakeTime
from tests.support.long import covering
from tests.support.users import connect
from tool_schemas.base.results import Page
from tool_schemas.clients import Client

pytestmark = pytest.mark.anyio

SIZE = 10
Change = Callable[["Moving"], None]


class Moving:
    """A list that changes after a given number of requests."""

    def __init__(self, total: int, changes: dict[int, Change]) -> None:
        self.ids = list(range(1, total + 1))
        self.changes, self.asked = changes, list[int]()
        self.counted_too_many = 0
        self.failing: set[int] = set()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        page = int(request.url.params.get("page", "1"))
        self.asked.append(page)
        if page in self.failing:
            return httpx.Response(404)
        rows = [{"id": id_, "name": f"Client {id_}"} for id_ in self.ids[(page - 1) * SIZE : page * SIZE]]
        total = len(self.ids) + self.counted_too_many
        body = {"clients": rows, "page_count": ceil(len(self.ids) / SIZE), "page_size": SIZE, "total_count": total}
        if change := self.changes.get(len(self.asked)):
            change(self)
        return httpx.Response(200, json=body)


def added_in_front(moving: Moving) -> None:
    moving.ids.insert(0, max(moving.ids) + 1)


def added_behind(moving: Moving) -> None:
    moving.ids.append(max(moving.ids) + 1)


def removed_in_front(moving: Moving) -> None:
    moving.ids.pop(0)


def removed_behind(moving: Moving) -> None:
    moving.ids.pop()


CHANGES = [added_in_front, added_behind, removed_in_front, removed_behind]


async def listed(moving: Moving, time: FakeTime, era: Era = "auto", **arguments: Any) -> dict[str, Any]:
    settings = Settings(subdomain="acme", api_token="t0ken-of-acme", concurrency=1)
    async with connect(Clientary(settings, httpx.MockTransport(moving), time.clock), era) as agent:
        return await agent.answer("list_clients", **{"limit": 1000} | arguments)


def ids(answer: dict[str, Any]) -> list[int]:
    return [record["id"] for record in answer["records"]]


async def test_an_unchanging_list_is_read_once_and_complete(time: FakeTime) -> None:
    moving = Moving(35, {})
    answer = await listed(moving, time)
    assert (answer["complete"], ids(answer), moving.asked) == (True, moving.ids, [1, 2, 3, 4])
    assert "notice" not in answer


@pytest.mark.parametrize(("change", "after", "era"), covering(product(CHANGES, [1, 2, 3], ERAS)), indirect=["era"])
async def test_a_list_with_one_added_or_removed_record_is_read_again(
    time: FakeTime, era: Era, change: Change, after: int
) -> None:
    moving = Moving(35, {after: change})
    answer = await listed(moving, time, era)
    assert (answer["complete"], answer["returned"], answer["total_count"]) == (True, len(moving.ids), len(moving.ids))
    assert ids(answer) == moving.ids
    assert moving.asked == [1, 2, 3, 4, 1, 2, 3, 4]


@pytest.mark.parametrize("change", CHANGES)
async def test_a_constantly_changing_list_is_read_twice_and_marked_incomplete(time: FakeTime, change: Change) -> None:
    moving = Moving(35, dict.fromkeys(range(1, 100), change))
    answer = await listed(moving, time)
    assert answer["complete"] is False
    assert "the list changed while it was read" in answer["notice"]
    assert moving.asked.count(1) == 2
    assert len(set(ids(answer))) == len(ids(answer))


async def test_a_mismatched_count_is_reported(time: FakeTime) -> None:
    moving = Moving(35, {})
    moving.counted_too_many = 3
    answer = await listed(moving, time)
    assert answer["complete"] is False
    assert "reports 38 records but returned 35" in answer["notice"]
    assert moving.asked == [1, 2, 3, 4, 1, 2, 3, 4]


async def test_a_change_is_detected_although_only_a_part_was_requested(time: FakeTime) -> None:
    moving = Moving(95, {1: added_in_front})
    answer = await listed(moving, time, limit=30)
    assert ids(answer) == moving.ids[:30]
    assert (answer["complete"], answer["next_offset"]) == (False, 30)


@pytest.mark.parametrize("page", [2, 3, 4])
async def test_a_failing_page_in_the_middle_fails_the_call(time: FakeTime, page: int) -> None:
    moving = Moving(35, {})
    moving.failing = {page}
    settings = Settings(subdomain="acme", api_token="t0ken-of-acme", concurrency=1)
    async with connect(Clientary(settings, httpx.MockTransport(moving), time.clock)) as agent:
        assert "was not found" in await agent.refusal("list_clients", limit=1000)


async def test_a_list_with_a_vanished_page_is_read_again(time: FakeTime) -> None:
    def emptied(moving: Moving) -> None:
        moving.ids = moving.ids[:20]

    answer = await listed(moving := Moving(35, {2: emptied}), time)
    assert (answer["complete"], ids(answer)) == (True, moving.ids)


class Swapping(Moving):
    """A list in which our own writes replace one record by another, so that its count stays the same."""

    def __init__(self, total: int, swaps: int) -> None:
        super().__init__(total, {})
        self.swaps = swaps
        self.writer: Clientary | None = None

    async def handle(self, request: httpx.Request) -> httpx.Response:
        if request.method == "DELETE":
            self.ids.remove(int(request.url.path.rpartition("/")[2]))
            return httpx.Response(204)
        if request.method == "POST":
            self.ids.append(max(self.ids) + 1)
            return httpx.Response(201, json={"id": self.ids[-1], "name": "New"})
        response = self(request)
        if request.url.params.get("page", "1") == "1" and self.swaps and self.writer is not None:
            self.swaps -= 1
            await self.writer.delete(f"clients/{self.ids[0]}")
            await self.writer.create(Client, "clients", {"name": "New"})
        return response


async def read_while_swapped(moving: Swapping) -> Page[Client]:
    settings = Settings(subdomain="acme", api_token="t0ken-of-acme", concurrency=4)
    async with Clientary(settings, httpx.MockTransport(moving.handle)) as clientary:
        moving.writer = clientary
        return await clientary.collect(Client, "clients", limit=None)


async def test_a_swap_of_two_records_is_detected() -> None:
    page = await read_while_swapped(moving := Swapping(35, swaps=1))
    assert page.complete
    assert [record.id for record in page.records] == moving.ids
    assert moving.asked.count(1) == 2


async def test_a_swap_since_the_list_was_looked_at_is_detected() -> None:
    moving = Swapping(35, swaps=1)
    settings = Settings(subdomain="acme", api_token="t0ken-of-acme", concurrency=4)
    async with Clientary(settings, httpx.MockTransport(moving.handle)) as clientary:
        moving.writer = clientary
        await (stream := clientary.stream(Client, "clients")).peek()
        with pytest.raises(ListChanged):
            [client async for client in stream]
    assert moving.asked.count(1) == 1


async def test_repeated_swaps_of_records_are_reported() -> None:
    page = await read_while_swapped(Swapping(35, swaps=2))
    assert not page.complete
    assert page.notice
    assert "added and removed" in page.notice


async def test_a_report_is_not_computed_from_a_changing_list() -> None:
    moving = Swapping(35, swaps=2)
    settings = Settings(subdomain="acme", api_token="t0ken-of-acme", concurrency=4)
    async with Clientary(settings, httpx.MockTransport(moving.handle)) as clientary:
        moving.writer = clientary
        with pytest.raises(ListChanged, match="changed while it was read"):
            await clientary.list_all(Client, "clients")

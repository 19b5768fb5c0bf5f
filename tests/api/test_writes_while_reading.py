"""Our own writes during a list read: only those that could hide a record cause a second read.

Clientary is simulated by a list whose count never changes, as if each deleted record were replaced by a new one.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio
import httpx
import pytest

from clientary_mcp.api.session import Clientary
from clientary_mcp.errors import ClientaryError, ListChanged, OutcomeUnknown
from clientary_mcp.settings import Settings
from clientary_mcp.state.memory import local_memory
from tests.support.clock import FakeTime
from tool_schemas.base.models import Record
from tool_schemas.invoices import Invoice
from tool_schemas.payments import Payment
from tool_schemas.projects import Project
from tool_schemas.tasks import Task

pytestmark = pytest.mark.anyio

PAGES = 3
Write = Callable[[Clientary], Awaitable[object]]


class Account:
    """Three pages of one record each; during the first page's read, others write."""

    def __init__(self, writes: list[Write], readings: int = 1) -> None:
        self._writes, self._readings = writes, readings
        self.asked: list[int] = []
        self.writer: Clientary | None = None

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method != "GET":
            return httpx.Response(201, json={"id": 77, "name": "New"})
        plural = request.url.path.rpartition("/")[2]
        if plural.isdigit():
            return httpx.Response(200, json={"id": int(plural), "name": "Old"})
        page = int(request.url.params.get("page", "1"))
        self.asked.append(page)
        if page == 1 and len(self.asked) <= self._readings * PAGES and self.writer is not None:
            for write in self._writes:
                await write(self.writer)
        counts = {"page_count": PAGES, "page_size": 1, "total_count": PAGES}
        return httpx.Response(200, json={plural: [{"id": page, "name": f"No. {page}"}], **counts})


@asynccontextmanager
async def session(account: Account, time: FakeTime) -> AsyncIterator[Clientary]:
    """A session with this account, which the other writers use as well."""
    settings = Settings(subdomain="acme", api_token="t0ken-of-acme")
    async with Clientary(settings, httpx.MockTransport(account), time.clock) as clientary:
        account.writer = clientary
        yield clientary


def create(path: str, kind: type[Record] = Project) -> Write:
    return lambda clientary: clientary.create(kind, path, {"name": "New"})


def update(path: str) -> Write:
    return lambda clientary: clientary.update(Project, path, {"name": "New"})


def delete(path: str) -> Write:
    return lambda clientary: clientary.delete(path)


MAY_HIDE_A_RECORD = {
    "one comes, one goes": [create("projects"), delete("projects/1")],
    "one comes, one changes": [create("projects"), update("projects/1")],
    "one changes, one goes": [update("projects/1"), delete("projects/2")],
    "two change": [update("projects/1"), update("projects/2")],
    "one comes, a client goes with its own": [create("projects"), delete("clients/4")],
    "one changes, a lead goes with its own": [update("projects/1"), delete("leads/4")],
}
SHOWS_ITSELF = {
    "nobody writes": [],
    "one comes": [create("projects")],
    "two come": [create("projects"), create("projects")],
    "one changes": [update("projects/1")],
    "one goes": [delete("projects/1")],
    "a client goes with its own": [delete("clients/4")],
    "others come and go elsewhere": [create("tasks", Task), delete("tasks/1"), update("contacts/1"), update("hours/1")],
    "payments come and go": [create("invoices/1/payments", Payment), delete("invoices/1/payments/2")],
}


@pytest.mark.parametrize("writes", MAY_HIDE_A_RECORD.values(), ids=MAY_HIDE_A_RECORD)
async def test_a_list_whose_count_may_hide_our_change_is_read_again(time: FakeTime, writes: list[Write]) -> None:
    account = Account(writes)
    async with session(account, time) as clientary:
        page = await clientary.collect(Project, "projects", limit=None)
    assert sorted(account.asked) == sorted([1, 2, 3] * 2)
    assert (page.complete, page.notice) == (True, None)


@pytest.mark.parametrize("writes", MAY_HIDE_A_RECORD.values(), ids=MAY_HIDE_A_RECORD)
async def test_a_list_that_we_keep_changing_is_incomplete_and_yields_no_report(
    time: FakeTime, writes: list[Write]
) -> None:
    async with session(account := Account(writes, readings=100), time) as clientary:
        page = await clientary.collect(Project, "projects", limit=None)
        assert account.asked.count(1) == 2
        with pytest.raises(ListChanged):
            await clientary.list_all(Project, "projects")
        assert account.asked.count(1) == 4
    assert not page.complete
    assert "some may be missing" in (page.notice or "")


@pytest.mark.parametrize("writes", SHOWS_ITSELF.values(), ids=SHOWS_ITSELF)
async def test_writes_that_hide_nothing_cause_no_second_read(time: FakeTime, writes: list[Write]) -> None:
    account = Account(writes)
    async with session(account, time) as clientary:
        page = await clientary.collect(Project, "projects", limit=None)
    assert sorted(account.asked) == [1, 2, 3]
    assert page.complete


async def test_invoices_are_read_again_when_one_client_replaced_another(time: FakeTime) -> None:
    account = Account([create("invoices", Invoice), delete("clients/4")])
    async with session(account, time) as clientary:
        assert (await clientary.collect(Invoice, "invoices", limit=None)).complete
    assert account.asked.count(1) == 2


async def test_writes_that_ended_before_the_read_started_are_ignored(time: FakeTime) -> None:
    account = Account([])
    async with session(account, time) as clientary:
        await clientary.create(Project, "projects", {"name": "New"})
        await clientary.delete("projects/1")
        await clientary.collect(Project, "projects", limit=None)
    assert sorted(account.asked) == [1, 2, 3]


async def test_a_list_of_a_single_page_is_never_read_again(time: FakeTime) -> None:
    account = Account(MAY_HIDE_A_RECORD["one comes, one goes"])
    async with session(account, time) as clientary:
        page = await clientary.collect(Project, "projects", limit=1)
    assert account.asked == [1]
    assert (page.complete, page.more) == (False, True)


async def test_a_write_in_flight_when_the_read_starts_counts(time: FakeTime) -> None:
    begun, may_end = anyio.Event(), anyio.Event()
    reader = Account([update("projects/1")])

    async def slow(request: httpx.Request) -> httpx.Response:
        if request.method == "DELETE":
            begun.set()
            await may_end.wait()
            return httpx.Response(204)
        return await reader(request)

    settings = Settings(subdomain="acme", api_token="t0ken-of-acme")
    async with (
        Clientary(settings, httpx.MockTransport(slow), time.clock) as clientary,
        anyio.create_task_group() as group,
    ):
        reader.writer = clientary
        group.start_soon(clientary.delete, "projects/2")
        await begun.wait()
        page = await clientary.collect(Project, "projects", limit=None)
        may_end.set()
    assert reader.asked.count(1) == 2
    assert page.complete


async def test_writes_of_another_session_with_the_same_memory_count(time: FakeTime) -> None:
    settings = Settings(subdomain="acme", api_token="t0ken-of-acme")
    memory = local_memory(settings, time.clock.wall, shared=False)
    account = Account([delete("projects/1"), create("projects"), lambda _: time.clock.sleep(1)])
    async with (
        Clientary(settings, httpx.MockTransport(account), time.clock, memory) as writer,
        Clientary(settings, httpx.MockTransport(account), time.clock, memory.of("a caller", settings)) as reader,
    ):
        account.writer = writer
        page = await reader.collect(Project, "projects", limit=None)
    assert account.asked.count(1) == 2
    assert page.complete
    await memory.aclose()


async def test_a_write_with_an_unknown_outcome_counts_as_a_write(time: FakeTime) -> None:
    async def lost(clientary: Clientary) -> None:
        with pytest.raises(OutcomeUnknown):
            await clientary.delete("projects/1")

    reader = Account([lost, create("projects")])

    async def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(504) if request.method == "DELETE" else await reader(request)

    settings = Settings(subdomain="acme", api_token="t0ken-of-acme")
    async with Clientary(settings, httpx.MockTransport(answer), time.clock) as clientary:
        reader.writer = clientary
        await clientary.collect(Project, "projects", limit=None)
    assert reader.asked.count(1) == 2


async def test_rejected_writes_count_too_and_cost_at_most_one_reread(time: FakeTime) -> None:
    async def refused(clientary: Clientary) -> None:
        with pytest.raises(ClientaryError):
            await clientary.delete("projects/1")

    reader = Account([refused, create("projects")])

    async def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(422) if request.method == "DELETE" else await reader(request)

    settings = Settings(subdomain="acme", api_token="t0ken-of-acme")
    async with Clientary(settings, httpx.MockTransport(answer), time.clock) as clientary:
        reader.writer = clientary
        page = await clientary.collect(Project, "projects", limit=None)
    assert page.complete
    assert reader.asked.count(1) == 2

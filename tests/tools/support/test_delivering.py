"""Lists that go into a sink, record by record: whole, however long, and nothing of them stays in memory."""

import tracemalloc
from dataclasses import replace
from math import ceil
from typing import Any

import httpx
import pytest

from clientary_mcp.api.session import Clientary
from clientary_mcp.errors import ListChanged
from clientary_mcp.sandbox import Sandbox
from clientary_mcp.settings import Settings
from clientary_mcp.tools import ALL
from clientary_mcp.tools.tool import answer_to_json
from tests.conftest import agency, session_with
from tests.support.lists_in_sql import LISTS, MONEY, cases, scope
from tool_schemas.base.models import Record

pytestmark = pytest.mark.anyio

TOOLS = {tool.name: tool for tool in ALL}
SETTINGS = Settings(subdomain="acme", api_token="t0ken-of-acme")


class Sink:
    """Keeps the ids and the currencies alone."""

    def __init__(self) -> None:
        self.restarts = 0
        self.got: dict[int, str | None] = {}

    def restart(self) -> None:
        self.restarts += 1
        self.got = {}

    def add(self, record: Record, currency_code: str | None) -> None:
        assert record.id not in self.got, "twice"
        self.got[record.id] = currency_code


@pytest.fixture(scope="module")
def books() -> Sandbox:
    """An account that nobody writes to."""
    return agency()


async def delivered(clientary: Clientary, tool: str, **arguments: Any) -> tuple[Sink, dict[str, Any]]:
    """What reaches the sink of a list, and the answer beside it."""
    sink = Sink()
    async with clientary:
        args = TOOLS[tool].check(arguments)
        answer = answer_to_json(await TOOLS[tool].run(clientary.delivering(sink), args), args)
    return sink, answer


def currencies(books: Sandbox, tool: str, condition: str) -> dict[int, str | None]:
    """The records that a list has, each with the currency that it is known to be of."""
    table = LISTS[tool].table
    untold = ("list_project_hours", "list_expenses", "list_client_expenses", "list_project_expenses")
    own = {"projects": "currency_code"} | {name: currency for name, (currency, _) in MONEY.items()}
    column = "NULL" if tool in untold else own.get(table, "NULL")
    return dict(books.connection.execute(f"SELECT id, {column} FROM {table} WHERE {condition}").fetchall())  # noqa: S608 ours


@pytest.mark.parametrize("tool", LISTS)
async def test_a_list_is_delivered_whole_whatever_limit_and_page_say(books: Sandbox, tool: str) -> None:
    of, under = scope(books, tool)
    sink, answer = await delivered(session_with(books), tool, **of, limit=1, page=3)
    assert sink.got == currencies(books, tool, under)
    assert answer["records"] == []
    assert (answer["total_count"], answer["complete"]) == (len(sink.got), True)


@pytest.mark.parametrize("tool", LISTS)
async def test_a_narrowed_list_is_delivered_narrowed(books: Sandbox, tool: str) -> None:
    of, under = scope(books, tool)
    arguments, condition = list(cases(tool))[-1]
    sink, _ = await delivered(session_with(books), tool, **of, **arguments)
    assert sink.got == currencies(books, tool, f"{under} AND ({condition})")


async def test_the_payments_of_a_client_are_delivered(books: Sandbox) -> None:
    sink, _ = await delivered(session_with(books), "list_payments", client_id=1228)
    paid = "invoice_id IN (SELECT id FROM invoices WHERE client_id = 1228)"
    assert sink.got == currencies(books, "list_payments", paid)
    assert sink.got


class Long:
    """A list of clients that is never there whole; it may change after a page was read."""

    def __init__(self, total: int, changes: int = 0) -> None:
        self.total, self.changes = total, changes

    def __call__(self, request: httpx.Request) -> httpx.Response:
        page = int(request.url.params.get("page", "1"))
        ids_here = range((page - 1) * 50 + 1, min(page * 50, self.total) + 1)
        rows = [{"id": number, "name": f"Client {number}"} for number in ids_here]
        body = {"clients": rows, "page_count": ceil(self.total / 50), "page_size": 50, "total_count": self.total}
        if page == 1 and self.changes:
            self.changes -= 1
            self.total += 1
        return httpx.Response(200, json=body)


async def test_a_list_that_changed_is_delivered_anew() -> None:
    sink, _ = await delivered(Clientary(SETTINGS, httpx.MockTransport(Long(120, changes=1))), "list_clients")
    assert sink.restarts == 2
    assert set(sink.got) == set(range(1, 122))


async def test_a_list_that_never_holds_still_is_not_delivered() -> None:
    with pytest.raises(ListChanged):
        await delivered(Clientary(SETTINGS, httpx.MockTransport(Long(120, changes=9))), "list_clients")


class Counting:
    """Keeps nothing but a number, and traces the memory of the last tenth of the records: tracing takes time."""

    def __init__(self, total: int) -> None:
        self.count, self.traced = 0, total * 9 // 10

    def restart(self) -> None:
        self.count = 0

    def add(self, record: Record, currency_code: str | None) -> None:
        self.count += 1
        if self.count == self.traced:
            tracemalloc.start()


async def test_a_hundred_thousand_records_leave_the_memory_flat() -> None:
    sink, settings = Counting(100_000), replace(SETTINGS, concurrency=1)
    async with Clientary(settings, httpx.MockTransport(Long(100_000))) as clientary:
        try:
            args = TOOLS["list_clients"].check({"query": "client"})
            await TOOLS["list_clients"].run(clientary.delivering(sink), args)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert sink.count == 100_000
    assert peak < 3_000_000, f"{peak / 1e6:.1f} MB more"

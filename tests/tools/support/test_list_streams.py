"""Lists as streams, for exports: complete at any length, with flat memory."""

import gc
import json
import tracemalloc
from dataclasses import replace
from math import ceil
from pathlib import Path
from typing import Any

import httpx
import pytest

from clientary_mcp.api.session import Clientary
from clientary_mcp.sandbox import Sandbox
from clientary_mcp.settings import Settings
from clientary_mcp.tools import ALL
from clientary_mcp.tools.support.listing import Listing
from clientary_mcp.tools.support.periods import with_days
from tests.conftest import agency, session_with
from tests.support.agent import agent_of
from tests.support.lists_in_sql import LISTS, MONEY, cases, exactly, scope, sums

pytestmark = pytest.mark.anyio

TOOLS = {tool.name: tool for tool in ALL}
SETTINGS = Settings(subdomain="acme", api_token="t0ken-of-acme")


@pytest.fixture(scope="module")
def books() -> Sandbox:
    """An account for tests that only read."""
    return agency()


async def streamed(clientary: Clientary, tool: str, **arguments: Any) -> tuple[dict[int, str | None], Listing[Any]]:
    """The ids that the stream of a list yields, each with its currency, and the list."""
    listing, got = TOOLS[tool].listing, dict[int, str | None]()
    assert listing is not None
    async with clientary:
        args, _ = await with_days(clientary, TOOLS[tool].check(arguments))
        asked = listing(clientary, args)
        async for record, currency_code in asked.stream():
            assert record.id not in got, "twice"
            got[record.id] = currency_code
    return got, asked


def currencies(books: Sandbox, tool: str, condition: str) -> dict[int, str | None]:
    """The records that a list has, each with the currency that it is known to be of."""
    table = LISTS[tool].table
    without_currency = ("list_project_hours", "list_expenses", "list_client_expenses", "list_project_expenses")
    own = dict.fromkeys(("projects", "recurring_schedules"), "currency_code")
    own |= {name: currency for name, (currency, *_) in MONEY.items()}
    column = "NULL" if tool in without_currency else own.get(table, "NULL")
    return dict(books.connection.execute(f"SELECT id, {column} FROM {table} WHERE {condition}").fetchall())  # noqa: S608 ours


@pytest.mark.parametrize("tool", LISTS)
async def test_a_stream_yields_the_whole_list_whatever_limit_and_offset(books: Sandbox, tool: str) -> None:
    of, under = scope(books, tool)
    got, listing = await streamed(session_with(books), tool, **of, limit=1, offset=3)
    assert got == currencies(books, tool, under)
    assert listing.count == len(got)
    assert exactly(listing.totals.to_json() or None) == sums(books, tool, under)


@pytest.mark.parametrize("tool", LISTS)
async def test_the_stream_of_a_filtered_list_is_filtered(books: Sandbox, tool: str) -> None:
    of, under = scope(books, tool)
    arguments, condition = list(cases(tool))[-1]
    got, _ = await streamed(session_with(books), tool, **of, **arguments)
    assert got == currencies(books, tool, f"{under} AND ({condition})")


async def test_the_payments_of_a_client_are_streamed_with_their_currencies(books: Sandbox) -> None:
    got, _ = await streamed(session_with(books), "list_payments", client_id=1228)
    paid = "invoice_id IN (SELECT id FROM invoices WHERE client_id = 1228)"
    assert got == currencies(books, "list_payments", paid)
    assert got


class Long:
    """A list of clients that is never in memory as a whole; it may change after a page was read."""

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


async def test_an_export_of_a_changed_list_contains_the_second_reading(tmp_path: Path) -> None:
    settings = replace(SETTINGS, export_dir=tmp_path)
    async with agent_of(Clientary(settings, httpx.MockTransport(Long(120, changes=1)))) as agent:
        answer = await agent.answer("export_records", tool="list_clients", format="jsonl")
    rows = [json.loads(line) for line in (tmp_path / answer["file"]).read_text().splitlines()]
    assert [row["id"] for row in rows] == list(range(1, 122))
    assert answer["exported_rows"] == 121


async def test_a_constantly_changing_list_is_not_exported(tmp_path: Path) -> None:
    settings = replace(SETTINGS, export_dir=tmp_path)
    async with agent_of(Clientary(settings, httpx.MockTransport(Long(120, changes=9)))) as agent:
        refusal = await agent.refusal("export_records", tool="list_clients")
    assert "changed while it was read" in refusal
    assert list(tmp_path.iterdir()) == []  # noqa: ASYNC240 - nothing else runs


async def test_pages_that_were_read_are_freed_without_a_garbage_collection() -> None:
    tool = TOOLS["list_clients"]
    assert tool.listing is not None
    async with Clientary(SETTINGS, httpx.MockTransport(Long(500))) as clientary:
        gc.collect()
        gc.disable()
        try:
            before = responses_in_memory()
            async for _ in tool.listing(clientary, tool.check({})).stream():
                pass
            assert responses_in_memory() == before
        finally:
            gc.enable()


def responses_in_memory() -> int:
    """How many responses are in memory, whether anything refers to them or not."""
    return sum(type(each) is httpx.Response for each in gc.get_objects())


@pytest.mark.long
async def test_memory_stays_flat_for_a_hundred_thousand_records() -> None:
    total, settings = 100_000, replace(SETTINGS, concurrency=1)
    tool, count = TOOLS["list_clients"], 0
    assert tool.listing is not None
    async with Clientary(settings, httpx.MockTransport(Long(total))) as clientary:
        try:
            async for _ in tool.listing(clientary, tool.check({"query": "client"})).stream():
                count += 1
                if count == total * 9 // 10:  # tracing takes time: the last tenth shows it
                    tracemalloc.start()
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert count == total
    assert peak < 3_000_000, f"{peak / 1e6:.1f} MB more"

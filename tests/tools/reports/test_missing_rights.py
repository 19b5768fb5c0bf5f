"""Reports of somebody who may not see everything: the rest is still told, and what is missing never looks like zero."""

import re
from pathlib import Path
from typing import Any, Protocol

import httpx
import pytest

from clientary_mcp.api.session import Clientary
from clientary_mcp.sandbox import Sandbox
from clientary_mcp.sandbox.network import Network
from clientary_mcp.settings import Settings
from tests.conftest import TODAY
from tests.support.agent import Agent, agent_of
from tests.support.clock import FakeTime
from tests.support.quarry import OCTOBER, Books

pytestmark = pytest.mark.anyio


class Account(Protocol):
    """What is built around a sandbox."""

    @property
    def sandbox(self) -> Sandbox: ...


class Restricted(httpx.AsyncBaseTransport):
    """The account, as seen by somebody who is not allowed to read these paths."""

    def __init__(self, books: Account, denied: str) -> None:
        self._account, self._denied = Network(books.sandbox), re.compile(denied)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self._denied.fullmatch(request.url.path.removeprefix("/api/v2/").removesuffix(".json")):
            return httpx.Response(403, json={"error": "Forbidden"})
        return await self._account.handle_async_request(request)


def session(books: Account, denied: str, **settings: Any) -> Clientary:
    chosen = Settings(base_url="http://localhost", api_token=books.sandbox.token, time_zone="UTC", **settings)
    return Clientary(chosen, Restricted(books, denied), FakeTime(TODAY).clock)


def filled() -> Books:
    """Two projects with two hours each at 95, and an expense of 30."""
    books = Books()
    for project in (books.project, books.a_project("Second")):
        books.hours("2026-10-05", 200, project_id=project)
    books.expense("2026-10-06", 3_000)
    books.an_invoice("1", status=1)
    return books


async def report(books: Books, denied: str, tool: str, **arguments: Any) -> dict[str, Any]:
    async with agent_of(session(books, denied)) as agent:
        answer: dict[str, Any] = await agent.answer(tool, **arguments)
    return answer


EXPENSES, INVOICES, HOURS = "(.*/)?expenses", "(.*/)?invoices(/.*)?", "projects/.*/hours"


async def test_unbilled_hours_are_told_without_the_expenses() -> None:
    answer = await report(filled(), EXPENSES, "unbilled_report")
    (total,) = answer["totals"]
    assert (total["hours"], total["amount"]) == (4, 380)
    assert "expenses" not in total
    assert not any("expenses" in row for row in answer["rows"])
    assert answer["left_out"] == [
        "Expenses: not included, since the owner of the API token is not allowed to see that."
    ]


async def test_unbilled_expenses_are_told_without_the_hours() -> None:
    answer = await report(filled(), HOURS, "unbilled_report")
    assert [(total["expenses"], total.get("hours"), total.get("amount")) for total in answer["totals"]] == [
        (30, None, None)
    ]
    assert answer["left_out"] == ["Hours: not included, since the owner of the API token is not allowed to see that."]


@pytest.mark.parametrize("tool", ["unbilled_report", "project_status", "profitability_report"])
async def test_hours_are_told_without_the_invoices_that_may_bill_them(tool: str) -> None:
    books = filled()
    answer = await report(books, "(clients/.*/)?invoices", tool, project_id=books.project)
    assert answer["rows"][0]["hours"] == 2
    assert answer["left_out"][0].startswith("Invoices: not looked at, since the owner of the API token is not allowed")


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [("unbilled_report", {}), ("project_status", {"threshold": 0}), ("timesheet_report", OCTOBER)],
)
async def test_a_project_whose_hours_are_hidden_is_named(tool: str, arguments: dict[str, Any]) -> None:
    books = filled()
    answer = await report(books, f"projects/{books.project}/hours", tool, **arguments)
    assert [row["hours"] for row in answer["rows"] if row["project"] == "Second"] == [2]
    remark = "1 project whose hours the owner of the API token is not allowed to see: “Quarry Catalogue”."
    assert remark in answer["left_out"]


@pytest.mark.parametrize(("tool", "arguments"), [("project_status", {"threshold": 0}), ("timesheet_report", OCTOBER)])
async def test_a_report_of_hours_alone_is_refused_where_none_are_visible(tool: str, arguments: dict[str, Any]) -> None:
    async with agent_of(session(filled(), HOURS)) as agent:
        assert "is not allowed to do this" in await agent.refusal(tool, **arguments)


@pytest.mark.parametrize(("denied", "part"), [(EXPENSES, "Expenses"), (HOURS, "Hours")])
async def test_a_margin_without_its_costs_is_not_told(denied: str, part: str) -> None:
    books = filled()
    answer = await report(books, denied, "profitability_report", project_id=books.project, default_cost_rate=10)
    (row,) = answer["rows"]
    assert row["invoiced"] == 0
    assert not {"margin", "percentage", part.lower()} & row.keys()
    assert answer["left_out"][0].startswith(f"{part}, and so the margin: not included")
    assert "notice" not in answer


async def test_payments_are_exported_without_the_invoices_that_state_their_currencies(tmp_path: Path) -> None:
    books = filled()
    books.add("payments", invoice_id=books.an_invoice("2"), amount=1_000, received_on="2026-10-10")
    async with agent_of(session(books, INVOICES, export_dir=tmp_path)) as agent:
        exported = await _exported(agent)
        listed = await agent.answer("list_payments")
    assert exported["exported_rows"] == 1
    assert "totals" not in exported
    assert "total_amounts is left out" in exported["notice"]
    assert "total_amounts is left out" in listed["notice"]


async def _exported(agent: Agent) -> dict[str, Any]:
    answer: dict[str, Any] = await agent.answer("export_records", tool="list_payments", format="jsonl")
    return answer

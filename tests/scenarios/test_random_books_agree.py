"""Figures of two reports that mean the same are the same, whatever random accounts are grouped by and narrowed to."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import permutations
from typing import Any

import pytest

from clientary_mcp.sandbox import Sandbox
from tests.conftest import session_with
from tests.scenarios.random_books import CASES, STEPS, random_books
from tests.support.agent import Agent, agent_of
from tests.support.tables import exact, rows
from tests.tools.reports.test_account import TABLES

pytestmark = pytest.mark.anyio

Row = dict[str, Any]
DAYS = {"from_date": "2025-03-15", "to_date": "2026-11-20"}
SALES = ("client", "project", "month", "quarter", "year", "currency", "status")
INVOICED = ("invoices", "net", "tax", "other", "gross", "received", "open", "pending", "credits")
RECEIVED = ("payments", "received", "fees")
# What is asked of a report beside its words, the words, and the columns that add up.
GROUPED: tuple[tuple[str, Row, tuple[str, ...], tuple[str, ...]], ...] = (
    ("sales_report", {"basis": "invoiced"}, SALES, INVOICED),
    ("sales_report", {"basis": "received"}, SALES, RECEIVED),
    ("expenses_report", {}, ("project", "month", "client", "person"), ("count", "amount", "billed", "unbilled")),
    ("estimates_report", {}, ("client", "month", "status"), ("count", "amount")),
)

CHOSEN = 6
"""Of so many pairs of words each account is asked for one."""


def added(answered: list[Row], *names: str) -> dict[str, list[int]]:
    """Currency → the sums of these columns, in hundredths; without currencies in which all are zero."""
    sums: dict[str, list[int]] = defaultdict(lambda: [0] * len(names))
    for row in answered:
        so_far = sums[row["currency_code"]]
        sums[row["currency_code"]] = [each + exact(row.get(name, 0)) for each, name in zip(so_far, names, strict=True)]
    return {code: amounts for code, amounts in sums.items() if any(amounts)}


def narrowings(sandbox: Sandbox) -> Iterator[Row]:
    """The whole account, and the client and the project of it that have the most invoices."""
    yield {}
    for column in ("client_id", "project_id"):
        most = f"SELECT {column} FROM invoices WHERE {column} NOT NULL GROUP BY 1 ORDER BY count(*) DESC LIMIT 1"  # noqa: S608 - ours
        yield rows(sandbox, most)[0]


@pytest.mark.parametrize(("form", "seed"), CASES)
async def test_every_group_and_every_two_add_up_to_the_same_totals(form: str, seed: int) -> None:
    sandbox = random_books(form, seed)
    async with agent_of(session_with(sandbox)) as agent:
        for tool, about, words, columns in GROUPED:
            pairs = [",".join(pair) for pair in permutations(words, 2)]
            for narrow in narrowings(sandbox):
                plain = await agent.answer(tool, **about, **narrow, **DAYS)
                totals = added(plain["totals"], *columns)
                assert totals or narrow  # a client or a project may have nothing of a kind
                for group_by in (words[seed % len(words)], *pairs[seed % CHOSEN :: CHOSEN]):
                    answer = await agent.answer(tool, **about, **narrow, group_by=group_by, **DAYS)
                    assert answer["totals"] == plain["totals"]
                    assert len(answer["rows"]) == answer["row_count"]
                    assert added(answer["rows"], *columns) == totals, (tool, group_by, narrow)


@pytest.mark.parametrize(("form", "seed"), CASES)
async def test_taxes_agree_with_sales_of_the_account_a_client_and_a_project(form: str, seed: int) -> None:
    sandbox = random_books(form, seed)
    async with agent_of(session_with(sandbox)) as agent:
        for narrow in narrowings(sandbox):
            sales = await agent.answer("sales_report", **narrow, **DAYS)
            taxes = await agent.answer("tax_report", **narrow, **DAYS)
            assert added(taxes["totals"], "tax", "invoices") == added(sales["totals"], "tax", "invoices") != {}
            assert added(taxes["rows"], "tax") == added(sales["totals"], "tax")
            untaxed = [row | {"taxable": row["net"]} for row in taxes.get("untaxed", [])]
            assert added([*taxes["totals"], *untaxed], "taxable") == added(sales["totals"], "net")


@pytest.mark.parametrize(("form", "seed"), CASES)
async def test_what_a_client_owes_is_the_same_in_every_report(form: str, seed: int) -> None:
    sandbox = random_books(form, seed)
    async with agent_of(session_with(sandbox)) as agent:
        for client in [None, *(row["id"] for row in rows(sandbox, "SELECT id FROM clients"))]:
            await _owed(agent, {} if client is None else {"client_id": client})


async def _owed(agent: Agent, narrow: Row) -> None:
    report = await agent.answer("receivables_report", **narrow)
    pending = added(report.get("pending", []), "balance")
    for until, by in (("2026-11-20", "week"), ("2027-03-31", "month")):
        forecast = await agent.answer("cash_forecast", until=until, by=by, **narrow)
        later = forecast.get("later", [])
        assert added([*forecast["rows"], *later], "invoices") == added(report["totals"], "current")
        assert added(forecast.get("overdue", []), "balance") == added(report["totals"], "overdue")
        assert added(forecast.get("pending", []), "balance") == pending
    times = await agent.answer("days_to_pay_report", **narrow)
    assert added(times["totals"], "open") == added(times["rows"], "open") == added(report["totals"], "total")
    if narrow:
        overview = await agent.answer("client_overview", **narrow)
        assert added(overview["rows"], "open", "overdue") == added(report["totals"], "total", "overdue")
        assert added(overview["rows"], "pending") == pending


@pytest.mark.parametrize(("form", "seed"), CASES)
async def test_the_account_tells_what_its_tables_hold(form: str, seed: int) -> None:
    sandbox = random_books(form, seed)
    async with agent_of(session_with(sandbox)) as agent:
        answer = await agent.answer("get_account")
    assert answer["counts"] == {
        table: rows(sandbox, f"SELECT count(*) AS n FROM {table}")[0]["n"] for table in TABLES  # noqa: S608 - ours
    }  # fmt: skip
    assert answer["currencies"] == sorted(STEPS)

"""The check of the billing of random accounts: it finds what their tables say, and the calls that it names mend it."""

from collections import Counter
from typing import Any

import pytest

from clientary_mcp.tools import ALL
from clientary_mcp.tools.reports.billing_checks import CHECKS
from tests.conftest import session_with
from tests.scenarios.random_books import CASES
from tests.scenarios.random_faults import Fault, faults_in, faulty_books
from tests.support.agent import Agent, agent_of
from tests.support.tables import exact, rows
from tests.tools.reports.test_sales import FORMS

pytestmark = pytest.mark.anyio

Row = dict[str, Any]
GATED = {tool.name for tool in ALL if tool.gated}
MENDING = ("update_", "delete_", "bill_", "send_")
MOST = 2
"""How many rows of a check are mended in each account."""


def fault(row: Row) -> Fault:
    amount = exact(row["amount"]) if "amount" in row else None
    return Fault(row["check"], row["id"], row["tool"], row.get("currency_code"), amount)


async def found(agent: Agent) -> list[Row]:
    answer = await agent.answer("billing_check")
    every: list[Row] = answer["rows"]
    assert len(every) == answer["row_count"]
    return every


@pytest.mark.parametrize(("form", "seed"), CASES)
async def test_the_check_finds_what_the_tables_say(form: str, seed: int) -> None:
    sandbox = faulty_books(form, seed)
    async with agent_of(session_with(sandbox)) as agent:
        answer = await agent.answer("billing_check")
    expected = faults_in(sandbox, told=FORMS[form].extra_keys)
    assert Counter(map(fault, answer["rows"])) == expected
    counts, sums = Counter[tuple[str, str | None]](), Counter[tuple[str, str | None]]()
    for each in expected.elements():
        key = each.check, None if each.amount is None else each.currency_code or "unknown"
        counts[key] += 1
        sums[key] += each.amount or 0
    assert {(row["check"], row.get("currency_code")): row["count"] for row in answer["totals"]} == counts
    assert {(row["check"], row.get("currency_code")): exact(row.get("amount", 0)) for row in answer["totals"]} == dict(
        sums
    )


def test_the_accounts_hold_faults_of_every_kind() -> None:
    every = {
        each.check
        for form, seed in zip(FORMS, range(6), strict=True)
        for each in faults_in(faulty_books(form, seed), told=True)
    }
    assert every == CHECKS.keys()


@pytest.mark.parametrize(("form", "seed"), CASES)
async def test_the_calls_that_it_names_mend_what_it_found(form: str, seed: int) -> None:
    sandbox = faulty_books(form, seed)
    async with agent_of(session_with(sandbox)) as agent:
        # the embedded account reckons yen in hundredths anew when they are updated, and has other balances then
        yen = {row["id"] for row in rows(sandbox, "SELECT id FROM invoices WHERE currency_code = 'JPY'")}
        left = await found(agent)
        mended = Counter[tuple[str, str]]()
        while row := next((row for row in left if row["id"] not in yen and _is_next(row, mended)), None):
            mended[row["check"], row["tool"]] += 1
            ask = agent.confirmed if row["tool"] in GATED else agent.answer
            await ask(row["tool"], **row["arguments"])
            left = await found(agent)
            assert _key(row) not in map(_key, left)
    assert mended.total() > 5


def _is_next(row: Row, mended: Counter[tuple[str, str]]) -> bool:
    return row["tool"].startswith(MENDING) and mended[row["check"], row["tool"]] < MOST


def _key(row: Row) -> tuple[Any, ...]:
    return row["check"], row["type"], row["id"], row["what"]

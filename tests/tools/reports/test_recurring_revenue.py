"""Recurring revenue per month: compared with fractions of what the account's own tables hold."""

from collections import defaultdict
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
import respx

from clientary_mcp.sandbox import Sandbox, Switches
from tests.conftest import TODAY, agency, session_with
from tests.support.agent import Agent, agent_of
from tests.support.replies import listed

pytestmark = pytest.mark.anyio

Row = dict[str, Any]

# Clientary's code of an interval → invoices a month.
A_MONTH = {
    1: Fraction(52, 12),
    2: Fraction(26, 12),
    3: Fraction(2),
    4: Fraction(13, 12),
    5: Fraction(1),
    6: Fraction(1, 2),
    7: Fraction(1, 3),
    8: Fraction(1, 6),
    9: Fraction(1, 12),
    10: Fraction(1, 24),
    11: Fraction(1, 4),
}


@pytest.fixture(scope="module")
def books() -> Sandbox:
    """An account with a schedule of every interval, which the tests of this module only read."""
    sandbox = agency()
    with sandbox.connection as tables:
        ids = [row[0] for row in tables.execute("SELECT id FROM recurring_schedules ORDER BY id")]
        for number, schedule in enumerate(ids):
            tables.execute(
                "UPDATE recurring_schedules SET time_interval = ?, subtotal = subtotal + 3, occurrences_remaining = 5"
                " WHERE id = ?",
                [number % 11 + 1, schedule],
            )
        tables.execute("UPDATE recurring_schedules SET status = 0 WHERE id NOT IN (?, ?)", [ids[0], ids[1]])
        tables.execute("UPDATE recurring_schedules SET status = 1 WHERE id = ?", [ids[0]])
        tables.execute("UPDATE recurring_schedules SET status = 2 WHERE id = ?", [ids[1]])
        tables.execute("UPDATE recurring_schedules SET unlimited = 0, occurrences_remaining = 0 WHERE id = ?", [ids[2]])
        tables.execute("UPDATE recurring_schedules SET unlimited = 1, occurrences_remaining = 0 WHERE id = ?", [ids[3]])
    return sandbox


def going(sandbox: Sandbox, status: int = 0) -> list[Row]:
    query = (
        "SELECT id, client_id, currency_code, subtotal, time_interval FROM recurring_schedules"
        " WHERE status = ? AND (unlimited = 1 OR occurrences_remaining IS NULL OR occurrences_remaining > 0)"
    )
    rows = [dict(row) for row in sandbox.connection.execute(query, [status])]
    assert rows  # otherwise the test would prove nothing
    return rows


def a_month(row: Row) -> Fraction:
    """In cents, exactly."""
    return Fraction(row["subtotal"]) * A_MONTH[row["time_interval"]]


def rounded(cents: Fraction) -> float:
    whole = (2 * cents + 1).__floor__() // 2
    return float(Decimal(whole) / 100)


def per_currency(rows: list[Row]) -> dict[str, float]:
    sums: dict[str, Fraction] = defaultdict(Fraction)
    for row in rows:
        sums[row["currency_code"]] += a_month(row)
    return {code: rounded(cents) for code, cents in sums.items()}


@pytest.mark.parametrize(
    "switches",
    [Switches(), Switches(extra_keys=False, money_as_text=True, dates="iso"), Switches(page_keys=False, nulls=True)],
    ids=["live", "text", "whole"],
)
async def test_every_interval_is_converted_to_a_month(books: Sandbox, switches: Switches) -> None:
    books.switches = switches
    async with agent_of(session_with(books)) as agent:
        answer = await agent.answer("recurring_revenue_report")
    books.switches = Switches()

    schedules = going(books)
    assert {row["time_interval"] for row in schedules} == A_MONTH.keys()
    expected = {row["id"]: (rounded(a_month(row)), rounded(Fraction(row["subtotal"]))) for row in schedules}
    reported = {row["recurring_schedule_id"]: (row["per_month"], row["per_invoice"]) for row in answer["rows"]}
    assert reported == expected
    assert {total["currency_code"]: total["per_month"] for total in answer["totals"]} == per_currency(schedules)
    names = {row[0]: row[1] for row in books.connection.execute("SELECT id, name FROM clients")}
    assert all(row["client"] == names[row["client_id"]] for row in answer["rows"])
    assert "without taxes" in answer["basis"]


async def test_ended_schedules_are_excluded_and_paused_ones_separate(reader: Agent, books: Sandbox) -> None:
    answer = await reader.answer("recurring_revenue_report")

    paused = {row["id"]: rounded(a_month(row)) for row in going(books, status=1)}
    assert {row["recurring_schedule_id"]: row["per_month"] for row in answer["paused"]} == paused
    assert [sentence.partition(":")[0] for sentence in sorted(answer["left_out"])] == [
        "1 ended schedule",
        "1 stopped schedule",
    ]


async def test_the_largest_revenue_comes_first_within_a_currency(reader: Agent) -> None:
    rows = (await reader.answer("recurring_revenue_report"))["rows"]
    assert rows == sorted(rows, key=lambda row: (row["currency_code"], -row["per_month"]))


async def test_an_account_without_schedules_has_no_revenue() -> None:
    async with agent_of(session_with(Sandbox(TODAY, filled=False))) as agent:
        answer = await agent.answer("recurring_revenue_report")
    assert (answer["rows"], answer["totals"]) == ([], [])


def schedule(number: int, **reported: Any) -> Row:
    return {
        "id": number, "client_id": 4, "client": {"id": 4, "name": "ACME"}, "title": f"No. {number}", "status": 0,
        "time_interval": 1, "unlimited": True, "currency_code": "USD", "subtotal": "0.01", "total_cost": "0.02",
        **reported,
    }  # fmt: skip


def play(account: respx.MockRouter, *records: Row) -> None:
    account.get("recurring").respond(json=listed("recurring", *records))


async def test_a_total_is_the_rounded_sum_and_not_the_sum_of_rounded_amounts(
    account: respx.MockRouter, agent: Agent
) -> None:
    play(account, *(schedule(number) for number in range(1, 4)))
    answer = await agent.answer("recurring_revenue_report")

    assert [row["per_month"] for row in answer["rows"]] == [0.04, 0.04, 0.04]  # 4⅓ cents each
    assert answer["totals"] == [{"currency_code": "USD", "schedules": 3, "per_month": 0.13}]


async def test_incomplete_schedules_are_computed_from_their_lines_or_excluded_and_named(
    account: respx.MockRouter, agent: Agent
) -> None:
    lines: list[Row] = [
        {"id": 1, "quantity": 2, "price": "10.25", "item_type": 1, "taxable?": True},
        {"id": 2, "item_type": 0, "title": "Extras"},
        {"id": 3, "quantity": "0.5", "price": "-1.00", "item_type": 3},
    ]
    play(
        account,
        schedule(1, time_interval=5, subtotal=None, tax=10, recurring_schedule_items=lines),
        schedule(2, subtotal=None, recurring_schedule_items=[{"id": 4, "price": 5}]),
        schedule(3, subtotal=None),
        schedule(4, time_interval=12),
        schedule(5, status=7, title=None),
        schedule(6, currency_code=None, time_interval=9, subtotal=12, client_id=None, client={}),
        schedule(7, time_interval=None),
        schedule(8, unlimited=None, occurrences_remaining=0),
    )
    answer = await agent.answer("recurring_revenue_report")

    reported = [(row["client"], row["currency_code"], row["per_invoice"], row["per_month"]) for row in answer["rows"]]
    assert reported == [("ACME", "USD", 20, 20), ("no client", "unknown", 12, 1)]
    assert set(answer["left_out"]) == {
        "1 schedule without a subtotal, added up from its lines: id 1 “No. 1”.",
        "2 schedules without an amount: id 2 “No. 2”, id 3 “No. 3”.",
        "2 schedules of an unknown interval: id 4 “No. 4”, id 7 “No. 7”.",
        "1 schedule of an unknown status: id 5.",
        "1 schedule without a currency, counted separately: id 6 “No. 6”.",
        "1 ended schedule: id 8 “No. 8”.",
    }


async def test_client_names_missing_from_schedules_are_looked_up(account: respx.MockRouter, agent: Agent) -> None:
    play(account, schedule(1, client={}), schedule(2, client=None, client_id=5, status=1))
    account.get("clients/4").respond(json={"id": 4, "name": "ACME"})
    account.get("clients/5").respond(404)
    answer = await agent.answer("recurring_revenue_report")

    assert answer["rows"][0]["client"] == "ACME"
    assert answer["paused"][0]["client"] == "client 5"

"""How long clients take to pay, compared with SQL on the account's tables."""

from collections import defaultdict
from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from statistics import median
from typing import Any

import pytest
import respx

from clientary_mcp.sandbox import Sandbox, Switches
from tests.conftest import agency, session_with
from tests.support.agent import Agent, agent_of
from tests.support.replies import listed
from tests.support.tables import SWITCHES, exact, put, rows

pytestmark = pytest.mark.anyio

Row = dict[str, Any]
FIRST, LAST = "2025-11-01", "2026-10-31"

PAID = """
    SELECT client_id, currency_code, substr(max(received_on), 1, 7) AS month, max(received_on) AS received,
        CAST(julianday(max(received_on)) - julianday(date) AS INTEGER) AS days,
        CAST(julianday(max(received_on)) - julianday(due_date) AS INTEGER) AS late
    FROM invoices JOIN payments ON invoice_id = invoices.id WHERE status = 4 GROUP BY invoices.id
"""


def paid(sandbox: Sandbox, *by: str) -> dict[tuple[Any, ...], list[Row]]:
    """The columns and the currency → the invoices paid in the year."""
    found: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows(sandbox, f"SELECT * FROM ({PAID}) WHERE received BETWEEN ? AND ?", FIRST, LAST):  # noqa: S608 - above
        found[(*(row[name] for name in by), row["currency_code"])].append(row)
    assert found
    return found


def owed(sandbox: Sandbox, *by: str) -> dict[tuple[Any, ...], Row]:
    columns = ", ".join((*by, "currency_code"))
    query = (
        f"SELECT {columns}, sum(balance) AS open, min(date) AS oldest FROM invoices"  # noqa: S608 - written here
        f" WHERE status IN (1, 2) AND balance > 0 GROUP BY {columns}"
    )
    return {(*(row[name] for name in by), row["currency_code"]): row for row in rows(sandbox, query)}


def tenths(number: Fraction | float) -> float:
    exactly = Fraction(number)
    return float((Decimal(exactly.numerator) / exactly.denominator).quantize(Decimal("0.1"), ROUND_HALF_UP))


def figures(found: list[Row]) -> Row:
    """The columns on what was paid."""
    if not found:
        return {"paid": 0}
    days, late = [row["days"] for row in found], [row["late"] for row in found]
    return {
        "paid": len(found),
        "mean_days": tenths(Fraction(sum(days), len(days))),
        "median_days": tenths(median(days)),
        "longest_days": max(days),
        "mean_days_late": tenths(Fraction(sum(late), len(late))),
        "late_share": tenths(Fraction(100 * sum(each > 0 for each in late), len(late))),
    }


def shown(answered: Iterable[Row], *by: str) -> dict[tuple[Any, ...], Row]:
    columns = (
        *("paid", "mean_days", "median_days", "longest_days", "mean_days_late", "late_share", "open", "oldest_open"),
    )
    return {
        (*(row[name] for name in by), row["currency_code"]): {name: row[name] for name in columns if name in row}
        for row in answered
    }


def with_open(found: list[Row], open_: Row | None) -> Row:
    oldest = {"oldest_open": open_["oldest"]} if open_ else {}
    return figures(found) | {"open": float(Decimal(open_["open"] if open_ else 0) / 100)} | oldest


@pytest.mark.parametrize("switches", SWITCHES)
async def test_each_client_matches_the_tables(switches: Switches) -> None:
    sandbox = agency(switches=switches)
    async with agent_of(session_with(sandbox)) as agent:
        answer = await agent.answer("days_to_pay_report")

    in_time, open_ = paid(sandbox, "client_id"), owed(sandbox, "client_id")
    expected = {key: with_open(in_time.get(key, []), open_.get(key)) for key in {*in_time, *open_}}
    assert shown(answer["rows"], "client_id") == expected
    names = {row["id"]: row["name"] for row in rows(sandbox, "SELECT id, name FROM clients")}
    assert all(row["client"] == names[row["client_id"]] for row in answer["rows"])
    assert (answer["from_date"], answer["to_date"]) == (FIRST, LAST)

    late = [sum(row["late"] for row in in_time[row["client_id"], row["currency_code"]]) for row in answer["rows"]]
    assert late == sorted(late, reverse=True)
    assert len({row["currency_code"] for row in answer["rows"][:3]}) > 1

    whole, owing = paid(sandbox), owed(sandbox)
    assert shown(answer["totals"]) == {key: with_open(whole.get(key, []), owing.get(key)) for key in {*whole, *owing}}
    gross = rows(
        sandbox,
        "SELECT currency_code AS code, sum(total_cost) AS gross FROM invoices WHERE status NOT IN (0, 3)"
        " AND date BETWEEN ? AND ? GROUP BY 1",
        FIRST,
        LAST,
    )
    assert {row["currency_code"]: row["dso"] for row in answer["totals"]} == {
        row["code"]: tenths(Fraction(owing[row["code"],]["open"] * 365, row["gross"])) for row in gross
    }
    assert "times 365 days" in answer["basis"]


async def test_months_and_clients_by_month(sandbox: Sandbox, sandbox_agent: Agent) -> None:
    by_month = await sandbox_agent.answer("days_to_pay_report", group_by="month")
    assert shown(by_month["rows"], "month") == {key: figures(found) for key, found in paid(sandbox, "month").items()}
    both = await sandbox_agent.answer("days_to_pay_report", group_by="client,month")
    assert shown(both["rows"], "client_id", "month") == {
        key: figures(found) for key, found in paid(sandbox, "client_id", "month").items()
    }
    assert by_month["totals"] == both["totals"]


async def test_it_agrees_with_receivables_on_what_is_open(sandbox_agent: Agent) -> None:
    answer = await sandbox_agent.answer("days_to_pay_report")
    report = await sandbox_agent.answer("receivables_report")
    assert {row["currency_code"]: row["open"] for row in answer["totals"]} == {
        row["currency_code"]: row["total"] for row in report["totals"]
    }


async def test_the_payment_that_completes_the_total_counts(books: Sandbox, reader: Agent) -> None:
    acme = put(books, "clients", name="Acme")
    for number, payments in enumerate(
        (
            [(10_000, "2026-09-20")],  # before its date
            [(4_000, "2026-10-05"), (6_000, "2026-10-21"), (500, "2026-10-30")],  # overpaid since
            [(10_000, "2026-10-02"), (-10_000, "2026-10-03"), (9_999, "2026-10-08"), (1, "2026-10-09")],
            [(9_000, "2026-10-11")],  # the rest was written off
            [(10_000, "2026-11-01")],  # after the range
        )
    ):
        total = sum(amount for amount, _ in payments)
        balance = 0 if number == 3 else 10_000 - total
        of = {"total_cost": 10_000, "balance": balance, "total_payments": total, "date": "2026-10-01"}
        invoice = put(books, "invoices", client_id=acme, status=4, due_date="2026-10-10", **of)
        for amount, day in payments:
            put(books, "payments", invoice_id=invoice, amount=amount, received_on=day)
    answer = await reader.answer("days_to_pay_report", group_by="client")
    (row,) = answer["rows"]
    # -11, 20, 8 and 10 days, and so -20, 11, -1 and 1 days late
    assert (row["paid"], row["mean_days"], row["median_days"], row["longest_days"]) == (4, 6.8, 9, 20)
    assert (row["mean_days_late"], row["late_share"]) == (-2.3, 50)


async def test_one_client_reads_that_clients_pages(sandbox: Sandbox, sandbox_agent: Agent) -> None:
    (client, _), *_ = paid(sandbox, "client_id")
    sandbox.requests.clear()
    answer = await sandbox_agent.answer("days_to_pay_report", client_id=client)
    assert {row["client_id"] for row in answer["rows"]} == {client}
    assert {path.partition("?")[0] for _, path in sandbox.requests} == {f"/api/v2/clients/{client}/invoices"}


async def test_what_is_incomplete_is_left_out_and_named(account: respx.MockRouter, agent: Agent) -> None:
    def bill(number: int, **fields: Any) -> Row:
        return {
            "id": number, "number": str(number), "client_id": 4, "status": 4, "date": "2023/10/01", "total_cost": "9",
            "due_date": "2023/10/31", "currency_code": "USD", "balance": 0, "paid_date": "2023/10/11", **fields,
        }  # fmt: skip

    account.get("invoices").respond(
        json=listed(
            "invoices",
            bill(1, client={"id": 4, "name": "ACME"}),
            bill(2, paid_date=None),
            bill(3, date=None),
            bill(4, total_cost=-5),
            bill(5, status=1, balance=7, date=None),
            bill(6, balance=None, total_cost=None),
            bill(7, balance=3),
            bill(8, status=0),
        )
    )
    answer = await agent.answer("days_to_pay_report", period="last_90_days")
    (row,) = answer["rows"]
    assert (row["paid"], row["mean_days"], row["mean_days_late"], exact(row["open"])) == (3, 10, -20, 700)
    assert "oldest_open" not in row
    assert answer["left_out"] == [
        "1 invoice paid on a day that is not known: “2”.",
        "1 paid invoice without a date or due date, not in those days: “3”.",
        "1 draft.",
    ]


async def test_bad_input_sends_nothing(books: Sandbox, reader: Agent) -> None:
    assert "client, month" in await reader.refusal("days_to_pay_report", group_by="project")
    assert "period" in await reader.refusal("days_to_pay_report", period="last_year", from_date="2026-01-01")
    assert not books.requests


async def test_an_account_without_invoices(reader: Agent) -> None:
    answer = await reader.answer("days_to_pay_report")
    assert (answer["rows"], answer["totals"]) == ([], [])

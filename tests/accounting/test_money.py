"""Money arithmetic compared with integers and fractions: taxes, rounding, ages, budgets."""

import asyncio
import json
from bisect import bisect_left
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from math import floor
from typing import Any

import httpx
from hypothesis import example, given
from hypothesis import strategies as st

from clientary_mcp.accounting.billable_time import rate_of, value_of
from clientary_mcp.accounting.money import percentage, rounded, sums_of
from clientary_mcp.api.session import Clientary
from tests.conftest import SETTINGS, TODAY
from tests.support.agent import agent_of
from tests.support.clock import FakeTime
from tool_schemas.hours import HourEntry
from tool_schemas.invoices import Invoice
from tool_schemas.projects import Project

JsonObject = dict[str, Any]
ZERO = Fraction(0)

quantities = st.decimals(-(10**6), 10**6, places=4)
prices = st.decimals(-(10**8), 10**8, places=4)
amounts = st.decimals(-(10**10), 10**10, places=6)
percents = st.none() | st.decimals(0, 100, places=3)
hours = st.decimals(0, 10_000, places=2)
rates = st.none() | st.decimals(0, 1_000, places=2)
codes = st.sampled_from(("EUR", "USD"))


def whole(number: Fraction) -> Fraction:
    """The nearest integer; halves round away from zero."""
    return Fraction(floor(abs(number) + Fraction(1, 2)) * (-1 if number < 0 else 1))


def in_cents(number: Decimal | float) -> Fraction:
    return Fraction(str(number)) * 100


@given(amounts)
@example(Decimal("0.005"))
@example(Decimal("-0.005"))
@example(Decimal("2.675"))
@example(Decimal("1e60"))
@example(Decimal("1e-60"))
def test_half_a_cent_rounds_away_from_zero(amount: Decimal) -> None:
    to_the_cent = rounded(amount, "EUR")
    assert in_cents(to_the_cent) == whole(in_cents(amount))
    assert to_the_cent.as_tuple().exponent == -2
    assert rounded(to_the_cent, "EUR") == to_the_cent


@given(amounts, amounts)
@example(Decimal("0.05"), Decimal(100))
@example(Decimal("1e50"), Decimal("0.01"))
def test_a_percentage_has_one_decimal_and_a_share_of_nothing_is_none(part: Decimal, of: Decimal) -> None:
    reported = percentage(part, of)
    if of == 0:
        assert reported is None
    else:
        assert reported is not None
        assert Fraction(reported) * 10 == whole(Fraction(part) / Fraction(of) * 1_000)


@st.composite
def lines(draw: st.DrawFn) -> JsonObject:
    """A line as Clientary sends it; numbers may come as text."""
    quantity, price = draw(quantities), draw(prices)
    return {
        "quantity": draw(st.sampled_from((None, quantity, str(quantity)))),
        "price": draw(st.sampled_from((None, price, str(price)))),
        "taxable": draw(st.none() | st.booleans()),
        "item_type": draw(st.sampled_from((None, 0, 1, 3))),
    }


taxes = st.fixed_dictionaries(
    {"tax": percents, "tax2": percents, "tax3": percents, "compound_tax": st.none() | st.booleans()}
)


def line(quantity: str, price: str) -> JsonObject:
    return {"quantity": quantity, "price": price, "taxable": True, "item_type": 3}


@given(st.lists(lines(), max_size=6), taxes)
@example([line("0.25", "75.50"), line("-0.25", "75.50")], {"tax": Decimal("8.25"), "compound_tax": None})
@example([line("1", "100.10")], {"tax": Decimal(5), "tax2": Decimal("9.975"), "tax3": None, "compound_tax": True})
@example([line("1" * 7 + ".0001", "9" * 8 + ".9999")], {"tax": Decimal("99.999"), "tax2": Decimal("33.333")})
def test_line_and_tax_totals_match_integer_cent_arithmetic(sent: list[JsonObject], on: JsonObject) -> None:
    document = Invoice.read({"id": 1, "invoice_items": sent, **on})
    sums = sums_of(document.items or [], document, "EUR")

    parts = [(each["taxable"], part(each)) for each in sent if each["item_type"] != 0]
    subtotal, taxable = sum(amount for _, amount in parts), sum(amount for taxed, amount in parts if taxed)
    first = whole(taxable * of_hundred(on.get("tax")))
    second = whole((taxable + first if on.get("compound_tax") else taxable) * of_hundred(on.get("tax2")))
    third = whole(taxable * of_hundred(on.get("tax3")))
    reported = [in_cents(amount) for amount in (sums.subtotal, sums.taxes, sums.total)]
    assert reported == [subtotal, first + second + third, subtotal + first + second + third]


def part(sent: JsonObject) -> Fraction:
    return whole(Fraction(sent["quantity"] or 0) * Fraction(sent["price"] or 0) * 100)


def of_hundred(percent: Decimal | None) -> Fraction:
    return Fraction(percent or 0) / 100


@given(st.none() | hours, rates, rates, st.sampled_from((None, 0, 2)))
@example(Decimal("0.35"), Decimal("75.30"), None, 0)
@example(Decimal("1.5"), Decimal(0), Decimal(100), 0)
@example(Decimal("1.5"), None, Decimal(5_000), 2)
def test_an_entry_is_valued_at_its_own_rate_or_else_its_projects(
    worked: Decimal | None, own: Decimal | None, common: Decimal | None, kind: int | None
) -> None:
    entry = HourEntry.read({"id": 1, "hours": worked, "rate": own})
    project = Project.read({"id": 1, "rate": common, "project_type": kind})

    rate = own if own is not None else None if kind == 2 else common
    assert rate_of(entry, project) == rate
    amount = value_of(entry, project)
    if worked is None or rate is None:
        assert amount is None
    else:
        assert amount is not None
        assert in_cents(amount) == whole(Fraction(worked) * Fraction(rate) * 100)


def answer_of(tool: str, replies: dict[str, JsonObject], **arguments: Any) -> JsonObject:
    """The answer that an agent gets from an account with these lists."""

    def reply(request: httpx.Request) -> httpx.Response:
        sent = replies[request.url.path.removeprefix("/api/v2/")]
        return httpx.Response(200, content=json.dumps(sent, default=str))

    async def ask() -> JsonObject:
        session = Clientary(SETTINGS, httpx.MockTransport(reply), FakeTime(TODAY).clock)
        async with agent_of(session) as agent:
            return await agent.answer(tool, **arguments)

    return asyncio.run(ask())


debts = st.tuples(codes, st.integers(-200, 200), st.integers(1, 10**9))


@given(st.lists(debts, max_size=40), st.integers(0, 120))
@example([("EUR", days, 1) for days in (0, 1, 30, 31, 60, 61, 90, 91)], 0)
def test_ages_add_up_to_the_balances(owed: list[tuple[str, int, int]], least: int) -> None:
    invoices = [
        {
            "id": number, "client_id": 1, "client": {"id": 1, "name": "ACME"}, "status": 1, "date": "2020-01-01",
            "due_date": str(TODAY - timedelta(days=late)), "currency_code": code, "balance": Decimal(balance) / 100,
        }
        for number, (code, late, balance) in enumerate(owed, 1)
    ]  # fmt: skip
    answer = answer_of("receivables_report", {"invoices": {"invoices": invoices}}, min_days_overdue=least)

    names = ("current", "days_1_30", "days_31_60", "days_61_90", "over_90")
    expected: dict[str, list[Fraction]] = defaultdict(lambda: [ZERO] * len(names))
    for code, late, balance in owed:
        if max(late, 0) >= least:
            expected[code][bisect_left((0, 30, 60, 90), late)] += balance
    reported = {row["currency_code"]: [in_cents(row[name]) for name in names] for row in answer["rows"]}
    assert reported == expected
    for total in answer["totals"]:
        columns = expected[total["currency_code"]]
        assert (in_cents(total["total"]), in_cents(total["overdue"])) == (sum(columns), sum(columns[1:]))


payments = st.tuples(st.integers(0, 60), st.integers(1, 10**6))


@given(st.lists(st.tuples(st.integers(1, 10**6), st.lists(payments, max_size=4)), max_size=15), st.integers(1, 60))
def test_a_past_balance_is_the_total_minus_payments_received_by_that_date(
    billed: list[tuple[int, list[tuple[int, int]]]], days_ago: int
) -> None:
    invoices = [as_billed(number, total, paid) for number, (total, paid) in enumerate(billed, 1)]
    day = TODAY - timedelta(days=days_ago)
    answer = answer_of(
        "receivables_report", {"invoices": {"invoices": invoices}}, as_of=day.isoformat(), group_by="invoice"
    )

    then = {
        number: total - sum(amount for ago, amount in paid if ago >= days_ago)
        for number, (total, paid) in enumerate(billed, 1)
    }
    open_then = {number: balance for number, balance in then.items() if balance > 0}
    assert {row["invoice_id"]: in_cents(row["balance"]) for row in answer["rows"]} == open_then


def as_billed(number: int, total: int, paid: list[tuple[int, int]]) -> JsonObject:
    received = sum(amount for _, amount in paid)
    return {
        "id": number, "client_id": 1, "client": {"id": 1, "name": "ACME"}, "currency_code": "EUR",
        "status": 4 if received == total else 1, "date": "2020/01/01", "due_date": "2020/02/01",
        "total_cost": Decimal(total) / 100, "total_payments": Decimal(received) / 100,
        "balance": Decimal(total - received) / 100,
        "payments": [
            {"id": index, "amount": Decimal(amount) / 100, "received_on": str(TODAY - timedelta(days=ago))}
            for index, (ago, amount) in enumerate(paid)
        ],
    }  # fmt: skip


entries = st.lists(st.tuples(st.decimals(Decimal("0.01"), 100, places=2), rates), max_size=8)
budgets = st.decimals(Decimal("0.01"), 100_000, places=2)


@given(st.lists(st.tuples(st.sampled_from((0, 1)), budgets, st.decimals(1, 500, places=2), entries), max_size=5))
@example([(0, Decimal(10), Decimal(100), [(Decimal("12.5"), None)]), (1, Decimal(10), Decimal(1), [])])
def test_the_remaining_budget_is_the_budget_minus_the_hours_worked(
    worked: list[tuple[int, Decimal, Decimal, list[tuple[Decimal, Decimal | None]]]],
) -> None:
    none = {"invoices": list[Any]()}
    replies: dict[str, JsonObject] = {"staff": {"staff": []}, "invoices": none, "clients/1/invoices": none}
    projects, expected = [], {}
    for number, (kind, budget, common, logged) in enumerate(worked, 1):
        projects.append(
            {
                "id": number, "name": str(number), "client": {"id": 1, "name": "ACME"}, "status": 1,
                "project_type": 0, "budget_type": kind, "budget": budget, "rate": common, "currency_code": "EUR",
            }
        )  # fmt: skip
        sent = [{"id": index, "user_id": 1, "hours": each, "rate": own} for index, (each, own) in enumerate(logged)]
        replies[f"projects/{number}/hours"] = {"hours": sent}
        time = sum((in_cents(each) for each, _ in logged), ZERO)
        money = sum((whole(Fraction(each) * in_cents(common if own is None else own)) for each, own in logged), ZERO)
        used, of = (time, money)[kind], in_cents(budget)
        expected[number] = (used, of - used, Fraction(whole(used / of * 1_000), 10))
    answer = answer_of("project_status", {**replies, "projects": {"projects": projects}}, threshold=0)

    reported = {
        row["project_id"]: (in_cents(row["used"]), in_cents(row["remaining"]), Fraction(str(row["percentage"])))
        for row in answer["rows"]
    }
    assert reported == expected


# Clientary's code of an interval → how much of its amount falls on a month.
A_MONTH = {
    1: Fraction(52, 12), 2: Fraction(26, 12), 3: Fraction(2), 4: Fraction(13, 12), 5: Fraction(1), 6: Fraction(1, 2),
    7: Fraction(1, 3), 8: Fraction(1, 6), 9: Fraction(1, 12), 10: Fraction(1, 24), 11: Fraction(1, 4),
}  # fmt: skip


@given(st.lists(st.tuples(codes, st.sampled_from(sorted(A_MONTH)), st.integers(0, 10**8)), max_size=40))
@example([("EUR", 1, 1), ("EUR", 1, 1), ("EUR", 1, 1)])
def test_revenue_is_rounded_once_per_schedule_and_once_for_the_sum(going: list[tuple[str, int, int]]) -> None:
    schedules = [
        {
            "id": number, "client_id": 1, "client": {"id": 1, "name": "ACME"}, "status": 0, "time_interval": interval,
            "currency_code": code, "subtotal": Decimal(amount) / 100, "unlimited": True,
        }
        for number, (code, interval, amount) in enumerate(going, 1)
    ]  # fmt: skip
    answer = answer_of("recurring_revenue_report", {"recurring": {"recurring": schedules}})

    exact = {number: amount * A_MONTH[interval] for number, (_, interval, amount) in enumerate(going, 1)}
    reported = {row["recurring_schedule_id"]: in_cents(row["per_month"]) for row in answer["rows"]}
    assert reported == {number: whole(amount) for number, amount in exact.items()}
    sums: dict[str, Fraction] = defaultdict(Fraction)
    for number, (code, _, _) in enumerate(going, 1):
        sums[code] += exact[number]
    totals = {total["currency_code"]: in_cents(total["per_month"]) for total in answer["totals"]}
    assert totals == {code: whole(amount) for code, amount in sums.items()}


def test_the_accounts_use_the_same_date_as_the_tests() -> None:
    answer = answer_of("receivables_report", {"invoices": {"invoices": []}})
    assert date.fromisoformat(answer["as_of"]) == TODAY

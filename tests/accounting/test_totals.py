"""Sums per currency: each record counts once, in its own part, and what cannot be added up is told."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from clientary_mcp.accounting.days import Today
from clientary_mcp.accounting.totals import Totals, totals_of
from tool_schemas.base.models import Record
from tool_schemas.estimates import Estimate
from tool_schemas.expenses import Expense
from tool_schemas.hours import HourEntry
from tool_schemas.invoices import Invoice
from tool_schemas.payments import Payment
from tool_schemas.recurring_schedules import RecurringSchedule

TODAY = Today.on(date(2026, 3, 1))


def summed(kind: type[Record], *sent: dict[str, Any]) -> Totals:
    return totals_of([kind.read({"id": number, **fields}) for number, fields in enumerate(sent, 1)], TODAY)


@pytest.mark.parametrize(
    ("kind", "day", "code", "amounts"),
    [
        (Expense, "incurred_on", "the account's", {"amount": 7}),
        (HourEntry, "date", "the project's", {"hours": 7, "cost": 700}),
        (Payment, "received_on", "KWD", {"amount": 7, "currency_code": "kwd"}),
    ],
)
def test_what_is_dated_after_today_stands_apart(
    kind: type[Record], day: str, code: str, amounts: dict[str, Any]
) -> None:
    totals = summed(kind, {day: "2026-03-01", **amounts}, {day: None, **amounts}, {day: "2026-03-02", **amounts})
    shown = {name: amount for name, amount in amounts.items() if name != "currency_code"}
    twice = {name: 2 * amount for name, amount in shown.items()}
    assert totals.to_json() == [{"currency_code": code, "count": 2, **twice, "future": {"count": 1, **shown}}]
    assert totals.left_out.to_json() == []


def test_an_invoice_counts_in_the_first_part_that_fits() -> None:
    usual = {"currency_code": "JPY", "total_cost": 100, "balance": 40, "date": "2026-02-01"}
    later = {**usual, "date": "2026-03-02"}
    totals = summed(
        Invoice,
        {**usual, "status": "sent", "pending_amount": 15},
        {**usual, "status": "paid", "balance": -5},
        {**usual, "status": "pending"},
        {**later, "status": "cancelled"},
        {**later, "status": "draft"},
        {**later, "status": "sent"},
    )
    (row,) = totals.to_json()
    once = {"count": 1, "total_cost": 100}
    assert row == {
        "currency_code": "JPY", "count": 3, "total_cost": 300, "balance": 25, "pending": 55, "credits": 5,
        "cancelled": once, "drafts": once, "future": once,
    }  # fmt: skip


def test_an_estimate_of_an_unknown_status_is_neither_open_nor_accepted() -> None:
    (row,) = summed(Estimate, {"status": 17, "currency_code": "EUR", "total_cost": 5}).to_json()
    nothing = {"count": 0, "total_cost": 0}
    assert row == {
        "currency_code": "EUR", "open": nothing, "accepted": nothing,
        "of_unknown_status": {"count": 1, "total_cost": 5},
    }  # fmt: skip


def test_schedules_of_different_intervals_are_never_added_up() -> None:
    assert summed(RecurringSchedule, {"total_cost": 5, "currency_code": "EUR"}).to_json() == []


def test_what_cannot_be_read_is_told() -> None:
    usual = {"currency_code": "EUR", "total_cost": 1, "balance": 1, "status": "sent"}
    totals = summed(
        Invoice,
        {**usual, "balance": "1.000,5"},
        {**usual, "total_cost": "1,000"},
        {**usual, "pending_amount": "some"},
        {**usual, "balance": "x", "status": "draft"},
        {**usual, "balance": None, "status": "paid"},
    )
    assert totals.left_out.to_json() == [
        "1 record without a readable balance, which is not in the sum: id 1.",
        "1 record without a readable total_cost, which is not in the sum: id 2.",
        "1 record whose pending_amount cannot be read and is taken as zero: id 3.",
    ]
    assert totals.to_json()[0]["balance"] == 2


def test_placeholders_are_replaced_by_currencies_and_unknown_ones_are_told() -> None:
    totals = Totals()
    for invoice, amount in ((1, 5), (2, 7), (3, 9)):
        totals.add_record(Payment.read({"id": invoice, "amount": amount}), TODAY, invoice)
    resolved = totals.resolved({1: "EUR", 2: "EUR"}.get)
    assert resolved.to_json() == [
        {"currency_code": "EUR", "count": 2, "amount": Decimal(12)},
        {"currency_code": "unknown", "count": 1, "amount": Decimal(9)},
    ]
    assert resolved.left_out.to_json() == ["1 record without a currency, counted separately."]


def test_a_sum_names_the_records_whose_amount_is_missing() -> None:
    sent = {"status": 1, "date": "2026-01-01", "currency_code": "EUR", "balance": 5}
    records = [Invoice.read({"id": 1, "total_cost": 5, **sent}), Invoice.read({"id": 2, "total_cost": None, **sent})]
    totals = totals_of(records, TODAY)
    assert totals.to_json() == [{"currency_code": "EUR", "count": 2, "total_cost": 5, "balance": 10}]
    assert totals.left_out.to_json() == ["1 record without a readable total_cost, which is not in the sum: id 2."]

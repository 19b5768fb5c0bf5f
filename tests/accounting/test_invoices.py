"""What an invoice counts as: each word has one meaning."""

from datetime import date
from decimal import Decimal

import pytest

from clientary_mcp.accounting.days import Today
from clientary_mcp.accounting.invoices import days_overdue, standing_of
from tool_schemas.invoices import Invoice

TODAY = Today.on(date(2026, 3, 1))


def an_invoice(**fields: object) -> Invoice:
    usual = {"status": "sent", "date": "2026-01-01", "due_date": "2026-02-01", "currency_code": "EUR", "balance": 100}
    return Invoice.read({"id": 1, **usual, **fields})


@pytest.mark.parametrize(
    ("fields", "stage", "owed", "pending", "credit", "overdue"),
    [
        ({}, "invoiced", "100", "0", "0", 28),
        ({"status": "viewed", "due_date": "2026-03-01"}, "invoiced", "100", "0", "0", 0),
        ({"due_date": None}, "invoiced", "100", "0", "0", 0),
        ({"status": "draft", "date": "2027-01-01"}, "draft", "0", "0", "0", 0),
        ({"status": "cancelled", "balance": -5}, "cancelled", "0", "0", "0", 0),
        ({"date": "2026-03-02"}, "future", "0", "0", "0", 0),
        ({"status": "pending"}, "invoiced", "0", "100", "0", 0),
        ({"pending_amount": 30}, "invoiced", "70", "30", "0", 28),
        ({"pending_amount": 130}, "invoiced", "0", "100", "0", 0),
        ({"balance": "100.004", "pending_amount": 100}, "invoiced", "0", "100", "0", 0),
        ({"pending_amount": -1}, "invoiced", "100", "0", "0", 28),
        ({"status": "paid", "balance": -20}, "invoiced", "0", "0", "20", 0),
        ({"balance": -20}, "invoiced", "0", "0", "20", 0),
        ({"balance": "0.004"}, "invoiced", "0", "0", "0", 0),
        ({"balance": "0.4", "currency_code": "jpy"}, "invoiced", "0", "0", "0", 0),
        ({"balance": "0.004", "currency_code": "KWD"}, "invoiced", "0.004", "0", "0", 28),
        ({"balance": None}, "invoiced", "0", "0", "0", 0),
        ({"status": "overdue"}, "invoiced", "0", "0", "0", 0),
    ],
)
def test_an_invoice_counts_once(
    fields: dict[str, object], stage: str, owed: str, pending: str, credit: str, overdue: int
) -> None:
    invoice = an_invoice(**fields)
    assert standing_of(invoice, TODAY) == (stage, Decimal(owed), Decimal(pending), Decimal(credit))
    assert days_overdue(invoice, TODAY) == overdue

"""What an invoice adds to a client's account, day by day: its total, its payments, and what neither explains."""

from datetime import date
from decimal import Decimal
from typing import Literal, NamedTuple

from clientary_mcp.accounting.days import Today
from clientary_mcp.accounting.invoices import Standing, standing_of
from clientary_mcp.accounting.left_out import Omissions
from clientary_mcp.accounting.money import ZERO, is_zero
from tool_schemas.invoices import Invoice

Kind = Literal["invoice", "credit_note", "payment", "refund", "adjustment"]


class Entry(NamedTuple):
    """One change of what a client owes; what reduces it is below zero."""

    day: date
    kind: Kind
    number: str | None
    amount: Decimal


def entries_of(invoice: Invoice, standing: Standing, today: date, name: str, left_out: Omissions) -> list[Entry]:
    """The entries of an invoice that is invoiced; together they come to what is owed or pending of it, less credit.

    `name` is what it is called where something has to be said of it.
    """
    if invoice.date is None:
        left_out.add("invoice", "without a date, in the opening balance", name)
    day, number = invoice.date or date.min, invoice.number
    received = list(_payments(invoice, day, today, name, left_out))
    balance = standing.owed + standing.pending - standing.credit
    paid = sum((entry.amount for entry in received), ZERO)
    total = balance - paid if invoice.total_cost is None else invoice.total_cost
    entries = [Entry(day, "invoice" if total >= 0 else "credit_note", number, total), *received]
    rest = balance - total - paid
    if not is_zero(rest, invoice.currency_code):
        left_out.add("invoice", "whose payments do not add up to total less balance, adjusted by the rest", name)
        settled = min(invoice.paid_date or day, max(day, today))  # it is in the balance already, whatever day is given
        entries.append(Entry(settled, "adjustment", number, rest))
    return entries


def _payments(invoice: Invoice, day: date, today: date, name: str, left_out: Omissions) -> list[Entry]:
    entries = []
    for payment in invoice.payments or ():
        received, amount = payment.received_on or day, payment.amount or ZERO
        if payment.received_on is None:
            left_out.add("invoice", "with an undated payment, assumed received on its date", name)
        if received > today:
            left_out.add("invoice", "with a payment dated after today, counted today", name)
        entries.append(
            Entry(min(received, today), "payment" if amount >= 0 else "refund", invoice.number, -amount),
        )
    return entries


def standing_on(invoice: Invoice, entries: list[Entry], day: date, today: date) -> Standing:
    """Where an invoice stood at the end of a day, by its entries; today or later, where it stands now."""
    if day >= today:
        return standing_of(invoice, Today.on(day))
    balance = sum((entry.amount for entry in entries if entry.day <= day), ZERO)
    status = "sent" if invoice.status == "paid" else invoice.status
    then = invoice.model_copy(update={"balance": balance, "status": status})
    return standing_of(then, Today.on(day))

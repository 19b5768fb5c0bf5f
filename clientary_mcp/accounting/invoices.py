"""What an invoice counts as: invoiced, owed, pending, credit, overdue. Lists, reports and jobs all ask here."""

from decimal import Decimal
from typing import Literal

from clientary_mcp.accounting.days import Today
from clientary_mcp.accounting.money import ZERO, is_zero
from tool_schemas.invoices import OWED, Invoice

Stage = Literal["cancelled", "draft", "future", "invoiced"]


def stage_of(invoice: Invoice, today: Today) -> Stage:
    """Cancelled, draft, dated after today, or else invoiced: the first that fits."""
    match invoice.status:
        case "cancelled":
            return "cancelled"
        case "draft":
            return "draft"
        case _:
            return "future" if today.is_future(invoice.date) else "invoiced"


def pending_of(invoice: Invoice, today: Today) -> Decimal:
    """The part of the balance for which a payment is under way: all of it by status, or what `pending_amount` says."""
    balance = _balance(invoice, today)
    if balance <= 0:
        return ZERO
    return balance if invoice.status == "pending" else min(max(invoice.pending_amount or ZERO, ZERO), balance)


def owed_of(invoice: Invoice, today: Today) -> Decimal:
    """What is to be paid: the balance of a sent or viewed invoice, without the part that is pending; zero for others.

    A balance that is not known counts as zero here: those who add up have to say so.
    """
    if invoice.status not in OWED:
        return ZERO
    return max(_balance(invoice, today) - pending_of(invoice, today), ZERO)


def credit_of(invoice: Invoice, today: Today) -> Decimal:
    """What the client has too much: a balance below zero, as an amount above zero."""
    return max(-_balance(invoice, today), ZERO)


def days_overdue(invoice: Invoice, today: Today) -> int:
    """Days since it was due; 0 for one that is not overdue: not owed, without a due date, or due today or later."""
    if invoice.due_date is None or owed_of(invoice, today) == 0:
        return 0
    return max(0, (today.day - invoice.due_date).days)


def _balance(invoice: Invoice, today: Today) -> Decimal:
    """The balance of what is invoiced; less than half of the currency's smallest unit is zero."""
    if stage_of(invoice, today) != "invoiced" or invoice.balance is None:
        return ZERO
    return ZERO if is_zero(invoice.balance, invoice.currency_code) else invoice.balance

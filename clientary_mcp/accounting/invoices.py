"""What an invoice counts as: invoiced, owed, pending, credit, overdue. Lists, reports and jobs all ask here."""

from decimal import Decimal
from typing import Literal, NamedTuple

from clientary_mcp.accounting.days import Today
from clientary_mcp.accounting.money import ZERO, is_zero
from tool_schemas.invoices import OWED, Invoice

Stage = Literal["cancelled", "draft", "future", "invoiced"]
KNOWN = (*OWED, "draft", "cancelled", "paid", "pending")
"""The statuses that are documented; nobody knows what one of another status owes."""


class Standing(NamedTuple):
    """Where an invoice stands: its stage, and the parts of its balance, of which at most two are not zero."""

    stage: Stage
    owed: Decimal = ZERO
    pending: Decimal = ZERO
    credit: Decimal = ZERO
    """What the client has too much: a balance below zero, as an amount above zero."""


def standing_of(invoice: Invoice, today: Today) -> Standing:
    """What an invoice counts as.

    A balance below half of the currency's smallest unit is zero. One that is not known counts as zero as well: those
    who add up have to say so, see `lacks_balance`.
    """
    stage, balance, code = stage_of(invoice, today), invoice.balance, invoice.currency_code
    if stage != "invoiced" or balance is None or is_zero(balance, code):
        return Standing(stage)
    if balance < 0:
        return Standing(stage, credit=-balance)
    pending = balance if invoice.status == "pending" else min(max(invoice.pending_amount or ZERO, ZERO), balance)
    owed = balance - pending
    if invoice.status not in OWED or is_zero(owed, code):
        owed = ZERO
    return Standing(stage, owed, pending)


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
    return standing_of(invoice, today).pending


def owed_of(invoice: Invoice, today: Today) -> Decimal:
    """What is to be paid: the balance of a sent or viewed invoice without the part that is pending, or zero."""
    return standing_of(invoice, today).owed


def lacks_balance(invoice: Invoice, today: Today) -> bool:
    """Whether a balance that would count is missing or cannot be read; a paid invoice needs none."""
    return invoice.balance is None and invoice.status != "paid" and stage_of(invoice, today) == "invoiced"


def pending_remark(invoice: Invoice) -> str | None:
    """What has to be said where the pending part of a balance cannot be read, as `Omissions.add` takes it."""
    unreadable = "pending_amount" in (invoice.unreadable or ())
    return "whose pending_amount cannot be read and is taken as zero" if unreadable else None


def days_overdue(invoice: Invoice, today: Today) -> int:
    """Days since it was due; 0 for one that is not overdue: not owed, without a due date, or due today or later."""
    if invoice.due_date is None or owed_of(invoice, today) == 0:
        return 0
    return max(0, (today.day - invoice.due_date).days)

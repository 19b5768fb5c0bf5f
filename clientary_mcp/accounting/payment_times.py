"""How long invoices take to be paid in full."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from statistics import median
from typing import Any

from clientary_mcp.accounting.days import Today
from clientary_mcp.accounting.invoices import stage_of
from clientary_mcp.accounting.money import ZERO, average, is_zero, percentage
from tool_schemas.invoices import Invoice

LATELY = timedelta(days=365)
"""The invoices paid since tell what is usual."""


def is_paid(invoice: Invoice, today: Today) -> bool:
    """Whether an invoice asked for money, and nothing of it is left to pay."""
    if stage_of(invoice, today) != "invoiced" or (invoice.total_cost is not None and invoice.total_cost <= 0):
        return False
    if invoice.balance is None:
        return invoice.status == "paid"
    return invoice.balance < 0 or is_zero(invoice.balance, invoice.currency_code)


def paid_on(invoice: Invoice) -> date | None:
    """The day since which a paid invoice is paid: when its payments came to its total, else of the last of them.

    Without dated payments the day that Clientary reports; None where it reports none.
    """
    received = sorted(
        (payment.received_on, payment.amount or ZERO)
        for payment in invoice.payments or ()
        if payment.received_on is not None
    )
    left, since = invoice.total_cost, None
    for day, amount in received:
        left = None if left is None else left - amount
        settled = left is not None and (left < 0 or is_zero(left, invoice.currency_code))
        since = (since or day) if settled else None
    return since or (received[-1][0] if received else invoice.paid_date)


def paid_lately(invoice: Invoice, today: Today) -> date | None:
    """The day since which it is paid, if that lies in the last year."""
    day = paid_on(invoice) if is_paid(invoice, today) else None
    return day if day is not None and today.day - LATELY <= day <= today.day else None


@dataclass
class PaymentTimes:
    """The days from date to full payment of several invoices, and those after the due date; early ones are negative."""

    days: list[int] = field(default_factory=list)
    days_late: list[int] = field(default_factory=list)

    def add(self, invoice: Invoice, paid: date) -> None:
        """Add an invoice that was paid on that day."""
        if invoice.date is not None:
            self.days.append((paid - invoice.date).days)
        if invoice.due_date is not None:
            self.days_late.append((paid - invoice.due_date).days)

    def merge(self, other: "PaymentTimes") -> None:
        """Add the invoices of others."""
        self.days += other.days
        self.days_late += other.days_late

    @property
    def usual_delay(self) -> int:
        """The mean of the days after the due date, in whole days; 0 where none is known."""
        mean = average(sum(self.days_late), len(self.days_late), decimals=0)
        return int(mean or 0)

    def to_json(self) -> dict[str, Any]:
        """The figures on them; those of which nothing is known are None."""
        late = sum(days > 0 for days in self.days_late)
        return {
            "mean_days": average(sum(self.days), len(self.days)),
            "median_days": _median(self.days),
            "longest_days": max(self.days, default=None),
            "mean_days_late": average(sum(self.days_late), len(self.days_late)),
            "late_share": percentage(Decimal(late), Decimal(len(self.days_late))),
        }


def _median(days: Sequence[int]) -> Decimal | None:
    return Decimal(str(median(days))) if days else None

"""The report on how long clients take to pay, and what they owe meanwhile."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from clientary_mcp.accounting.days import Today
from clientary_mcp.accounting.grouping import Facts, Grouping, Key, Names
from clientary_mcp.accounting.left_out import Omissions
from clientary_mcp.accounting.money import ZERO, average
from clientary_mcp.accounting.payment_times import PaymentTimes, is_paid, paid_on
from clientary_mcp.accounting.totals import UNKNOWN
from clientary_mcp.api.session import Clientary
from clientary_mcp.api.streaming import rereads
from clientary_mcp.tools.decorators import reads
from clientary_mcp.tools.support.formatting import label
from clientary_mcp.tools.support.invoiced import remark_on, standing_in
from clientary_mcp.tools.support.lookups import client_names, names_in
from tool_schemas.base.report import Report
from tool_schemas.invoices import Invoice
from tool_schemas.reports.days_to_pay import DaysToPayReport

_BASIS = (
    "Invoices paid in full from {first} to {last}: days from date to the payment that completed the total, below zero"
    " where it came before. days late count from the due date, early ones below zero; late_share is the percent of"
    " invoices paid after it. open is what is owed today, oldest_open the date of the oldest such invoice. dso (days"
    " sales outstanding) is open, divided by the totals of invoices dated in these days, times {days:,} days."
)


@reads("reports")
async def days_to_pay_report(clientary: Clientary, args: DaysToPayReport) -> Report:
    """How long clients take to pay in full, how late that is, and what each owes today; with days sales outstanding
    (DSO)."""
    found = await _read(clientary, args)
    keys = found.in_order()
    names = Names(clients=await client_names(clientary, found.grouping.ids("client", keys), found.names))
    basis = _BASIS.format(first=args.first, last=args.last, days=found.days)
    return Report(
        [found.grouping.columns(key, names) | found.row(key) for key in keys],
        basis=(basis, clientary.today().sentence),
        totals=found.totals(),
        left_out=found.left_out.to_json(),
        about={"from_date": args.first, "to_date": args.last},
    )


@rereads
async def _read(clientary: Clientary, args: DaysToPayReport) -> "_Payers":
    found = _Payers(args, clientary.today())
    path = None if args.client_id is None else f"clients/{args.client_id}/invoices"
    async for invoice in clientary.stream(Invoice, path):
        found.add(invoice)
    return found


@dataclass
class _Paying:
    """What was paid in a group of rows, and what is owed."""

    paid: int = 0
    times: PaymentTimes = field(default_factory=PaymentTimes)
    invoiced: Decimal = ZERO
    open: Decimal = ZERO
    oldest_open: date | None = None

    def owe(self, amount: Decimal, day: date | None) -> None:
        """Add what is owed of an invoice of that day."""
        self.open += amount
        self.oldest_open = min(filter(None, (self.oldest_open, day)), default=None)

    def merge(self, other: "_Paying") -> None:
        """Add another group."""
        self.paid += other.paid
        self.times.merge(other.times)
        self.invoiced += other.invoiced
        self.owe(other.open, other.oldest_open)

    def paid_json(self) -> dict[str, Any]:
        """The columns on what was paid."""
        return {"paid": self.paid, **self.times.to_json()}

    def open_json(self) -> dict[str, Any]:
        """The columns on what is owed."""
        return {"open": self.open, "oldest_open": self.oldest_open}


class _Payers:
    """The figures of the report."""

    def __init__(self, args: DaysToPayReport, today: Today) -> None:
        self.grouping = Grouping(args.group_by)
        self.names: dict[int, str] = {}
        self.left_out = Omissions()
        self._args, self._today = args, today
        self._rows: dict[Key, _Paying] = {}
        self._totals: dict[str, _Paying] = {}

    @property
    def days(self) -> int:
        """How many days the report is about."""
        return (self._args.last - self._args.first).days + 1

    def add(self, invoice: Invoice) -> None:
        """The next invoice of the list."""
        if (standing := standing_in(invoice, self._today, self.left_out)) is None:
            return
        one = _Paying()
        if invoice.date is not None and self._args.covers(invoice.date):
            one.invoiced = invoice.total_cost or ZERO
        if standing.owed:
            one.owe(standing.owed, invoice.date)
        day = self._paid_on(invoice)
        if day is not None:
            one.paid = 1
            one.times.add(invoice, day)
        self._count(invoice, one, day)

    def _paid_on(self, invoice: Invoice) -> date | None:
        """The day of full payment, if it is one of the report's."""
        if not is_paid(invoice, self._today):
            return None
        if (day := paid_on(invoice)) is None:
            self.left_out.add("invoice", "paid on a day that is not known", label(invoice))
            return None
        if not self._args.covers(day):
            return None
        if None in (invoice.date, invoice.due_date):
            self.left_out.add("paid invoice", "without a date or due date, not in those days", label(invoice))
        return day

    def _count(self, invoice: Invoice, one: _Paying, day: date | None) -> None:
        code = invoice.currency_code or UNKNOWN
        if one.paid or one.open:
            remark_on(invoice, self.left_out)
            self.names |= names_in([invoice])
        if one.paid or (one.open and not self.grouping.has("month")):
            key = self.grouping.key(Facts(day=day, client_id=invoice.client_id or self._args.client_id), code)
            self._rows.setdefault(key, _Paying()).merge(one)
        self._totals.setdefault(code, _Paying()).merge(one)

    def in_order(self) -> list[Key]:
        """The rows: those with the most days late first, whatever their currency, or by month."""
        late = {key: Decimal(sum(row.times.days_late)) for key, row in self._rows.items()}
        keys = self.grouping.in_order(late)
        return keys if self.grouping.has("month") else sorted(keys, key=late.__getitem__, reverse=True)

    def row(self, key: Key) -> dict[str, Any]:
        """The columns of a row; what is owed belongs to no month."""
        row = self._rows[key]
        return row.paid_json() if self.grouping.has("month") else row.paid_json() | row.open_json()

    def totals(self) -> list[dict[str, Any]]:
        """The figures of all rows, with days sales outstanding, per currency."""
        found = []
        for code, total in sorted(self._totals.items()):
            if total.paid or total.open:
                dso = average(total.open * self.days, total.invoiced) if total.invoiced > 0 else None
                found.append({"currency_code": code, **total.paid_json(), **total.open_json(), "dso": dso})
        return found


TOOLS = (days_to_pay_report,)

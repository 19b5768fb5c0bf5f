"""The receivables report: open balances by age, per client and currency."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from clientary_mcp.accounting.days import Today
from clientary_mcp.accounting.invoices import days_overdue
from clientary_mcp.accounting.left_out import Omissions
from clientary_mcp.accounting.money import ZERO
from clientary_mcp.accounting.totals import UNKNOWN, Totals
from clientary_mcp.api.session import Clientary
from clientary_mcp.api.streaming import rereads
from clientary_mcp.tools.decorators import reads
from clientary_mcp.tools.support.formatting import label
from clientary_mcp.tools.support.lookups import client_names, names_in
from tool_schemas.base.report import Report
from tool_schemas.base.sentences import count_of
from tool_schemas.invoices import OWED, Invoice
from tool_schemas.payments import Payment
from tool_schemas.reports.receivables import ReceivablesReport

AGES = ("current", "days_1_30", "days_31_60", "days_61_90", "over_90")
_LAST_DAYS = (0, 30, 60, 90)

_BASIS = "Balances of sent and viewed invoices by days after the due date; what is due on {day} itself is current."
_PAST = (
    "A balance on that day is today's plus the payments received since. Clientary does not report when an invoice was"
    " sent or cancelled: one sent after its date counts, one cancelled since does not. A status is today's."
)
_FUTURE = "Balances are today's, as if nothing were paid until {day}."


def age_of(days_overdue: int) -> str:
    """The column for an invoice so many days after its due date; on the due date it is current."""
    return next((age for age, last in zip(AGES, _LAST_DAYS, strict=False) if days_overdue <= last), AGES[-1])


@reads("reports")
async def receivables_report(clientary: Clientary, args: ReceivablesReport) -> Report:
    """Who owes money, and how late: open balances by days overdue, per client and currency. Drafts and cancelled
    invoices never count; pending ones are separate."""
    found = await _read(clientary, args)
    owed = found.large_enough()
    names = await client_names(clientary, {client_id for client_id, _ in owed}, found.names)
    if args.group_by == "invoice":
        rows = [_named(row, names) for row in found.rows if (row["client_id"], row["currency_code"]) in owed]
        rows.sort(key=lambda row: (row["currency_code"], -row["balance"], row["invoice_id"]))
    else:
        rows = [
            _named({"client_id": client_id, "currency_code": code, **debt.to_json()}, names)
            for (client_id, code), debt in owed.items()
        ]
        rows.sort(key=lambda row: (row["currency_code"], -row["total"], row["client"]))
    return Report(
        rows,
        basis=found.basis(),
        totals=_totals(owed),
        left_out=found.left_out.to_json(),
        about={"as_of": found.as_of, **found.separate()},
    )


@rereads
async def _read(clientary: Clientary, args: ReceivablesReport) -> "_Receivables":
    found = _Receivables(args, clientary.today())
    path = None if args.client_id is None else f"clients/{args.client_id}/invoices"
    async for invoice in clientary.stream(Invoice, path):
        found.add(invoice)
    return found


def _named(row: dict[str, Any], names: dict[int | None, str]) -> dict[str, Any]:
    return {"client_id": row["client_id"], "client": names[row["client_id"]], **row}


@dataclass
class Debt:
    """Open balances in one currency, by age."""

    ages: dict[str, Decimal] = field(default_factory=lambda: dict.fromkeys(AGES, ZERO))
    invoices: int = 0
    oldest_due_date: date | None = None

    def add(self, balance: Decimal, days_overdue: int, due_date: date | None) -> None:
        """Add an invoice."""
        self.ages[age_of(days_overdue)] += balance
        self._count(1, due_date)

    def merge(self, other: "Debt") -> None:
        """Add the invoices of another debt."""
        for age, balance in other.ages.items():
            self.ages[age] += balance
        self._count(other.invoices, other.oldest_due_date)

    def _count(self, invoices: int, due_date: date | None) -> None:
        self.invoices += invoices
        self.oldest_due_date = min(filter(None, (self.oldest_due_date, due_date)), default=None)

    @property
    def total(self) -> Decimal:
        """The sum of all ages."""
        return sum(self.ages.values(), ZERO)

    def to_json(self) -> dict[str, Any]:
        """The columns of a row."""
        return {
            **self.ages,
            "total": self.total,
            "overdue": self.total - self.ages["current"],
            "oldest_due_date": self.oldest_due_date,
            "invoices": self.invoices,
        }


Owed = dict[tuple[int | None, str], Debt]
"""By client and currency."""


def _totals(owed: Owed) -> list[dict[str, Any]]:
    sums: dict[str, Debt] = {}
    clients: dict[str, int] = {}
    for (_, code), debt in owed.items():
        sums.setdefault(code, Debt()).merge(debt)
        clients[code] = clients.get(code, 0) + 1
    return [{"currency_code": code, "clients": clients[code], **sums[code].to_json()} for code in sorted(sums)]


class _Receivables:
    """The figures of the report: sums by client, currency and age, and a row for each invoice if requested."""

    def __init__(self, args: ReceivablesReport, today: Today) -> None:
        self.as_of = args.as_of or today.day
        self.names: dict[int, str] = {}
        self.rows: list[dict[str, Any]] = []
        self.left_out = Omissions()
        self._args, self._today = args, today.day
        self._then = today if args.as_of in (None, today.day) else Today.on(self.as_of)
        self._owed: Owed = {}
        self._pending, self._overpaid = Totals(), Totals()

    def add(self, invoice: Invoice) -> None:
        """The next invoice of the list."""
        if self._then.is_future(invoice.date):
            self.left_out.add("invoice", f"dated after {self.as_of}")
        elif invoice.status == "draft":
            self.left_out.add("draft", "")
        elif invoice.status == "cancelled":
            self.left_out.add("cancelled invoice", "")
        elif invoice.status not in (*OWED, "paid", "pending"):
            self.left_out.add("invoice", "of an unknown status", label(invoice))
        elif invoice.balance is None and invoice.status != "paid":
            self.left_out.add("invoice", "without a balance", label(invoice))
        elif (then := self._as_of_day(invoice)) is not None:
            self._sort(then, invoice)

    def _as_of_day(self, invoice: Invoice) -> Invoice | None:
        """The invoice with its status and balance on the day of the report; None where that is unknown."""
        if self.as_of >= self._today:
            return invoice
        if invoice.payments is None and invoice.total_payments != 0:
            self.left_out.add("invoice", "whose payments are not listed, so the balance is unknown", label(invoice))
            return None
        self._check_payments(invoice)
        since = [paid.amount or ZERO for paid in invoice.payments or () if _received_after(paid, self.as_of)]
        if not since:
            return invoice
        status = "sent" if invoice.status == "paid" else invoice.status
        return invoice.model_copy(update={"balance": sum(since, invoice.balance or ZERO), "status": status})

    def _check_payments(self, invoice: Invoice) -> None:
        payments = invoice.payments or ()
        if any(paid.received_on is None for paid in payments):
            self.left_out.add("invoice", "with an undated payment, assumed received by then", label(invoice))
        settled = sum((paid.amount or ZERO for paid in payments), ZERO)
        total, balance = invoice.total_cost, invoice.balance
        agrees = total is None or balance is None or total - settled == balance
        if not agrees or invoice.total_payments not in (None, settled):
            self.left_out.add("invoice", "whose payments don't add up to total less balance", label(invoice))

    def _sort(self, then: Invoice, invoice: Invoice) -> None:
        balance = then.balance or ZERO
        if then.status == "paid":
            if balance:
                self.left_out.add("invoice", "marked paid with a balance that is not zero", label(invoice))
        elif balance < 0:
            self._overpaid.add(invoice.currency_code, balance=balance)
            self.left_out.add("overpaid invoice", "", label(invoice))
        elif then.status == "pending":
            self._pending.add(invoice.currency_code, balance=balance)
        elif balance > 0:
            self._owe(then, invoice)

    def _owe(self, then: Invoice, invoice: Invoice) -> None:
        days = days_overdue(then, self._then)
        least = self._args.min_days_overdue or 0
        if days < least:
            self.left_out.add("open invoice", f"less than {count_of(least, 'day')} overdue")
            return
        self._remark(invoice)
        code, balance = invoice.currency_code or UNKNOWN, then.balance or ZERO
        client_id = invoice.client_id or self._args.client_id
        self._owed.setdefault((client_id, code), Debt()).add(balance, days, invoice.due_date)
        self.names |= names_in([invoice])
        if self._args.group_by == "invoice":
            about = {"client_id": client_id, "currency_code": code, **_row(invoice)}
            self.rows.append({**about, "balance": balance, "days_overdue": days, "age": age_of(days)})

    def _remark(self, invoice: Invoice) -> None:
        if invoice.date is None:
            self.left_out.add("invoice", "without a date, assumed issued by then", label(invoice))
        if invoice.due_date is None:
            self.left_out.add("invoice", "without a due date, counted as current", label(invoice))
        if not invoice.currency_code:
            self.left_out.add("invoice", "without a currency, counted separately", label(invoice))

    def large_enough(self) -> Owed:
        """The debts of at least min_total; the others are left out."""
        least = self._args.min_total
        if least is None:
            return self._owed
        owed = {key: debt for key, debt in self._owed.items() if debt.total >= least}
        small = len(self._owed) - len(owed)
        self.left_out.add("balance", f"below {least:,f}, each of one client in one currency", count=small)
        return owed

    def separate(self) -> dict[str, Any]:
        """Pending and overpaid balances per currency, where there are any."""
        separate = {"pending": self._pending.to_json(), "overpaid": self._overpaid.to_json()}
        return {name: sums for name, sums in separate.items() if sums}

    def basis(self) -> str:
        """How the figures were computed."""
        how = _PAST if self.as_of < self._today else _FUTURE if self.as_of > self._today else ""
        late = self._args.min_days_overdue
        only = f"Every column counts only invoices at least {count_of(late, 'day')} overdue." if late else ""
        return " ".join(filter(None, (_BASIS, how, only))).format(day=self.as_of)


def _received_after(payment: Payment, day: date) -> bool:
    return payment.received_on is not None and payment.received_on > day


def _row(invoice: Invoice) -> dict[str, Any]:
    return {
        "invoice_id": invoice.id,
        "number": invoice.number,
        "status": invoice.status,
        "date": invoice.date,
        "due_date": invoice.due_date,
        "total_cost": invoice.total_cost,
    }


TOOLS = (receivables_report,)

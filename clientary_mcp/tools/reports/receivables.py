"""The receivables report: open balances by age, per client or another group, and currency."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from clientary_mcp.accounting.days import Today
from clientary_mcp.accounting.grouping import Facts, Grouping, Key, Names
from clientary_mcp.accounting.invoices import (
    KNOWN,
    Standing,
    days_overdue,
    lacks_balance,
    pending_remark,
    standing_of,
)
from clientary_mcp.accounting.left_out import Omissions
from clientary_mcp.accounting.money import ZERO, is_zero
from clientary_mcp.accounting.totals import UNKNOWN, Totals, currency_remark
from clientary_mcp.api.session import Clientary
from clientary_mcp.api.streaming import rereads
from clientary_mcp.tools.decorators import reads
from clientary_mcp.tools.support.formatting import label
from clientary_mcp.tools.support.lookups import client_names, names_in
from tool_schemas.base.report import Report
from tool_schemas.base.sentences import count_of
from tool_schemas.invoices import Invoice
from tool_schemas.payments import Payment
from tool_schemas.reports.receivables import ReceivablesReport

AGES = ("current", "days_1_30", "days_31_60", "days_61_90", "over_90")
_LAST_DAYS = (0, 30, 60, 90)

_BASIS = (
    "Balances of sent and viewed invoices, less what is pending, by days after the due date; what is due on {day}"
    " itself is current. credits are balances below zero; net is total less credits."
)
_PAST = (
    "A balance on that day is today's plus the payments received since. Clientary does not report when an invoice was"
    " sent or cancelled: one sent after its date counts, one cancelled since does not. A status is today's."
)
_FUTURE = "Balances are today's, as if nothing were paid until {day}."


def age_of(days_overdue: int) -> str:
    """The column for an invoice so many days after its due date; on the due date it is current."""
    return next((age for age, last in zip(AGES, _LAST_DAYS, strict=False) if days_overdue <= last), AGES[-1])


@reads("reports", picture="receivables")
async def receivables_report(clientary: Clientary, args: ReceivablesReport) -> Report:
    """Who owes money, and how late: open balances by days overdue, per client and currency, beside their credits.
    Drafts and cancelled invoices never count; pending ones are separate."""
    found = await _read(clientary, args)
    owed, by_invoice = found.large_enough(), found.grouping.has("invoice")
    shown = {client_id for client_id, _ in owed} if found.grouping.has("client") or by_invoice else ()
    names = Names(await client_names(clientary, shown, found.names))
    about = {"as_of": found.as_of, **found.separate()}
    if by_invoice and (credit_rows := _credits(owed, names)):
        about["credits"] = credit_rows
    return Report(
        found.rows(owed, names),
        basis=(found.basis(), clientary.today().sentence),
        totals=_totals(owed),
        left_out=found.left_out.to_json(),
        about=about,
    )


@rereads
async def _read(clientary: Clientary, args: ReceivablesReport) -> "_Receivables":
    found = _Receivables(args, clientary.today())
    path = None if args.client_id is None else f"clients/{args.client_id}/invoices"
    async for invoice in clientary.stream(Invoice, path):
        found.add(invoice)
    return found


@dataclass
class Debt:
    """Open balances in one currency, by age, and the credits beside them."""

    ages: dict[str, Decimal] = field(default_factory=lambda: dict.fromkeys(AGES, ZERO))
    credits: Decimal = ZERO
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
        self.credits += other.credits
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
            "credits": self.credits,
            "net": self.total - self.credits,
            "oldest_due_date": self.oldest_due_date,
            "invoices": self.invoices,
        }


def _named(client_id: int | None, names: Names) -> dict[str, Any]:
    return {"client_id": client_id, "client": names.of("client", client_id)}


Owed = dict[tuple[int | None, str], dict[Key, Debt]]
"""Client and currency → row → what is owed."""


def _sum(debts: Iterable[Debt]) -> Debt:
    whole = Debt()
    for debt in debts:
        whole.merge(debt)
    return whole


def _totals(owed: Owed) -> list[dict[str, Any]]:
    sums: dict[str, Debt] = {}
    clients: dict[str, int] = {}
    for (_, code), parts in owed.items():
        debt = _sum(parts.values())
        sums.setdefault(code, Debt()).merge(debt)
        clients[code] = clients.get(code, 0) + bool(debt.invoices)
    return [{"currency_code": code, "clients": clients[code], **sums[code].to_json()} for code in sorted(sums)]


def _credits(owed: Owed, names: Names) -> list[dict[str, Any]]:
    """The credits of each client, largest first within a currency."""
    found = {key: credit for key, parts in owed.items() if (credit := _sum(parts.values()).credits)}
    return [
        {**_named(client_id, names), "currency_code": code, "credits": credit}
        for (client_id, code), credit in sorted(found.items(), key=lambda each: (each[0][1], -each[1], each[0][0] or 0))
    ]


class _Receivables:
    """The figures of the report: sums by group, currency and age, or a row for each invoice."""

    def __init__(self, args: ReceivablesReport, today: Today) -> None:
        self.as_of = args.as_of or today.day
        self.grouping = Grouping(args.group_by)
        self.names: dict[int, str] = {}
        self.left_out = Omissions()
        self._args, self._today = args, today.day
        self._then = today if args.as_of in (None, today.day) else Today.on(self.as_of)
        self._owed: Owed = {}
        self._invoices: dict[Key, tuple[int | None, dict[str, Any]]] = {}
        self._pending, self._future = Totals(), Totals()

    def add(self, invoice: Invoice) -> None:
        """The next invoice of the list."""
        match standing_of(invoice, self._then).stage:
            case "draft":
                self.left_out.add("draft", "")
            case "cancelled":
                self.left_out.add("cancelled invoice", "")
            case "future":
                self._future.add(invoice.currency_code, total_cost=invoice.total_cost)
                self.left_out.add("invoice", f"dated after {self._then.last}")
            case _ if invoice.status not in KNOWN:
                self.left_out.add("invoice", "of an unknown status", label(invoice))
            case _ if lacks_balance(invoice, self._then):
                self.left_out.add("invoice", "without a balance", label(invoice))
            case _ if (then := self._as_of_day(invoice)) is not None:
                self._sort(then, standing_of(then, self._then))

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
        left = invoice.balance or ZERO
        balance = sum(since, ZERO if is_zero(left, invoice.currency_code) else left)
        return invoice.model_copy(update={"balance": balance, "status": status})

    def _check_payments(self, invoice: Invoice) -> None:
        payments = invoice.payments or ()
        if any(paid.received_on is None for paid in payments):
            self.left_out.add("invoice", "with an undated payment, assumed received by then", label(invoice))
        settled = sum((paid.amount or ZERO for paid in payments), ZERO)
        total, balance = invoice.total_cost, invoice.balance
        code = invoice.currency_code
        agrees = total is None or balance is None or is_zero(total - settled - balance, code)
        if not agrees or not is_zero((invoice.total_payments or settled) - settled, code):
            self.left_out.add("invoice", "whose payments do not add up to total less balance", label(invoice))

    def _sort(self, invoice: Invoice, standing: Standing) -> None:
        """Count an invoice, with its balance on the day of the report."""
        self._remark(invoice, standing)
        if standing.credit:
            self._debt_of(invoice).credits += standing.credit
        if standing.pending:
            self._pending.add(invoice.currency_code, balance=standing.pending)
        if standing.owed:
            self._owe(invoice, standing)

    def _client_of(self, invoice: Invoice) -> int | None:
        return invoice.client_id or self._args.client_id

    def _debt_of(self, invoice: Invoice) -> Debt:
        self.names |= names_in([invoice])
        key = self._key_of(invoice)
        return self._owed.setdefault((self._client_of(invoice), key.currency_code), {}).setdefault(key, Debt())

    def _key_of(self, invoice: Invoice) -> Key:
        facts = Facts(invoice.due_date, self._client_of(invoice), invoice=invoice.id)
        return self.grouping.key(facts, invoice.currency_code or UNKNOWN)

    def _owe(self, invoice: Invoice, standing: Standing) -> None:
        days = days_overdue(invoice, self._then)
        least = self._args.min_days_overdue or 0
        if days < least:
            self.left_out.add("open invoice", f"less than {count_of(least, 'day')} overdue")
            return
        self._debt_of(invoice).add(standing.owed, days, invoice.due_date)
        if self.grouping.has("invoice"):
            pending = {"pending": standing.pending} if standing.pending else {}
            row = {**_row(invoice), "balance": standing.owed, **pending, "days_overdue": days, "age": age_of(days)}
            self._invoices[self._key_of(invoice)] = self._client_of(invoice), row

    def _remark(self, invoice: Invoice, standing: Standing) -> None:
        balance = invoice.balance or ZERO
        if invoice.status == "paid" and balance > 0 and not is_zero(balance, invoice.currency_code):
            self.left_out.add("invoice", "marked paid with a balance that is not zero", label(invoice))
        if not any(standing[1:]):
            return
        if invoice.date is None:
            self.left_out.add("invoice", "without a date, assumed issued by then", label(invoice))
        if invoice.due_date is None and standing.owed:
            self.left_out.add("invoice", "without a due date, counted as current", label(invoice))
        for why in filter(None, (pending_remark(invoice), currency_remark(invoice.currency_code))):
            self.left_out.add("invoice", why, label(invoice))

    def large_enough(self) -> Owed:
        """The debts of at least min_total, and the credits if everything is asked for; the others are left out."""
        least, found = self._args.min_total, self._owed
        if least is not None or self._args.min_days_overdue:
            owing = {key: parts for key, parts in found.items() if _sum(parts.values()).invoices}
            self.left_out.add("credit", "beside which nothing of that kind is owed", count=len(found) - len(owing))
            found = owing
        if least is None:
            return found
        owed = {key: parts for key, parts in found.items() if _sum(parts.values()).total >= least}
        small = len(found) - len(owed)
        self.left_out.add("balance", f"below {least:,f}, each of one client in one currency", count=small)
        return owed

    def rows(self, owed: Owed, names: Names) -> list[dict[str, Any]]:
        """A row for each group, or for each open invoice; the largest first, months from the first on."""
        debts: dict[Key, Debt] = {}
        for parts in owed.values():
            for key, debt in parts.items():
                debts.setdefault(key, Debt()).merge(debt)
        order = self.grouping.in_order({key: debt.total for key, debt in debts.items()}, names=names)
        if not self.grouping.has("invoice"):
            return [self.grouping.columns(key, names) | debts[key].to_json() for key in order]
        found = [(key, *self._invoices[key]) for key in order if key in self._invoices]
        return [_named(client_id, names) | self.grouping.columns(key, names) | row for key, client_id, row in found]

    def separate(self) -> dict[str, Any]:
        """Pending balances and invoices dated later, per currency, where there are any."""
        separate = {"pending": self._pending.to_json(), "future": self._future.to_json()}
        return {name: sums for name, sums in separate.items() if sums}

    def basis(self) -> str:
        """How the figures were computed."""
        how = _PAST if self.as_of < self._today else _FUTURE if self.as_of > self._today else ""
        late = self._args.min_days_overdue
        month = "month is that of the due date." if self.grouping.has("month") else ""
        only = (
            f"Only invoices at least {count_of(late, 'day')} overdue count; credits are all of the same clients."
            if late
            else ""
        )
        return " ".join(filter(None, (_BASIS, month, how, only))).format(day=self.as_of)


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

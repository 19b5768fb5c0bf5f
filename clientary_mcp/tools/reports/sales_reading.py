"""The invoices and payments of a range of days, read for the reports on sales and taxes."""

from collections.abc import AsyncIterator, Callable, Collection
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from typing import Generic, NamedTuple, TypeVar

from clientary_mcp.accounting.days import Today
from clientary_mcp.accounting.invoices import KNOWN, stage_of
from clientary_mcp.accounting.left_out import Omissions
from clientary_mcp.accounting.money import ZERO
from clientary_mcp.accounting.sales import Sale, sale_of
from clientary_mcp.accounting.totals import UNKNOWN
from clientary_mcp.api.concurrency import gather, gather_two
from clientary_mcp.api.session import Clientary
from clientary_mcp.api.streaming import rereads
from clientary_mcp.errors import NotFound
from clientary_mcp.tools.support.formatting import label
from clientary_mcp.tools.support.invoice_owners import NOBODY, Owners, billed_by_project
from clientary_mcp.tools.support.lookups import check_both, currencies_of
from tool_schemas.invoices import Invoice
from tool_schemas.payments import Payment
from tool_schemas.reports.sales import OnBasis

KeptT = TypeVar("KeptT")
_DAY = timedelta(days=1)
"""By which the account's day may be another."""

Keep = Callable[[Invoice, Sale, Omissions], KeptT]
"""What is kept of an invoice, with remarks where something is missing: an account may have very many."""


@dataclass
class Sales(Generic[KeptT]):
    """The invoices of a range of days that count, each with its date."""

    rows: list[tuple[int, date, KeptT]] = field(default_factory=list)
    owners: Owners = field(default_factory=Owners)
    left_out: Omissions = field(default_factory=Omissions)


@rereads
async def read_sales(clientary: Clientary, args: OnBasis, keep: Keep[KeptT]) -> Sales[KeptT]:
    """The invoices of these days, of the account, the client or the project."""
    found, today = Sales[KeptT](), clientary.today()
    async for invoice in _invoices(clientary, args):
        sale = _sale_in(args, invoice, today, found.left_out)
        if sale and invoice.date:
            found.owners.add(invoice, args.client_id)
            found.rows.append((invoice.id, invoice.date, keep(invoice, sale, found.left_out)))
    return found


async def _invoices(clientary: Clientary, args: OnBasis) -> AsyncIterator[Invoice]:
    """Every invoice of the account, the client or the project."""
    await check_both(clientary, args.project_id, args.client_id)
    seen = set()
    async for invoice in clientary.stream(Invoice, _path(args)):
        if args.client_id in (None, invoice.client_id or args.client_id):
            seen.add(invoice.id)
            yield invoice
    for invoice in await _billed_here(clientary, args, seen):
        yield invoice


def _path(args: OnBasis) -> str | None:
    if args.project_id is not None:
        return f"projects/{args.project_id}/invoices"
    return None if args.client_id is None else f"clients/{args.client_id}/invoices"


async def _billed_here(clientary: Clientary, args: OnBasis, seen: set[int]) -> list[Invoice]:
    """The invoices that jobs here made for the project, though Clientary does not list them under it."""
    if args.project_id is None:
        return []
    ids = set((await billed_by_project(clientary)).get(args.project_id, ())) - seen
    found = await gather((partial(_get, clientary, each) for each in sorted(ids)), clientary.settings.concurrency)
    return [invoice for invoice in found if invoice is not None]


async def _get(clientary: Clientary, invoice_id: int) -> Invoice | None:
    try:
        return await clientary.get(Invoice, f"invoices/{invoice_id}")
    except NotFound:
        return None


def _sale_in(args: OnBasis, invoice: Invoice, today: Today, left_out: Omissions) -> Sale | None:
    """What an invoice of these days comes to; None for one that does not count."""
    name, stage = label(invoice), stage_of(invoice, today)
    sums = {invoice.currency_code or UNKNOWN: invoice.total_cost}
    if invoice.date is None and stage == "invoiced":
        left_out.add("invoice", "without a date", name, sums=sums)
    if invoice.date is None or not args.covers(invoice.date):
        return None
    if stage != "invoiced":
        noun, remark = _APART[stage]
        left_out.add(noun, remark, name, sums=sums)
        return None
    if invoice.status not in KNOWN:
        left_out.add("invoice", "of an unknown status, counted as invoiced", name)
    return sale_of(invoice, name, left_out)


_APART = {"draft": ("draft", ""), "cancelled": ("cancelled invoice", ""), "future": ("invoice", "dated in the future")}


class Receipt(NamedTuple):
    """What is kept of a payment."""

    id: int
    invoice_id: int
    day: date
    amount: Decimal
    fee: Decimal

    @property
    def order(self) -> tuple[date, int]:
        """What comes first of the payments of an invoice."""
        return self.day, self.id


@dataclass
class Receipts:
    """The payments of a range of days, and whose invoices they pay."""

    payments: list[Receipt]
    owners: Owners
    left_out: Omissions


async def read_receipts(clientary: Clientary, args: OnBasis, see: Callable[[Invoice], None] | None = None) -> Receipts:
    """The payments of these days; `see` is given each of the invoices that they pay."""
    if _path(args) is None:
        payments, left_out = await _payments(clientary, args)
        owners, paid = Owners(), {each.invoice_id for each in payments} - {0}
        since = min((each.day for each in payments), default=None)  # a payment changes its invoice
        await currencies_of(clientary, paid, partial(_know, owners, args, see, paid), since and since - _DAY)
    else:
        (payments, left_out), owners = await gather_two(
            partial(_payments, clientary, args), partial(_owners, clientary, args, see)
        )
        payments = [each for each in payments if each.invoice_id in owners.of]
    for each in payments:
        owner = owners.of.get(each.invoice_id, NOBODY)
        if owner.status in ("draft", "cancelled"):
            left_out.add("payment", f"of a {owner.status} invoice, counted all the same", owner.name)
    return Receipts(payments, owners, left_out)


@rereads
async def _owners(clientary: Clientary, args: OnBasis, see: Callable[[Invoice], None] | None) -> Owners:
    owners = Owners()
    async for invoice in _invoices(clientary, args):
        _know(owners, args, see, {invoice.id}, invoice)
    return owners


def _know(
    owners: Owners, args: OnBasis, see: Callable[[Invoice], None] | None, wanted: Collection[int], invoice: Invoice
) -> None:
    if invoice.id in wanted and invoice.id not in owners.of:
        owners.add(invoice, args.client_id)
        if see:
            see(invoice)


@rereads
async def _payments(clientary: Clientary, args: OnBasis) -> tuple[list[Receipt], Omissions]:
    """The payments of these days.

    By the documentation the newest come first. Once a page and the order on it agree, older payments are not read.
    """
    found: list[Receipt] = []
    left_out, today = Omissions(), clientary.today()
    stream, order = clientary.stream(Payment), _Order()
    async with aclosing(stream.__aiter__()) as payments:
        async for payment in payments:
            if receipt := _receipt(payment, args, today, left_out):
                found.append(receipt)
            order.add(payment.received_on)
            first = stream.first_page
            if first and order.seen >= len(first.records) and order.is_past(args.first):
                break
    stream.check()
    return found, left_out


@dataclass
class _Order:
    """Whether a list has the newest first, as far as it was read."""

    seen: int = 0
    newest: date | None = None
    latest: date | None = None
    holds: bool = True

    def add(self, day: date | None) -> None:
        """The next record's day."""
        self.seen += 1
        if day is not None:
            self.holds = self.holds and day <= (self.latest or day)
            self.newest, self.latest = self.newest or day, day

    def is_past(self, first: date) -> bool:
        """Whether whatever follows lies before a day."""
        return (
            self.holds and self.newest is not None and self.latest is not None and self.latest < min(self.newest, first)
        )


def _receipt(payment: Payment, args: OnBasis, today: Today, left_out: Omissions) -> Receipt | None:
    """What is kept of a payment of these days; None, with a remark, for one that cannot be counted."""
    name, day, code = f"id {payment.id}", payment.received_on, payment.currency_code or UNKNOWN
    if day is None:
        left_out.add("payment", "without a day", name, sums={code: payment.amount})
    elif not args.covers(day):
        return None
    elif payment.amount is None:
        left_out.add("payment", "without a readable amount", name)
    elif today.is_future(day):
        left_out.add("payment", "dated in the future", name, sums={code: payment.amount})
    else:
        fee = payment.transaction_fee_amount or ZERO
        return Receipt(payment.id, payment.invoice_id or 0, day, payment.amount, fee)
    return None

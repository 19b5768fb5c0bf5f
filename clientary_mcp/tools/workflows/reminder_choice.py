"""Which invoices may need a reminder: those that are late, of clients who paid nothing recently."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from functools import partial

from clientary_mcp.accounting.days import Today
from clientary_mcp.accounting.invoices import days_overdue, standing_of
from clientary_mcp.accounting.money import ZERO
from clientary_mcp.accounting.totals import UNKNOWN
from clientary_mcp.api.concurrency import gather
from clientary_mcp.api.session import Clientary
from clientary_mcp.api.streaming import rereads
from clientary_mcp.errors import NotFound
from clientary_mcp.tools.support.formatting import format_money, quote
from clientary_mcp.tools.support.received import payments_since
from tool_schemas.base.sentences import Mention
from tool_schemas.invoices import OWED, Invoice
from tool_schemas.workflows.payment_reminders import SendPaymentReminders

_FEW = 10
"""Clients whose invoices are read client by client; for more, all invoices are."""


@dataclass
class Account:
    """What one client owes in one currency, and what it has too much."""

    owed: Decimal = ZERO
    credit: Decimal = ZERO


@dataclass
class Chosen:
    """The invoices that may need a reminder, and what their clients paid recently, owe, and have too much."""

    invoices: list[Invoice] = field(default_factory=list)
    missing: list[int] = field(default_factory=list)
    payers: dict[int, date] = field(default_factory=dict)
    accounts: dict[tuple[int, str], Account] = field(default_factory=dict)

    def payment_of(self, invoice: Invoice) -> str | None:
        """The reason to skip an invoice whose client paid recently."""
        day = self.payers.get(invoice.client_id or 0)
        return f"the client paid on {day}" if day else None

    def count(self, invoice: Invoice, paid: dict[int, date], today: Today) -> None:
        """Add an invoice to what is known of its client."""
        client_id = invoice.client_id
        if client_id is None:
            return
        if (day := paid.get(invoice.id)) is not None:
            self.payers[client_id] = max(day, self.payers.get(client_id, day))
        account = self.accounts.setdefault((client_id, invoice.currency_code or UNKNOWN), Account())
        standing = standing_of(invoice, today)
        account.owed += standing.owed
        account.credit += standing.credit


async def choose(clientary: Clientary, args: SendPaymentReminders) -> Chosen:
    """The invoices that the call is about; those that need no reminder are among them where they should be named."""
    paid = await _paid_since(clientary, clientary.today().day - timedelta(days=args.paid_within_days))
    if args.invoice_ids is None:
        try:
            chosen = await _read(clientary, paid, args.client_id, args.min_days_overdue or 1)
        except NotFound as error:
            error.add(Mention("Check client_id; list_clients returns valid ids.", "list_clients"))
            raise
        chosen.invoices.sort(key=lambda invoice: (invoice.due_date or date.max, invoice.id))
        return chosen
    return await _given(clientary, paid, list(dict.fromkeys(args.invoice_ids)))


async def _given(clientary: Clientary, paid: dict[int, date], ids: list[int]) -> Chosen:
    """The invoices with those ids; the other invoices of the clients who are late are read for what they tell."""
    found, today = await find_all(clientary, ids), clientary.today()
    chosen = Chosen(
        invoices=[invoice for invoice in found if invoice is not None],
        missing=[invoice_id for invoice_id, invoice in zip(ids, found, strict=True) if invoice is None],
    )
    late = [invoice for invoice in chosen.invoices if days_overdue(invoice, today)]
    clients = sorted({invoice.client_id for invoice in late if invoice.client_id is not None})
    lists = [partial(_read, clientary, paid, each) for each in (clients if len(clients) <= _FEW else [None])]
    for one in await gather(lists, clientary.settings.concurrency):
        chosen.payers |= one.payers
        chosen.accounts |= one.accounts
    return chosen


@rereads
async def _read(
    clientary: Clientary, paid: dict[int, date], client_id: int | None, min_days_overdue: int | None = None
) -> Chosen:
    """What the invoices of a client, or of all, tell; with `min_days_overdue` also those that are as late."""
    chosen, today = Chosen(), clientary.today()
    async for invoice in clientary.stream(Invoice, f"clients/{client_id}/invoices" if client_id else None):
        chosen.count(invoice, paid, today)
        if min_days_overdue is not None and _is_open(invoice, today) and _is_late(invoice, today, min_days_overdue):
            chosen.invoices.append(invoice)
    return chosen


def _is_open(invoice: Invoice, today: Today) -> bool:
    """Whether something is owed, pending, or not known."""
    standing = standing_of(invoice, today)
    return bool(standing.owed or standing.pending) or (invoice.status in OWED and invoice.balance is None)


def _is_late(invoice: Invoice, today: Today, days: int) -> bool:
    """Whether it was due so many days ago; one without a due date may have been."""
    return invoice.due_date is None or (today.day - invoice.due_date).days >= days


async def _paid_since(clientary: Clientary, since: date) -> dict[int, date]:
    """The invoices with payments received since that day, and the latest day of each."""
    paid: dict[int, date] = {}
    for payment in await payments_since(clientary, since):
        if payment.received_on is not None and payment.invoice_id is not None:
            paid[payment.invoice_id] = max(payment.received_on, paid.get(payment.invoice_id, payment.received_on))
    return paid


async def find_all(clientary: Clientary, ids: list[int]) -> list[Invoice | None]:
    """The invoices with those ids, None for one that does not exist."""
    return await gather((partial(_one, clientary, each) for each in ids), clientary.settings.concurrency)


async def _one(clientary: Clientary, invoice_id: int) -> Invoice | None:
    try:
        return await clientary.get(Invoice, f"invoices/{invoice_id}")
    except NotFound:
        return None


def not_late(invoice: Invoice, today: Today) -> str | None:
    """Why an invoice is not overdue; None for one that is."""
    if days_overdue(invoice, today):
        return None
    if invoice.status not in OWED:
        return f"its status is {quote(invoice.status or 'unknown')}"
    if today.is_future(invoice.date):
        return f"it is dated {invoice.date}, which is still to come"
    if invoice.balance is None:
        return "its balance is unknown"
    _, owed, pending, credit = standing_of(invoice, today)
    if credit:
        return f"nothing is owed on it: it is a credit of {format_money(credit, invoice.currency_code)}"
    if not owed:
        but = f" but a payment of {format_money(pending, invoice.currency_code)} that is under way" if pending else ""
        return f"nothing is owed on it{but}"
    return f"it is due on {invoice.due_date}" if invoice.due_date else "it has no due date"

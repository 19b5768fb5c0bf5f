"""E-mails overdue invoices to clients again, each once, and skips clients who paid recently."""

import math
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from typing import Any

from clientary_mcp.accounting.days import Today
from clientary_mcp.accounting.invoices import days_overdue, owed_of
from clientary_mcp.accounting.totals import Totals
from clientary_mcp.api.concurrency import gather
from clientary_mcp.api.session import Clientary
from clientary_mcp.api.streaming import rereads
from clientary_mcp.errors import ClientaryError, NotFound, OutcomeUnknown, Refused
from clientary_mcp.tools.decorators import jobs
from clientary_mcp.tools.job import CAME_SINCE, Job
from clientary_mcp.tools.support.formatting import quote
from clientary_mcp.tools.support.lookups import client_names, names_in
from clientary_mcp.tools.support.mailing import send_message
from clientary_mcp.tools.support.previews import done, nothing_to_do, preview
from clientary_mcp.tools.workflows.draft_invoices import named
from clientary_mcp.tools.workflows.reminder_recipients import addresses_of
from clientary_mcp.tools.workflows.steps import Steps
from clientary_mcp.tools.workflows.turns import exclusive
from tool_schemas.base.addresses import addresses_in
from tool_schemas.base.results import Outcome
from tool_schemas.base.sentences import count_of
from tool_schemas.invoices import OWED, Invoice, SendInvoiceMessage
from tool_schemas.payments import Payment
from tool_schemas.workflows.payment_reminders import SendPaymentReminders

Rows = list[dict[str, Any]]

_MOST = 50
"""Recipients of one mail."""
_NAMED = 3
"""Recipients that a sentence names."""


@dataclass(frozen=True)
class _Reminder:
    """One mail to send."""

    invoice: Invoice
    row: dict[str, Any]
    recipients: list[str]

    @property
    def key(self) -> str:
        """Its key in the ledger: a mail to other recipients is another mail."""
        return f"reminder of {self.invoice.id} to {sorted(map(str.casefold, self.recipients))}"

    @property
    def item(self) -> str:
        """Its key in the preview."""
        return _item(self.invoice.id)

    def shown(self) -> dict[str, Any]:
        """What a preview shows of it, less what changes with the day, and the client's id for its name."""
        row = {name: value for name, value in self.row.items() if name not in ("days_overdue", "client")}
        return row | {"client_id": self.invoice.client_id}


@dataclass
class _Batch:
    """What is to be mailed, and what is not, with the reason."""

    reminders: list[_Reminder]
    skipped: Rows

    def totals(self) -> Rows:
        """The open balances of the invoices to be mailed."""
        totals = Totals()
        for reminder in self.reminders:
            totals.add(reminder.invoice.currency_code, balance=reminder.invoice.balance)
        return totals.to_json()


async def _preview(clientary: Clientary, args: SendPaymentReminders, job: Job) -> Outcome:
    batch = await _plan(clientary, args, job)
    if not batch.reminders:
        return _nothing(batch)
    left_out = f"; {count_of(len(batch.skipped), 'invoice')} would be skipped" if batch.skipped else ""
    cap = clientary.settings.mails_per_hour
    capped = (
        f" At most {cap} mails are sent in an hour (CLIENTARY_MAILS_PER_HOUR): the same call continues later."
        if len(batch.reminders) > cap
        else ""
    )
    template = "the account's template"
    mail = {"subject": args.subject or template, "message": args.message or template}
    return preview(
        f"mail {count_of(len(batch.reminders), 'reminder')}, each to the recipients in its step{left_out}",
        goes_with_it={"mail": mail},
        steps=[*({"step": "mail", **reminder.row} for reminder in batch.reminders), *batch.skipped],
        totals=batch.totals(),
        not_visible=f"A mail cannot be recalled.{capped}",
    )


@jobs("workflows", _preview, "mail", checked_with="get_invoice")
async def send_payment_reminders(clientary: Clientary, args: SendPaymentReminders, job: Job) -> Outcome:
    """E-mail overdue invoices again, to each invoice's recipients or else the client's contacts. Skips clients who
    paid recently, and those reminded in the last 24 hours. Takes either invoice_ids or
    min_days_overdue."""
    async with exclusive(clientary, job.ledger, "reminders"):
        batch = await _plan(clientary, args, job)
        if not batch.reminders:
            return _nothing(batch)
        rows = await _mail_all(clientary, args, batch.reminders, job)
    mailed = sum(row["step"] == "mailed" for row in rows)
    refused = [row for row in rows if row["step"] != "mailed"]
    if not mailed:
        return nothing_to_do("No reminder was mailed: Clientary refused every one.", steps=[*rows, *batch.skipped])
    parts = [f"{count_of(mailed, 'reminder')} mailed"]
    parts += [f"{len(refused)} refused by Clientary"] if refused else []
    parts += [f"{count_of(len(batch.skipped), 'invoice')} skipped"] if batch.skipped else []
    came = sum(row["why"] == CAME_SINCE for row in batch.skipped)
    parts += [f"{came} of them because {'they' if came > 1 else 'it'} came since the preview"] if came else []
    return done(f"{', '.join(parts)}.", steps=[*rows, *batch.skipped], totals=batch.totals())


async def _mail_all(clientary: Clientary, args: SendPaymentReminders, reminders: list[_Reminder], job: Job) -> Rows:
    """The result of each; PartiallyDone when one fails after others were sent. A refused one does not stop the rest."""
    again = args.allow_duplicate and job.shown_at == math.inf
    steps = Steps("The same call, without allow_duplicate," if again else "The same call")
    rows: Rows = []
    for reminder in reminders:
        what = f"mail of {named(reminder.invoice)} to {_few(reminder.recipients)}"
        try:
            await _mail(clientary, args, reminder, job)
        except (Refused, NotFound) as refusal:
            rows.append({"step": "refused", **reminder.row, "why": str(refusal)})
        except ClientaryError as failure:
            raise steps.stopped(what, failure) from None
        else:
            steps.record(what)
            job.did(reminder.item)
            rows.append({"step": "mailed", **reminder.row})
    return rows


async def _mail(clientary: Clientary, args: SendPaymentReminders, reminder: _Reminder, job: Job) -> None:
    """Send one mail, and remember it for a day, also when it is unknown whether it was sent."""
    invoice, to = reminder.invoice.id, reminder.recipients
    texts = {"subject": args.subject, "message": args.message}
    mail = SendInvoiceMessage.model_validate({"invoice_id": invoice, "recipients": to, **texts})
    try:
        with job.ledger.step(reminder.key, keep=True):
            await send_message(clientary, f"invoices/{invoice}", mail)
    except OutcomeUnknown as lost:
        lost.add("For a day, the same call skips this invoice.")
        raise


async def _plan(clientary: Clientary, args: SendPaymentReminders, job: Job) -> _Batch:
    """The reminders to send, and the invoices that are skipped."""
    today = clientary.today()
    paid = await _paid_since(clientary, today.day - timedelta(days=args.paid_within_days))
    chosen = await (_late(clientary, args, paid) if args.invoice_ids is None else _given(clientary, args, paid))
    clients = await client_names(clientary, [each.client_id for each in chosen.invoices], names_in(chosen.invoices))
    people = await addresses_of(clientary, [invoice for invoice in chosen.invoices if days_overdue(invoice, today)])
    batch = _Batch(
        [], [{"step": "skip", "invoice_id": each, "why": "the invoice does not exist"} for each in chosen.missing]
    )
    for invoice in chosen.invoices:
        recipients = addresses_in(getattr(invoice, "recipients", None)).read or people.get(invoice.client_id or 0, [])
        row = _row(invoice, clients, today)
        reminder = _Reminder(invoice, row | {"recipients": recipients}, recipients)
        why = _not_late(invoice, today) or chosen.payment_of(invoice) or _unreachable(recipients)
        why = why or _reminded(job, args, reminder)
        if why is not None:
            job.settled(reminder.item)
        elif not job.may(reminder.item, reminder.shown()):
            why = CAME_SINCE
        if why is None:
            batch.reminders.append(reminder)
        else:
            batch.skipped.append({"step": "skip", **row, "why": why})
    job.check()
    batch.skipped += await _no_longer_late(clientary, [int(item.removeprefix(_item(""))) for item in job.gone()])
    return batch


async def _no_longer_late(clientary: Clientary, invoice_ids: list[int]) -> Rows:
    """The rows of invoices that a preview listed, and that are not late enough any more."""
    today = clientary.today()
    found = await gather((partial(_one, clientary, each) for each in invoice_ids), clientary.settings.concurrency)
    clients = await client_names(clientary, [each.client_id for each in found if each], names_in(filter(None, found)))
    return [
        {
            "step": "skip",
            **_row(invoice, clients, today),
            "why": _not_late(invoice, today) or "it is not late enough any more",
        }
        if invoice
        else {"step": "skip", "invoice_id": invoice_id, "why": "the invoice does not exist any more"}
        for invoice_id, invoice in zip(invoice_ids, found, strict=True)
    ]


@dataclass
class _Chosen:
    """The invoices that may need a reminder, and the clients who paid recently."""

    invoices: list[Invoice] = field(default_factory=list)
    missing: list[int] = field(default_factory=list)
    payers: dict[int, date] = field(default_factory=dict)

    def payment_of(self, invoice: Invoice) -> str | None:
        """The reason to skip an invoice whose client paid recently."""
        day = self.payers.get(invoice.client_id or 0)
        return f"the client paid on {day}" if day else None


@rereads
async def _read(
    clientary: Clientary, paid: dict[int, date], path: str | None = None, min_days_overdue: int | None = None
) -> _Chosen:
    """The invoices of a list that are late enough, and the clients whose invoices in it were paid."""
    chosen, today = _Chosen(), clientary.today()
    async for invoice in clientary.stream(Invoice, path):
        if invoice.id in paid and invoice.client_id is not None:
            day = paid[invoice.id]
            chosen.payers[invoice.client_id] = max(day, chosen.payers.get(invoice.client_id, day))
        if min_days_overdue is not None and (
            days_overdue(invoice, today) >= min_days_overdue
            or (invoice.due_date is None and owed_of(invoice, today) > 0)
        ):
            chosen.invoices.append(invoice)
    return chosen


@rereads
async def _paid_since(clientary: Clientary, since: date) -> dict[int, date]:
    """The invoices with payments received since that day. Clientary lists the newest payments first."""
    paid: dict[int, date] = {}
    async for payment in clientary.stream(Payment, read_ahead=False):
        day = payment.received_on
        if day is not None and day < since:
            break
        if day is not None and payment.invoice_id is not None:
            paid[payment.invoice_id] = max(day, paid.get(payment.invoice_id, day))
    return paid


async def _late(clientary: Clientary, args: SendPaymentReminders, paid: dict[int, date]) -> _Chosen:
    """All invoices that are late enough, the latest first."""
    chosen = await _read(clientary, paid, min_days_overdue=args.min_days_overdue)
    chosen.invoices.sort(key=lambda invoice: (invoice.due_date or date.max, invoice.id))
    return chosen


async def _given(clientary: Clientary, args: SendPaymentReminders, paid: dict[int, date]) -> _Chosen:
    """The invoices of those ids; the other invoices of their clients are read for recent payments."""
    ids = list(dict.fromkeys(args.invoice_ids or []))
    found = await gather((partial(_one, clientary, invoice_id) for invoice_id in ids), clientary.settings.concurrency)
    chosen = _Chosen(
        invoices=[invoice for invoice in found if invoice is not None],
        missing=[invoice_id for invoice_id, invoice in zip(ids, found, strict=True) if invoice is None],
    )
    if paid:
        clients = sorted({invoice.client_id for invoice in chosen.invoices if invoice.client_id is not None})
        lists = (partial(_read, clientary, paid, f"clients/{client_id}/invoices") for client_id in clients)
        for of_client in await gather(lists, clientary.settings.concurrency):
            chosen.payers |= of_client.payers
    return chosen


async def _one(clientary: Clientary, invoice_id: int) -> Invoice | None:
    try:
        return await clientary.get(Invoice, f"invoices/{invoice_id}")
    except NotFound:
        return None


def _row(invoice: Invoice, clients: dict[int | None, str], today: Today) -> dict[str, Any]:
    return {
        "invoice_id": invoice.id,
        "number": invoice.number,
        "client": clients[invoice.client_id],
        "balance": invoice.balance,
        "currency_code": invoice.currency_code,
        "due_date": invoice.due_date,
        "days_overdue": days_overdue(invoice, today),
    }


def _not_late(invoice: Invoice, today: Today) -> str | None:
    """Why an invoice is not overdue; None for one that is."""
    if days_overdue(invoice, today):
        return None
    if invoice.status not in OWED:
        return f"its status is {quote(invoice.status or 'unknown')}"
    if invoice.balance is None:
        return "its balance is unknown"
    if invoice.balance <= 0:
        return "nothing is owed on it"
    return f"it is due on {invoice.due_date}" if invoice.due_date else "it has no due date"


def _unreachable(recipients: list[str]) -> str | None:
    if not recipients:
        return "no e-mail address: the client has no contact with one"
    return f"{len(recipients)} recipients: one mail takes {_MOST}" if len(recipients) > _MOST else None


def _reminded(job: Job, args: SendPaymentReminders, reminder: _Reminder) -> str | None:
    """Why it is not mailed once more; what was mailed before the preview may be, with allow_duplicate."""
    earlier = job.ledger.find(reminder.key)
    if earlier is None or (args.allow_duplicate and earlier.since < job.shown_at):
        return None
    if earlier.state == "sent":
        return "it may have been mailed in the last day: the response was lost; allow_duplicate=true mails it again"
    return "it was mailed in the last day; allow_duplicate=true mails it again"


def _item(invoice_id: object) -> str:
    return f"invoice {invoice_id}"


def _few(recipients: list[str]) -> str:
    more = f" and {len(recipients) - _NAMED} more" if len(recipients) > _NAMED else ""
    return ", ".join(recipients[:_NAMED]) + more


def _nothing(batch: _Batch) -> Outcome:
    return nothing_to_do("There is no reminder to send.", steps=batch.skipped)


TOOLS = (send_payment_reminders,)

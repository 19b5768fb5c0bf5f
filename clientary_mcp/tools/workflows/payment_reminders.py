"""E-mails overdue invoices to clients again, each once, and skips clients who paid recently."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from clientary_mcp.accounting.totals import Totals
from clientary_mcp.api.session import Clientary
from clientary_mcp.errors import ClientaryError, NotFound, Refused
from clientary_mcp.tools.decorators import jobs
from clientary_mcp.tools.job import CAME_SINCE, Job
from clientary_mcp.tools.support.formatting import few, format_money, quote
from clientary_mcp.tools.support.lookups import client_names, names_in
from clientary_mcp.tools.support.previews import done, nothing_to_do, preview
from clientary_mcp.tools.workflows.reminder_choice import Chosen, choose, find_all, not_late
from clientary_mcp.tools.workflows.reminder_mails import OF_SEVERAL, Mail, Reminder, item_of, mails_of, send
from clientary_mcp.tools.workflows.reminder_recipients import Recipients, contacts_of, recipients_of
from clientary_mcp.tools.workflows.steps import Steps
from clientary_mcp.tools.workflows.turns import exclusive
from tool_schemas.base.results import Outcome
from tool_schemas.base.sentences import Sentences, count_of, in_order
from tool_schemas.contacts import Contact
from tool_schemas.invoices import Invoice
from tool_schemas.workflows.payment_reminders import SendPaymentReminders

Rows = list[dict[str, Any]]

_TEMPLATE = "the account's template"


@dataclass
class _Batch:
    """What is to be mailed, and what is not, with the reason."""

    today: str
    mails: list[Mail] = field(default_factory=list)
    skipped: Rows = field(default_factory=list)
    credits: Rows = field(default_factory=list)
    """The clients to be mailed who have credit: with what they owe, and the difference."""
    unused: list[str] = field(default_factory=list)
    """Clients whose recipients the call gives, and of whom no invoice is looked at."""

    @property
    def number(self) -> str:
        """`2 reminders of 3 invoices`."""
        invoices = sum(len(mail.reminders) for mail in self.mails)
        of = f" of {count_of(invoices, 'invoice')}" if invoices > len(self.mails) else ""
        return f"{count_of(len(self.mails), 'reminder')}{of}"

    def totals(self) -> Rows:
        """What is owed on the invoices to be mailed, and the payments under way for them."""
        totals = Totals()
        for mail in self.mails:
            for each in mail.reminders:
                totals.add(each.invoice.currency_code, balance=each.owed, pending=each.pending or None)
        return totals.to_json()

    def remarks(self) -> Sentences:
        """What the steps do not say by themselves."""
        strangers = sum(bool(mail.to.strangers) for mail in self.mails)
        return in_order(
            f"{count_of(strangers, 'mail')} would go to somebody who is no contact of the client: see no_contacts."
            if strangers
            else None,
            _in_words(self.credits),
            f"recipients_per_client names clients of whom no invoice is here: {few(self.unused)}."
            if self.unused
            else None,
            self.today,
        )


async def _preview(clientary: Clientary, args: SendPaymentReminders, job: Job) -> Outcome:
    batch = await _plan(clientary, args, job)
    if not batch.mails:
        return _nothing(batch)
    left_out = f"; {count_of(len(batch.skipped), 'invoice')} would be skipped" if batch.skipped else ""
    cap = clientary.settings.mails_per_hour
    capped = (
        f" At most {cap} mails are sent in an hour (CLIENTARY_MAILS_PER_HOUR): the same call continues later."
        if len(batch.mails) > cap
        else ""
    )
    shown = preview(
        f"mail {batch.number}, each to the recipients in its step{left_out}",
        goes_with_it={"mail": _texts(args, batch.mails)} | ({"credits": batch.credits} if batch.credits else {}),
        steps=[*({"step": "mail", **mail.row()} for mail in batch.mails), *batch.skipped],
        totals=batch.totals(),
        not_visible=f"A mail cannot be recalled.{capped}",
    )
    shown.message = in_order(shown.message, _unnamed(args, batch.mails), batch.remarks())
    return shown


@jobs("workflows", _preview, "mail", checked_with="get_invoice")
async def send_payment_reminders(clientary: Clientary, args: SendPaymentReminders, job: Job) -> Outcome:
    """E-mail overdue invoices again, to each invoice's own recipients or else the client's contacts. Skips clients who
    paid recently, and those reminded in the last 24 hours. Takes either invoice_ids or min_days_overdue, or client_id
    alone."""
    async with exclusive(clientary, job.ledger, "reminders"):
        batch = await _plan(clientary, args, job)
        if not batch.mails:
            return _nothing(batch)
        rows = await _mail_all(clientary, args, batch.mails, job)
    batch.mails = [mail for mail, row in zip(batch.mails, rows, strict=True) if row["step"] == "mailed"]
    if not batch.mails:
        return nothing_to_do("No reminder was mailed: Clientary refused every one.", steps=[*rows, *batch.skipped])
    parts, refused = [f"{batch.number} mailed"], len(rows) - len(batch.mails)
    parts += [f"{refused} refused by Clientary"] if refused else []
    parts += [f"{count_of(len(batch.skipped), 'invoice')} skipped"] if batch.skipped else []
    came = sum(row["why"] == CAME_SINCE for row in batch.skipped)
    parts += [f"{came} of them because {'they' if came > 1 else 'it'} came since the preview"] if came else []
    message = [f"{', '.join(parts)}.", batch.today]
    return done(message, steps=[*rows, *batch.skipped], totals=batch.totals())


async def _mail_all(clientary: Clientary, args: SendPaymentReminders, mails: list[Mail], job: Job) -> Rows:
    """The result of each; PartiallyDone when one fails after others were sent. A refused one does not stop the rest."""
    again = args.allow_duplicate and job.shown_at == math.inf
    steps = Steps("The same call, without allow_duplicate," if again else "The same call")
    rows: Rows = []
    for mail in mails:
        try:
            await send(clientary, args, mail, job.ledger)
        except (Refused, NotFound) as refusal:
            rows.append({"step": "refused", **mail.row(), "why": str(refusal)})
        except ClientaryError as failure:
            raise steps.stopped(mail.what, failure) from None
        else:
            steps.record(mail.what)
            for reminder in mail.reminders:
                job.did(reminder.item)
            rows.append({"step": "mailed", **mail.row()})
    return rows


async def _plan(clientary: Clientary, args: SendPaymentReminders, job: Job) -> _Batch:
    """The mails to send, and the invoices that are skipped."""
    today, chosen = clientary.today(), await choose(clientary, args)
    names = await client_names(clientary, [each.client_id for each in chosen.invoices], names_in(chosen.invoices))
    contacts = await contacts_of(clientary, [each for each in chosen.invoices if not not_late(each, today)])
    skipped = [{"step": "skip", "invoice_id": each, "why": "the invoice does not exist"} for each in chosen.missing]
    batch, reminders = _Batch(today.sentence, skipped=skipped), []
    for invoice in chosen.invoices:
        reminder = Reminder(invoice, names[invoice.client_id], _recipients(invoice, args, contacts), today)
        reminder, reminded = await _without_reminded(job, args, reminder)
        why = _in_the_way(reminder, args, chosen) or reminded
        if why is not None:
            job.settled(reminder.item)
        elif not job.may(reminder.item, reminder.shown()):
            why = CAME_SINCE
        if why is None:
            reminders.append(reminder)
        else:
            batch.skipped.append({"step": "skip", **reminder.row(), "why": why})
    job.check()
    batch.skipped += await _no_longer_late(clientary, [int(item.removeprefix(item_of(""))) for item in job.gone()])
    batch.mails = mails_of(reminders, args.per)
    batch.credits = _credits(reminders, chosen)
    clients = {invoice.client_id for invoice in chosen.invoices}
    batch.unused = [str(client_id) for client_id in args.given if client_id not in clients]
    return batch


def _recipients(invoice: Invoice, args: SendPaymentReminders, contacts: Mapping[int, list[Contact]]) -> Recipients:
    if invoice.client_id is None:
        return recipients_of(invoice, [], None)
    return recipients_of(invoice, contacts.get(invoice.client_id), args.given.get(invoice.client_id))


def _in_the_way(reminder: Reminder, args: SendPaymentReminders, chosen: Chosen) -> str | None:
    """Why an invoice is not to be reminded of, by what is read of it and its client; None for one that is."""
    invoice, today = reminder.invoice, reminder.today
    if args.client_id not in (None, invoice.client_id):
        return f"it is of {quote(reminder.client)}, not of client {args.client_id}"
    why = not_late(invoice, today) or chosen.payment_of(invoice) or reminder.to.why_not
    if why is None and (unknown := Mail([reminder]).unknown(args)):
        return f"the text names {{{unknown[0]}}}, and that is not known of it"
    return why


async def _without_reminded(job: Job, args: SendPaymentReminders, reminder: Reminder) -> tuple[Reminder, str | None]:
    """The reminder for those who had none of it in the last day, or why there is nobody left.

    What was mailed before the preview may be mailed once more with allow_duplicate.
    """
    earlier = {address: await job.ledger.find(reminder.key(address)) for address in reminder.to.addresses}
    had = {
        address: step.state
        for address, step in earlier.items()
        if step is not None and not (args.allow_duplicate and step.since < job.shown_at)
    }
    if not had or len(had) < len(earlier):
        return replace(reminder, to=reminder.to.without(had)), None
    if "sent" in had.values():
        why = "it may have been mailed in the last day: the response was lost; allow_duplicate=true mails it again"
    else:
        why = "it was mailed in the last day; allow_duplicate=true mails it again"
    return reminder, why


async def _no_longer_late(clientary: Clientary, invoice_ids: list[int]) -> Rows:
    """The rows of invoices that a preview listed, and that are not late enough any more."""
    today, found = clientary.today(), await find_all(clientary, invoice_ids)
    clients = await client_names(clientary, [each.client_id for each in found if each], names_in(filter(None, found)))
    return [
        {
            "step": "skip",
            **Reminder(invoice, clients[invoice.client_id], Recipients(), today).row(),
            "why": not_late(invoice, today) or "it is not late enough any more",
        }
        if invoice
        else {"step": "skip", "invoice_id": invoice_id, "why": "the invoice does not exist any more"}
        for invoice_id, invoice in zip(invoice_ids, found, strict=True)
    ]


def _credits(reminders: Iterable[Reminder], chosen: Chosen) -> Rows:
    names = {each.invoice.client_id: each.client for each in reminders}
    return [
        {
            "client": names[client_id],
            "currency_code": code,
            "owed": account.owed,
            "credit": account.credit,
            "net": account.owed - account.credit,
        }
        for (client_id, code), account in chosen.accounts.items()
        if account.credit and client_id in names
    ]


def _in_words(accounts: Rows) -> str | None:
    """The sentence on what clients have too much; None where they have nothing."""
    each = [f"{quote(row['client'])} {format_money(row['credit'], row['currency_code'])}" for row in accounts]
    return f"Credit that the reminders do not deduct: {few(each)}." if each else None


def _texts(args: SendPaymentReminders, mails: list[Mail]) -> dict[str, Any]:
    """The subject and the message of the mails, and as they read in the first one that fills in something."""
    several = any(len(mail.reminders) > 1 for mail in mails)
    texts: dict[str, Any] = {"subject": args.subject or _TEMPLATE, "message": args.message or _TEMPLATE}
    if several and not args.message:
        texts["message_of_several_invoices"] = OF_SEVERAL
    plain = {"subject": args.subject, "message": args.message}
    filled = next((filled for mail in mails if (filled := mail.texts(args)) != plain), None)
    return texts | ({"filled_in": {name: text or _TEMPLATE for name, text in filled.items()}} if filled else {})


def _unnamed(args: SendPaymentReminders, mails: list[Mail]) -> str | None:
    """The remark on a text of the call that leaves out what a mail of several invoices is about."""
    if not args.message or "{number}" in f"{args.subject} {args.message}" or all(len(m.reminders) == 1 for m in mails):
        return None
    return "The text does not name the invoices of a mail: {number} in it would, or per=invoice mails each by itself."


def _nothing(batch: _Batch) -> Outcome:
    """The answer where nobody is to be mailed; one invoice that is skipped is named in it, with the reason."""
    why = None
    if len(batch.skipped) == 1:
        (row,) = batch.skipped
        number = quote(row["number"]) if row.get("number") else row["invoice_id"]
        why = f"Invoice {number}: {row['why']}."
    return nothing_to_do(in_order("There is no reminder to send.", why, batch.today), steps=batch.skipped)


TOOLS = (send_payment_reminders,)

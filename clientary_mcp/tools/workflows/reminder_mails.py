"""The mails of reminders: which invoices go into one, what it says, and sending it once."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any, Literal

from clientary_mcp.accounting.days import Today
from clientary_mcp.accounting.invoices import days_overdue, owed_of, pending_of
from clientary_mcp.accounting.money import ZERO
from clientary_mcp.api.session import Clientary
from clientary_mcp.errors import OutcomeUnknown
from clientary_mcp.state.ledger import Ledger
from clientary_mcp.tools.support.documents import invoice_name
from clientary_mcp.tools.support.formatting import few, format_money
from clientary_mcp.tools.support.mailing import send_message
from clientary_mcp.tools.workflows.reminder_recipients import Recipients
from tool_schemas.base.addresses import mailbox
from tool_schemas.base.currencies import minor_units
from tool_schemas.base.sentences import count_of
from tool_schemas.invoices import Invoice, SendInvoiceMessage
from tool_schemas.workflows.payment_reminders import SendPaymentReminders

OF_SEVERAL = "This is a reminder of invoices {number}: {balance} is open, and the oldest was due on {due_date}."
"""The message of a mail of several invoices where the call gives none: the account's template names one alone."""

_SUMMED, _SHARED = ("total_cost", "balance", "pending"), ("client", "currency_code")
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Reminder:
    """One invoice that is to be reminded of, and to whom."""

    invoice: Invoice
    client: str
    to: Recipients
    today: Today

    @property
    def item(self) -> str:
        """Its key in the preview."""
        return item_of(self.invoice.id)

    @cached_property
    def owed(self) -> Decimal:
        """What is owed on it: its balance without what is pending."""
        return owed_of(self.invoice, self.today)

    @cached_property
    def pending(self) -> Decimal:
        """The part of its balance for which a payment is under way."""
        return pending_of(self.invoice, self.today)

    def row(self) -> dict[str, Any]:
        """What a preview shows of the invoice."""
        invoice = self.invoice
        return {
            "client": self.client,
            "number": invoice.number,
            "status": invoice.status,
            "total_cost": invoice.total_cost,
            "balance": self.owed if self.owed else invoice.balance,
            **({"pending": self.pending} if self.pending else {}),
            "currency_code": invoice.currency_code,
            "due_date": invoice.due_date,
            "days_overdue": days_overdue(invoice, self.today),
            "invoice_id": invoice.id,
        }

    def shown(self) -> dict[str, Any]:
        """What a preview shows of it, less what changes with the day, and the client's id for its name."""
        row = {name: value for name, value in self.row().items() if name not in ("days_overdue", "client")}
        return row | {"client_id": self.invoice.client_id, "recipients": self.to.addresses, "from": self.to.source}

    def key(self, address: str) -> str:
        """Its key in the ledger: nobody is reminded of an invoice twice in a day."""
        return f"reminder of {self.invoice.id} to {mailbox(address)}"


@dataclass(frozen=True)
class Mail:
    """One mail, with the reminders that it holds, the oldest invoice first."""

    reminders: list[Reminder]

    @property
    def oldest(self) -> Reminder:
        """The one with whose invoice it is sent."""
        return self.reminders[0]

    @property
    def to(self) -> Recipients:
        """The recipients, which are those of each of its reminders."""
        return self.oldest.to

    @property
    def what(self) -> str:
        """`mail of invoice “1042” (id 20101) to ann@x.example`."""
        others = len(self.reminders) - 1
        more = f" and {count_of(others, 'other invoice')}" if others else ""
        return f"mail of {invoice_name(self.oldest.invoice)}{more} to {few(self.to.addresses)}"

    def row(self) -> dict[str, Any]:
        """What a preview shows of it: what its text may name, for whom and why for them, and each of its invoices."""
        rows = [each.row() for each in self.reminders]
        row = dict(rows[0])
        if len(rows) > 1:
            sums = {name: sum((each.get(name) or ZERO for each in rows), ZERO) for name in _SUMMED}
            row |= {name: total for name, total in sums.items() if total}
            row["number"] = ", ".join(each["number"] for each in rows)
            del row["status"]
            row["invoices"] = [{name: of for name, of in each.items() if name not in _SHARED} for each in rows]
        sources = dict.fromkeys(str(each.to.source) for each in self.reminders)
        return row | self.to.to_json() | {"recipients_from": ", ".join(sources)}

    def texts(self, args: SendPaymentReminders) -> dict[str, str | None]:
        """Its subject and message; None for the account's template."""
        message = args.message or (OF_SEVERAL if len(self.reminders) > 1 else None)
        return {"subject": self._filled(args.subject), "message": self._filled(message)}

    def _filled(self, text: str | None) -> str | None:
        values = self._values()
        return text and _PLACEHOLDER.sub(lambda found: values[found[1]] or found[0], text)

    def unknown(self, args: SendPaymentReminders) -> list[str]:
        """What a text of the call names in braces and this mail does not know."""
        values = self._values()
        return [name for name in _PLACEHOLDER.findall(f"{args.subject} {args.message}") if not values[name]]

    def _values(self) -> dict[str, str | None]:
        """What a text may name in braces; None for what is not known."""
        invoice, client, code = self.oldest.invoice, self.oldest.client, self.oldest.invoice.currency_code
        owed = sum((each.owed for each in self.reminders), ZERO)
        numbers = [_on_one_line(each.invoice.number or "") for each in self.reminders]
        return {
            "number": ", ".join(numbers) if all(numbers) else None,
            "balance": None if minor_units(code) is None else format_money(owed, code),
            "due_date": str(invoice.due_date),
            "days_overdue": str(days_overdue(invoice, self.oldest.today)),
            "client": None if client in ("no client", f"client {invoice.client_id}") else _on_one_line(client),
        }


def item_of(invoice_id: object) -> str:
    """The key of an invoice in previews."""
    return f"invoice {invoice_id}"


def mails_of(reminders: Iterable[Reminder], per: Literal["client", "invoice"]) -> list[Mail]:
    """One mail for each client, currency and set of recipients, or for each invoice."""
    together: dict[object, list[Reminder]] = {}
    for each in reminders:
        together.setdefault(each.invoice.id if per == "invoice" else _whose(each), []).append(each)
    return [Mail(sorted(each, key=_age)) for each in together.values()]


def _whose(reminder: Reminder) -> object:
    """What the invoices of one mail share; an invoice that could not be named or added up there has its own."""
    invoice = reminder.invoice
    if invoice.client_id is None or not invoice.number or minor_units(invoice.currency_code) is None:
        return invoice.id
    return invoice.client_id, invoice.currency_code, frozenset(map(mailbox, reminder.to.addresses))


def _age(reminder: Reminder) -> tuple[date, int]:
    return reminder.invoice.due_date or date.max, reminder.invoice.id


async def send(clientary: Clientary, args: SendPaymentReminders, mail: Mail, ledger: Ledger) -> None:
    """Send one mail, and remember it for a day, also when it is unknown whether it was sent."""
    invoice, to = mail.oldest.invoice.id, mail.to.addresses
    # As it is: all of it was checked, and a client may be called what nobody may give as a text.
    texts = mail.texts(args)
    message = SendInvoiceMessage.model_construct(
        invoice_id=invoice, recipients=to, subject=texts["subject"], message=texts["message"]
    )
    try:
        async with ledger.step(*(each.key(address) for each in mail.reminders for address in to), keep=True):
            await send_message(clientary, f"invoices/{invoice}", message)
    except OutcomeUnknown as lost:
        lost.add("For a day, the same call skips what this mail was to remind of.")
        raise


def _on_one_line(text: str) -> str:
    return " ".join(text.split())

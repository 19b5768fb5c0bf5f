"""What documents are called in sentences: by status, number, client, total and balance, with the id at the end."""

from contextlib import suppress
from typing import Protocol, TypeVar, get_args

from clientary_mcp.accounting.days import WHENEVER
from clientary_mcp.accounting.invoices import pending_of
from clientary_mcp.api.session import Clientary
from clientary_mcp.errors import ClientaryError
from clientary_mcp.tools.support.formatting import format_money, quote
from clientary_mcp.tools.support.lookups import client_named_in, client_names
from tool_schemas.base.sentences import in_order, join_sentences
from tool_schemas.base.types import unwrap
from tool_schemas.estimates import Estimate
from tool_schemas.invoices import Invoice
from tool_schemas.leads import Lead
from tool_schemas.recurring_schedules import RecurringSchedule

Document = Invoice | Estimate | RecurringSchedule
DocumentT = TypeVar("DocumentT", bound=Document)

REMARKED = ("draft", "cancelled", "paid", "pending")
"""The statuses that make it likely that another document, or another step, was meant."""


class Numbered(Protocol):
    """What people and tools name an invoice by."""

    @property
    def id(self) -> int: ...
    @property
    def number(self) -> str | None: ...


def invoice_name(invoice: Numbered) -> str:
    """`invoice “1042” (id 20101)`: the number that people use, and the id that tools take."""
    return f"invoice {quote(invoice.number)} (id {invoice.id})" if invoice.number else f"invoice {invoice.id}"


async def read_full_name(clientary: Clientary, document: Document) -> str:
    """`the draft invoice “184” of “ACME Corp” (total 129.15 EUR, balance 119.15 EUR, id 110)`."""
    return full_name(document, await client_of(clientary, document))


def full_name(document: Document, client: str | None) -> str:
    """The name of a document whose client, or lead, is known; None for a document without one."""
    status = document.status
    known = status in get_args(unwrap(type(document).model_fields["status"].annotation)[0])
    kind = document.wrapper.replace("_", " ")
    noun = f"{status} {kind}" if known else kind
    number = document.number or document.title
    of_client = quote(client) if client else "no client"
    facts = [] if known or status is None else [f"status {quote(status)}"]
    facts.append(f"total {format_money(document.total_cost, document.currency_code)}")
    if isinstance(document, Invoice):
        facts += _balance(document)
    return f"the {noun}{f' {quote(number)}' if number else ''} of {of_client} ({', '.join(facts)}, id {document.id})"


async def client_of(clientary: Clientary, document: Document) -> str | None:
    """The name of the client, or of the lead, of a document: `client 4` where it cannot be read, None for none."""
    client_id, lead_id = document.client_id, getattr(document, "lead_id", None)
    if name := client_named_in(document):
        return name
    with suppress(ClientaryError):  # a name is not worth failing for
        if client_id is not None:
            return (await client_names(clientary, [client_id]))[client_id]
        if isinstance(lead_id, int):
            return (await clientary.get(Lead, f"leads/{lead_id}")).name or f"lead {lead_id}"
    return f"client {client_id}" if client_id else f"lead {lead_id}" if lead_id else None


async def with_standing(clientary: Clientary, document: DocumentT) -> DocumentT:
    """The document as an answer, whose notice first says that it is a draft, cancelled, paid or pending."""
    if document.status in REMARKED:
        standing = f"This is {await read_full_name(clientary, document)}."
        document.notice = join_sentences(in_order(standing, document.notice))
    return document


def _balance(invoice: Invoice) -> list[str]:
    balance = f"balance {format_money(invoice.balance, invoice.currency_code)}"
    part = pending_of(invoice, WHENEVER)
    if not part or invoice.status == "pending":  # which says so of all of it
        return [balance]
    if part == invoice.balance:
        return [balance, "all of it pending"]
    return [balance, f"of which {format_money(part, invoice.currency_code)} is pending"]

"""Tools for invoices."""

from decimal import Decimal
from functools import partial
from typing import Any

from clientary_mcp.accounting.days import Today
from clientary_mcp.accounting.invoices import days_overdue, owed_of
from clientary_mcp.api.call import Query
from clientary_mcp.api.session import Clientary
from clientary_mcp.tools.decorators import creates, deletes, lists, reads, sends, updates
from clientary_mcp.tools.support.documents import read_full_name, with_standing
from clientary_mcp.tools.support.formatting import capital
from clientary_mcp.tools.support.line_changes import lines_may_be_missing
from clientary_mcp.tools.support.listing import Listing
from clientary_mcp.tools.support.mailing import mail_document, preview_message
from clientary_mcp.tools.support.previews import done, preview
from clientary_mcp.tools.support.refusals import due_before, refuse_unusual
from clientary_mcp.tools.support.taxed_lines import with_new_lines_taxable, with_taxable_lines
from clientary_mcp.tools.workflows import freed_work
from tool_schemas.base.results import Outcome
from tool_schemas.base.sentences import Mention
from tool_schemas.invoices import (
    CreateInvoice,
    DeleteInvoice,
    GetInvoice,
    Invoice,
    InvoiceFilters,
    ListClientInvoices,
    ListInvoices,
    ListProjectInvoices,
    ListRecurringScheduleInvoices,
    SendInvoiceMessage,
    UpdateInvoice,
)


class _Invoices(Listing[Invoice]):
    """Invoices, of which some filters ask what is owed today."""

    def __init__(
        self, clientary: Clientary, args: InvoiceFilters, path: str | None = None, query: Query | None = None
    ) -> None:
        super().__init__(clientary, Invoice, args, path, query)
        self._overdue, self._min_balance, self._only_as_open = args.overdue, args.min_balance, args.only_as_open

    def _wants(self, record: Invoice, today: Today) -> bool:
        if not super()._wants(record, today):
            return False
        if self._only_as_open(record) and owed_of(record, today) == 0:
            return False
        if self._min_balance is not None and owed_of(record, today) < self._min_balance:
            return False
        return self._overdue in (None, days_overdue(record, today) > 0)


@lists("invoices", mentions=Mention("receivables_report adds up what each client owes.", "receivables_report"))
def list_invoices(clientary: Clientary, args: ListInvoices) -> Listing[Invoice]:
    """List invoices of all clients. Overdue is not a status: it means sent or viewed, past due_date, with a balance
    due."""
    path = args.path("invoices")
    return _Invoices(clientary, args, path, query=None if path else {"updated_since": args.updated_since})


@lists("invoices")
def list_client_invoices(clientary: Clientary, args: ListClientInvoices) -> Listing[Invoice]:
    """List the invoices of one client."""
    return _Invoices(clientary, args, f"clients/{args.client_id}/invoices")


@lists("invoices")
def list_project_invoices(clientary: Clientary, args: ListProjectInvoices) -> Listing[Invoice]:
    """List the invoices of one project."""
    return _Invoices(clientary, args, f"projects/{args.project_id}/invoices")


@lists("invoices")
def list_recurring_schedule_invoices(clientary: Clientary, args: ListRecurringScheduleInvoices) -> Listing[Invoice]:
    """List the invoices that one recurring schedule made."""
    return _Invoices(clientary, args, f"recurring/{args.recurring_schedule_id}/invoices")


@reads("invoices")
async def get_invoice(clientary: Clientary, args: GetInvoice) -> Invoice:
    """Read one invoice with its lines (item_id), taxes and payments."""
    return await clientary.get(Invoice, f"invoices/{args.invoice_id}")


@creates(
    "invoices",
    checked_with="list_invoices",
    mentions=(
        Mention("send_invoice_message mails it.", "send_invoice_message"),
        Mention("bill_project_hours makes one from logged hours.", "bill_project_hours"),
    ),
)
async def create_invoice(clientary: Clientary, args: CreateInvoice) -> Invoice:
    """Create an invoice, a draft unless status says otherwise. It is not mailed."""
    refuse_unusual(args, due_before(args.date, args.due_date))
    args = with_taxable_lines(args)
    narrowest = f"clients/{args.client_id}/invoices" if args.client_id else "invoices"
    return await clientary.create(
        Invoice, "invoices", args.body(), listed=partial(clientary.list_all, Invoice, narrowest)
    )


@updates(
    "invoices",
    checked_with="get_invoice",
    repeatable=False,
    mentions=Mention("Money received is recorded with create_payment, not with status.", "create_payment"),
)
async def update_invoice(clientary: Clientary, args: UpdateInvoice) -> Invoice:
    """Change the given fields of an invoice. status=cancelled voids it, reversibly."""
    # The vendor documents PUT /invoice/:id, other clients use /invoices/:id; a 404 changed nothing.
    path = f"invoices/{args.invoice_id}"
    if args.date or args.due_date:
        there = await clientary.get(Invoice, path, known=True) if None in (args.date, args.due_date) else args
        refuse_unusual(args, due_before(args.date or there.date, args.due_date or there.due_date))
    args = await with_new_lines_taxable(clientary, Invoice, path, args)

    async def send(body: dict[str, Any]) -> Invoice:
        with lines_may_be_missing(path, args.items, "get_invoice"):
            return await clientary.update(Invoice, path, body, otherwise=f"invoice/{args.invoice_id}")

    return await with_standing(clientary, await freed_work.updated(clientary, args, send))


async def _preview_delete_invoice(clientary: Clientary, args: DeleteInvoice) -> Outcome:
    invoice = await clientary.get(Invoice, f"invoices/{args.invoice_id}")
    received = sum((payment.amount or Decimal(0) for payment in invoice.payments or []), start=Decimal(0))
    payments: dict[str, Any] = {"not_visible": "Clientary did not list them"}
    if invoice.payments is not None:
        payments = {"count": len(invoice.payments), "received": received, "currency_code": invoice.currency_code}
    return preview(
        f"delete {await read_full_name(clientary, invoice)} for good",
        invoice,
        goes_with_it={
            "lines": {"count": len(invoice.items or [])},
            "payments": payments,
            "becomes_unbilled": await freed_work.billed_by(clientary, invoice),
        },
        not_visible=(
            "Clientary does not document what happens to its payments, or to the hours and expenses that it bills; it"
            " is unknown whether money charged to a card is refunded."
        ),
        alternative=Mention(
            f"update_invoice with invoice_id={invoice.id}, status=cancelled voids it and keeps it on record.",
            "update_invoice",
        ),
    )


@deletes(
    "invoices",
    _preview_delete_invoice,
    checked_with="get_invoice",
    mentions=Mention("update_invoice with status=cancelled voids it and keeps it on record.", "update_invoice"),
)
async def delete_invoice(clientary: Clientary, args: DeleteInvoice) -> Outcome:
    """Delete an invoice for good, with its lines."""
    path = f"invoices/{args.invoice_id}"
    invoice, freed = await freed_work.deleted(clientary, args.invoice_id, partial(clientary.delete, path))
    return done([f"{capital(await read_full_name(clientary, invoice))} is deleted.", *freed])


async def _preview_send_invoice(clientary: Clientary, args: SendInvoiceMessage) -> Outcome:
    return await preview_message(clientary, await clientary.get(Invoice, f"invoices/{args.invoice_id}"), args)


@sends(
    "invoices",
    _preview_send_invoice,
    checked_with="get_invoice",
    mentions=Mention("list_client_contacts has the client's addresses.", "list_client_contacts"),
)
async def send_invoice_message(clientary: Clientary, args: SendInvoiceMessage) -> Outcome:
    """E-mail an invoice to the given addresses."""
    path = f"invoices/{args.invoice_id}"
    return await mail_document(clientary, path, await clientary.get(Invoice, path), args)


TOOLS = (
    list_invoices,
    list_client_invoices,
    list_project_invoices,
    list_recurring_schedule_invoices,
    get_invoice,
    create_invoice,
    update_invoice,
    delete_invoice,
    send_invoice_message,
)

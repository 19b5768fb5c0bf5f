"""Copies an invoice: a draft with the same lines, taxes and texts, which bills no work again."""

import re
from datetime import timedelta
from functools import partial

from clientary_mcp.accounting.money import rounded
from clientary_mcp.api.session import Clientary
from clientary_mcp.tools.decorators import creates
from clientary_mcp.tools.support.documents import invoice_name
from clientary_mcp.tools.support.formatting import capital, format_money, quote
from clientary_mcp.tools.support.lookups import parties
from clientary_mcp.tools.support.work_lists import without_references
from clientary_mcp.tools.workflows.copied_lines import copied, head_of, lines_of
from clientary_mcp.tools.workflows.draft_invoices import difference, draft, estimates_in, sums
from tool_schemas.base.sentences import in_order, join_sentences
from tool_schemas.invoices import Invoice
from tool_schemas.workflows.copied_invoices import CopiedInvoice, CopyInvoice

_USUAL_DAYS = timedelta(days=30)


@creates("workflows", checked_with="list_invoices")
async def copy_invoice(clientary: Clientary, args: CopyInvoice) -> Invoice:
    """Draft an invoice with the lines, taxes and texts of another, without its payments and the work that it bills."""
    source = await clientary.get(Invoice, f"invoices/{args.invoice_id}")
    wanted = _copy(source, args, clientary)
    elsewhere = await _in_another_currency(clientary, source, wanted)
    own = f"clients/{wanted.client_id}/invoices" if wanted.client_id else "invoices"
    invoice = await clientary.create(
        Invoice, "invoices", wanted.body(), listed=partial(clientary.list_all, Invoice, own)
    )
    other = None if invoice.total_cost is None else difference(invoice, wanted).strip() or None
    invoice.notice = join_sentences(in_order(invoice.notice, elsewhere, _compared(source, wanted), other)) or None
    return invoice


def _copy(source: Invoice, args: CopyInvoice, clientary: Clientary) -> CopiedInvoice:
    """The invoice to create; BadArguments where the source cannot be read for certain."""
    name = capital(invoice_name(source))
    lines = lines_of(source, name)
    day = args.date or clientary.today().day
    days = source.due_date - source.date if source.date and source.due_date else _USUAL_DAYS
    head = head_of(source) | ({"client_id": args.client_id} if args.client_id else {})
    po = source.po if args.client_id in (None, source.client_id) else None  # the other client's order is another
    return draft(
        name,
        CopiedInvoice,
        **head,
        po=po,
        date=day,
        due_date=args.due_date or day + days,
        note=args.note or _plain_note(source.note),
        items=[copied(item) for item in lines],
    )


def _plain_note(note: str | None) -> str | None:
    """The note without what names billed work, or an estimate that the invoice was made from."""
    plain = without_references(note)
    for reference in estimates_in(plain).values():
        plain = re.sub(rf"\s*{re.escape(reference)}", "", plain)
    return plain.strip() or None


async def _in_another_currency(clientary: Clientary, source: Invoice, wanted: CopiedInvoice) -> str | None:
    """The sentence on another client, whose own currency is not that of the copy."""
    client_id, code = wanted.client_id, source.currency_code
    if client_id is None or client_id == source.client_id:
        return None
    client = (await parties(clientary, [client_id]))[client_id]
    if code is None or client.currency_code in (None, code):
        return None
    return f"It is in {code}, as the source is; the currency of {quote(client.name)} is {client.currency_code}."


def _compared(source: Invoice, wanted: CopiedInvoice) -> str | None:
    """The sentence on a total that is not the source's: fees and the like are no lines."""
    total, code = sums(wanted).total, source.currency_code
    if source.total_cost is None or rounded(source.total_cost, code) == total:
        return None
    ours, theirs = (format_money(each, code) for each in (total, source.total_cost))
    return f"Its lines and taxes come to {ours}, the source's total is {theirs}."


TOOLS = (copy_invoice,)

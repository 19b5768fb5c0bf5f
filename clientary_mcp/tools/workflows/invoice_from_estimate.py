"""Turns an estimate into a draft invoice, line by line."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from clientary_mcp.accounting.money import ZERO, rounded
from clientary_mcp.api.session import Clientary
from clientary_mcp.api.streaming import rereads
from clientary_mcp.errors import BadArguments
from clientary_mcp.tools.decorators import jobs
from clientary_mcp.tools.job import Job
from clientary_mcp.tools.support.documents import invoice_name
from clientary_mcp.tools.support.formatting import format_money, quote
from clientary_mcp.tools.support.lookups import client_names, names_in
from clientary_mcp.tools.support.previews import done, nothing_to_do, preview
from clientary_mcp.tools.workflows.draft_invoices import (
    create_draft,
    difference,
    draft,
    draft_as_json,
    estimates_in,
    line,
    note_of,
    sums,
    totals,
)
from clientary_mcp.tools.workflows.turns import exclusive
from tool_schemas.base.results import Outcome
from tool_schemas.base.sentences import count_of
from tool_schemas.base.types import writable
from tool_schemas.documents import Item, NewItem, TaxFields
from tool_schemas.estimates import Estimate
from tool_schemas.invoices import CreateInvoice, Invoice
from tool_schemas.workflows.invoice_from_estimate import CreateInvoiceFromEstimate, InvoiceOfEstimate

_SAME = ("client_id", "currency_code", "title", "summary", *TaxFields.model_fields)
"""The fields that an invoice copies from its estimate unchanged, besides the note and the lines."""
_TAXES_OF_LINES = ("taxable", "secondary_tax", "tertiary_tax")
"""Whether the first, the second and the third tax apply to a line."""


async def _preview(clientary: Clientary, args: CreateInvoiceFromEstimate, _job: Job) -> Outcome:
    estimate, wanted = await _read(clientary, args)
    made = await _made_from(clientary, estimate)
    if made and not args.allow_duplicate:
        return _made_already(estimate, made)
    clients = await client_names(clientary, [estimate.client_id], names_in([estimate]))
    client, total = quote(clients[estimate.client_id]), format_money(sums(wanted).total, wanted.currency_code)
    doubts = "".join(f"; note that {each}" for each in _doubts(estimate, made))
    return preview(
        f"create a draft invoice of {total} to {client} with the {_lines(wanted)} of {_estimate_name(estimate)}"
        f"; {_compared(estimate, sums(wanted).total)}{doubts}",
        estimate,
        steps=[draft_as_json(wanted), *(_row(item, wanted.currency_code) for item in wanted.items or [])],
        totals=totals(wanted, estimate_total=estimate.total_cost),
    )


@jobs("workflows", _preview, checked_with="list_invoices", destroys=False)
async def create_invoice_from_estimate(clientary: Clientary, args: CreateInvoiceFromEstimate, job: Job) -> Outcome:
    """Draft an invoice with the lines, taxes and texts of an estimate, only once. The estimate stays as it is."""
    turn = f"invoice from estimate {args.estimate_id}"
    async with exclusive(clientary, job.ledger, turn):
        estimate, wanted = await _read(clientary, args)
        if not args.allow_duplicate and (made := await _made_from(clientary, estimate)):
            return _made_already(estimate, made)
        invoice = await create_draft(clientary, wanted, job.ledger, turn)
    comes_to = sums(wanted).total if invoice.total_cost is None else invoice.total_cost
    total = format_money(comes_to, invoice.currency_code)
    about = f"a draft invoice of {total}, with the {_lines(wanted)} of {_estimate_name(estimate)}"
    notice = f" {invoice.notice}" if invoice.notice else ""
    remarks = f"{difference(invoice, wanted)}{notice}"
    return done(
        f"Created {invoice_name(invoice)}, {about}; {_compared(estimate, comes_to)}.{remarks}",
        invoice,
        steps=[_row(item, wanted.currency_code) for item in wanted.items or []],
        totals=totals(wanted, estimate_total=estimate.total_cost),
    )


async def _read(clientary: Clientary, args: CreateInvoiceFromEstimate) -> tuple[Estimate, InvoiceOfEstimate]:
    """The estimate, and the invoice to create from it; BadArguments where none can be."""
    estimate = await clientary.get(Estimate, f"estimates/{args.estimate_id}")
    name = f"The {_estimate_name(estimate)}"
    if estimate.client_id is None:
        raise BadArguments(f"{name} has no client; it may belong to a lead. Assign a client first.")
    if estimate.items is None:
        raise BadArguments(f"{name} cannot be copied: Clientary does not show its lines.")
    if unclear := list(_unclear(estimate)):
        raise BadArguments(f"{name} cannot be copied: {', '.join(unclear)}. Correct it in Clientary first.")
    same = {name: value for name in _SAME if (value := getattr(estimate, name)) is not None}
    po = getattr(estimate, "po", None)  # a key of live estimates alone
    wanted = draft(
        name,
        InvoiceOfEstimate,
        **same,
        date=args.date or clientary.today().day,
        due_date=args.due_date,
        number=args.number,
        po=po if isinstance(po, str) else None,
        note=note_of(estimate.note, _reference(estimate)),
        items=[_copied(item) for item in estimate.items],
    )
    return estimate, wanted


def _unclear(estimate: Estimate) -> Iterator[str]:
    """What its amounts depend on and cannot be read, which must not become zero."""
    for name, sent in (estimate.unreadable or {}).items():
        if name in TaxFields.model_fields:
            yield f"its {name} is {quote(str(sent))}"
    for item in estimate.items or ():
        for name, sent in item.without_meaning().items():
            is_what = "is missing" if sent is None else f"is {quote(str(sent))}"
            yield f"the {name} of its line {quote(item.title or '')} {is_what}"


def _copied(item: Item) -> dict[str, Any]:
    """A line as it can be written again; sections may come without figures."""
    figures = {"quantity": writable(item.quantity or ZERO), "price": writable(item.price or ZERO)}
    taxes = {name: getattr(item, name) for name in _TAXES_OF_LINES}
    kind = item.item_type if item.item_type in ("line", "section") else None
    return {"title": item.title, **figures, **taxes, "item_type": kind}


@rereads
async def _made_from(clientary: Clientary, estimate: Estimate) -> list[Invoice]:
    """The invoices that were made from an estimate; cancelled ones are void."""

    def is_of_it(invoice: Invoice) -> bool:
        linked = str(getattr(invoice, "associated_estimate_id", None)) == str(estimate.id)
        return linked or estimate.id in estimates_in(invoice.note)

    invoices = clientary.stream(Invoice, f"clients/{estimate.client_id}/invoices")
    return [invoice async for invoice in invoices if invoice.status != "cancelled" and is_of_it(invoice)]


def _made_already(estimate: Estimate, made: list[Invoice]) -> Outcome:
    each = " and ".join(invoice_name(invoice) for invoice in made)
    return nothing_to_do(
        f"The {_estimate_name(estimate)} was turned into {each} already.",
        made[0],
        alternative="allow_duplicate=true creates another one.",
    )


def _doubts(estimate: Estimate, made: list[Invoice]) -> list[str]:
    """What may speak against creating it."""
    doubts = []
    if estimate.status != "accepted":
        doubts.append(f"the estimate is not accepted; its status is {quote(estimate.status or 'unknown')}")
    if made:
        doubts.append(f"{' and '.join(invoice_name(invoice) for invoice in made)} was made from it already")
    return doubts


def _compared(estimate: Estimate, total: Decimal) -> str:
    """How a total compares with the estimate's own."""
    if estimate.total_cost is None:
        return "Clientary does not return the estimate's total"
    code = estimate.currency_code
    if not (more := rounded(total - estimate.total_cost, code)):
        return "the estimate has the same total"
    by = f"{format_money(abs(more), code)} {'more' if more > 0 else 'less'}"
    return f"that is {by} than the estimate's own total of {format_money(estimate.total_cost, code)}"


def _row(item: NewItem, currency_code: str) -> dict[str, Any]:
    if item.item_type == "section":
        return {"step": "section", "title": item.title}
    taxes = {name: value for name in _TAXES_OF_LINES if (value := getattr(item, name, None))}
    return line(item.title, item.quantity, item.price, currency_code) | taxes


def _lines(wanted: CreateInvoice) -> str:
    return count_of(len(wanted.items or []), "line")


def _estimate_name(estimate: Estimate) -> str:
    return f"estimate {quote(estimate.number)}" if estimate.number else f"estimate {estimate.id}"


def _reference(estimate: Estimate) -> str:
    """The source in the note of an invoice: the number for people, the id for `_made_from`."""
    return f"{' '.join(('Estimate ' + (estimate.number or '')).split())} (id {estimate.id})."


TOOLS = (create_invoice_from_estimate,)

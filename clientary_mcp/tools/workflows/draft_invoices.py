"""Draft invoices that jobs create: checked like any other, created once, and recognized later by their note."""

import re
from decimal import Decimal
from functools import partial
from typing import Any, TypeVar

from pydantic import ValidationError

from clientary_mcp.accounting.money import Sums, line_amount, rounded, sums_of
from clientary_mcp.api.session import Clientary
from clientary_mcp.errors import BadArguments
from clientary_mcp.state.ledger import Ledger
from clientary_mcp.tools.support.formatting import format_money
from clientary_mcp.tools.support.refusals import due_before
from tool_schemas.base.validation import describe_errors
from tool_schemas.documents import TaxFields
from tool_schemas.invoices import CreateInvoice, Invoice

_ESTIMATE = re.compile(r"\bEstimate\b[^\n]*?\(id (\d{1,16})\)(?:, (\d{1,3}(?:\.\d{1,30})?)%)?\.?", re.ASCII)

DraftT = TypeVar("DraftT", bound=CreateInvoice)


def draft(of: str, kind: type[DraftT], **fields: Any) -> DraftT:
    """The draft invoice to create; BadArguments when its source cannot be put on an invoice."""
    try:
        wanted = kind(status="draft", **fields)
    except ValidationError as error:
        wrong = describe_errors(error, kind)
        raise BadArguments(f"{of} cannot be put on an invoice as it is: {wrong}.") from None
    if doubt := due_before(wanted.date, wanted.due_date):
        raise BadArguments(doubt)
    return wanted


async def create_draft(
    clientary: Clientary, wanted: CreateInvoice, ledger: Ledger, *jobs: str, keep: bool = False
) -> Invoice:
    """The invoice, created once: if the response is lost, it is searched for among its client's invoices.

    With `keep` the ledger remembers the jobs for a day.
    """
    own = partial(clientary.list_all, Invoice, f"clients/{wanted.client_id}/invoices")
    async with ledger.step(*jobs, keep=keep):
        return await clientary.create(Invoice, "invoices", wanted.body(), listed=own)


def sums(wanted: CreateInvoice) -> Sums:
    """The totals of a draft."""
    return sums_of(wanted.items or [], wanted, wanted.currency_code)


def difference(invoice: Invoice, wanted: CreateInvoice) -> str:
    """A remark where Clientary's total differs from the draft's, or is not returned."""
    if invoice.total_cost is None:
        return " Clientary did not return its total: check it before sending it."
    total = sums(wanted).total
    if rounded(invoice.total_cost, wanted.currency_code) == total:
        return ""
    theirs, ours = (format_money(each, invoice.currency_code) for each in (invoice.total_cost, total))
    return f" Clientary computed {theirs} instead of {ours}: check it before sending it."


def draft_as_json(wanted: CreateInvoice) -> dict[str, Any]:
    """The head of a draft, as a job shows it before its lines."""
    about = ("number", "date", "due_date", "currency_code", "title", "summary", *TaxFields.model_fields, "note")
    return {"step": "draft invoice", **{name: value for name in about if (value := getattr(wanted, name))}}


def line(title: str, quantity: Decimal, price: Decimal, currency_code: str) -> dict[str, Any]:
    """A line, as a job shows it."""
    amount = line_amount(quantity, price, currency_code)
    return {"step": "line", "title": title, "quantity": quantity, "price": price, "amount": amount}


def totals(wanted: CreateInvoice, **more: Decimal | None) -> list[dict[str, Any]]:
    """The sums of a draft, as a job shows them."""
    given = {name: amount for name, amount in more.items() if amount is not None}
    return [{"currency_code": wanted.currency_code, **sums(wanted).to_json(), **given}]


def estimates_in(note: str | None) -> dict[int, str]:
    """The estimates that a note names as the invoice's source: `{12: "Estimate E-77 (id 12)."}`."""
    return {int(found[1]): found[0] for found in _ESTIMATE.finditer(note or "")}


def share_in(note: str | None, estimate_id: int) -> Decimal | None:
    """The percent of an estimate that a note says its invoice bills; None where it says nothing of a share."""
    shares = [
        Decimal(found[2]) for found in _ESTIMATE.finditer(note or "") if found[2] and int(found[1]) == estimate_id
    ]
    return sum(shares, Decimal(0)) or None


def note_of(*parts: str | None) -> str:
    """A note of several lines."""
    return "\n".join(part for part in parts if part)

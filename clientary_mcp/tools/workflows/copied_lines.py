"""The lines, taxes and texts of a document as an invoice takes them over."""

from collections.abc import Iterator
from typing import Any

from clientary_mcp.accounting.money import ZERO
from clientary_mcp.errors import BadArguments
from clientary_mcp.tools.support.formatting import quote
from tool_schemas.base.types import writable
from tool_schemas.documents import Item, TaxFields
from tool_schemas.estimates import Estimate
from tool_schemas.invoices import Invoice

TAXES_OF_LINES = ("taxable", "secondary_tax", "tertiary_tax")
"""Whether the first, the second and the third tax apply to a line."""
_SAME = ("client_id", "currency_code", "title", "summary", *TaxFields.model_fields)
"""The fields that are copied unchanged, besides the note and the lines."""


def head_of(document: Estimate | Invoice) -> dict[str, Any]:
    """The client, the currency, the texts and the taxes of a document."""
    return {name: value for name in _SAME if (value := getattr(document, name)) is not None}


def lines_of(document: Estimate | Invoice, name: str) -> list[Item]:
    """The lines of a document; BadArguments where what its amounts depend on cannot be read."""
    if document.items is None:
        raise BadArguments(f"{name} cannot be copied: Clientary does not show its lines.")
    if unclear := list(_unclear(document)):
        raise BadArguments(f"{name} cannot be copied: {', '.join(unclear)}. Correct it in Clientary first.")
    return document.items


def copied(item: Item) -> dict[str, Any]:
    """A line as it can be written again; sections may come without figures."""
    figures = {"quantity": writable(item.quantity or ZERO), "price": writable(item.price or ZERO)}
    taxes = {name: getattr(item, name) for name in TAXES_OF_LINES}
    kind = item.item_type if item.item_type in ("line", "section") else None
    return {"title": item.title, **figures, **taxes, "item_type": kind}


def _unclear(document: Estimate | Invoice) -> Iterator[str]:
    """What its amounts depend on and cannot be read, which must not become zero."""
    for name, sent in (document.unreadable or {}).items():
        if name in TaxFields.model_fields:
            yield f"its {name} is {quote(str(sent))}"
    for item in document.items or ():
        for name, sent in item.without_meaning().items():
            is_what = "is missing" if sent is None else f"is {quote(str(sent))}"
            yield f"the {name} of its line {quote(item.title or '')} {is_what}"

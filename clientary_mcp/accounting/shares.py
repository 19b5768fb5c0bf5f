"""Shares of a document: what a part invoice bills, one amount for each set of taxes."""

from collections.abc import Iterable
from decimal import Decimal

from clientary_mcp.accounting.money import ZERO, line_amount, rounded
from tool_schemas.documents import Item

WHOLE = Decimal(100)
Taxed = tuple[bool | None, bool | None, bool | None]
"""Whether the first, the second and the third tax apply."""


def share_of(items: Iterable[Item], before: Decimal, percent: Decimal, code: str | None) -> dict[Taxed, Decimal]:
    """The net amounts of so many percent of these lines, after `before` percent were billed.

    Each is the difference of two rounded sums, so that shares that come to 100 percent come to the whole.
    """
    sums: dict[Taxed, Decimal] = {}
    for item in items:
        if item.item_type != "section":
            taxes = (item.taxable, item.secondary_tax, item.tertiary_tax)
            amount = line_amount(item.quantity or ZERO, item.price or ZERO, code)
            sums[taxes] = sums.get(taxes, ZERO) + amount
    shares = {taxes: _up_to(net, before + percent, code) - _up_to(net, before, code) for taxes, net in sums.items()}
    return {taxes: share for taxes, share in shares.items() if share}


def _up_to(net: Decimal, percent: Decimal, code: str | None) -> Decimal:
    return rounded(net * percent / WHOLE, code)

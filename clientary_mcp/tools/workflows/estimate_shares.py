"""Part and deposit invoices of an estimate: the lines of a share, and what of the estimate is billed already."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from clientary_mcp.accounting.money import ZERO
from clientary_mcp.accounting.shares import WHOLE, Taxed, share_of
from clientary_mcp.errors import BadArguments
from clientary_mcp.tools.support.documents import invoice_name
from clientary_mcp.tools.support.formatting import quote
from clientary_mcp.tools.workflows.copied_lines import TAXES_OF_LINES
from clientary_mcp.tools.workflows.draft_invoices import share_in
from tool_schemas.documents import Item
from tool_schemas.estimates import Estimate
from tool_schemas.invoices import Invoice


@dataclass(frozen=True)
class Share:
    """So many percent of an estimate, after what other invoices bill of it."""

    percent: Decimal
    before: Decimal
    of: str
    """The estimate, as sentences name it."""
    made: list[Invoice]
    """The invoices that were made from it before."""

    @property
    def left(self) -> Decimal:
        """What is left to bill afterwards."""
        return WHOLE - self.before - self.percent

    @property
    def words(self) -> str:
        """`30 % of estimate “E-77”, after 20 % billed by invoice “7” (id 7); 50 % is left`."""
        by = " and ".join(invoice_name(invoice) for invoice in self.made)
        after = f", after {in_percent(self.before)} billed by {by}" if self.made else ""
        return f"{in_percent(self.percent)} of {self.of}{after}; {in_percent(self.left)} is left"

    def lines(self, items: list[Item], estimate: Estimate, label: str | None) -> list[dict[str, Any]]:
        """One line for each set of taxes; BadArguments where the share comes to nothing."""
        shares = share_of(items, self.before, self.percent, estimate.currency_code)
        if not shares:
            raise BadArguments(f"percent: {in_percent(self.percent)} of {self.of} comes to nothing.")
        title = label or f"{in_percent(self.percent)} of {self.of}"
        return [
            {
                "title": title if len(shares) == 1 else f"{title}, {_taxes(taxes, estimate)}",
                "quantity": Decimal(1),
                "price": amount,
                **dict(zip(TAXES_OF_LINES, taxes, strict=True)),
            }
            for taxes, amount in shares.items()
        ]


def billed_of(estimate: Estimate, made: Iterable[Invoice]) -> Decimal:
    """The percent of an estimate that these invoices bill: one that names no share bills all of it."""
    return sum((share_in(invoice.note, estimate.id) or WHOLE for invoice in made), ZERO)


def share_to_bill(percent: Decimal, estimate: Estimate, of: str, made: list[Invoice]) -> Share:
    """The share that a call asks for; BadArguments where less of the estimate is left."""
    before = billed_of(estimate, made)
    if percent > (left := max(WHOLE - before, ZERO)):
        by = " and ".join(invoice_name(invoice) for invoice in made)
        billed = f": {in_percent(before)} is billed by {by}" if made else ""
        valid = f"valid is up to {in_percent(left)}" if left else "nothing is left"
        raise BadArguments(f"percent: {in_percent(percent)} is more than is left of {of}{billed}; {valid}.")
    return Share(percent, before, of, made)


def in_percent(percent: Decimal) -> str:
    """`30 %`."""
    return f"{percent.normalize():f} %"


def _taxes(taxes: Taxed, estimate: Estimate) -> str:
    first, second, third = taxes
    applies = (first, first if second is None else second, first if third is None else third)
    rates = (estimate.tax, estimate.tax2, estimate.tax3)
    labels = (estimate.tax_label, estimate.tax2_label, estimate.tax3_label)
    named = [
        f"{label or 'tax'} {in_percent(rate)}"
        for applied, rate, label in zip(applies, rates, labels, strict=True)
        if applied and rate
    ]
    return " and ".join(named) or "without tax"


def reference_of(estimate: Estimate, percent: Decimal | None) -> str:
    """The source in the note of an invoice: the number for people, the id and the share for later invoices."""
    share = "" if percent is None else f", {percent.normalize():f}%"
    return f"{' '.join(('Estimate ' + (estimate.number or '')).split())} (id {estimate.id}){share}."


def made_already(estimate: Estimate, of: str, made: list[Invoice]) -> str:
    """The sentence on what was made from an estimate before."""
    each = " and ".join(invoice_name(invoice) for invoice in made)
    billed = billed_of(estimate, made)
    if billed < WHOLE:
        rest = f"percent bills the rest, {in_percent(WHOLE - billed)}, or a part of it"
        return f"{in_percent(billed)} of the {of} is billed by {each} already; {rest}."
    return f"The {of} was turned into {each} already."


def names_a_share(estimate: Estimate, made: Iterable[Invoice]) -> bool:
    """Whether one of these invoices is a part of the estimate."""
    return any(share_in(invoice.note, estimate.id) for invoice in made)


def quoted(estimate: Estimate) -> str:
    """The estimate in a sentence."""
    return f"estimate {quote(estimate.number)}" if estimate.number else f"estimate {estimate.id}"

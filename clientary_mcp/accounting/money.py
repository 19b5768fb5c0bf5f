"""Exact money arithmetic: rounding to cents, line amounts, and document totals with taxes."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Protocol

ZERO, _CENT = Decimal(0), Decimal("0.01")
_EXACT = Context(prec=1_000, rounding=ROUND_HALF_UP)
"""Enough digits for the product of any two numbers in a record: Python's default of 28 would round it or fail."""


def cents(amount: Decimal) -> Decimal:
    """An amount rounded to the cent, half away from zero."""
    return amount.quantize(_CENT, context=_EXACT)


def line_amount(quantity: Decimal, price: Decimal) -> Decimal:
    """Quantity times price, rounded to the cent."""
    return cents(_product(quantity, price))


def percentage(part: Decimal, whole: Decimal) -> Decimal | None:
    """`part` as a percentage of `whole`, with one decimal; None when `whole` is zero."""
    return None if whole == 0 else (part / whole * 100).quantize(Decimal("0.1"), context=_EXACT)


class Line(Protocol):
    """The fields of a document line that a total depends on."""

    @property
    def quantity(self) -> Decimal | None: ...
    @property
    def price(self) -> Decimal | None: ...
    @property
    def taxable(self) -> bool | None: ...
    @property
    def item_type(self) -> str | None: ...


class Taxed(Protocol):
    """The tax rates of a document, in percent; a compound second tax is also charged on the first."""

    @property
    def tax(self) -> Decimal | None: ...
    @property
    def tax2(self) -> Decimal | None: ...
    @property
    def tax3(self) -> Decimal | None: ...
    @property
    def compound_tax(self) -> bool | None: ...


@dataclass(frozen=True)
class Sums:
    """The totals of a document."""

    subtotal: Decimal
    taxes: Decimal
    total: Decimal


def sums_of(lines: Iterable[Line], rates: Taxed) -> Sums:
    """Totals with each line and each tax rounded to the cent on its own, as on the document."""
    subtotal = taxable = ZERO
    for line in lines:
        if line.item_type == "section":
            continue
        amount = line_amount(line.quantity or ZERO, line.price or ZERO)
        subtotal += amount
        taxable += amount if line.taxable else ZERO
    first = _tax(taxable, rates.tax)
    second = _tax(taxable + first if rates.compound_tax else taxable, rates.tax2)
    taxes = first + second + _tax(taxable, rates.tax3)
    return Sums(subtotal, taxes, subtotal + taxes)


def _tax(amount: Decimal, rate: Decimal | None) -> Decimal:
    return line_amount(amount, _product(rate or ZERO, _CENT))


def _product(one: Decimal, other: Decimal) -> Decimal:
    return _EXACT.multiply(one, other)

"""Totals of invoices, estimates and recurring schedules, in whole cents."""

from collections.abc import Iterable
from dataclasses import dataclass

from clientary_mcp.sandbox.store.documents import SECTION_HEADER


@dataclass(frozen=True, slots=True)
class Line:
    """What a total needs to know of one line; the quantity is in hundredths."""

    quantity: int
    price: int
    taxable: bool
    item_type: int


@dataclass(frozen=True, slots=True)
class Taxes:
    """Rates in thousandths of a percent."""

    tax: int = 0
    tax2: int = 0
    tax3: int = 0
    compound: bool = False


@dataclass(frozen=True, slots=True)
class Totals:
    """The sums of a document."""

    subtotal: int
    taxable_subtotal: int
    total_tax: int
    total_tax2: int
    total_tax3: int
    total_cost: int


def rounded(numerator: int, denominator: int) -> int:
    """The quotient, rounded half up (away from zero, as money is)."""
    sign = -1 if numerator < 0 else 1
    return sign * ((2 * abs(numerator) + denominator) // (2 * denominator))


def cost(quantity: int, price: int) -> int:
    """A quantity in hundredths at a price in cents."""
    return rounded(quantity * price, 100)


def percent(amount: int, rate: int) -> int:
    """A rate in thousandths of a percent of an amount in cents."""
    return rounded(amount * rate, 100_000)


def totals(lines: Iterable[Line], taxes: Taxes) -> Totals:
    """Subtotal, taxes and total; a compound second tax is also taken on the first."""
    subtotal = taxable = 0
    for line in lines:
        if line.item_type == SECTION_HEADER:
            continue
        amount = cost(line.quantity, line.price)
        subtotal += amount
        taxable += amount if line.taxable else 0
    first = percent(taxable, taxes.tax)
    second = percent(taxable + first if taxes.compound else taxable, taxes.tax2)
    third = percent(taxable, taxes.tax3)
    return Totals(subtotal, taxable, first, second, third, subtotal + first + second + third)

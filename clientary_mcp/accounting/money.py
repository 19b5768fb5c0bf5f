"""Exact money arithmetic: rounding to a currency's smallest unit, line amounts, and document totals with taxes."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import lru_cache
from typing import NamedTuple, Protocol

from tool_schemas.base.currencies import minor_units

ZERO, _PERCENT = Decimal(0), Decimal("0.01")
_USUAL_DECIMALS = 2
"""The decimals of most currencies, assumed for a code that ISO 4217 does not list."""
_MOST_DECIMALS = 3
_EXACT = Context(prec=1_000, rounding=ROUND_HALF_UP)
"""Enough digits for the product of any two numbers in a record: Python's default of 28 would round it or fail."""


def decimals_of(currency_code: str | None) -> int:
    """How many decimals amounts in a currency have."""
    known = minor_units(currency_code)
    return _USUAL_DECIMALS if known is None else known


def rounded(amount: Decimal, currency_code: str | None) -> Decimal:
    """An amount rounded to its currency's smallest unit, half away from zero."""
    return amount.quantize(smallest_unit(currency_code), context=_EXACT)


@lru_cache(maxsize=64)  # asked for every amount; accounts have few currencies
def smallest_unit(currency_code: str | None) -> Decimal:
    """0.01 for EUR, 1 for JPY, 0.001 for KWD."""
    return Decimal(1).scaleb(-decimals_of(currency_code))


def is_finer(amount: Decimal, currency_code: str | None) -> bool:
    """Whether there is no such amount of money in a currency: 12.345 EUR, 0.5 JPY."""
    return amount != amount.quantize(Decimal(1).scaleb(-finest_decimals(currency_code)), context=_EXACT)


def finest_decimals(currency_code: str | None) -> int:
    """How many decimals an amount may have: those of its currency, as many as any usual one has where it is unknown."""
    known = minor_units(currency_code)
    return _MOST_DECIMALS if known is None else known


def is_zero(amount: Decimal, currency_code: str | None) -> bool:
    """Whether an amount is less than half of its currency's smallest unit, above or below zero."""
    return abs(amount) * 2 < smallest_unit(currency_code)


def line_amount(quantity: Decimal, price: Decimal, currency_code: str | None) -> Decimal:
    """Quantity times price, rounded once, to the currency's smallest unit."""
    return rounded(_product(quantity, price), currency_code)


def portion(amount: Decimal, part: Decimal, whole: Decimal, currency_code: str | None) -> Decimal:
    """What falls to a part of a whole, rounded once: never less than nothing, never more than all of it."""
    if whole == 0 or part / whole <= 0:
        return ZERO
    return amount if part / whole >= 1 else rounded(_EXACT.divide(_product(amount, part), whole), currency_code)


def percentage(part: Decimal, whole: Decimal) -> Decimal | None:
    """`part` as a percentage of `whole`, with one decimal; None when `whole` is zero."""
    return None if whole == 0 else (part / whole * 100).quantize(Decimal("0.1"), context=_EXACT)


def average(total: Decimal | int, count: Decimal | int, decimals: int = 1) -> Decimal | None:
    """The mean, rounded to so many decimals; None where there is nothing to average."""
    return None if count == 0 else (Decimal(total) / count).quantize(Decimal(1).scaleb(-decimals), context=_EXACT)


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


class Levied(NamedTuple):
    """One tax of a document: what it is charged on, and what it comes to."""

    base: Decimal
    amount: Decimal


@dataclass(frozen=True)
class Sums:
    """The totals of a document."""

    subtotal: Decimal
    taxable: Decimal
    """The part of the subtotal on which any tax is charged."""
    levied: tuple[Levied, Levied, Levied]
    """The three taxes; a compound second one is charged on the first as well."""

    @property
    def taxes(self) -> Decimal:
        """The sum of the three."""
        return sum((tax.amount for tax in self.levied), ZERO)

    @property
    def total(self) -> Decimal:
        """The subtotal with the taxes."""
        return self.subtotal + self.taxes

    def to_json(self) -> dict[str, Decimal]:
        """The amounts that a document ends with."""
        return {"subtotal": self.subtotal, "taxes": self.taxes, "total": self.total}


def sums_of(lines: Iterable[Line], rates: Taxed, currency_code: str | None) -> Sums:
    """Totals with each line and each tax rounded on its own, as on the document."""
    subtotal = taxed = taxable = second_taxable = third_taxable = both = ZERO
    for line in lines:
        if line.item_type == "section":
            continue
        amount = line_amount(line.quantity or ZERO, line.price or ZERO, currency_code)
        of_second, of_third = (_applies(name, line) for name in ("secondary_tax", "tertiary_tax"))
        subtotal += amount
        taxable += amount if line.taxable else ZERO
        second_taxable += amount if of_second else ZERO
        third_taxable += amount if of_third else ZERO
        both += amount if of_second and line.taxable else ZERO
        of_any = (line.taxable and rates.tax) or (of_second and rates.tax2) or (of_third and rates.tax3)
        taxed += amount if of_any else ZERO
    first = _tax(taxable, rates.tax, currency_code)
    compounded = _tax(both, rates.tax, currency_code).amount if rates.compound_tax else ZERO
    second = _tax(second_taxable + compounded, rates.tax2, currency_code)
    third = _tax(third_taxable, rates.tax3, currency_code)
    return Sums(subtotal, taxed, (first, second, third))


def readable_sums(lines: Iterable[Line] | None, rates: Taxed, currency_code: str | None) -> Sums | None:
    """The same; None without lines, and where the quantity or price of one is missing: it would count as zero."""
    found = list(lines or ())
    amounts = [line for line in found if line.item_type != "section"]
    if not amounts or any(None in (line.quantity, line.price) for line in amounts):
        return None
    return sums_of(found, rates, currency_code)


def _applies(name: str, line: Line) -> bool:
    """Whether the second or the third tax applies to a line: as the first one does, where the line does not say."""
    own = getattr(line, name, None)
    return bool(line.taxable if own is None else own)


def _tax(base: Decimal, rate: Decimal | None, currency_code: str | None) -> Levied:
    return Levied(base, line_amount(base, _product(rate or ZERO, _PERCENT), currency_code))


def _product(one: Decimal, other: Decimal) -> Decimal:
    return _EXACT.multiply(one, other)

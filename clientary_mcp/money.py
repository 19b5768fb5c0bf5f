"""Money arithmetic, exact: cents, lines and what taxes make of them, the worth of time, what is left of budgets."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any, Protocol

from tool_schemas.hours import HourEntry
from tool_schemas.projects import Project

ZERO, _CENT = Decimal(0), Decimal("0.01")
_EXACT = Context(prec=1_000, rounding=ROUND_HALF_UP)
"""Digits enough for the product of any two numbers that a record may hold: Python's 28 round it, or refuse it."""


def cents(amount: Decimal) -> Decimal:
    """An amount rounded to the cent, half away from zero, as money is."""
    return amount.quantize(_CENT, context=_EXACT)


def line_amount(quantity: Decimal, price: Decimal) -> Decimal:
    """What so many cost at that price, to the cent."""
    return cents(_product(quantity, price))


def percentage(part: Decimal, whole: Decimal) -> Decimal | None:
    """How much of `whole` the part is, in percent with one decimal; None of nothing."""
    return None if whole == 0 else (part / whole * 100).quantize(Decimal("0.1"), context=_EXACT)


class Line(Protocol):
    """What a total needs to know of one line of a document."""

    @property
    def quantity(self) -> Decimal | None: ...
    @property
    def price(self) -> Decimal | None: ...
    @property
    def taxable(self) -> bool | None: ...
    @property
    def item_type(self) -> str | None: ...


class Taxed(Protocol):
    """The tax rates of a document, in percent; a compound second tax is also taken on the first."""

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
    """What the lines of a document come to."""

    subtotal: Decimal
    taxes: Decimal
    total: Decimal


def sums_of(lines: Iterable[Line], rates: Taxed) -> Sums:
    """Each line and each tax is rounded to the cent on its own, as they stand on the document."""
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


def rate_of(entry: HourEntry, project: Project) -> Decimal | None:
    """What an hour of an entry is billed at: its own rate, else the project's; a fixed price is no rate."""
    if entry.rate is not None:
        return entry.rate
    return None if project.project_type == "fixed" else project.rate


def worth(entry: HourEntry, project: Project) -> Decimal | None:
    """What an entry is billed at, to the cent as a line of its own would be; None where no rate is known."""
    rate = rate_of(entry, project)
    return None if rate is None or entry.hours is None else line_amount(entry.hours, rate)


@dataclass
class _Together:
    """Entries of one rate that can be one line: hours times rate is what they are worth together."""

    entries: list[HourEntry]
    hours: Decimal = ZERO
    worth: Decimal = ZERO

    def takes(self, entry: HourEntry, project: Project) -> bool:
        """Add the entry, unless the line would then come to something else."""
        hours = self.hours + (entry.hours or ZERO)
        together = self.worth + (worth(entry, project) or ZERO)
        if line_amount(hours, rate_of(entry, project) or ZERO) != together:
            return False
        self.entries.append(entry)
        self.hours, self.worth = hours, together
        return True


def in_lines(entries: Iterable[HourEntry], project: Project) -> list[list[HourEntry]]:
    """Entries of one rate, in the parts that can each be one line: hours times rate is what they are worth together."""
    parts: list[_Together] = []
    for entry in entries:
        if not any(part.takes(entry, project) for part in parts):
            parts.append(_Together([entry], entry.hours or ZERO, worth(entry, project) or ZERO))
    return [part.entries for part in parts]


def used_as_told(project: Project) -> Decimal | None:
    """How much of its budget Clientary says is used; None where it does not, and for other kinds of budget."""
    return {"hours": project.worked_hours, "amount": project.cost}.get(project.budget_type or "")


def against_budget(project: Project, used: Decimal | None) -> dict[str, Any]:
    """`{budget_type, budget, used, remaining, percentage}`, or `{budget: "no budget"}`."""
    if not project.budget:
        return {"budget": "no budget"}
    budget = {"budget_type": project.budget_type, "budget": project.budget}
    if used is None:
        return budget
    left, share = project.budget - used, percentage(used, project.budget)
    return {**budget, "used": used, "remaining": left, "percentage": share}

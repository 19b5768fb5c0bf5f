"""Logged time: hours, how much of them is billable, what that is worth, and how much of a capacity it is."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from clientary_mcp.accounting.money import ZERO, percentage, rounded
from clientary_mcp.accounting.totals import UNKNOWN
from tool_schemas.hours import HourEntry
from tool_schemas.projects import Project


@dataclass
class Work:
    """One person's work on one project."""

    hours: Decimal = ZERO
    billed_hours: Decimal = ZERO
    billable: Decimal = ZERO
    entries: int = 0
    without_description: int = 0
    worth: Decimal = ZERO
    """The value of the billable hours, in the project's currency."""

    def add(self, entry: HourEntry, worth: Decimal | None) -> None:
        """Add an entry."""
        hours = entry.hours or ZERO
        self.hours += hours
        self.billed_hours += hours if entry.billed else ZERO
        self.billable += hours if worth else ZERO
        self.entries += 1
        self.without_description += not has_description(entry)
        self.worth += worth or ZERO

    def merge(self, other: "Work") -> None:
        """Add other work, of projects in the same currency."""
        for name, amount in vars(other).items():
            setattr(self, name, getattr(self, name) + amount)

    def counts(self) -> dict[str, Any]:
        """The columns that do not depend on a currency."""
        return {name: amount for name, amount in vars(self).items() if name != "worth"}

    def value(self, currency_code: str) -> dict[str, Any]:
        """The columns that do."""
        rate = rounded(self.worth / self.hours, currency_code) if self.hours else None
        return {"currency_code": currency_code, "worth": self.worth, "effective_rate": rate}

    def value_on(self, project: Project) -> dict[str, Any]:
        """The same for the work on one project: none at a fixed price."""
        return self.value(project.currency_code or UNKNOWN) if is_hourly(project) else {}


def sums_of_work(works: list[tuple[Project, Work]], capacity: Decimal | None) -> dict[str, Any]:
    """The columns of several projects, with the worth in each currency, and how much of a capacity it is."""
    whole, by_currency = Work(), dict[str, Work]()
    for project, work in works:
        whole.merge(work)
        if is_hourly(project):
            by_currency.setdefault(project.currency_code or UNKNOWN, Work()).merge(work)
    worth = [by_currency[code].value(code) for code in sorted(by_currency)]
    utilization = (
        {
            "capacity": capacity,
            "utilization": percentage(whole.hours, capacity),
            "billable_utilization": percentage(whole.billable, capacity),
        }
        if capacity
        else {}
    )
    return {**whole.counts(), "worth": worth, **utilization}


def is_hourly(project: Project) -> bool:
    """Whether its hours are worth something: it is not done at a fixed price."""
    return project.project_type != "fixed"


def has_description(entry: HourEntry) -> bool:
    """Whether it says more about the work than its title."""
    return bool(entry.description and entry.description.strip())

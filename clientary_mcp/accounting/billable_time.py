"""The value of logged time, per entry and as invoice lines."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from clientary_mcp.accounting.money import ZERO, line_amount
from tool_schemas.hours import HourEntry
from tool_schemas.projects import Project


def rate_of(entry: HourEntry, project: Project) -> Decimal | None:
    """The hourly rate of an entry: its own, else the project's; a fixed price is not a rate."""
    if entry.rate is not None:
        return entry.rate
    return None if project.project_type == "fixed" else project.rate


def value_of(entry: HourEntry, project: Project) -> Decimal | None:
    """The amount of an entry, rounded like a line of its own; None when no rate is known."""
    rate = rate_of(entry, project)
    return None if rate is None or entry.hours is None else line_amount(entry.hours, rate, project.currency_code)


@dataclass
class _LineGroup:
    """Entries of one rate that can share a line: hours times rate equals the sum of their amounts."""

    entries: list[HourEntry]
    hours: Decimal = ZERO
    value: Decimal = ZERO

    def add(self, entry: HourEntry, project: Project) -> bool:
        """Add the entry unless the line's amount would differ from the sum; returns whether it was added."""
        hours = self.hours + (entry.hours or ZERO)
        value = self.value + (value_of(entry, project) or ZERO)
        if line_amount(hours, rate_of(entry, project) or ZERO, project.currency_code) != value:
            return False
        self.entries.append(entry)
        self.hours, self.value = hours, value
        return True


def group_into_lines(entries: Iterable[HourEntry], project: Project) -> list[list[HourEntry]]:
    """Entries of one rate, split into groups that can each be one line (see `_LineGroup`)."""
    groups: list[_LineGroup] = []
    for entry in entries:
        if not any(group.add(entry, project) for group in groups):
            groups.append(_LineGroup([entry], entry.hours or ZERO, value_of(entry, project) or ZERO))
    return [group.entries for group in groups]

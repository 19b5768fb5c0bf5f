"""What logged time is worth, entry by entry and as lines of an invoice."""

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


def worth(entry: HourEntry, project: Project) -> Decimal | None:
    """The amount of an entry, rounded as a line of its own would be; None when no rate is known."""
    rate = rate_of(entry, project)
    return None if rate is None or entry.hours is None else line_amount(entry.hours, rate)


@dataclass
class _Together:
    """Entries of one rate that can share a line: hours times rate equals the sum of their amounts."""

    entries: list[HourEntry]
    hours: Decimal = ZERO
    worth: Decimal = ZERO

    def takes(self, entry: HourEntry, project: Project) -> bool:
        """Add the entry, unless the line's amount would differ from the sum."""
        hours = self.hours + (entry.hours or ZERO)
        together = self.worth + (worth(entry, project) or ZERO)
        if line_amount(hours, rate_of(entry, project) or ZERO) != together:
            return False
        self.entries.append(entry)
        self.hours, self.worth = hours, together
        return True


def in_lines(entries: Iterable[HourEntry], project: Project) -> list[list[HourEntry]]:
    """Entries of one rate, split into groups that can each be one line (see `_Together`)."""
    parts: list[_Together] = []
    for entry in entries:
        if not any(part.takes(entry, project) for part in parts):
            parts.append(_Together([entry], entry.hours or ZERO, worth(entry, project) or ZERO))
    return [part.entries for part in parts]

"""The lines of an invoice for work: one for each group and rate, and one for each expense."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from clientary_mcp.accounting.billable_time import rate_of, value_of
from clientary_mcp.accounting.money import ZERO, line_amount
from clientary_mcp.tools.support.work_lists import Work, listed
from clientary_mcp.tools.workflows.draft_invoices import line
from tool_schemas.base.types import writable
from tool_schemas.expenses import Expense
from tool_schemas.hours import HourEntry
from tool_schemas.projects import Project
from tool_schemas.workflows.bill_project_hours import GroupBy


@dataclass(frozen=True)
class Line:
    """One line of the invoice, and what it bills."""

    title: str
    quantity: Decimal
    price: Decimal
    bills: list[Work]

    def to_json(self, currency_code: str) -> dict[str, Any]:
        """The line as a job shows it."""
        return {**line(self.title, self.quantity, self.price, currency_code), **listed(self.bills)}


def lines_of(works: Iterable[Work], project: Project, group_by: GroupBy, staff: Mapping[int, str]) -> list[Line]:
    """The lines that bill this work, all of which has a rate or an amount."""
    groups: dict[tuple[Any, Decimal], list[HourEntry]] = {}
    expenses = []
    for work in works:
        if isinstance(work, Expense):
            expenses.append(_expense_line(work))
        elif (rate := rate_of(work, project)) is not None:
            groups.setdefault((_group(work, group_by), rate), []).append(work)
    return [*(_hour_line(rate, group, project, group_by, staff) for (_, rate), group in groups.items()), *expenses]


def rounding_of(lines: Iterable[Line], project: Project) -> Decimal:
    """By how much lines differ from the sum of the time entries, each rounded on its own as reports do."""
    of_lines = of_entries = ZERO
    for each in lines:
        entries = [work for work in each.bills if isinstance(work, HourEntry)]
        if entries:
            of_lines += line_amount(each.quantity, each.price, project.currency_code)
            of_entries += sum((value_of(entry, project) or ZERO for entry in entries), start=ZERO)
    return of_lines - of_entries


def _hour_line(
    rate: Decimal, entries: list[HourEntry], project: Project, group_by: GroupBy, staff: Mapping[int, str]
) -> Line:
    hours = sum((entry.hours or ZERO for entry in entries), start=ZERO)
    return Line(_title(entries, project, group_by, staff), writable(hours), writable(rate), [*entries])


def _group(entry: HourEntry, group_by: GroupBy) -> Any:
    match group_by:
        case "entry":
            return entry.id
        case "title":
            return own_title(entry)
        case "person":
            return entry.user_id
        case "day":
            return entry.date
        case "project":
            return None


def _title(entries: list[HourEntry], project: Project, group_by: GroupBy, staff: Mapping[int, str]) -> str:
    first = entries[0]
    days = sorted(entry.date for entry in entries if entry.date)
    span = "" if not days else str(days[0]) if days[0] == days[-1] else f"{days[0]} to {days[-1]}"
    match group_by:
        case "entry":
            return " ".join(filter(None, (span, own_title(first))))
        case "title":
            about = own_title(first)
        case "person":
            about = staff.get(first.user_id or 0) or (f"Staff {first.user_id}" if first.user_id else "Work")
        case "day":
            return span or "Work"
        case "project":
            about = project.name or "Work"
    return f"{about}, {span}" if span else about


def own_title(entry: HourEntry) -> str:
    """What an entry says was done."""
    return (entry.title or "").strip() or (entry.description or "").strip() or "Work"


def _expense_line(expense: Expense) -> Line:
    about = (expense.description or "").strip() or "Expense"
    title = f"{expense.incurred_on} {about}" if expense.incurred_on else about
    return Line(title, Decimal(1), writable(expense.amount or ZERO), [expense])

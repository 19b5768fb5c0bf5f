"""What projects cost: their expenses, and the hours worked on them at a cost per hour."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Any, NamedTuple

from clientary_mcp.accounting.left_out import Omissions
from clientary_mcp.accounting.money import ZERO, line_amount
from clientary_mcp.accounting.totals import UNKNOWN
from clientary_mcp.api.session import Clientary
from clientary_mcp.api.streaming import rereads
from clientary_mcp.tools.support.billed_work import Holders, is_marked
from clientary_mcp.tools.support.lookups import by_hours, expenses_between, hours_of
from clientary_mcp.tools.support.rights import if_allowed
from tool_schemas.base.periods import PeriodRange
from tool_schemas.hours import HourEntry
from tool_schemas.projects import Project


@dataclass(frozen=True)
class Costs:
    """Hourly costs by staff id: as passed in the call, else as set by the owner, else the default."""

    given: Mapping[int, Decimal]
    set_by_owner: Mapping[int, Decimal]
    default: Decimal | None

    def of(self, user_id: int | None) -> Decimal | None:
        """The hourly cost of a person; None where it is unknown."""
        return self.given.get(user_id or 0, self.set_by_owner.get(user_id or 0, self.default))


@dataclass
class Spent:
    """The sum of a project's expenses."""

    visible: bool = True
    amount: Decimal = ZERO
    left_out: Omissions = field(default_factory=Omissions)


async def read_spent(clientary: Clientary, args: PeriodRange, projects: Collection[Project]) -> dict[int, Spent]:
    """The expenses of each of these projects; not visible ones where the owner of the API token may not see any."""
    found = await if_allowed(partial(_read_spent, clientary, args, {project.id: project for project in projects}))
    return found or {project.id: Spent(visible=False) for project in projects}


@rereads
async def _read_spent(clientary: Clientary, args: PeriodRange, projects: Mapping[int, Project]) -> dict[int, Spent]:
    found, today = {project_id: Spent() for project_id in projects}, clientary.today()
    async for expense in expenses_between(clientary, args.from_date, args.to_date):
        spent = found.get(expense.project_id or 0)
        if spent is None or not args.concerns(expense.incurred_on):
            continue
        code = projects[expense.project_id or 0].currency_code
        if expense.amount is None:
            spent.left_out.add("expense", "without an amount", f"id {expense.id}")
        elif today.is_future(expense.incurred_on):
            sums = {code or UNKNOWN: expense.amount}
            spent.left_out.add("expense", "dated in the future", f"id {expense.id}", sums=sums)
        else:
            spent.amount += expense.amount
    return found


class _Entry(NamedTuple):
    """What is kept of an hour entry."""

    id: int
    hours: Decimal
    marked: bool
    """Whether Clientary shows it as billed."""


@dataclass
class Worked:
    """A project's hours: sums by person."""

    visible: bool = True
    entries: list[_Entry] = field(default_factory=list)
    unbilled: Decimal = ZERO
    by_person: dict[int | None, Decimal] = field(default_factory=dict)
    left_out: Omissions = field(default_factory=Omissions)

    def settle(self, holders: Holders) -> None:
        """Add up what is unbilled, once it is known which invoices bill which entries."""
        for entry in self.entries:
            if not holders.bills(HourEntry, entry.id, marked=entry.marked):
                self.unbilled += entry.hours

    def people(self, costs: Costs, names: dict[int, str], currency_code: str | None) -> list[dict[str, Any]]:
        """Each person's hours and their cost, most hours first."""
        people = by_hours(self.by_person, names)
        for person in people:
            rate = costs.of(person["user_id"])
            cost = None if rate is None else line_amount(person["hours"], rate, currency_code)
            person |= {"cost_rate": rate, "cost": cost}
        return people


async def read_worked(clientary: Clientary, args: PeriodRange, project: Project) -> Worked:
    """The hours of a project; not visible where the owner of the API token may not see them."""
    return await if_allowed(partial(_read_worked, clientary, args, project)) or Worked(visible=False)


@rereads
async def _read_worked(clientary: Clientary, args: PeriodRange, project: Project) -> Worked:
    worked, today = Worked(), clientary.today()
    async for entry in hours_of(clientary, project):
        if not args.concerns(entry.date):
            continue
        if entry.hours is None:
            worked.left_out.add("hour entry", "without hours", f"id {entry.id}")
        elif today.is_future(entry.date):
            worked.left_out.add("hour entry", "dated in the future", f"id {entry.id}", sums={"hours": entry.hours})
        else:
            worked.by_person[entry.user_id] = worked.by_person.get(entry.user_id, ZERO) + entry.hours
            worked.entries.append(_Entry(entry.id, entry.hours, is_marked(entry)))
    return worked

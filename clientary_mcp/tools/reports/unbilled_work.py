"""What no invoice bills yet: hours and expenses, less what an invoice bills although Clientary does not show it."""

from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import partial

from clientary_mcp.accounting.billable_time import value_of
from clientary_mcp.accounting.days import Today
from clientary_mcp.accounting.left_out import Omissions, open_projects
from clientary_mcp.api.session import Clientary
from clientary_mcp.api.streaming import rereads
from clientary_mcp.tools.support.billed_work import Holder, Holders, is_marked, logged_on, visible_holders
from clientary_mcp.tools.support.documents import invoice_name
from clientary_mcp.tools.support.formatting import quote
from clientary_mcp.tools.support.lookups import (
    Idle,
    expenses_between,
    hours_of,
    idle_projects,
    project_name,
    projects_of,
)
from clientary_mcp.tools.support.rights import UNSEEN_HOURS, denied, gather_allowed
from clientary_mcp.tools.support.work_lists import Work
from tool_schemas.expenses import Expense
from tool_schemas.hours import HourEntry
from tool_schemas.projects import Project
from tool_schemas.reports.unbilled import UnbilledReport

Wanted = Callable[[int | None, int | None], bool]
"""Whether an expense of that client and project is asked for."""

NOUNS: dict[type[Work], str] = {HourEntry: "hour entry", Expense: "expense"}
_HELD = "billed by {}, though Clientary does not show it"


@dataclass(frozen=True)
class Days:
    """The requested days; without any, records without a date count too."""

    first: date | None
    asked_last: date | None
    today: Today

    def __str__(self) -> str:
        return f"From {self.first} to {self.last}." if self.first else f"Everything up to {self.last}."

    @property
    def last(self) -> date:
        """The last day covered."""
        return self.asked_last or self.today.last

    @property
    def every(self) -> bool:
        """Whether none were requested."""
        return self.first is None and self.asked_last is None

    def concern(self, day: date | None) -> bool:
        """Whether a day may be among them: a missing one is listed separately, and so are future ones."""
        return day is None or (self.first or day) <= day <= (self.asked_last or day)


@dataclass(frozen=True, slots=True)
class Item:
    """One piece of work, reduced to what is added up: there may be very many."""

    kind: type[Work]
    id: int
    client_id: int | None
    project_id: int | None
    user_id: int | None
    day: date | None
    logged: date | None
    hours: Decimal | None
    amount: Decimal | None
    """The value of the hours, or what was spent; None where it is not known."""


@dataclass
class Unbilled:
    """The unbilled work that was requested, and what the report says about it."""

    projects: dict[int, Project]
    idle: Idle
    items: list[Item] = field(default_factory=list)
    future: list[Item] = field(default_factory=list)
    voided: int = 0
    """How many of the items Clientary shows as billed, though only cancelled or deleted invoices bill them."""
    left_out: Omissions = field(default_factory=Omissions)
    hours_hidden: bool = False
    expenses_hidden: bool = False
    """Whether the owner of the API token is not allowed to see them."""
    unseen: str | None = None
    """The remark that it is not known which invoices bill the work."""

    @property
    def hidden(self) -> list[str]:
        """The parts that are missing, in sentences."""
        parts = {"Hours": self.hours_hidden, "Expenses": self.expenses_hidden}
        return [*(denied(part) for part, missing in parts.items() if missing), *filter(None, [self.unseen])]


async def read_unbilled(clientary: Clientary, args: UnbilledReport, days: Days) -> Unbilled:
    """The unbilled work of the requested projects, and the expenses of their clients."""
    every = await projects_of(clientary, project_id=args.project_id, client_id=args.client_id)
    left_out = Omissions()
    all_of_them = args.include_completed or args.project_id is not None
    projects = every if all_of_them else open_projects(every, left_out, "unbilled_hours")
    idle = await idle_projects(clientary, projects, billed=False)
    found = Unbilled({project.id: project for project in projects}, idle, left_out=left_out)
    closed = {project.id for project in every} - found.projects.keys()
    wanted = partial(_wanted, args, found.projects, closed)
    read = [project for project in projects if project.id not in idle.ids]
    both: list[Callable[[], Awaitable[list[Item]]]] = [
        partial(_hours_of_all, clientary, read, days, left_out),
        partial(_expenses, clientary, days, wanted),
    ]
    hours, spent = await gather_allowed(both, 2)
    found.hours_hidden, found.expenses_hidden = hours is None, spent is None
    client_id = projects[0].client_id if args.project_id is not None else args.client_id
    items = [*(hours or ()), *(spent or ())]
    logged = [item.logged for item in items]
    holders, found.unseen = await visible_holders(clientary, logged, client_id=client_id, project_id=args.project_id)
    voided = await _voided(clientary, found, holders, days, wanted)
    for item in [*items, *voided]:
        _sort(found, item, holders.of(item.kind, item.id), closed, days)
    found.voided = len(voided)
    return found


def _wanted(
    args: UnbilledReport,
    projects: Collection[int],
    closed: Collection[int],
    client_id: int | None,
    project_id: int | None,
) -> bool:
    """Whether an expense of that client and project is asked for."""
    if args.project_id is not None:
        return project_id == args.project_id
    return args.client_id in (None, client_id) or project_id in projects or project_id in closed


def _sort(found: Unbilled, item: Item, holders: Iterable[Holder], closed: Collection[int], days: Days) -> None:
    """Put a piece of work where it belongs."""
    noun, left_out = NOUNS[item.kind], found.left_out
    live = [invoice_name(holder) for holder in holders if holder.fate is None]
    sums = {"hours": item.hours} if item.kind is HourEntry else {"in expenses": item.amount}
    if item.project_id in closed:
        left_out.add(noun, "of completed projects", sums=sums)
    elif live:
        left_out.add(noun, _HELD.format(live[0]), sums=sums)
    elif item.day is None and not days.every:
        left_out.add(noun, "without a date", f"id {item.id}")
    elif item.kind is HourEntry and item.hours is None:
        left_out.add(noun, "without hours", f"id {item.id}")
    elif item.kind is Expense and item.amount is None:
        left_out.add(noun, "without an amount", f"id {item.id}")
    elif days.today.is_future(item.day):
        found.future.append(item)
    elif item.client_id is None and item.project_id is None:
        left_out.add(noun, "of no client and no project", sums=sums)
    else:
        found.items.append(item)
        _remark_on_rate(found, item)


def _remark_on_rate(found: Unbilled, item: Item) -> None:
    project = found.projects.get(item.project_id or 0)
    if item.amount is None and project is not None and project.project_type != "fixed":
        name = f"id {item.id} of {quote(project_name(project))}"
        found.left_out.add("hour entry", "without a rate, counted in hours and not in amount", name)


async def _hours_of_all(
    clientary: Clientary, projects: list[Project], days: Days, left_out: Omissions, voided: Holders | None = None
) -> list[Item]:
    reads = [partial(_hours, clientary, project, days, voided) for project in projects]
    found = await gather_allowed(reads, clientary.settings.concurrency)
    for project, of_project in zip(projects, found, strict=True):
        if of_project is None:
            left_out.add("project", UNSEEN_HOURS, quote(project_name(project)))
    return [item for of_project in found for item in of_project or ()]


@rereads
async def _hours(clientary: Clientary, project: Project, days: Days, voided: Holders | None) -> list[Item]:
    """The unbilled hours of a project; with `voided`, those that are shown as billed by invoices that bill no more."""
    return [
        _worked(entry, project)
        async for entry in hours_of(clientary, project, billed=voided is not None)
        if days.concern(entry.date) and _counts(entry, voided)
    ]


@rereads
async def _expenses(clientary: Clientary, days: Days, wanted: Wanted, voided: Holders | None = None) -> list[Item]:
    """The same of the expenses."""
    return [
        _spent(expense)
        async for expense in expenses_between(clientary, days.first, days.asked_last)
        if days.concern(expense.incurred_on)
        and wanted(expense.client_id, expense.project_id)
        and _counts(expense, voided)
    ]


def _counts(work: Work, voided: Holders | None) -> bool:
    return not is_marked(work) if voided is None else voided.voided(work) is not None


async def _voided(clientary: Clientary, found: Unbilled, holders: Holders, days: Days, wanted: Wanted) -> list[Item]:
    """What Clientary shows as billed, though only cancelled or deleted invoices bill it."""
    items: list[Item] = []
    worked = holders.suspects(HourEntry)
    if worked and not found.hours_hidden:
        projects = [
            project for project in found.projects.values() if any(holder.may_bill(project) for holder in worked)
        ]
        items += await _hours_of_all(clientary, projects, days, Omissions(), holders)
    if holders.suspects(Expense) and not found.expenses_hidden:
        items += await _expenses(clientary, days, wanted, holders)
    return items


def _worked(entry: HourEntry, project: Project) -> Item:
    about = (entry.id, project.client_id, project.id, entry.user_id, entry.date, logged_on(entry))
    return Item(HourEntry, *about, entry.hours, value_of(entry, project))


def _spent(expense: Expense) -> Item:
    whose = (expense.client_id, expense.project_id, expense.user_id)
    return Item(Expense, expense.id, *whose, expense.incurred_on, logged_on(expense), None, expense.amount)

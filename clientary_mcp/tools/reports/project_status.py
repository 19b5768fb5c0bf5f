"""Projects compared with their budgets, in hours or money, and how many of their hours are billed."""

from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any

from clientary_mcp.accounting.billable_time import prepaid_of, value_of
from clientary_mcp.accounting.budgets import budget_figures, reported_use
from clientary_mcp.accounting.days import Today
from clientary_mcp.accounting.left_out import Omissions, open_projects
from clientary_mcp.accounting.money import ZERO
from clientary_mcp.accounting.totals import UNKNOWN
from clientary_mcp.api.concurrency import gather_two
from clientary_mcp.api.session import Clientary
from clientary_mcp.api.streaming import rereads
from clientary_mcp.tools.decorators import reads
from clientary_mcp.tools.support.billed_work import Holders, is_marked, logged_on, visible_holders
from clientary_mcp.tools.support.formatting import quote
from clientary_mcp.tools.support.lookups import (
    Idle,
    by_hours,
    client_names,
    hours_of,
    idle_projects,
    names_in,
    project_name,
    projects_of,
    staff_names,
)
from clientary_mcp.tools.support.rights import UNSEEN_HOURS, gather_allowed
from tool_schemas.base.report import Report
from tool_schemas.base.sentences import in_order
from tool_schemas.base.types import as_number
from tool_schemas.hours import HourEntry
from tool_schemas.projects import Project
from tool_schemas.reports.project_status import ProjectStatus

_BASIS = (
    "used is the hours worked for a budget in hours, and their value for a budget in money: each entry at its own rate,"
    " else at the project's. A negative remaining is over budget."
)
_FIXED = "At a fixed price, used is what the hours would cost at their own rates, not what is invoiced."
_OPEN = (
    "Open projects at or over {} % of their budget. Those that are under it by the worked_hours and cost that Clientary"
    " reports were not read, except the nearest, to check that."
)
_SAMPLE = 3
"""Projects just under the threshold that are read all the same."""


@reads("reports", picture="budgets")
async def project_status(clientary: Clientary, args: ProjectStatus) -> Report:
    """A project's budget: used, remaining, percentage, hours billed and unbilled. Without project_id: the open
    projects (status active or billable) at or over threshold."""
    left_out = Omissions()
    projects = await _requested(clientary, args, left_out)
    idle = await idle_projects(clientary, projects)
    statuses, people = await gather_two(
        partial(_statuses, clientary, args, projects, idle), partial(_people, clientary, args)
    )
    hidden = [status.project for status in statuses if status.hidden]
    statuses = [status for status in statuses if not status.hidden]
    unseen = await _settle(clientary, args, statuses)
    left_out.add(
        "open project", f"under {as_number(args.threshold)} %", count=len(projects) - len(statuses) - len(hidden)
    )
    left_out.add("project", UNSEEN_HOURS, *(quote(project_name(each)) for each in hidden), count=len(hidden))
    listed = [status.project for status in statuses]
    clients = await client_names(clientary, [project.client_id for project in listed], names_in(listed))
    statuses.sort(key=lambda status: status.rank)
    for status in statuses:
        left_out.merge(status.remarks())
    fixed = any(status.in_money and status.project.project_type == "fixed" for status in statuses)
    return Report(
        rows=[status.row(clients, people) for status in statuses],
        basis=in_order(
            _BASIS,
            _FIXED if fixed else None,
            _OPEN.format(as_number(args.threshold)) if _by_threshold(args) else None,
            clientary.today().sentence,
            idle.sentence,
        ),
        left_out=[*in_order(unseen, left_out.to_json())],
    )


def _by_threshold(args: ProjectStatus) -> bool:
    return args.project_id is None and args.threshold > 0


async def _requested(clientary: Clientary, args: ProjectStatus, left_out: Omissions) -> list[Project]:
    """The requested project, or the open ones, with a threshold those that have a budget; the others are left out."""
    projects = await projects_of(clientary, project_id=args.project_id, client_id=args.client_id)
    if args.project_id is not None:
        return projects
    found = projects if args.include_completed else open_projects(projects, left_out, "worked_hours")
    if not _by_threshold(args):
        return found
    with_budget = [project for project in found if project.budget]
    left_out.add("open project", "without a budget", count=len(found) - len(with_budget))
    return with_budget


async def _statuses(clientary: Clientary, args: ProjectStatus, projects: list[Project], idle: Idle) -> list["_Status"]:
    """The statuses of the projects, or of those at or over the threshold.

    Those that are under it by Clientary's own figures are only read if one of the nearest is not under it by its hours.
    """

    async def read(some: list[Project]) -> list[_Status]:
        reads = [partial(_read, clientary, project, project.id in idle.ids) for project in some]
        found = await gather_allowed(reads, clientary.settings.concurrency)
        return [status or _Status(project, hidden=True) for project, status in zip(some, found, strict=True)]

    if not _by_threshold(args):
        return await read(projects)
    ranked = sorted(projects, key=_reported_share, reverse=True)
    near = sum(_reported_share(project) >= args.threshold for project in ranked)
    statuses = await read(ranked[: near + _SAMPLE])
    if any(status.reaches(args.threshold) for status in statuses[near:]):
        statuses += await read(ranked[near + _SAMPLE :])
    return [status for status in statuses if status.reaches(args.threshold)]


async def _settle(clientary: Clientary, args: ProjectStatus, statuses: list["_Status"]) -> str | None:
    """Find out which hours are billed: Clientary may not know what jobs did, or what became of their invoices.

    Returns a remark where that cannot be seen.
    """
    logged = [day for status in statuses for day in status.logged]
    (client_id,) = {status.project.client_id for status in statuses} if len(statuses) == 1 else (args.client_id,)
    holders, unseen = await visible_holders(clientary, logged, client_id=client_id, project_id=args.project_id)
    for status in statuses:
        status.settle(holders)
    return unseen


def _reported_share(project: Project) -> Decimal:
    """The percentage of the budget that is used by Clientary's own figures; infinite where it reports none."""
    used = reported_use(project)
    return Decimal("Infinity") if used is None else used * 100 / (project.budget or 1)


async def _people(clientary: Clientary, args: ProjectStatus) -> dict[int, str] | None:
    """The names of all staff where hours are listed by person, else None."""
    return await staff_names(clientary) if args.by_person or args.project_id is not None else None


@rereads
async def _read(clientary: Clientary, project: Project, idle: bool) -> "_Status":
    status, today = _Status(project), clientary.today()
    if not idle:
        async for entry in hours_of(clientary, project):
            status.count(entry, today)
    return status


class _Status:
    """One project's hours, compared with its budget."""

    def __init__(self, project: Project, *, hidden: bool = False) -> None:
        self.project = project
        self.hidden = hidden
        """Whether its hours are not visible, so that nothing is known."""
        self._left_out = Omissions()
        self._hours = self._billed = self._value = self._unbilled_value = ZERO
        self._entries: list[tuple[int, Decimal, Decimal, bool]] = []
        """Of each entry the id, hours and value, and whether Clientary shows it as billed."""
        self.logged: set[date | None] = set()
        """The days on which the entries were logged that are not shown as billed."""
        self._by_person: dict[int | None, Decimal] = {}

    def count(self, entry: HourEntry, today: Today) -> None:
        """Add an entry."""
        if entry.hours is None:
            self._left_out.add("hour entry", "without hours", f"id {entry.id}")
            return
        if today.is_future(entry.date):
            self._left_out.add("hour entry", "dated in the future", f"id {entry.id}", sums={"hours": entry.hours})
            return
        self._hours += entry.hours
        self._by_person[entry.user_id] = self._by_person.get(entry.user_id, ZERO) + entry.hours
        amount = value_of(entry, self.project)
        if amount is None and (self.in_money or self.project.project_type != "fixed"):
            self._left_out.add(
                "hour entry", "without a rate, counted in hours and not in money", f"id {entry.id} of {self._name}"
            )
        self._value += amount or ZERO
        self._entries.append((entry.id, entry.hours, amount or ZERO, is_marked(entry)))
        if not is_marked(entry):
            self.logged.add(logged_on(entry))

    def settle(self, holders: Holders) -> None:
        """Tell billed hours from unbilled ones, once it is known which invoices bill which."""
        for entry_id, hours, amount, marked in self._entries:
            if holders.bills(HourEntry, entry_id, marked=marked):
                self._billed += hours
            else:
                self._unbilled_value += amount

    @property
    def in_money(self) -> bool:
        """Whether the budget is an amount."""
        return bool(self.project.budget) and self.project.budget_type == "amount"

    @property
    def used(self) -> Decimal | None:
        """How much of the budget is used; None without one, or where its type is unknown."""
        if not self.project.budget or self.project.budget_type not in ("hours", "amount"):
            return None
        return self._value if self.in_money else self._hours

    def reaches(self, threshold: Decimal) -> bool:
        """Whether that percentage of the budget is used; true where that is unknown."""
        return self.hidden or self.used is None or self.used * 100 >= threshold * (self.project.budget or ZERO)

    @property
    def rank(self) -> tuple[Any, ...]:
        """The highest percentage first, those without a budget last."""
        share = ZERO if self.used is None else self.used / (self.project.budget or 1)
        return self.used is None, -share, self.project.name or "", self.project.id

    @property
    def _name(self) -> str:
        return quote(project_name(self.project))

    def remarks(self) -> Omissions:
        """Remarks on the project and its hours."""
        reported = reported_use(self.project)
        if self.used is None and self.project.budget:
            self._left_out.add("project", "whose budget is neither in hours nor in money", self._name)
        elif self.used is not None and reported not in (None, self.used):
            self._left_out.add(
                "project", "where Clientary's own figure differs from used", f"{self._name} ({reported:,f})"
            )
        return self._left_out

    def row(self, clients: dict[int | None, str], people: dict[int, str] | None) -> dict[str, Any]:
        """The columns of a row; `people` are the names of staff, None where hours are not listed by person."""
        project = self.project
        row = {
            "project_id": project.id,
            "project": project_name(project),
            "client_id": project.client_id,
            "client": clients[project.client_id],
            "status": project.status,
            "project_type": project.project_type,
            "currency_code": project.currency_code or UNKNOWN,
            **budget_figures(project, self.used),
            "hours": self._hours,
            "billed_hours": self._billed,
            "unbilled_hours": self._hours - self._billed,
            "unbilled_amount": None if project.project_type == "fixed" else self._unbilled_value,
            "prepaid": prepaid_of(project) or None,
        }
        return row if people is None else {**row, "people": by_hours(self._by_person, people)}


TOOLS = (project_status,)

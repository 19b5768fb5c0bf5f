"""The unbilled report: hours with their value, and expenses on no invoice, per project or client and currency."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any

from clientary_mcp.accounting.billable_time import value_of
from clientary_mcp.accounting.left_out import Omissions
from clientary_mcp.accounting.money import ZERO
from clientary_mcp.accounting.totals import UNKNOWN
from clientary_mcp.api.concurrency import gather, gather_two
from clientary_mcp.api.session import Clientary
from clientary_mcp.api.streaming import rereads
from clientary_mcp.tools.decorators import reads
from clientary_mcp.tools.support.formatting import quote
from clientary_mcp.tools.support.lookups import (
    Party,
    expenses_between,
    hours_of,
    idle_projects,
    names_in,
    parties,
    project_name,
    projects_of,
)
from tool_schemas.base.report import Report
from tool_schemas.base.sentences import Mention
from tool_schemas.projects import Project
from tool_schemas.reports.unbilled import UnbilledReport

_BASIS = (
    "amount is the value of the unbilled hours: each entry at its own rate, else at its project's, rounded"
    " to the cent. expenses are those on no invoice; Clientary records no currency for expenses: the project's is"
    " assumed, otherwise the client's."
)
_FIXED = (
    " Hours on fixed-price projects are listed in fixed_price, without an amount; expenses of such projects are"
    " in the rows."
)


@reads("reports", mentions=Mention("bill_project_hours makes the invoice.", "bill_project_hours"))
async def unbilled_report(clientary: Clientary, args: UnbilledReport) -> Report:
    """What is not invoiced yet: unbilled hours with their value, and unbilled expenses; fixed-price projects are
    separate."""
    days = _Days(args.from_date, args.to_date, clientary.today().last)
    projects, spent = await gather_two(
        partial(projects_of, clientary, project_id=args.project_id, client_id=args.client_id),
        partial(_read_expenses, clientary, days),
    )
    idle = await idle_projects(clientary, projects, billed=False)
    reads = [partial(_read_hours, clientary, days, project) for project in projects if project.id not in idle.ids]
    worked = await gather(reads, clientary.settings.concurrency)
    worked += [_Work(project) for project in projects if project.id in idle.ids]
    found = _Unbilled(args, worked, spent)
    found.known = await parties(clientary, found.unknown_clients())
    rows, fixed = found.priced(), found.at_fixed_price()
    return Report(
        rows=[found.row(key, rows[key]) for key in _largest_first(rows)],
        basis=f"{days} {_BASIS}" + (_FIXED if fixed else "") + f" {idle.sentence}".rstrip(),
        totals=_totals(rows),
        left_out=found.left_out.to_json(),
        about={
            "from_date": args.from_date,
            "to_date": days.last,
            "fixed_price": [found.row_at_fixed_price(key, fixed[key]) for key in _largest_first(fixed)] or None,
        },
    )


@dataclass
class Figures:
    """Sums in one currency, with the number of records and their first and last day."""

    records: int = 0
    hours: Decimal = ZERO
    amount: Decimal = ZERO
    expenses: Decimal = ZERO
    first_date: date | None = None
    last_date: date | None = None

    def merge(self, other: "Figures") -> None:
        """Add the other's sums."""
        self.records += other.records
        self.hours += other.hours
        self.amount += other.amount
        self.expenses += other.expenses
        self.first_date = min(filter(None, (self.first_date, other.first_date)), default=None)
        self.last_date = max(filter(None, (self.last_date, other.last_date)), default=None)


@dataclass(frozen=True)
class RowKey:
    """The key of a row: a project, a client's expenses on no project, or a whole client; in one currency."""

    client_id: int | None
    project_id: int | None
    currency_code: str


Sums = dict[RowKey, Figures]


@dataclass(frozen=True)
class _Days:
    """The requested days; without any, records without a date count too."""

    first: date | None
    asked_last: date | None
    today: date

    def __str__(self) -> str:
        return f"From {self.first} to {self.last}." if self.first else f"Everything up to {self.last}."

    @property
    def last(self) -> date:
        """The last day covered."""
        return self.asked_last or self.today

    def include(self, day: date | None, noun: str, record_id: int, left_out: Omissions) -> bool:
        """Whether a record of that day counts; one that may have been expected to count is left out with a remark."""
        if day is None:
            if self.first is None and self.asked_last is None:
                return True
            left_out.add(noun, "without a date", f"id {record_id}")
        elif (self.first or day) <= day <= (self.asked_last or day):
            if day <= self.today:
                return True
            left_out.add(noun, "dated in the future")
        return False


@dataclass
class _Work:
    """The unbilled hours of one project."""

    project: Project
    figures: Figures = field(default_factory=Figures)
    left_out: Omissions = field(default_factory=Omissions)

    @property
    def fixed(self) -> bool:
        """Whether the project has a fixed price."""
        return self.project.project_type == "fixed"


@rereads
async def _read_hours(clientary: Clientary, days: _Days, project: Project) -> _Work:
    work = _Work(project)
    async for entry in hours_of(clientary, project, billed=False):
        if entry.billed or not days.include(entry.date, "hour entry", entry.id, work.left_out):
            continue
        if entry.hours is None:
            work.left_out.add("hour entry", "without hours", f"id {entry.id}")
            continue
        amount = value_of(entry, project)
        if amount is None and not work.fixed:
            name = f"id {entry.id} of {quote(project_name(project))}"
            work.left_out.add("hour entry", "without a rate, counted in hours and not in amount", name)
        work.figures.merge(Figures(1, entry.hours, amount or ZERO, ZERO, entry.date, entry.date))
    return work


Spent = dict[tuple[int | None, int | None], tuple[Figures, Omissions]]
"""Unbilled expenses, by client and project."""


@rereads
async def _read_expenses(clientary: Clientary, days: _Days) -> Spent:
    spent: Spent = {}
    async for expense in expenses_between(clientary, days.first, days.last):
        if expense.invoice_id or expense.invoice_item_id:
            continue
        key = expense.client_id, expense.project_id
        figures, left_out = spent.setdefault(key, (Figures(), Omissions()))
        if not days.include(expense.incurred_on, "expense", expense.id, left_out):
            continue
        if expense.amount is None:
            left_out.add("expense", "without an amount", f"id {expense.id}")
        elif key == (None, None):
            left_out.add("expense", "of no client and no project")
        else:
            day = expense.incurred_on
            figures.merge(Figures(1, ZERO, ZERO, expense.amount, day, day))
    return spent


class _Unbilled:
    """All unbilled work and expenses, and the rows that show them."""

    def __init__(self, args: UnbilledReport, worked: list[_Work], spent: Spent) -> None:
        self.left_out = Omissions()
        self.known: dict[int, Party] = {}
        self._args, self._worked = args, worked
        self._projects = {work.project.id: work.project for work in worked}
        self._names = names_in(self._projects.values())
        self._spent = {key: found for key, found in spent.items() if self._requested(*key)}
        for left_out in [work.left_out for work in worked] + [left_out for _, left_out in self._spent.values()]:
            self.left_out.merge(left_out)

    def _requested(self, client_id: int | None, project_id: int | None) -> bool:
        if self._args.project_id is not None:
            return project_id == self._args.project_id
        return self._args.client_id in (None, client_id) or project_id in self._projects

    def unknown_clients(self) -> set[int | None]:
        """The clients whose name or currency is needed and missing in their projects."""
        spent = {project_id for _, project_id in self._spent}
        projects = [work.project for work in self._worked if work.figures.records or work.project.id in spent]
        unknown = {project.client_id for project in projects if not (project.client_name and project.currency_code)}
        return unknown | {client_id for client_id, project_id in self._spent if project_id not in self._projects}

    def priced(self) -> Sums:
        """The rows: hours that have a rate, and all expenses."""
        sums = self._hours(fixed=False)
        for (client_id, project_id), (figures, _) in self._spent.items():
            sums.setdefault(self._key(client_id, project_id), Figures()).merge(figures)
        return self._large_enough(sums)

    def at_fixed_price(self) -> Sums:
        """The hours of fixed-price projects."""
        return self._large_enough(self._hours(fixed=True))

    def _hours(self, *, fixed: bool) -> Sums:
        sums: Sums = {}
        for work in self._worked:
            if work.fixed == fixed:
                sums.setdefault(self._key(work.project.client_id, work.project.id), Figures()).merge(work.figures)
        return sums

    def _key(self, client_id: int | None, project_id: int | None) -> RowKey:
        project = self._projects.get(project_id or 0)
        client_id = project.client_id if project else client_id
        party = self.known.get(client_id or 0)
        code = (project and project.currency_code) or (party and party.currency_code) or UNKNOWN
        return RowKey(client_id, project_id if self._args.group_by == "project" else None, code)

    def _large_enough(self, sums: Sums) -> Sums:
        found = {key: figures for key, figures in sums.items() if figures.records}
        least = self._args.min_hours
        if least is None:
            return found
        enough = {key: figures for key, figures in found.items() if figures.hours >= least}
        remark = f"with fewer than {least:,f} unbilled hours"
        self.left_out.add("row", remark, count=len(found) - len(enough))
        return enough

    def row(self, key: RowKey, figures: Figures) -> dict[str, Any]:
        """A row: its project or client, and the figures."""
        return {**self._named(key), "currency_code": key.currency_code, **_sums(figures), **_days_of(figures)}

    def row_at_fixed_price(self, key: RowKey, figures: Figures) -> dict[str, Any]:
        """The same without money."""
        return {**self._named(key), "hours": figures.hours, **_days_of(figures)}

    def _named(self, key: RowKey) -> dict[str, Any]:
        named: dict[str, Any] = {"client_id": key.client_id, "client": self._client(key.client_id)}
        if self._args.group_by == "client":
            return named
        project = self._projects.get(key.project_id or 0)
        unknown = f"project {key.project_id}" if key.project_id else "no project"
        return {**named, "project_id": key.project_id, "project": project_name(project) if project else unknown}

    def _client(self, client_id: int | None) -> str:
        if client_id is None:
            return "no client"
        return self._names.get(client_id) or self.known[client_id].name


def _largest_first(sums: Sums) -> list[RowKey]:
    """Per currency by money, then by hours."""

    def rank(key: RowKey) -> tuple[Any, ...]:
        figures = sums[key]
        money = figures.amount + figures.expenses
        return key.currency_code if money else "", -money, -figures.hours, key.client_id or 0, key.project_id or 0

    return sorted(sums, key=rank)


def _totals(rows: Sums) -> list[dict[str, Any]]:
    sums: dict[str, Figures] = {}
    for key, figures in rows.items():
        sums.setdefault(key.currency_code, Figures()).merge(figures)
    return [{"currency_code": code, "count": sums[code].records, **_sums(sums[code])} for code in sorted(sums)]


def _sums(figures: Figures) -> dict[str, Decimal]:
    return {"hours": figures.hours, "amount": figures.amount, "expenses": figures.expenses}


def _days_of(figures: Figures) -> dict[str, date | None]:
    return {"first_date": figures.first_date, "last_date": figures.last_date}


TOOLS = (unbilled_report,)

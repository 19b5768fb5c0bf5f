"""The timesheet report: hours by person and project, and working days or descriptions that are missing."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from clientary_mcp.accounting.billable_time import value_of
from clientary_mcp.accounting.days import weekdays, weeks_of
from clientary_mcp.accounting.left_out import Omissions
from clientary_mcp.accounting.worked_time import Work, has_description, is_hourly, sums_of_work
from clientary_mcp.api.concurrency import gather_two
from clientary_mcp.api.session import Clientary
from clientary_mcp.api.streaming import rereads
from clientary_mcp.errors import NotFound
from clientary_mcp.tools.decorators import reads
from clientary_mcp.tools.support.formatting import quote
from clientary_mcp.tools.support.lookups import (
    client_names,
    hours_of,
    idle_projects,
    names_in,
    person_name,
    project_name,
    projects_of,
    staff_names,
)
from clientary_mcp.tools.support.rights import UNSEEN_HOURS, gather_allowed
from tool_schemas.base.report import Report
from tool_schemas.base.sentences import in_order
from tool_schemas.hours import HourEntry
from tool_schemas.projects import Project
from tool_schemas.reports.timesheet import TimesheetReport

_EXAMPLES = 10
_UTILIZATION = (
    "capacity is capacity_hours for every five working days up to today, holidays included; utilization is the"
    " percentage of it that was logged, billable_utilization that was billable."
)
_LONGEST = timedelta(days=366)
_MOST_STRETCHES, _STRETCHES_IN_ALL = 20, 400
"""Stretches of days without entries that are listed per person, and for all people."""


@reads("reports", picture="timesheet")
async def timesheet_report(clientary: Clientary, args: TimesheetReport) -> Report:
    """Hours by person and project, billable ones and their worth, working days without an entry, and entries without
    a description."""
    projects, staff = await gather_two(
        partial(projects_of, clientary, project_id=args.project_id, client_id=args.client_id),
        partial(staff_names, clientary),
    )
    if staff and args.user_id is not None and args.user_id not in staff:
        raise NotFound(f"Staff member {args.user_id} does not exist.")
    today = clientary.today()
    idle = await idle_projects(clientary, projects)
    sheets = await _read_all(clientary, args, [project for project in projects if project.id not in idle.ids])
    worked = [sheet.project for sheet in sheets if sheet.worked]
    clients = await client_names(clientary, [project.client_id for project in worked], names_in(worked))
    days = _working_days(args, today.day)
    capacity = _capacity(args, today.day)
    people = _people(args, sheets, staff, days, capacity)
    whole = None if capacity is None else capacity * sum(1 for person in people if "user_id" in person)
    return Report(
        _rows(sheets, staff, clients),
        basis=in_order(
            _basis(args, days, today.day), _UTILIZATION if capacity else None, today.sentence, idle.sentence
        ),
        totals=[sums_of_work([(sheet.project, work) for sheet in sheets for work in sheet.worked.values()], whole)],
        left_out=_left_out(args, sheets, staff),
        about={
            "from_date": args.from_date,
            "to_date": args.to_date,
            "people": people,
            "entries_without_description": _undescribed(sheets, staff) or None,
        },
    )


@dataclass(frozen=True, order=True)
class _Undescribed:
    """An entry without a description."""

    day: date
    entry_id: int
    user_id: int
    project: str
    title: str


@dataclass
class _Sheet:
    """One project's hours; people by id, 0 where an entry has none."""

    project: Project
    worked: dict[int, Work] = field(default_factory=lambda: defaultdict(Work))
    days: dict[int, set[date]] = field(default_factory=lambda: defaultdict(set))
    undescribed: list[_Undescribed] = field(default_factory=list)
    left_out: Omissions = field(default_factory=Omissions)

    @classmethod
    def unseen(cls, project: Project) -> "_Sheet":
        """Of a project whose hours are not visible."""
        sheet = cls(project)
        sheet.left_out.add("project", UNSEEN_HOURS, quote(project_name(project)))
        return sheet

    def count(self, entry: HourEntry, day: date) -> None:
        """Add an entry of that day."""
        user_id = entry.user_id or 0
        worth = value_of(entry, self.project) if is_hourly(self.project) else None
        self.worked[user_id].add(entry, worth)
        if worth is None and is_hourly(self.project) and entry.hours is not None:
            self.left_out.add("hour entry", "without a rate, not in billable and worth", f"id {entry.id}")
        self.days[user_id].add(day)
        if entry.hours is None:
            self.left_out.add("hour entry", "without hours, counted as 0", f"id {entry.id}")
        if not has_description(entry):
            self.undescribed.append(_Undescribed(day, entry.id, user_id, project_name(self.project), entry.title or ""))
            if len(self.undescribed) > 2 * _EXAMPLES:
                self.undescribed = sorted(self.undescribed)[:_EXAMPLES]


async def _read_all(clientary: Clientary, args: TimesheetReport, projects: list[Project]) -> list[_Sheet]:
    """The hours of the projects, as far as they are visible."""
    reads = (partial(_read, clientary, args, project) for project in projects)
    sheets = await gather_allowed(reads, clientary.settings.concurrency)
    return [sheet or _Sheet.unseen(project) for project, sheet in zip(projects, sheets, strict=True)]


@rereads
async def _read(clientary: Clientary, args: TimesheetReport, project: Project) -> _Sheet:
    sheet, today = _Sheet(project), clientary.today()
    async for entry in hours_of(clientary, project):
        if args.user_id not in (None, entry.user_id):
            continue
        if entry.date is None:
            sheet.left_out.add("hour entry", "without a date", f"id {entry.id}", sums={"hours": entry.hours})
        elif not args.covers(entry.date):
            continue
        elif today.is_future(entry.date):
            sheet.left_out.add("hour entry", "dated in the future", f"id {entry.id}", sums={"hours": entry.hours})
        else:
            sheet.count(entry, entry.date)
    return sheet


def _rows(sheets: list[_Sheet], staff: dict[int, str], clients: dict[int | None, str]) -> list[dict[str, Any]]:
    rows = [
        {
            "user_id": user_id or None,
            "person": person_name(user_id, staff),
            "project_id": sheet.project.id,
            "project": project_name(sheet.project),
            "client_id": sheet.project.client_id,
            "client": clients[sheet.project.client_id],
            **work.counts(),
            **work.value_on(sheet.project),
        }
        for sheet in sheets
        for user_id, work in sheet.worked.items()
    ]
    return sorted(rows, key=lambda row: (row["person"], row["user_id"] or 0, -row["hours"], row["project_id"]))


def _people(
    args: TimesheetReport,
    sheets: list[_Sheet],
    staff: dict[int, str],
    days: list[date] | None,
    capacity: Decimal | None,
) -> list[dict[str, Any]]:
    """Everyone who logged time; where days are listed, everyone who could have."""
    ids = {user_id for sheet in sheets for user_id in sheet.worked}
    if days is not None:
        ids |= staff.keys() if args.user_id is None else {args.user_id}
    stretches = max(1, min(_MOST_STRETCHES, _STRETCHES_IN_ALL // (len(ids) or 1)))
    people = []
    for user_id in sorted(ids, key=lambda user_id: (person_name(user_id, staff), user_id)):
        works = [(sheet.project, sheet.worked[user_id]) for sheet in sheets if user_id in sheet.worked]
        own = {"user_id": user_id} if user_id else {}
        person = {**own, "person": person_name(user_id, staff), **sums_of_work(works, capacity if user_id else None)}
        if days is not None and user_id:
            worked = set().union(*(sheet.days[user_id] for sheet in sheets if user_id in sheet.days))
            person |= _missing(days, worked, stretches)
        people.append(person)
    return people


def _missing(days: list[date], worked: set[date], stretches: int) -> dict[str, Any]:
    """How many of the working days have no entry, and which: `2026-11-02`, or `2026-11-02 to 2026-11-06`."""
    found: list[tuple[date, date]] = []
    previous: date | None = None
    for day in days:
        if day not in worked:
            first = found.pop()[0] if found and found[-1][1] == previous else day
            found.append((first, day))
        previous = day
    listed = [str(first) if first == last else f"{first} to {last}" for first, last in found[:stretches]]
    if len(found) > stretches:
        listed.append(f"… and {len(found) - stretches:,} more")
    return {
        "working_days": len(days),
        "days_without_entries": sum(day not in worked for day in days),
        "no_entries_on": listed or None,
    }


def _working_days(args: TimesheetReport, today: date) -> list[date] | None:
    """Mondays to Fridays of the range that are not in the future; None where they are not listed."""
    if _all_projects(args) and args.last - args.first <= _LONGEST:
        return weekdays(args.first, min(args.last, today))
    return None


def _capacity(args: TimesheetReport, today: date) -> Decimal | None:
    """The hours that one person has in the range, up to today."""
    if args.capacity_hours is None:
        return None
    return args.capacity_hours * weeks_of(weekdays(args.first, min(args.last, today)))


def _all_projects(args: TimesheetReport) -> bool:
    return args.project_id is None and args.client_id is None


def _undescribed(sheets: list[_Sheet], staff: dict[int, str]) -> list[dict[str, Any]]:
    first = sorted(entry for sheet in sheets for entry in sheet.undescribed)[:_EXAMPLES]
    return [
        {
            "hour_entry_id": entry.entry_id,
            "date": entry.day,
            "person": person_name(entry.user_id, staff),
            "project": entry.project,
            "title": entry.title or None,
        }
        for entry in first
    ]


def _basis(args: TimesheetReport, days: list[date] | None, today: date) -> str:
    hours = (
        "Hours of the entries with a date in the range, on projects of any status. billed_hours is what Clientary shows"
        " as billed: it may not know what invoices of jobs here bill. billable are hours with a rate, on projects"
        " that are not at a fixed price; worth is their value, each entry rounded; effective_rate is worth by all hours"
        " on such projects."
    )
    if days is None:
        return hours
    until = f" up to today, {today}" if args.last > today else ""
    return (
        f"{hours} Working days are Mondays to Fridays{until}; Clientary has no data on holidays or leave."
        f" entries_without_description names the first {_EXAMPLES}."
    )


def _left_out(args: TimesheetReport, sheets: list[_Sheet], staff: dict[int, str]) -> list[str]:
    found = Omissions()
    for sheet in sheets:
        found.merge(sheet.left_out)
    sentences = found.to_json()
    if not _all_projects(args):
        sentences.append("Days without entries: they are listed only without client_id and project_id.")
    elif args.last - args.first > _LONGEST:
        sentences.append(f"Days without entries: they are listed for at most {_LONGEST.days} days.")
    if not staff:
        sentences.append(
            "The owner of the API token is not allowed to list staff: names, and people without entries, are missing."
        )
    return sentences


TOOLS = (timesheet_report,)

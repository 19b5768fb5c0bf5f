"""Tools for hours."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import partial

from clientary_mcp.accounting.days import Today
from clientary_mcp.accounting.totals import UNKNOWN
from clientary_mcp.api.concurrency import gather
from clientary_mcp.api.session import Clientary
from clientary_mcp.tools.decorators import creates, deletes, lists, reads, updates
from clientary_mcp.tools.support.listing import Listing
from clientary_mcp.tools.support.lookups import hours_query, idle_projects, projects_of
from clientary_mcp.tools.support.previews import done, preview_delete
from clientary_mcp.tools.support.refusals import refuse_unusual
from tool_schemas.base.results import Outcome
from tool_schemas.base.sentences import Mention
from tool_schemas.hours import (
    CreateProjectHours,
    DeleteHourEntry,
    GetHourEntry,
    HourEntry,
    ListHours,
    ListProjectHours,
    UpdateHourEntry,
)
from tool_schemas.projects import Project

_HOURS_OF_A_DAY = 24
_PROJECTS_AT_ONCE = 2
"""Projects whose hours are in memory at the same time, per concurrent request."""


@lists("hours")
def list_project_hours(clientary: Clientary, args: ListProjectHours) -> Listing[HourEntry]:
    """List the hour entries of one project, by all staff."""
    return Listing(clientary, HourEntry, args, f"projects/{args.project_id}/hours", hours_query(args.billed))


class _HoursOfProjects(Listing[HourEntry]):
    """The hours of several projects: Clientary has no list of them, so each project's is read."""

    def __init__(self, clientary: Clientary, args: ListHours) -> None:
        super().__init__(clientary, HourEntry, args)
        self._client_id, self._billed = args.client_id, args.billed

    @property
    def _reads_all(self) -> bool:
        """Always: newest first."""
        return True

    async def _rows(self) -> AsyncIterator[tuple[HourEntry, str | int | None]]:
        projects = await projects_of(self._clientary, client_id=self._client_id)
        idle = await idle_projects(self._clientary, projects, self._billed)
        worked = [project for project in projects if project.id not in idle.ids]
        concurrency = self._clientary.settings.concurrency
        at_once = _PROJECTS_AT_ONCE * concurrency
        for project in worked:
            self.names.learn(project)
        for start in range(0, len(worked), at_once):
            some = worked[start : start + at_once]
            for project, entries in zip(some, await gather(map(self._read, some), concurrency), strict=True):
                for entry in entries:
                    yield entry, project.currency_code or UNKNOWN

    def _read(self, project: Project) -> Callable[[], Awaitable[list[HourEntry]]]:
        path, query = f"projects/{project.id}/hours", hours_query(self._billed)
        return partial(self._clientary.list_all, HourEntry, path, query)


@lists("hours", mentions=Mention("timesheet_report adds them up by person and project.", "timesheet_report"))
def list_hours(clientary: Clientary, args: ListHours) -> Listing[HourEntry]:
    """List hour entries of all projects or one client, newest first."""
    if args.project_id:
        return Listing(clientary, HourEntry, args, args.path("hours"), hours_query(args.billed))
    return _HoursOfProjects(clientary, args)


@reads("hours")
async def get_hour_entry(clientary: Clientary, args: GetHourEntry) -> HourEntry:
    """Read one hour entry in full."""
    return await clientary.get(HourEntry, f"hours/{args.hour_entry_id}")


def _doubts(args: CreateProjectHours | UpdateHourEntry, today: Today) -> Iterator[str]:
    """Why such an entry can hardly be meant."""
    if args.hours is not None and args.hours > _HOURS_OF_A_DAY:
        yield f"hours: {args.hours} are more than a day has; valid are up to {_HOURS_OF_A_DAY}, and 1.5 is 90 minutes."
    if today.is_future(args.date):
        yield f"date: {args.date} is after today. {today.sentence}"


@creates("hours", checked_with="list_project_hours")
async def create_project_hours(clientary: Clientary, args: CreateProjectHours) -> HourEntry:
    """Log time worked on a project. It counts as the work of the API token's owner; nobody else's time can be
    logged."""
    refuse_unusual(args, *_doubts(args, clientary.today()))
    return await clientary.create(HourEntry, f"projects/{args.project_id}/hours", args.body())


@updates("hours", checked_with="get_hour_entry")
async def update_hour_entry(clientary: Clientary, args: UpdateHourEntry) -> HourEntry:
    """Change the given fields of an hour entry. Some accounts ignore `billed`; the answer says so then."""
    refuse_unusual(args, *_doubts(args, clientary.today()))
    # The key that changes `billed?` is not documented: send the likely one, and check the result.
    return await clientary.update(
        HourEntry, f"hours/{args.hour_entry_id}", args.body(), read_back=args.billed is not None
    )


@deletes(
    "hours",
    preview_delete(
        HourEntry,
        remarks=lambda entry: {
            "not_visible": "It is already billed; the invoice that bills it stays as it is." if entry.billed else None
        },
    ),
    checked_with="get_hour_entry",
)
async def delete_hour_entry(clientary: Clientary, args: DeleteHourEntry) -> Outcome:
    """Delete one hour entry for good."""
    await clientary.delete(f"hours/{args.hour_entry_id}")
    return done(f"Hour entry {args.hour_entry_id} is deleted.")


TOOLS = (list_project_hours, list_hours, get_hour_entry, create_project_hours, update_hour_entry, delete_hour_entry)

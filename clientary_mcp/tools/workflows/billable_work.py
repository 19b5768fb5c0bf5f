"""Billable work of a project, or of all of a client: its unbilled work, less what an invoice bills already."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any

from clientary_mcp.accounting.billable_time import lack_of, rate_of
from clientary_mcp.accounting.days import Today
from clientary_mcp.accounting.money import ZERO
from clientary_mcp.api.concurrency import gather
from clientary_mcp.api.session import Clientary
from clientary_mcp.api.streaming import rereads
from clientary_mcp.errors import BadArguments
from clientary_mcp.tools.job import CAME_SINCE, Job
from clientary_mcp.tools.support.billed_work import Holder, Holders, is_marked, logged_on, read_holders
from clientary_mcp.tools.support.documents import invoice_name
from clientary_mcp.tools.support.formatting import format_money, name_of, quote
from clientary_mcp.tools.support.lookups import client_names, expenses_between, hours_query, projects_of, staff_names
from clientary_mcp.tools.support.work_lists import KINDS, Work, listed
from clientary_mcp.tools.workflows.invoice_lines import Line, lines_of, own_title
from tool_schemas.base.sentences import count_of
from tool_schemas.clients import Client
from tool_schemas.expenses import Expense
from tool_schemas.hours import HourEntry
from tool_schemas.invoices import Invoice
from tool_schemas.projects import Project
from tool_schemas.workflows.bill_project_hours import BillProjectHours

Rows = list[dict[str, Any]]

_DECISIVE: dict[type[Work], tuple[str, ...]] = {
    HourEntry: ("date", "hours", "rate", "billed"),
    Expense: ("incurred_on", "amount", "invoice_id", "invoice_item_id"),
}
"""The fields that decide whether work is billed, and at what amount."""


@dataclass
class Bill:
    """`work` is to be billed, in `lines`; `held` is billed by an invoice, though Clientary shows it as unbilled."""

    project: Project
    work: list[Work]
    held: list[tuple[Work, Holder]]
    lines: list[Line]
    left_out: Rows
    came_since: list[Work]
    """What was logged after the approved preview, and is left out."""
    voided: list[tuple[Work, Holder]]
    """What of the work Clientary shows as billed, though only a cancelled or deleted invoice bills it."""

    def to_json(self) -> Rows:
        """The lines, what other invoices bill or billed, and what is left out and why."""
        came = [{"step": "left out", "why": CAME_SINCE, **listed(self.came_since)}] if self.came_since else []
        return [
            *(each.to_json(self.project.currency_code or "") for each in self.lines),
            *_by_holder("already on an earlier invoice", self.held),
            *_by_holder("shown as billed, but its invoice bills it no more", self.voided),
            *self.left_out,
            *came,
        ]


@dataclass
class Bills:
    """What one invoice is to bill: the work on one project, or on each of a client's, which has a section there."""

    of: Project | Client
    """What the call is about."""
    each: list[Bill]
    client_id: int
    client: str
    """The name of the client."""
    currency_code: str
    left_out: Rows
    """The projects that are not billed, and why."""
    latest: Invoice | None
    """The client's latest invoice."""

    @property
    def work(self) -> list[Work]:
        """What is to be billed."""
        return [work for bill in self.each for work in bill.work]

    @property
    def held(self) -> list[tuple[Work, Holder]]:
        """What an invoice bills already, though Clientary shows it as unbilled."""
        return [held for bill in self.each for held in bill.held]

    @property
    def voided(self) -> list[tuple[Work, Holder]]:
        """What Clientary shows as billed, though no live invoice bills it."""
        return [voided for bill in self.each for voided in bill.voided]

    @property
    def came_since(self) -> list[Work]:
        """What was logged after the approved preview."""
        return [work for bill in self.each for work in bill.came_since]

    @property
    def hours(self) -> Decimal:
        """The time that is to be billed."""
        return sum((work.hours or ZERO for work in self.work if isinstance(work, HourEntry)), start=ZERO)

    @property
    def with_lines(self) -> list[Bill]:
        """Those that have something to bill."""
        return [bill for bill in self.each if bill.lines]

    @property
    def sectioned(self) -> bool:
        """Whether the invoice has a section for each project."""
        return isinstance(self.of, Client)

    @property
    def name(self) -> str:
        """`project “Website”`, `2 projects of “Acme”`, or `hourly projects of “Acme”` where it has none."""
        if isinstance(self.of, Project):
            return f"project {quote(name_of(self.of))}"
        projects = self.with_lines or self.each
        return f"{count_of(len(projects), 'project') if projects else 'hourly projects'} of {quote(self.client)}"

    def to_json(self) -> Rows:
        """The lines and what is left out, under the name of each project where there are several."""
        rows: Rows = []
        for bill in self.each:
            own = bill.to_json()
            if self.sectioned and own:
                rows.append({"step": "section", "title": section_of(bill.project), "project_id": bill.project.id})
            rows += own
        return rows + self.left_out


def section_of(project: Project) -> str:
    """The heading of a project on an invoice."""
    return (project.name or "").strip() or f"Project {project.id}"


def _by_holder(step: str, works: list[tuple[Work, Holder]]) -> Rows:
    holders = {holder.id: holder for _, holder in works}
    return [
        {
            "step": step,
            "invoice": f"{holder.fate or ''} {invoice_name(holder)}".strip(),
            **listed(work for work, its in works if its.id == holder.id),
        }
        for holder in holders.values()
    ]


def item(work: Work) -> str:
    """The key of a piece of work in a preview."""
    return f"{KINDS[type(work)][0]} {work.id}"


async def projects_to_bill(clientary: Clientary, args: BillProjectHours) -> list[Project]:
    """The project of a call, or all of its client's; BadArguments for one that cannot be billed by the hour."""
    projects = await projects_of(clientary, project_id=args.project_id, client_id=args.client_id)
    if args.project_id is not None and (why := _why_not(projects[0])):
        raise BadArguments(f"Project {quote(name_of(projects[0]))} {why}")
    return projects


async def read_bills(clientary: Clientary, args: BillProjectHours, job: Job, projects: list[Project]) -> Bills:
    """The work to bill now on these projects."""
    if args.project_id is None:
        of: Project | Client = await clientary.get(Client, f"clients/{args.client_id}")
    else:
        (of,) = projects
    client_id = args.client_id or projects[0].client_id or 0
    named = of.name if isinstance(of, Client) else of.client_name
    client = named or (await client_names(clientary, [client_id]))[client_id]
    billable = [project for project in projects if _why_not(project) is None]
    works, staff = await _read_work(clientary, args, billable)
    logged = [logged_on(work) for own in works.values() for work in own]
    holders = await read_holders(clientary, logged, client_id=client_id, project_id=args.project_id)
    bills = [await _bill(clientary, args, job, project, works[project.id], staff, holders) for project in billable]
    currencies = sorted({bill.project.currency_code or "" for bill in bills if bill.lines})
    if len(currencies) > 1:
        raise BadArguments(
            f"The unbilled work of {quote(client)} is in {' and '.join(currencies)}, which one invoice cannot hold."
            " Bill each project with project_id."
        )
    left_out = [
        {"step": "left out", "project": name_of(project), "project_id": project.id, "why": f"It {why}"}
        for project in projects
        if (why := _why_not(project))
    ]
    return Bills(of, bills, client_id, client, next(iter(currencies), ""), left_out, holders.latest)


async def _bill(
    clientary: Clientary,
    args: BillProjectHours,
    job: Job,
    project: Project,
    works: list[Work],
    staff: dict[int, str],
    holders: Holders,
) -> Bill:
    """What is to be billed of one project."""
    works = [work for work in works if not is_marked(work) or holders.voided(work)]
    works += await _voided_hours(clientary, args, project, holders)
    _check_readable(works, project)
    left_out: dict[str, list[Work]] = {}
    ready: list[Work] = []
    came_since: list[Work] = []
    for work in sorted(works, key=lambda work: (isinstance(work, Expense), _day(work) or date.min, work.id)):
        if why := _not_billed(work, project, args, clientary.today()):
            left_out.setdefault(why, []).append(work)
        elif job.may(item(work), _shown(work, project)):
            ready.append(work)
        else:
            came_since.append(work)
    new = [work for work in ready if not holders.live(work)]
    return Bill(
        project,
        new,
        held=[(work, live[0]) for work in ready if (live := holders.live(work))],
        lines=lines_of(new, project, args.group_by, staff),
        left_out=[{"step": "left out", "why": why, **listed(works)} for why, works in left_out.items()],
        came_since=came_since,
        voided=[(work, holder) for work in new if (holder := holders.voided(work))],
    )


def _why_not(project: Project) -> str | None:
    """Why a project cannot be billed by the hour, after its name; None for one that can."""
    if project.project_type == "fixed":
        price = format_money(project.rate, project.currency_code)
        return (
            f"has a fixed price ({price}), so its hours are not billed one by one. Bill it with an invoice of"
            " one line with the agreed amount."
        )
    return f"has no {lack}. Set one first." if (lack := lack_of(project)) else None


def _check_readable(works: Iterable[Work], project: Project) -> None:
    """Refuse what would be billed at another amount than it has, or twice, for want of reading it."""
    wrong = [
        f"{name} of {item(work)} is {quote(str(sent))}"
        for work in works
        for name, sent in (work.unreadable or {}).items()
        if name in _DECISIVE[type(work)]
    ]
    if sent := (project.unreadable or {}).get("rate"):
        wrong.append(f"rate of the project is {quote(str(sent))}")
    if wrong:
        raise BadArguments(
            f"Project {quote(name_of(project))} cannot be billed, since these values cannot be read:"
            f" {', '.join(wrong)}. Correct them in Clientary, or leave out their days with from_date and to_date."
        )


async def _read_work(
    clientary: Clientary, args: BillProjectHours, projects: list[Project]
) -> tuple[dict[int, list[Work]], dict[int, str]]:
    """The work in the range of days by project, of the hours only the unbilled; the names of the staff if needed."""
    expenses: list[Expense] = []
    reads = [partial(read_hours, clientary, project.id, billed=False) for project in projects]
    hours = await gather(reads, clientary.settings.concurrency)
    if args.include_expenses:
        ids = {project.id for project in projects}
        expenses = await _expenses(clientary, ids, args.from_date, args.to_date or clientary.today().last)
    staff = await staff_names(clientary) if args.group_by == "person" else {}
    works: dict[int, list[Work]] = {}
    for project, entries in zip(projects, hours, strict=True):
        own: list[Work] = [*entries, *(expense for expense in expenses if expense.project_id == project.id)]
        works[project.id] = [work for work in own if _within(_day(work), args)]
    return works, staff


async def read_hours(clientary: Clientary, project_id: int, *, billed: bool) -> list[HourEntry]:
    """The hours of a project that Clientary shows as billed, or as unbilled."""
    entries = await clientary.list_all(HourEntry, f"projects/{project_id}/hours", hours_query(billed))
    return [entry for entry in entries if is_marked(entry) is billed]


async def _voided_hours(
    clientary: Clientary, args: BillProjectHours, project: Project, holders: Holders
) -> list[HourEntry]:
    """The hours that Clientary shows as billed, though only cancelled or deleted invoices bill them."""
    if not holders.suspects(HourEntry):
        return []
    entries = await read_hours(clientary, project.id, billed=True)
    return [entry for entry in entries if holders.voided(entry) and _within(entry.date, args)]


@rereads
async def _expenses(
    clientary: Clientary, project_ids: Collection[int], first: date | None, last: date
) -> list[Expense]:
    expenses = expenses_between(clientary, first, last)
    return [expense async for expense in expenses if expense.project_id in project_ids]


def _shown(work: Work, project: Project) -> list[Any]:
    """What a preview shows of a piece of work."""
    if isinstance(work, Expense):
        return [work.incurred_on, work.description, work.amount]
    return [work.date, own_title(work), work.hours, rate_of(work, project)]


def _day(work: Work) -> date | None:
    return work.date if isinstance(work, HourEntry) else work.incurred_on


def _within(day: date | None, args: BillProjectHours) -> bool:
    return day is None or (args.from_date or day) <= day <= (args.to_date or day)


def _not_billed(work: Work, project: Project, args: BillProjectHours, today: Today) -> str | None:
    """Why it is not billed now; None for work that is."""
    day = _day(work)
    if day is None and (args.from_date or args.to_date):
        return "without a date"
    if today.is_future(day):
        return "dated in the future"
    if isinstance(work, Expense):
        return "without an amount" if work.amount is None else None
    if work.hours is None:
        return "without hours"
    return "without a rate" if rate_of(work, project) is None else None

"""Billable work of a project: its unbilled work, less what an invoice bills already."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any

from clientary_mcp.accounting.billable_time import rate_of
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
from clientary_mcp.tools.support.lookups import client_names, expenses_between, hours_query, staff_names
from clientary_mcp.tools.support.work_lists import KINDS, Work, listed
from clientary_mcp.tools.workflows.invoice_lines import Line, lines_of, own_title
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
    client: str
    """The name of the client."""
    work: list[Work]
    held: list[tuple[Work, Holder]]
    lines: list[Line]
    left_out: Rows
    came_since: list[Work]
    """What was logged after the approved preview, and is left out."""
    voided: list[tuple[Work, Holder]]
    """What of the work Clientary shows as billed, though only a cancelled or deleted invoice bills it."""
    latest: Invoice | None
    """The client's latest invoice."""

    @property
    def hours(self) -> Decimal:
        """The time that is to be billed."""
        return sum((work.hours or ZERO for work in self.work if isinstance(work, HourEntry)), start=ZERO)

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


async def read_bill(clientary: Clientary, args: BillProjectHours, job: Job) -> Bill:
    """The work to bill now; BadArguments for a project that cannot be billed by the hour."""
    project = await clientary.get(Project, f"projects/{args.project_id}")
    _check(project)
    client = project.client_name or (await client_names(clientary, [project.client_id]))[project.client_id or 0]
    works, staff = await _read_work(clientary, args)
    logged = [logged_on(work) for work in works]
    holders = await read_holders(clientary, logged, client_id=project.client_id, project_id=project.id)
    works = [work for work in works if not is_marked(work) or holders.voided(work)]
    works += await _voided_hours(clientary, args, holders)
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
        client,
        new,
        held=[(work, live[0]) for work in ready if (live := holders.live(work))],
        lines=lines_of(new, project, args.group_by, staff),
        left_out=[{"step": "left out", "why": why, **listed(works)} for why, works in left_out.items()],
        came_since=came_since,
        voided=[(work, holder) for work in new if (holder := holders.voided(work))],
        latest=holders.latest,
    )


def _check(project: Project) -> None:
    name = f"Project {quote(name_of(project))}"
    if project.project_type == "fixed":
        price = format_money(project.rate, project.currency_code)
        raise BadArguments(
            f"{name} has a fixed price ({price}), so its hours are not billed one by one. Bill it with an invoice of"
            " one line with the agreed amount."
        )
    if project.client_id is None:
        raise BadArguments(f"{name} has no client to bill. Assign one first.")
    if not project.currency_code:
        raise BadArguments(f"{name} has no currency_code to bill it in. Set one first.")


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


async def _read_work(clientary: Clientary, args: BillProjectHours) -> tuple[list[Work], dict[int, str]]:
    """The work in the range of days, of the hours only the unbilled ones; and the names of the staff if needed."""
    reads: dict[str, Callable[[], Awaitable[Any]]] = {
        "hours": partial(read_hours, clientary, args.project_id, billed=False)
    }
    if args.include_expenses:
        last = args.to_date or clientary.today().last
        reads["expenses"] = partial(_expenses, clientary, args.project_id, args.from_date, last)
    if args.group_by == "person":
        reads["staff"] = partial(staff_names, clientary)
    read = dict(zip(reads, await gather(reads.values(), clientary.settings.concurrency), strict=True))
    works: list[Work] = [*read["hours"], *read.get("expenses", [])]
    return [work for work in works if _within(_day(work), args)], read.get("staff", {})


async def read_hours(clientary: Clientary, project_id: int, *, billed: bool) -> list[HourEntry]:
    """The hours of a project that Clientary shows as billed, or as unbilled."""
    entries = await clientary.list_all(HourEntry, f"projects/{project_id}/hours", hours_query(billed))
    return [entry for entry in entries if is_marked(entry) is billed]


async def _voided_hours(clientary: Clientary, args: BillProjectHours, holders: Holders) -> list[HourEntry]:
    """The hours that Clientary shows as billed, though only cancelled or deleted invoices bill them."""
    if not holders.suspects(HourEntry):
        return []
    entries = await read_hours(clientary, args.project_id, billed=True)
    return [entry for entry in entries if holders.voided(entry) and _within(entry.date, args)]


@rereads
async def _expenses(clientary: Clientary, project_id: int, first: date | None, last: date) -> list[Expense]:
    expenses = expenses_between(clientary, first, last)
    return [expense async for expense in expenses if expense.project_id == project_id]


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

"""Billable work of a project: its unbilled work, less what an invoice bills already, grouped into lines."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from clientary_mcp.accounting.billable_time import group_into_lines, rate_of
from clientary_mcp.accounting.money import ZERO
from clientary_mcp.api.call import Query
from clientary_mcp.api.concurrency import gather
from clientary_mcp.api.session import Clientary
from clientary_mcp.api.streaming import rereads
from clientary_mcp.errors import BadArguments
from clientary_mcp.tools.job import CAME_SINCE, Job
from clientary_mcp.tools.support.formatting import format_money, quote
from clientary_mcp.tools.support.lookups import client_names, expenses_between, staff_names
from clientary_mcp.tools.workflows.draft_invoices import line, named, referred, runs
from tool_schemas.expenses import Expense
from tool_schemas.hours import HourEntry
from tool_schemas.invoices import Invoice
from tool_schemas.projects import Project
from tool_schemas.workflows.bill_project_hours import BillProjectHours

Rows = list[dict[str, Any]]
Work = HourEntry | Expense

KINDS: dict[type[Work], tuple[str, str]] = {HourEntry: ("time entry", "time entries"), Expense: ("expense", "expenses")}
"""What can be billed, with its singular and plural, which the notes of invoices use too."""

_DAY = timedelta(days=1)
"""By how much a date may differ between Clientary's clock and ours."""


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


class Held:
    """The work that invoices list as billed in their notes; cancelled invoices do not count."""

    def __init__(self) -> None:
        self._says: list[tuple[type[Work], range, Invoice]] = []

    def add(self, invoice: Invoice) -> None:
        """Add an invoice."""
        if invoice.status != "cancelled":
            for kind in KINDS:
                self._says += [(kind, ids, invoice) for ids in referred(label(kind), invoice.note)]

    def holder(self, work: Work) -> Invoice | None:
        """The invoice that bills it already."""
        return next((invoice for kind, ids, invoice in self._says if isinstance(work, kind) and work.id in ids), None)


@dataclass
class Bill:
    """`work` is to be billed, in `lines`; `held` is billed by an invoice, though Clientary shows it as unbilled."""

    project: Project
    client: str
    """The name of the client."""
    work: list[Work]
    held: list[tuple[Work, Invoice]]
    lines: list[Line]
    left_out: Rows
    came_since: list[Work]
    """What was logged after the approved preview, and is left out."""

    @property
    def hours(self) -> Decimal:
        """The time that is to be billed."""
        return sum((work.hours or ZERO for work in self.work if isinstance(work, HourEntry)), start=ZERO)

    def to_json(self) -> Rows:
        """The lines, what earlier invoices hold, and what is left out and why."""
        holders = {invoice.id: invoice for _, invoice in self.held}
        held = [
            {
                "step": "already on an earlier invoice",
                "invoice": named(invoice),
                **listed(work for work, holder in self.held if holder.id == invoice.id),
            }
            for invoice in holders.values()
        ]
        came = [{"step": "left out", "why": CAME_SINCE, **listed(self.came_since)}] if self.came_since else []
        return [*(each.to_json(self.project.currency_code or "") for each in self.lines), *held, *self.left_out, *came]


def label(kind: type[Work]) -> str:
    """`Time entries`, as in the note of an invoice."""
    return KINDS[kind][1].capitalize()


def listed(works: Iterable[Work]) -> dict[str, str]:
    """`{"time_entries": "4711-4713", "expenses": "31"}`, without the kinds that do not occur."""
    every = list(works)
    ids = {KINDS[kind][1].replace(" ", "_"): [work.id for work in every if isinstance(work, kind)] for kind in KINDS}
    return {name: runs(of_kind) for name, of_kind in ids.items() if of_kind}


def item(work: Work) -> str:
    """The key of a piece of work in a preview."""
    return f"{KINDS[type(work)][0]} {work.id}"


async def read_bill(clientary: Clientary, args: BillProjectHours, job: Job) -> Bill:
    """The work to bill now; BadArguments for a project that cannot be billed by the hour."""
    project = await clientary.get(Project, f"projects/{args.project_id}")
    _check(project)
    client = project.client_name or (await client_names(clientary, [project.client_id]))[project.client_id or 0]
    unbilled, staff = await _unbilled(clientary, args)
    left_out: dict[str, list[Work]] = {}
    ready: list[Work] = []
    came_since: list[Work] = []
    for work in sorted(unbilled, key=lambda work: (isinstance(work, Expense), _day(work) or date.min, work.id)):
        if why := _not_billed(work, project, args, clientary.today().last):
            left_out.setdefault(why, []).append(work)
        elif job.may(item(work), _shown(work, project)):
            ready.append(work)
        else:
            came_since.append(work)
    holders = await _holders(clientary, project, ready)
    new = [work for work, holder in zip(ready, holders, strict=True) if holder is None]
    return Bill(
        project,
        client,
        new,
        held=[(work, holder) for work, holder in zip(ready, holders, strict=True) if holder is not None],
        lines=[
            *_hour_lines(new, project, args, staff),
            *(_expense_line(work) for work in new if isinstance(work, Expense)),
        ],
        left_out=[{"step": "left out", "why": why, **listed(works)} for why, works in left_out.items()],
        came_since=came_since,
    )


def _check(project: Project) -> None:
    name = f"Project {quote(project.name or str(project.id))}"
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


async def _unbilled(clientary: Clientary, args: BillProjectHours) -> tuple[list[Work], dict[int, str]]:
    """The work in the range of days that Clientary shows as unbilled, and the names of the staff if they are needed."""
    hours = f"projects/{args.project_id}/hours"
    reads: dict[str, Callable[[], Awaitable[Any]]] = {
        "hours": partial(clientary.list_all, HourEntry, hours, {"filter": "unbilled"})
    }
    if args.include_expenses:
        last = args.to_date or clientary.today().last
        reads["expenses"] = partial(_expenses, clientary, args.project_id, args.from_date, last)
    if args.group_by == "person":
        reads["staff"] = partial(staff_names, clientary)
    read = dict(zip(reads, await gather(reads.values(), clientary.settings.concurrency), strict=True))
    works: list[Work] = [entry for entry in read["hours"] if not entry.billed]
    works += read.get("expenses", [])
    return [work for work in works if _within(_day(work), args)], read.get("staff", {})


@rereads
async def _expenses(clientary: Clientary, project_id: int, first: date | None, last: date) -> list[Expense]:
    """A project's expenses that no invoice bills."""
    return [
        expense
        async for expense in expenses_between(clientary, first, last)
        if expense.project_id == project_id and expense.invoice_id is None and expense.invoice_item_id is None
    ]


def _shown(work: Work, project: Project) -> list[Any]:
    """What a preview shows of a piece of work."""
    if isinstance(work, Expense):
        return [work.incurred_on, work.description, work.amount]
    return [work.date, _own_title(work), work.hours, rate_of(work, project)]


def _day(work: Work) -> date | None:
    return work.date if isinstance(work, HourEntry) else work.incurred_on


def _logged(work: Work) -> date | None:
    """The earlier of its date and the day it was created: no invoice bills it before that."""
    days = [_day(work), work.created_at.date() if work.created_at else None]
    return min((day for day in days if day is not None), default=None)


def _within(day: date | None, args: BillProjectHours) -> bool:
    return day is None or (args.from_date or day) <= day <= (args.to_date or day)


def _not_billed(work: Work, project: Project, args: BillProjectHours, today: date) -> str | None:
    """Why it is not billed now; None for work that is."""
    day = _day(work)
    if day is None and (args.from_date or args.to_date):
        return "without a date"
    if day is not None and day > today:
        return "dated in the future"
    if isinstance(work, Expense):
        return "without an amount" if work.amount is None else None
    if work.hours is None:
        return "without hours"
    return "without a rate" if rate_of(work, project) is None else None


async def _holders(clientary: Clientary, project: Project, works: list[Work]) -> list[Invoice | None]:
    """The invoice that lists each piece of work as billed, or None.

    Besides the client's invoices, all invoices since the work was logged are read: the project may have belonged to
    another client.
    """
    if not works:
        return []
    logged = [_logged(work) for work in works]
    first = min((day for day in logged if day is not None), default=None) if None not in logged else None
    since = {"updated_since": (first - _DAY).isoformat() if first else None}
    held = await gather(
        (
            partial(_held, clientary, path, query)
            for path, query in ((f"clients/{project.client_id}/invoices", None), ("invoices", since))
        ),
        clientary.settings.concurrency,
    )
    return [next(filter(None, (each.holder(work) for each in held)), None) for work in works]


@rereads
async def _held(clientary: Clientary, path: str, query: Query | None) -> Held:
    held = Held()
    async for invoice in clientary.stream(Invoice, path, query):
        held.add(invoice)
    return held


def _hour_lines(works: Iterable[Work], project: Project, args: BillProjectHours, staff: dict[int, str]) -> list[Line]:
    """Lines of one rate each, exact to the cent."""
    groups: dict[tuple[Any, Decimal], list[HourEntry]] = {}
    for work in works:
        if isinstance(work, HourEntry) and (rate := rate_of(work, project)) is not None:
            groups.setdefault((_group(work, args), rate), []).append(work)
    lines = []
    for (_, rate), entries in groups.items():
        for part in group_into_lines(entries, project):
            hours = sum((entry.hours or ZERO for entry in part), start=ZERO)
            lines.append(Line(_title(part, project, args, staff), hours, rate, [*part]))
    return lines


def _group(entry: HourEntry, args: BillProjectHours) -> Any:
    match args.group_by:
        case "entry":
            return entry.id
        case "title":
            return _own_title(entry)
        case "person":
            return entry.user_id
        case "day":
            return entry.date
        case "project":
            return None


def _title(entries: list[HourEntry], project: Project, args: BillProjectHours, staff: dict[int, str]) -> str:
    first = entries[0]
    days = sorted(entry.date for entry in entries if entry.date)
    span = "" if not days else str(days[0]) if days[0] == days[-1] else f"{days[0]} to {days[-1]}"
    match args.group_by:
        case "entry":
            return " ".join(filter(None, (span, _own_title(first))))
        case "title":
            about = _own_title(first)
        case "person":
            about = staff.get(first.user_id or 0) or (f"Staff {first.user_id}" if first.user_id else "Work")
        case "day":
            return span or "Work"
        case "project":
            about = project.name or "Work"
    return f"{about}, {span}" if span else about


def _own_title(entry: HourEntry) -> str:
    return (entry.title or "").strip() or (entry.description or "").strip() or "Work"


def _expense_line(expense: Expense) -> Line:
    about = (expense.description or "").strip() or "Expense"
    title = f"{expense.incurred_on} {about}" if expense.incurred_on else about
    return Line(title, Decimal(1), expense.amount or ZERO, [expense])

"""The account at a glance: whose it is, which day it is there, what it holds, and what may be done in it."""

from collections.abc import Collection, Iterable, Mapping
from functools import partial
from typing import Any, get_args

from clientary_mcp.api.concurrency import gather, gather_two
from clientary_mcp.api.pagination import ListResponse
from clientary_mcp.api.session import Clientary
from clientary_mcp.tools.decorators import reads
from clientary_mcp.tools.support.formatting import plural_name
from clientary_mcp.tools.support.lookups import party_of
from clientary_mcp.tools.support.periods import read_fiscal_year
from clientary_mcp.tools.support.rights import if_allowed
from clientary_mcp.tools.tool import Kind, Tool
from clientary_mcp.tools.toolsets import allowed
from tool_schemas.base.models import Record
from tool_schemas.base.report import Report
from tool_schemas.clients import Client
from tool_schemas.contacts import Contact
from tool_schemas.estimates import Estimate
from tool_schemas.expenses import Expense
from tool_schemas.invoices import Invoice
from tool_schemas.leads import Lead
from tool_schemas.payments import Payment
from tool_schemas.projects import Project
from tool_schemas.recurring_schedules import RecurringSchedule
from tool_schemas.reports.account import GetAccount
from tool_schemas.staff import Staff
from tool_schemas.tasks import Task

_LISTS: tuple[type[Record], ...] = (
    *(Client, Contact, Lead, Project, Task, Expense, Invoice, Estimate, Payment, RecurringSchedule, Staff),
)
_CAPS = {"delete": "deletes", "mail": "mails", "money": "charges"}
_BASIS = (
    "counts: as Clientary states them, or the records of a list that comes whole; expenses of all years, completed"
    " projects and archived clients too. currencies: of the first page of each list. may: what the tools offered here"
    " can do. caps_left: how many more may be sent now, by the hourly limits."
)
_NO_OWNER = "owner: CLIENTARY_STAFF_ID, which says it, is not set."


def telling(tools: Collection[Tool]) -> Tool:
    """The tool that tells of the account, and what those of these tools that are offered may do in it."""

    @reads("reports")
    async def get_account(clientary: Clientary, args: GetAccount) -> Report:
        """The account itself: address, token's owner, today, time zone, fiscal year, currencies, record counts, what
        may be done here and how much of it in this hour."""
        today, settings = clientary.today(), clientary.settings
        pages, year = await gather_two(partial(_first_pages, clientary), partial(read_fiscal_year, clientary))
        counts = {_name(kind): _count(page) for kind, page in pages.items()}
        owner = _owner(settings.staff_id, pages[Staff])
        left = await clientary.memory.quotas.left()
        hidden = [f"{name}: not visible, or not stated." for name, count in counts.items() if count is None]
        return Report(
            [],
            basis=(_BASIS, year.sentence, today.sentence),
            about={
                "address": settings.address,
                "owner": owner or "unknown",
                "today": today.day,
                "time_zone": today.zone or "this machine's",
                "fiscal_year_start": year.start,
                "currencies": _currencies(pages.values()),
                "counts": {name: count for name, count in counts.items() if count is not None},
                "may": _effects(allowed(tools, settings)),
                "caps_left": {_CAPS[kind]: count for kind, count in left.items()},
                "not_known": hidden if owner else [_NO_OWNER, *hidden],
            },
        )

    return get_account


_Pages = Mapping[type[Record], ListResponse[Any] | None]


async def _first_pages(clientary: Clientary) -> _Pages:
    """The first page of each list; None for what is not visible."""
    reads = (partial(if_allowed, clientary.stream(kind).peek) for kind in _LISTS)
    return dict(zip(_LISTS, await gather(reads, clientary.settings.concurrency), strict=True))


def _name(kind: type[Record]) -> str:
    return plural_name(kind).replace(" ", "_")


def _count(page: ListResponse[Any] | None) -> int | None:
    """How many records a list has, by its first page; None where that does not tell."""
    if page is None:
        return None
    if page.total_count is not None:
        return page.total_count
    return None if page.may_go_on or (page.page_count or 1) > 1 else len(page.records)


def _owner(staff_id: int | None, staff: ListResponse[Any] | None) -> dict[str, Any] | None:
    if staff_id is None:
        return None
    names = {person.id: person.name for person in staff.records} if staff else {}
    return {"staff_id": staff_id, "name": names.get(staff_id)}


def _currencies(pages: Iterable[ListResponse[Any] | None]) -> list[str]:
    records = (record for page in pages if page for record in page.records)
    codes = (
        party_of(record).currency_code if isinstance(record, Client) else getattr(record, "currency_code", None)
        for record in records
    )
    return sorted({code for code in codes if code})


def _effects(tools: Iterable[Tool]) -> list[Kind]:
    """What these tools can do, in the order of the toolsets."""
    kinds = {kind for tool in tools for kind in tool.effect.kinds}
    return [kind for kind in get_args(Kind) if kind in kinds]

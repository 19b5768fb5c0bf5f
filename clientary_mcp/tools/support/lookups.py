"""Look-ups that reports and jobs share, in as few requests as possible: names for ids, projects, hours."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any

from clientary_mcp.api.call import Query
from clientary_mcp.api.concurrency import gather
from clientary_mcp.api.pagination import Ids
from clientary_mcp.api.session import Clientary
from clientary_mcp.api.streaming import Stream, rereads
from clientary_mcp.errors import BadArguments, NotAllowed, NotFound
from clientary_mcp.tools.support.rights import if_allowed
from tool_schemas.base.currencies import read_code
from tool_schemas.base.models import Record
from tool_schemas.clients import Client
from tool_schemas.expenses import Expense
from tool_schemas.hours import HourEntry
from tool_schemas.invoices import Invoice
from tool_schemas.projects import Project
from tool_schemas.staff import Staff

_FEW = 10
"""Clients that are looked up one by one; for more, the list is looked at, and read where it has fewer pages."""

_SAMPLE = 3
"""Projects that are read although they report no hours, to check that they have none."""


@dataclass(frozen=True)
class Party:
    """What reports show of a client; its currency is None where Clientary does not report it."""

    name: str
    currency_code: str | None = None


async def parties(clientary: Clientary, ids: Iterable[int | None]) -> dict[int, Party]:
    """These clients; one that is gone or not visible is called `client 12`."""
    wanted = {client_id for client_id in ids if client_id is not None}
    known: dict[int, Party] = {}
    if len(wanted) > _FEW:
        try:
            known = await _read_parties(clientary, wanted)
        except NotAllowed:
            return {client_id: Party(f"client {client_id}") for client_id in wanted}
    missing = sorted(wanted - known.keys())
    found = await gather(
        (partial(_party, clientary, client_id) for client_id in missing), clientary.settings.concurrency
    )
    return known | dict(zip(missing, found, strict=True))


async def client_names(
    clientary: Clientary, ids: Iterable[int | None], known: Mapping[int, str] | None = None
) -> dict[int | None, str]:
    """The names of these clients, from `known` where it has them; `client 12` for one that is gone or not visible.

    None is `no client`.
    """
    names: dict[int | None, str] = {None: "no client"}
    names.update((known or {}).items())
    found = await parties(clientary, set(ids) - names.keys())
    return names | {client_id: party.name for client_id, party in found.items()}


async def project_names(
    clientary: Clientary, ids: Iterable[int], known: Mapping[int, str] | None = None
) -> dict[int | None, str]:
    """The names of these projects, from `known` where it has them; `project 12` for one that is gone or not visible.

    None is `no project`.
    """
    names: dict[int | None, str] = {None: "no project"}
    names.update((known or {}).items())
    if missing := set(ids) - names.keys():
        listed = await if_allowed(partial(clientary.list_all, Project))
        names.update((project.id, project_name(project)) for project in listed or () if project.id in missing)
    return dict.fromkeys(ids, "") | {each: f"project {each}" for each in missing} | names


def names_in(records: Iterable[Record]) -> dict[int, str]:
    """The names of the clients that records carry beside the id."""
    known = ((getattr(record, "client_id", None), client_named_in(record)) for record in records)
    return {client_id: name for client_id, name in known if client_id is not None and name is not None}


@rereads
async def _read_parties(clientary: Clientary, wanted: set[int]) -> dict[int, Party]:
    """Those on the list, or on its first page where it has more pages than the others are."""
    first = await clientary.stream(Client).peek()
    known = {client.id: party_of(client) for client in first.records if client.id in wanted}
    pages = (first.page_count or 1) - 1
    if first.may_go_on or 0 < pages <= len(wanted) - len(known):
        async for client in clientary.stream(Client, offset=len(first.records)):
            if client.id in wanted:
                known[client.id] = party_of(client)
    return known


async def _party(clientary: Clientary, client_id: int) -> Party:
    try:
        return party_of(await clientary.get(Client, f"clients/{client_id}", known=True))
    except (NotFound, NotAllowed):
        return Party(f"client {client_id}")


def party_of(client: Client) -> Party:
    """What reports show of a client that was read."""
    account = (client.__pydantic_extra__ or {}).get("account")  # in live replies, but not in the documentation
    code = account.get("currency_code") if isinstance(account, dict) else None
    return Party(client.name or f"client {client.id}", read_code(code) if isinstance(code, str) else None)


def client_named_in(record: Record) -> str | None:
    """The client's name, where a record carries its client: live ones do, documented ones do not."""
    client = (record.__pydantic_extra__ or {}).get("client")
    name = client.get("name") if isinstance(client, dict) else getattr(record, "client_name", None)
    return name if isinstance(name, str) and name else None


def project_name(project: Project) -> str:
    """The name of a project; `project 12` for one without a name."""
    return project.name or f"project {project.id}"


def person_name(user_id: int | None, staff: Mapping[int, str]) -> str:
    """The name of a staff member; `staff 12` for one not in `staff`, `unknown` without an id."""
    return staff.get(user_id, f"staff {user_id}") if user_id else "unknown"


def by_hours(hours: Mapping[int | None, Decimal], staff: Mapping[int, str]) -> list[dict[str, Any]]:
    """`[{user_id, name, hours}]`, most hours first."""
    most_first = sorted(hours.items(), key=lambda each: (-each[1], each[0] or 0))
    return [
        {"user_id": user_id, "name": person_name(user_id, staff), "hours": worked} for user_id, worked in most_first
    ]


async def staff_names(clientary: Clientary) -> dict[int, str]:
    """The names of all staff; empty where the owner of the API token is not allowed to see them."""
    staff = await if_allowed(partial(clientary.list_all, Staff))
    return {person.id: person.name or f"staff {person.id}" for person in staff or ()}


class Currencies:
    """The currencies of invoices, small in memory for millions of them."""

    def __init__(self) -> None:
        self._invoices: dict[str, Ids] = {}

    def add(self, invoice: Invoice) -> None:
        """Add an invoice."""
        if invoice.currency_code:
            self._invoices.setdefault(invoice.currency_code, Ids()).add(invoice.id)

    def of(self, invoice_id: int) -> str | None:
        """The currency of an invoice; None for one that is gone or states none."""
        return next((code for code, ids in self._invoices.items() if invoice_id in ids), None)


async def currencies_of(
    clientary: Clientary,
    invoices: Collection[int] | None = None,
    see: Callable[[Invoice], None] = lambda _: None,
    since: date | None = None,
) -> Currencies:
    """The currencies of these invoices, or of all: one by one or as a list, whichever is fewer requests.

    `see` is given each invoice that is read, some twice. `since` is a day since which most of these invoices changed:
    the list is then of those alone, and the others are looked for again without it.
    """
    known, missing = Currencies(), set(invoices or ())

    def learn(invoice: Invoice) -> None:
        see(invoice)
        known.add(invoice)
        missing.discard(invoice.id)

    if invoices is None or len(missing) > 2:
        whole = await _read_invoices(clientary, learn, since, None if invoices is None else missing)
        if whole and since is not None and missing:
            await currencies_of(clientary, missing.copy(), learn)
        if whole:
            return known
    for found in await gather(
        (partial(_invoice, clientary, number) for number in sorted(missing)), clientary.settings.concurrency
    ):
        see(found)
        known.add(found)
    return known


@rereads
async def _read_invoices(
    clientary: Clientary, see: Callable[[Invoice], None], since: date | None, missing: Collection[int] | None
) -> bool:
    """Whether the list was read: where only some are `missing`, if it has no more pages than there are of them.

    Its first page has many of them, and shows how long it is.
    """
    stream = clientary.stream(Invoice, query=_changed(since))
    if missing is not None:
        first = await stream.peek()
        for invoice in first.records:
            see(invoice)
        if first.pages == 1 or len(missing) < first.pages:
            return first.pages == 1
    async for invoice in stream:
        see(invoice)
    return True


def _changed(since: date | None) -> Query | None:
    """The query for invoices that changed since a day."""
    return {"updated_since": since.isoformat()} if since else None


async def _invoice(clientary: Clientary, invoice_id: int) -> Invoice:
    try:
        return await clientary.get(Invoice, f"invoices/{invoice_id}")
    except NotFound:
        return Invoice.read({"id": invoice_id})


async def project_of(clientary: Clientary, project_id: int, client_id: int | None) -> Project:
    """That project; BadArguments if it is not of the client, for then nothing is of both."""
    project = await clientary.get(Project, f"projects/{project_id}")
    if client_id not in (None, project.client_id):
        raise BadArguments(f"Project {project_id} does not belong to client {client_id}. Pass only one of them.")
    return project


async def check_both(clientary: Clientary, project_id: int | None, client_id: int | None) -> None:
    """BadArguments where a call names a client and a project of another one."""
    if project_id is not None and client_id is not None:
        await project_of(clientary, project_id, client_id)


async def projects_of(
    clientary: Clientary, *, project_id: int | None = None, client_id: int | None = None
) -> list[Project]:
    """That project, or all of a client or of the account, completed ones too; NotFound for an unknown id.

    A client's are chosen from the account's: only that list is known to include completed projects.
    """
    if project_id is not None:
        return await with_currencies(clientary, [await project_of(clientary, project_id, client_id)])
    found = [project for project in await clientary.list_all(Project) if client_id in (None, project.client_id)]
    if not found and client_id is not None:
        await clientary.get(Client, f"clients/{client_id}")
    return await with_currencies(clientary, found)


async def with_currencies(clientary: Clientary, projects: list[Project]) -> list[Project]:
    """The projects, those that state no currency in their client's."""
    known = await parties(clientary, (project.client_id for project in projects if project.currency_code is None))
    codes = {client_id: party.currency_code for client_id, party in known.items()}
    return [
        project
        if project.currency_code
        else project.model_copy(update={"currency_code": codes.get(project.client_id or 0)})
        for project in projects
    ]


def hours_of(clientary: Clientary, project: Project, billed: bool | None = None) -> Stream[HourEntry]:
    """The hour entries of a project, one by one."""
    return clientary.stream(HourEntry, f"projects/{project.id}/hours", hours_query(billed))


@dataclass(frozen=True)
class Idle:
    """Projects of which no hours are read, because they report none."""

    ids: frozenset[int] = frozenset()

    @property
    def sentence(self) -> str:
        """For `basis`; empty where the hours of all projects are read."""
        if not self.ids:
            return ""
        return f"{len(self.ids):,} projects were not read: they report no hours, which was checked on {_SAMPLE}."


async def idle_projects(clientary: Clientary, projects: list[Project], billed: bool | None = None) -> Idle:
    """The projects without hours, by the sum that each of them carries, so that not every project costs a request.

    The sums are checked on a few projects; if hours are found where they report none, all projects are read.
    """
    idle = [project for project in projects if _reports_no_hours(project, billed)]
    if len(idle) <= _SAMPLE:
        return Idle()
    newest = sorted(idle, key=lambda project: -project.id)[:_SAMPLE]  # the likeliest to be worked on
    first = [hours_of(clientary, project, billed).peek for project in newest]
    checked = await gather((partial(if_allowed, read) for read in first), clientary.settings.concurrency)
    if any(page is None or page.records for page in checked):
        return Idle()
    return Idle(frozenset(project.id for project in idle))


def _reports_no_hours(project: Project, billed: bool | None) -> bool:
    return (project.unbilled_hours if billed is False else project.worked_hours) == 0


def hours_query(billed: bool | None) -> Query:
    """The query for hours that are billed, unbilled, or either (None)."""
    return {"filter": None if billed is None else "billed" if billed else "unbilled"}


def expenses_between(clientary: Clientary, first: date | None, last: date | None) -> Stream[Expense]:
    """All expenses of those days, without a first or a last one where it is None.

    Only the list of the whole account is documented to take dates: without them, or where they are ignored, Clientary
    sends the current fiscal year alone.
    """
    days = {"from_date": first and first.isoformat(), "to_date": last and last.isoformat()}
    return clientary.stream(Expense, query=Expense.query | {name: day for name, day in days.items() if day})

"""One client at a glance: contacts, open balances, the latest invoice, project budgets and estimates."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any

from clientary_mcp.accounting.budgets import budget_figures, reported_use
from clientary_mcp.accounting.days import Today
from clientary_mcp.accounting.invoices import days_overdue
from clientary_mcp.accounting.left_out import Omissions
from clientary_mcp.accounting.money import ZERO
from clientary_mcp.accounting.totals import Totals
from clientary_mcp.api.concurrency import gather
from clientary_mcp.api.session import Clientary
from clientary_mcp.api.streaming import rereads
from clientary_mcp.errors import BadArguments, NotAllowed, NotFound
from clientary_mcp.tools.decorators import reads
from clientary_mcp.tools.support.formatting import label, quote
from clientary_mcp.tools.support.lookups import client_names, projects_of
from clientary_mcp.tools.support.matching import Level, Wanted
from clientary_mcp.tools.support.search import Hit, find
from tool_schemas.base.models import Record
from tool_schemas.base.report import Report
from tool_schemas.clients import Client
from tool_schemas.contacts import Contact
from tool_schemas.documents import Item
from tool_schemas.estimates import Estimate
from tool_schemas.invoices import OWED, Invoice
from tool_schemas.leads import Lead
from tool_schemas.projects import Project
from tool_schemas.reports.client_overview import ClientOverview

_MOST = 50
"""Entries of one list."""
_NEAREST = 3
_ESTIMATES: dict[str, tuple[str, ...]] = {
    "open_estimates": ("sent", "viewed", "revised"),
    "accepted_estimates": ("accepted",),
    "draft_estimates": ("draft",),
}
_CLOSED = ("cancelled", "declined", "archived")
_FIGURES = ("open", "open_invoices", "overdue", "pending", "pending_invoices")
_BASIS = (
    "open: balances above zero of sent and viewed invoices, pending ones listed separately; overdue is the"
    " part of open that was due before {today}. The latest invoice is the newest by date that is neither draft nor"
    " cancelled. used is worked_hours for a budget in hours, the cost of the hours so far for a budget in money."
)


@reads("reports")
async def client_overview(clientary: Clientary, args: ClientOverview) -> Report:
    """One client at a glance: contacts, open balance per currency, latest invoice with its lines, drafts, open
    projects with budgets, estimates. Takes client_id or email, one of the two."""
    left_out, about = Omissions(), dict[str, Any]()
    client_id = args.client_id
    if client_id is None:
        client_id, about["owns_the_address"] = await _client_of(clientary, args.email or "", left_out)
    path, today = f"clients/{client_id}", clientary.today()
    jobs: list[Callable[[], Awaitable[Any]]] = [
        partial(clientary.get, Client, path),
        partial(clientary.list_all, Contact, f"{path}/contacts", {"page_size": 100}),
        partial(_read_invoices, clientary, client_id),
        partial(projects_of, clientary, client_id=client_id),
        partial(clientary.list_all, Estimate, f"{path}/estimates"),
    ]
    client, contacts, invoices, projects, estimates = await gather(jobs, clientary.settings.concurrency)
    left_out.merge(invoices.left_out)
    about = {
        "client": client.summarized(),
        **about,
        "contacts": _first(contacts, "contact", left_out),
        "latest_invoice": await _latest(clientary, invoices, left_out),
        "draft_invoices": _first(invoices.drafts, "draft invoice", left_out, without=("status", "balance")),
        "open_projects": _open(projects, left_out),
        **_estimates(estimates, left_out),
    }
    return Report(invoices.rows(), _BASIS.format(today=today), left_out=left_out.to_json(), about=about)


async def _client_of(clientary: Clientary, email: str, left_out: Omissions) -> tuple[int, list[dict[str, Any]]]:
    """The one client whose contact has that address, and the contact; BadArguments for none or several."""
    found = await find(clientary, Wanted(email), ["contact"])
    owners = [hit for hit in found.open if hit.match.level is Level.EXACT and hit.match.field == "email"]
    clients = {hit.fields["client_id"]: hit.client for hit in owners if "client_id" in hit.fields}
    if len(clients) != 1:
        others = [hit for hit in [*found.open, *found.nearest] if hit not in owners][:_NEAREST]
        raise BadArguments(await _not_one_client(clientary, email, owners or others, clients))
    for hit in owners:
        if "client_id" not in hit.fields:
            left_out.add("contact", "of a lead with the same address", quote(hit.name))
    (client_id,) = clients
    return client_id, [{"contact_id": hit.id, "name": hit.name} for hit in owners if "client_id" in hit.fields]


async def _not_one_client(clientary: Clientary, email: str, hits: list[Hit], clients: dict[int, str | None]) -> str:
    """Why an address does not identify one client; `hits` are its contacts, or without any the nearest."""
    ids = [hit.fields["client_id"] for hit in hits if "client_id" in hit.fields]
    names = await client_names(clientary, ids)
    leads = await _lead_names(clientary, {hit.fields["lead_id"] for hit in hits if "lead_id" in hit.fields})
    people = "; ".join(_person(hit, names, leads) for hit in hits)
    if clients:
        return f"Contacts of {len(clients)} clients have the address {quote(email)}: {people}. Pass client_id."
    if any(hit.match.level is Level.EXACT and hit.match.field == "email" for hit in hits):
        return f"The address {quote(email)} belongs to a contact of a lead, not of a client: {people}."
    nearest = f" Nearest matches: {people}." if people else ""
    return f"No contact has the address {quote(email)}.{nearest}"


async def _lead_names(clientary: Clientary, ids: set[int]) -> dict[int, str]:
    """The quoted names of leads; one that is gone or not visible is left out."""
    names: dict[int, str] = {}
    for lead_id in ids:
        with suppress(NotFound, NotAllowed):
            names[lead_id] = quote((await clientary.get(Lead, f"leads/{lead_id}")).name or "")
    return names


def _person(hit: Hit, clients: dict[int | None, str], leads: dict[int, str]) -> str:
    client_id, lead_id = hit.fields.get("client_id"), hit.fields.get("lead_id")
    of = ""
    if client_id:
        of = f" of client {client_id} {quote(clients[client_id])}"
    elif lead_id:
        of = f" of lead {lead_id} {leads.get(lead_id, '')}".rstrip()
    return f"{quote(hit.fields.get('email', ''))}, {quote(hit.name)}{of}"


@dataclass
class _Invoices:
    """A client's invoices: sums per currency, the newest, and the drafts in brief."""

    latest: Invoice | None = None
    drafts: list[Invoice] = field(default_factory=list)
    left_out: Omissions = field(default_factory=Omissions)
    sums: Totals = field(default_factory=Totals)

    def count(self, invoice: Invoice, today: Today) -> None:
        """Add an invoice that is open, pending or paid."""
        balance, code = invoice.balance, invoice.currency_code
        if self.latest is None or _newness(invoice) > _newness(self.latest):
            self.latest = invoice
        if invoice.status == "paid":
            return
        if balance is None:
            self.left_out.add("invoice", "without a balance", label(invoice))
        elif balance < 0:
            self.left_out.add("overpaid invoice", "", label(invoice))
        elif balance > 0 and invoice.status == "pending":
            self.sums.add(code, pending=balance, pending_invoices=Decimal(1))
        elif balance > 0:
            overdue = balance if days_overdue(invoice, today) else ZERO
            self.sums.add(code, open=balance, open_invoices=Decimal(1), overdue=overdue)

    def rows(self) -> list[dict[str, Any]]:
        """Open balances, one row per currency."""
        codes = [sums["currency_code"] for sums in self.sums.to_json()]
        return [{"currency_code": code} | {name: self.sums.of(code, name) for name in _FIGURES} for code in codes]


@rereads
async def _read_invoices(clientary: Clientary, client_id: int) -> _Invoices:
    found, today = _Invoices(), clientary.today()
    async for invoice in clientary.stream(Invoice, f"clients/{client_id}/invoices"):
        if invoice.status == "draft":
            found.drafts.append(invoice)
        elif invoice.status == "cancelled":
            found.left_out.add("cancelled invoice", "")
        elif invoice.status not in (*OWED, "pending", "paid"):
            found.left_out.add("invoice", "of an unknown status", label(invoice))
        else:
            found.count(invoice, today)
    return found


def _newness(record: Invoice | Estimate) -> tuple[date, int]:
    return record.date or date.min, record.id


async def _latest(clientary: Clientary, invoices: _Invoices, left_out: Omissions) -> dict[str, Any] | str:
    invoice = invoices.latest
    if invoice is None:
        return "none"
    if invoice.items is None:  # lists may omit them
        invoice = await clientary.get(Invoice, f"invoices/{invoice.id}")
    items = invoice.items or []
    left_out.add("line", f"of the latest invoice beyond the first {_MOST}", count=len(items[_MOST:]))
    return {**_brief(invoice), "subtotal": invoice.subtotal, "lines": [_line(item) for item in items[:_MOST]]}


def _line(item: Item) -> dict[str, Any]:
    if item.item_type == "section":
        return {"section": item.title}
    return {"title": item.title, "quantity": item.quantity, "price": item.price}


def _brief(record: Record, without: tuple[str, ...] = ()) -> dict[str, Any]:
    """A record in brief, without client_id, which is the same in all of them."""
    return {name: value for name, value in record.summarized().items() if name not in ("client_id", *without)}


def _first(
    records: Sequence[Record], noun: str, left_out: Omissions, without: tuple[str, ...] = ()
) -> list[dict[str, Any]]:
    left_out.add(noun, f"beyond the first {_MOST}", count=len(records[_MOST:]))
    return [_brief(record, without) for record in records[:_MOST]]


def _open(projects: list[Project], left_out: Omissions) -> list[dict[str, Any]]:
    current = [project for project in projects if project.status != "completed"]
    left_out.add("completed project", "", count=len(projects) - len(current))
    left_out.add("open project", f"beyond the first {_MOST}", count=len(current[_MOST:]))
    return [_with_budget(project, left_out) for project in current[:_MOST]]


def _with_budget(project: Project, left_out: Omissions) -> dict[str, Any]:
    names = ("id", "name", "status", "project_type", "rate", "currency_code", "worked_hours", "unbilled_hours")
    used = reported_use(project)
    if project.budget and used is None:
        left_out.add("project", "whose budget use Clientary does not report", label(project))
    return {name: getattr(project, name, None) for name in names} | budget_figures(project, used)


def _estimates(estimates: list[Estimate], left_out: Omissions) -> dict[str, Any]:
    """Current estimates, newest first: open, accepted and draft ones separately."""
    newest = sorted(estimates, key=_newness, reverse=True)
    by_kind = {kind: [each for each in newest if each.status in statuses] for kind, statuses in _ESTIMATES.items()}
    for each in estimates:
        if each.status in _CLOSED:
            left_out.add("estimate", "(cancelled, declined or archived)")
        elif each.status not in sum(_ESTIMATES.values(), ()):
            left_out.add("estimate", "of an unknown status", label(each))
    return {kind: _first(some, kind.replace("_", " ")[:-1], left_out) for kind, some in by_kind.items()}


TOOLS = (client_overview,)

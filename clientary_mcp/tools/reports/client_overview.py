"""One client at a glance: contacts, open balances, the latest invoice, project budgets and estimates."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any

from clientary_mcp.accounting.budgets import budget_figures, reported_use
from clientary_mcp.accounting.days import Today
from clientary_mcp.accounting.estimates import STAGES
from clientary_mcp.accounting.invoices import (
    KNOWN,
    Standing,
    days_overdue,
    lacks_balance,
    pending_remark,
    standing_of,
)
from clientary_mcp.accounting.left_out import Omissions
from clientary_mcp.accounting.money import ZERO
from clientary_mcp.accounting.payment_times import PaymentTimes, paid_lately
from clientary_mcp.accounting.sales import Tax, sale_of
from clientary_mcp.accounting.totals import Totals, currency_remark
from clientary_mcp.api.session import Clientary
from clientary_mcp.api.streaming import rereads
from clientary_mcp.errors import BadArguments, NotAllowed, NotFound
from clientary_mcp.tools.decorators import reads
from clientary_mcp.tools.support.formatting import label, quote
from clientary_mcp.tools.support.lookups import client_names, projects_of
from clientary_mcp.tools.support.matching import Level, Wanted
from clientary_mcp.tools.support.rights import denied, gather_allowed
from clientary_mcp.tools.support.search import Hit, find
from tool_schemas.base.models import Record
from tool_schemas.base.report import Report
from tool_schemas.clients import Client
from tool_schemas.contacts import Contact
from tool_schemas.documents import Item
from tool_schemas.estimates import Estimate
from tool_schemas.invoices import Invoice
from tool_schemas.leads import Lead
from tool_schemas.projects import Project
from tool_schemas.reports.client_overview import ClientOverview

_MOST = 50
"""Entries of one list."""
_NEAREST = 3
_ONE = Decimal(1)
_ESTIMATES = {"open_estimates": "open", "accepted_estimates": "accepted", "draft_estimates": "drafts"}
_FIGURES = ("open", "open_invoices", "overdue", "pending", "pending_invoices", "credits", "future", "future_invoices")
_BASIS = (
    "open: balances above zero of sent and viewed invoices, less what is pending; overdue is the part of open that was"
    " due before today. credits are balances below zero; net is open less credits. future is invoices dated after"
    " today, which are in no other figure. The latest invoice is the newest by date of those that are neither draft nor"
    " cancelled nor future. usual_days_to_pay: from date to full payment, and after the due date, on the average of"
    " the invoices paid in the last 365 days."
    " used is worked_hours for a budget in hours, the cost of the hours so far for one in money."
)


@reads("reports")
async def client_overview(clientary: Clientary, args: ClientOverview) -> Report:
    """One client at a glance: contacts, open balance and credit per currency, latest invoice with its lines and taxes,
    usual days to pay, drafts, open projects with budgets, estimates. Takes client_id or email, one of the two."""
    left_out, about = Omissions(), dict[str, Any]()
    client_id = args.client_id
    if client_id is None:
        client_id, about["owns_the_address"] = await _client_of(clientary, args.email or "", left_out)
    path = f"clients/{client_id}"
    reads: dict[str, Callable[[], Awaitable[Any]]] = {
        "client": partial(clientary.get, Client, path),
        "contacts": partial(clientary.list_all, Contact, f"{path}/contacts", {"page_size": 100}),
        "invoices": partial(_read_invoices, clientary, client_id),
        "projects": partial(projects_of, clientary, client_id=client_id),
        "estimates": partial(clientary.list_all, Estimate, f"{path}/estimates"),
    }
    read = await gather_allowed(reads.values(), clientary.settings.concurrency)
    found = dict(zip(reads, read, strict=True))
    client, invoices = found["client"], found["invoices"]
    about = {
        "client": client.summarized() if client else {"id": client_id},
        **about,
        **await _sections(clientary, found, left_out),
    }
    hidden = [denied(part.capitalize()) for part, seen in found.items() if seen is None]
    return Report(
        invoices.rows() if invoices else [],
        (_BASIS, clientary.today().sentence),
        left_out=[*hidden, *left_out.to_json()],
        about=about,
    )


async def _sections(clientary: Clientary, found: Mapping[str, Any], left_out: Omissions) -> dict[str, Any]:
    """The parts of the answer, without those that are not visible."""
    shown = dict[str, Any]()
    if (contacts := found["contacts"]) is not None:
        shown["contacts"] = _first(contacts, "contact", left_out)
    if (invoices := found["invoices"]) is not None:
        left_out.merge(invoices.left_out)
        shown["latest_invoice"] = await _latest(clientary, invoices, left_out)
        shown |= invoices.dates()
        shown["draft_invoices"] = _first(invoices.drafts, "draft invoice", left_out, without=("status", "balance"))
    if (projects := found["projects"]) is not None:
        shown["open_projects"] = _open(projects, left_out)
    if (estimates := found["estimates"]) is not None:
        shown |= _estimates(estimates, left_out)
    return shown


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
    last_payment_on: date | None = None
    times: PaymentTimes = field(default_factory=PaymentTimes)
    left_out: Omissions = field(default_factory=Omissions)
    sums: Totals = field(default_factory=Totals)

    def count(self, invoice: Invoice, today: Today) -> None:
        """Add the next invoice of the list."""
        standing, code = standing_of(invoice, today), invoice.currency_code
        match standing.stage:
            case "draft":
                self.drafts.append(invoice)
            case "cancelled":
                self.left_out.add("cancelled invoice", "")
            case "future":
                self.sums.add(code, future=invoice.total_cost or ZERO, future_invoices=_ONE)
            case _ if invoice.status not in KNOWN:
                self.left_out.add("invoice", "of an unknown status", label(invoice))
            case _:
                self._count_invoiced(invoice, standing, today)

    def _count_invoiced(self, invoice: Invoice, standing: Standing, today: Today) -> None:
        if self.latest is None or _newness(invoice) > _newness(self.latest):
            self.latest = invoice
        self._count_payments(invoice, today)
        if lacks_balance(invoice, today):
            self.left_out.add("invoice", "without a balance", label(invoice))
        if not any(standing[1:]):
            return
        _, owed, pending, credit = standing
        overdue = owed if days_overdue(invoice, today) else ZERO
        amounts = {"open": owed, "overdue": overdue, "pending": pending, "credits": credit}
        counts = {"open_invoices": _ONE if owed else ZERO, "pending_invoices": _ONE if pending else ZERO}
        self.sums.add(invoice.currency_code, **amounts, **counts)  # type: ignore[arg-type]  # none of them is named part
        for why in filter(None, (pending_remark(invoice), currency_remark(invoice.currency_code))):
            self.left_out.add("invoice", why, label(invoice))

    def _count_payments(self, invoice: Invoice, today: Today) -> None:
        days = (payment.received_on for payment in invoice.payments or ())
        past = (day for day in days if day is not None and not today.is_future(day))
        self.last_payment_on = max((*past, *filter(None, [self.last_payment_on])), default=None)
        if invoice.payments is None and invoice.total_payments:
            self.left_out.add("invoice", "whose payments are not listed, not in last_payment_on", label(invoice))
        if paid := paid_lately(invoice, today):
            self.times.add(invoice, paid)

    def dates(self) -> dict[str, Any]:
        """When the client was last invoiced, when it last paid, and how long it usually takes."""
        times = {name: self.times.to_json()[name] for name in ("mean_days", "mean_days_late")}
        return {
            "last_invoice_on": self.latest.date if self.latest else None,
            "last_payment_on": self.last_payment_on,
            "usual_days_to_pay": {"invoices": len(self.times.days), **times} if self.times.days else None,
        }

    def rows(self) -> list[dict[str, Any]]:
        """Open balances and what is beside them, one row per currency."""
        rows = list[dict[str, Any]]()
        for sums in self.sums.to_json():
            row = {"currency_code": sums["currency_code"]} | {name: sums.get(name, ZERO) for name in _FIGURES}
            rows.append(row | {"net": row["open"] - row["credits"]})
        return rows


@rereads
async def _read_invoices(clientary: Clientary, client_id: int) -> _Invoices:
    found, today = _Invoices(), clientary.today()
    async for invoice in clientary.stream(Invoice, f"clients/{client_id}/invoices"):
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
    sale = sale_of(invoice, label(invoice), left_out)
    return {
        **_brief(invoice),
        "subtotal": invoice.subtotal,
        "taxes": [_tax(tax) for tax in sale.taxes] if sale else [],
        "lines": [_line(item) for item in items[:_MOST]],
    }


def _tax(tax: Tax) -> dict[str, Any]:
    return {"tax_label": tax.label or None, "rate": tax.rate, "tax": tax.amount}


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
    by_kind = {
        kind: [each for each in newest if STAGES.get(each.status) == stage] for kind, stage in _ESTIMATES.items()
    }
    for each in estimates:
        if each.status not in STAGES:
            left_out.add("estimate", "of an unknown status", label(each))
        elif STAGES[each.status] not in _ESTIMATES.values():
            left_out.add("estimate", "(cancelled, declined or archived)")
    return {kind: _first(some, kind.replace("_", " ")[:-1], left_out) for kind, some in by_kind.items()}


TOOLS = (client_overview,)

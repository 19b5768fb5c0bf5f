"""The check of the billing: what an owner should look at, each with the call that mends it."""

from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import Any

from clientary_mcp.accounting.left_out import Omissions
from clientary_mcp.accounting.money import ZERO
from clientary_mcp.accounting.totals import UNKNOWN
from clientary_mcp.api.concurrency import gather
from clientary_mcp.api.session import Clientary
from clientary_mcp.api.streaming import rereads
from clientary_mcp.errors import NotRemembered
from clientary_mcp.state.billed import BilledRun
from clientary_mcp.tools.decorators import reads
from clientary_mcp.tools.reports import billing_checks as checks
from clientary_mcp.tools.reports.billing_checks import CHECKS, CompletedWork, Finding
from clientary_mcp.tools.support.billed_work import OUT_OF_REACH, Holder, Holders, is_marked
from clientary_mcp.tools.support.formatting import quote
from clientary_mcp.tools.support.lookups import expenses_between, hours_of, idle_projects, project_name, projects_of
from clientary_mcp.tools.support.rights import UNSEEN_HOURS, denied, gather_allowed, if_allowed
from clientary_mcp.tools.tool import Tool
from clientary_mcp.tools.toolsets import allowed
from tool_schemas.base.addresses import addresses_in
from tool_schemas.base.report import Report
from tool_schemas.base.sentences import in_order
from tool_schemas.contacts import Contact
from tool_schemas.documents import MOST_RECIPIENTS
from tool_schemas.expenses import Expense
from tool_schemas.hours import HourEntry
from tool_schemas.invoices import Invoice
from tool_schemas.projects import Project
from tool_schemas.recurring_schedules import RecurringSchedule
from tool_schemas.reports.billing_check import BillingCheck

_BASIS = (
    f"Looked for, in this order: {'; '.join(CHECKS.values())}. tool and arguments mend a row, or show what is to be"
    " decided. Which invoice bills which hours is known only of invoices that jobs here made."
)
_PARTS = ("Contacts", "Invoices", "Projects", "Recurring schedules")


def checking(tools: Collection[Tool]) -> Tool:
    """The check, whose rows name those of these tools that are exposed."""

    @reads("reports")
    async def billing_check(clientary: Clientary, args: BillingCheck) -> Report:
        """What is wrong or forgotten in the billing: hours billed by no invoice or by two, totals and balances that
        do not fit, overpaid invoices, old drafts, unbilled work and open projects past their end, late schedules,
        doubled contacts. Each row names the call that mends it."""
        found = await _look(clientary)
        offered = {tool.name for tool in allowed(tools, clientary.settings)}
        ranked = sorted(found.findings, key=_rank)
        return Report(
            [finding.to_json(offered) for finding in ranked],
            basis=in_order(_BASIS, clientary.today().sentence, *found.basis),
            totals=_totals(ranked),
            left_out=[*found.unseen, *found.left_out.to_json()],
        )

    return billing_check


def _rank(finding: Finding) -> tuple[Any, ...]:
    amount = abs(finding.amount or ZERO)
    return list(CHECKS).index(finding.check), finding.currency_code or "", -amount, finding.id


def _totals(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """How many there are of each check and currency, and what they come to."""
    totals: dict[tuple[str, str | None], dict[str, Any]] = {}
    for each in findings:
        code = None if each.amount is None else each.currency_code or UNKNOWN
        row = totals.setdefault((each.check, code), {"check": each.check, "currency_code": code, "count": 0})
        row["count"] += 1
        if each.amount is not None:
            row["amount"] = row.get("amount", ZERO) + each.amount
    return [{name: value for name, value in row.items() if value is not None} for row in totals.values()]


@dataclass
class _Part:
    """What was found in one part of the account."""

    findings: list[Finding] = field(default_factory=list)
    left_out: Omissions = field(default_factory=Omissions)
    basis: list[str] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)
    hidden: dict[int, Project] = field(default_factory=dict)
    """The projects whose hours may not be seen."""

    def add(self, *findings: Finding | None) -> None:
        """Add what checks found."""
        self.findings += filter(None, findings)

    def merge(self, other: "_Part") -> None:
        """Add what was found in another part."""
        self.add(*other.findings)
        self.left_out.merge(other.left_out)
        self.unseen += other.unseen


@dataclass
class _Contacts(_Part):
    addresses: dict[int, list[str]] = field(default_factory=dict)
    """By client."""


@dataclass
class _Invoices(_Part):
    holders: Holders = field(default_factory=lambda: Holders(()))
    clients: set[int | None] = field(default_factory=set)
    """Those with a live invoice."""
    drafts: list[Invoice] = field(default_factory=list)


@dataclass
class _Projects(_Part):
    projects: list[Project] = field(default_factory=list)


async def _look(clientary: Clientary) -> _Part:
    today = clientary.today().day
    reads: tuple[Callable[[], Awaitable[_Part]], ...] = (
        partial(_contacts, clientary),
        partial(_invoices, clientary),
        partial(_projects, clientary, today),
        partial(_schedules, clientary, today),
    )
    parts = await gather_allowed(reads, clientary.settings.concurrency)
    found = _Part(unseen=[denied(name) for name, part in zip(_PARTS, parts, strict=True) if part is None])
    for part in filter(None, parts):
        found.merge(part)
    contacts, invoices, projects, _ = parts
    addresses = contacts.addresses if isinstance(contacts, _Contacts) else {}
    seen = invoices if isinstance(invoices, _Invoices) else None
    for draft in seen.drafts if seen else ():
        found.add(checks.old_draft(draft, today, addresses.get(draft.client_id or 0, [])))
    if isinstance(projects, _Projects):
        await _work(clientary, projects.projects, seen, found)
    for project in found.hidden.values():
        found.left_out.add("project", UNSEEN_HOURS, quote(project_name(project)))
    return found


@rereads
async def _contacts(clientary: Clientary) -> _Contacts:
    found = _Contacts()
    contacts = await clientary.list_all(Contact)
    found.add(*checks.doubled_contacts(contacts))
    for contact in contacts:
        if contact.client_id is not None and (read := addresses_in(contact.email).read):
            known = found.addresses.get(contact.client_id, [])
            found.addresses[contact.client_id] = addresses_in([*known, *read]).read[:MOST_RECIPIENTS]
    return found


@rereads
async def _invoices(clientary: Clientary) -> _Invoices:
    found, runs = _Invoices(), list[BilledRun]()
    try:
        runs = await clientary.memory.billed.runs()
    except NotRemembered:
        found.unseen.append(OUT_OF_REACH)
    noted: dict[int, list[BilledRun]] = {}
    for run in runs:
        noted.setdefault(run.invoice_id, []).append(run)
    holders: list[Holder] = []
    paid: set[int] = set()
    async for invoice in clientary.stream(Invoice):
        holder = Holder.of(invoice, noted.pop(invoice.id, ()))
        if any(holder.ids.values()):
            holders.append(holder)
            paid |= {invoice.id} if checks.is_paid_on(invoice) else set()
        if holder.fate is None:
            found.clients.add(invoice.client_id)
        if invoice.status == "draft":
            found.drafts.append(invoice)
        found.add(
            checks.wrong_total(invoice, found.left_out),
            checks.paid_with_balance(invoice),
            checks.owed_without_balance(invoice),
            checks.overpaid(invoice),
        )
    holders += [Holder.of(Invoice.read({"id": gone}), of_it, "deleted") for gone, of_it in noted.items()]
    found.holders = Holders(holders, runs)
    found.add(*checks.billed_twice(holders, paid))
    return found


@rereads
async def _projects(clientary: Clientary, today: date) -> _Projects:
    found = _Projects(projects=await projects_of(clientary))
    found.add(*(checks.past_end(project, today) for project in found.projects))
    return found


@rereads
async def _schedules(clientary: Clientary, today: date) -> _Part:
    found = _Part()
    async for schedule in clientary.stream(RecurringSchedule):
        found.add(checks.late_schedule(schedule, today))
    return found


async def _work(clientary: Clientary, projects: list[Project], invoices: _Invoices | None, found: _Part) -> None:
    """Look at the hours and expenses that may be marked wrongly, or forgotten."""
    today, completed = clientary.today(), [project for project in projects if project.status == "completed"]
    work = {project.id: CompletedWork(project, today) for project in completed}
    await _unbilled(clientary, work, invoices.holders if invoices else Holders(()), found)
    if invoices is not None:
        await _billed(clientary, projects, invoices, work, found)
    found.add(*(each.finding() for each in work.values()))


async def _unbilled(clientary: Clientary, work: dict[int, CompletedWork], holders: Holders, found: _Part) -> None:
    completed = [each.project for each in work.values()]
    idle = await idle_projects(clientary, completed, billed=False)
    found.basis += filter(None, [idle.sentence])
    to_read = [project for project in completed if project.id not in idle.ids]
    for project, entries in await _hours(clientary, to_read, found, billed=False):
        for entry in filter(holders.unbilled, entries):
            if not is_marked(entry):  # a marked one is looked at with those
                work[project.id].add(entry, found.left_out)
    expenses = await if_allowed(partial(_expenses, clientary, work)) if work else []
    if expenses is None:
        found.unseen.append(denied("Expenses"))
    for expense in filter(holders.unbilled, expenses or ()):
        work[expense.project_id or 0].add(expense, found.left_out)


async def _billed(
    clientary: Clientary, projects: list[Project], invoices: _Invoices, work: dict[int, CompletedWork], found: _Part
) -> None:
    """Look for hours that are marked as billed though no live invoice bills them: those are unbilled as well."""
    holders, suspects = invoices.holders, invoices.holders.suspects(HourEntry)
    doubtful = [
        project
        for project in projects
        if project.client_id not in invoices.clients or any(holder.may_bill(project) for holder in suspects)
    ]
    idle = await idle_projects(clientary, doubtful)
    to_read = [project for project in doubtful if project.id not in idle.ids]
    for project, entries in await _hours(clientary, to_read, found, billed=True):
        for entry in entries:
            if finding := checks.billed_by_void(entry, project, holders):
                found.add(finding)
                if project.id in work:
                    work[project.id].add(entry, found.left_out)
        if project.client_id not in invoices.clients:
            found.add(checks.billed_without_invoices(project, entries, holders))


async def _hours(
    clientary: Clientary, projects: list[Project], found: _Part, *, billed: bool
) -> list[tuple[Project, list[HourEntry]]]:
    """The hours of these projects; one whose hours are hidden is noted."""
    reads = [partial(if_allowed, partial(_hours_of, clientary, project, billed=billed)) for project in projects]
    read = await gather(reads, clientary.settings.concurrency)
    found.hidden |= {project.id: project for project, entries in zip(projects, read, strict=True) if entries is None}
    return [(project, entries) for project, entries in zip(projects, read, strict=True) if entries]


@rereads
async def _hours_of(clientary: Clientary, project: Project, *, billed: bool) -> list[HourEntry]:
    return [entry async for entry in hours_of(clientary, project, billed)]


@rereads
async def _expenses(clientary: Clientary, projects: Collection[int]) -> list[Expense]:
    return [expense async for expense in expenses_between(clientary, None, None) if expense.project_id in projects]

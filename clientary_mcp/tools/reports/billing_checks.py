"""The checks of the billing: each looks for one thing that an owner should look at, and knows what mends it."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from clientary_mcp.accounting.billable_time import lack_of, value_of
from clientary_mcp.accounting.days import WHENEVER, Today
from clientary_mcp.accounting.invoices import standing_of
from clientary_mcp.accounting.left_out import Omissions
from clientary_mcp.accounting.money import ZERO, is_zero, readable_sums
from clientary_mcp.accounting.sales import received_of, sale_of
from clientary_mcp.accounting.totals import UNKNOWN
from clientary_mcp.tools.support.billed_work import Holder, Holders, is_marked
from clientary_mcp.tools.support.documents import invoice_name
from clientary_mcp.tools.support.formatting import format_money, label, name_of, quote
from clientary_mcp.tools.support.lookups import project_name
from clientary_mcp.tools.support.work_lists import KINDS, counted, joined, written
from tool_schemas.base.addresses import mailbox
from tool_schemas.base.models import Record
from tool_schemas.base.sentences import count_of
from tool_schemas.base.text import normalized
from tool_schemas.contacts import Contact
from tool_schemas.expenses import Expense
from tool_schemas.hours import HourEntry
from tool_schemas.invoices import OWED, Invoice
from tool_schemas.projects import IN_WORK, Project
from tool_schemas.recurring_schedules import RecurringSchedule

CHECKS: Mapping[str, str] = {
    "billed_by_none": "hours marked as billed that no live invoice bills: theirs was cancelled or deleted, or their"
    " client has none",
    "billed_twice": "work that two live invoices bill, by the ledger or their notes",
    "wrong_total": "invoices whose total is not their lines and taxes",
    "paid_with_balance": "invoices marked paid with a balance",
    "owed_without_balance": "sent or viewed invoices without a balance",
    "overpaid": "invoices on which more was received than they come to",
    "unbilled_on_completed": "unbilled hours and expenses of completed projects",
    "old_draft": "drafts older than 30 days",
    "late_schedule": "active schedules whose next_date is past",
    "past_end": "open projects past their end_date",
    "doubled_contact": "contacts of one client with the same address, or with the same name and none",
}
"""The most important first."""

_TO_COME = "of a completed project, dated in the future"
_OLD = timedelta(days=30)
_KINDS: Mapping[type[Record], str] = {
    HourEntry: "hour_entry",
    Invoice: "invoice",
    Project: "project",
    RecurringSchedule: "recurring_schedule",
    Contact: "contact",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to look at."""

    check: str
    kind: type[Record]
    id: int
    label: str
    what: str
    tool: str
    """The tool that mends it, or that shows what a person has to decide on."""
    more: Mapping[str, Any] = field(default_factory=dict)
    """The arguments of the tool, besides the id."""
    currency_code: str | None = None
    amount: Decimal | None = None

    def to_json(self, offered: Iterable[str]) -> dict[str, Any]:
        """The columns of a row; the tool only if it is offered."""
        row: dict[str, Any] = {"check": self.check, "type": _KINDS[self.kind], "id": self.id, "label": self.label}
        row["what"] = self.what
        if self.amount is not None:
            row |= {"currency_code": self.currency_code, "amount": self.amount}
        if self.tool in offered:
            row |= {"tool": self.tool, "arguments": {f"{_KINDS[self.kind]}_id": self.id, **self.more}}
        return row


def billed_by_void(entry: HourEntry, project: Project, holders: Holders) -> Finding | None:
    """Hours that are marked as billed although only a cancelled or deleted invoice bills them."""
    void = holders.voided(entry)
    if void is None:
        return None
    return Finding(
        "billed_by_none",
        HourEntry,
        entry.id,
        name_of(entry),
        f"marked as billed, but only {invoice_name(void)} bills it, which is {void.fate}",
        "update_hour_entry",
        {"billed": False},
        project.currency_code,
        value_of(entry, project),
    )


def billed_without_invoices(project: Project, entries: Iterable[HourEntry], holders: Holders) -> Finding | None:
    """The hours of a project that are marked as billed, though its client has no live invoice: one row for all."""
    billed = [entry for entry in entries if is_marked(entry) and not holders.of(HourEntry, entry.id)]
    if not billed:
        return None
    hours = sum((entry.hours or ZERO for entry in billed), ZERO)
    return Finding(
        "billed_by_none",
        Project,
        project.id,
        project_name(project),
        f"{hours.normalize():,f} hours ({counted(billed)}) are marked as billed, but its client has no live invoice",
        "list_project_hours",
        {"billed": True},
        project.currency_code,
        sum((value_of(entry, project) or ZERO for entry in billed), ZERO),
    )


def is_paid_on(invoice: Invoice) -> bool:
    """Whether something was paid on an invoice, or is under way: it cannot just be cancelled."""
    return invoice.status in ("paid", "pending") or received_of(invoice, label(invoice), Omissions()) > 0


def billed_twice(holders: Iterable[Holder], paid: Collection[int]) -> Iterator[Finding]:
    """Work in two live invoices: a row for the one of each two that can be cancelled.

    That is the younger one, or the older one where only the younger one is `paid`.
    """
    live = {holder.id: holder for holder in holders if holder.fate is None}
    for kind in KINDS:
        for (older, younger), runs in sorted(_shared(live.values(), kind).items()):
            one, other = (older, younger) if younger in paid and older not in paid else (younger, older)
            both = f"{KINDS[kind][sum(map(len, runs)) > 1]} {written(runs)}"
            mend, tool, more = "cancel one of them", "update_invoice", {"status": "cancelled"}
            if one in paid:
                mend, tool, more = "both are paid, so credit one of them", "get_invoice", {}
            what = f"bills {both}, which {invoice_name(live[other])} bills too: {mend}"
            yield Finding("billed_twice", Invoice, one, live[one].number or str(one), what, tool, more)


def _shared(holders: Iterable[Holder], kind: type[HourEntry | Expense]) -> dict[tuple[int, int], list[range]]:
    """The ids that two invoices have in common, by the ids of the two, however long the runs are."""
    found: dict[tuple[int, int], list[range]] = defaultdict(list)
    going: list[tuple[range, int]] = []
    runs = ((run.start, holder.id, run) for holder in holders for run in joined(holder.ids[kind]))
    for start, holder_id, run in sorted(runs, key=lambda each: each[:2]):
        going = [(other, other_id) for other, other_id in going if other.stop > start]
        for other, other_id in going:
            older, younger = sorted((other_id, holder_id))
            found[older, younger].append(range(start, min(run.stop, other.stop)))
        going.append((run, holder_id))
    return {pair: joined(runs) for pair, runs in found.items()}


def wrong_total(invoice: Invoice, left_out: Omissions) -> Finding | None:
    """An invoice whose total is not its lines and taxes; one of which that cannot be told is left out."""
    if invoice.status == "cancelled":
        return None
    code, total = invoice.currency_code, invoice.total_cost
    lines, sale = readable_sums(invoice.items, invoice, code), sale_of(invoice, label(invoice), Omissions())
    if lines is None or sale is None or total is None:
        left_out.add("invoice", "without lines or a total that can be read, so not checked for it", label(invoice))
        return None
    expected = lines.subtotal + sale.tax
    if is_zero(total - expected, code):
        return None
    what = f"its total is {format_money(total, code)}, its lines and taxes come to {format_money(expected, code)}"
    return _of_invoice("wrong_total", invoice, what, "get_invoice", amount=total - expected)


def paid_with_balance(invoice: Invoice) -> Finding | None:
    """An invoice that is marked paid although something is left to pay."""
    balance = invoice.balance or ZERO
    if invoice.status != "paid" or balance <= 0 or is_zero(balance, invoice.currency_code):
        return None
    what = f"marked paid, but {format_money(balance, invoice.currency_code)} is left to pay"
    return _of_invoice("paid_with_balance", invoice, what, "update_invoice", {"status": "sent"}, amount=balance)


def owed_without_balance(invoice: Invoice) -> Finding | None:
    """An invoice that is to be paid although nothing is left to pay."""
    if invoice.status not in OWED or invoice.balance is None or not is_zero(invoice.balance, invoice.currency_code):
        return None
    what = f"marked {invoice.status}, but nothing is left to pay"
    return _of_invoice("owed_without_balance", invoice, what, "update_invoice", {"status": "paid"})


def overpaid(invoice: Invoice) -> Finding | None:
    """An invoice with a balance below zero that is no credit note."""
    credit = standing_of(invoice, WHENEVER).credit
    if not credit or (invoice.total_cost or ZERO) < 0:
        return None
    what = f"{format_money(credit, invoice.currency_code)} more was received than it comes to"
    return _of_invoice("overpaid", invoice, what, "get_invoice", amount=credit)


def old_draft(invoice: Invoice, today: date, recipients: list[str]) -> Finding | None:
    """A draft older than 30 days; sending it needs recipients, the addresses of its client."""
    day = invoice.date or (invoice.created_at and invoice.created_at.date())
    if invoice.status != "draft" or day is None or day >= today - _OLD:
        return None
    what = f"a draft since {day}: send it or delete it"
    if not recipients:
        return _of_invoice("old_draft", invoice, what, "get_invoice", amount=invoice.total_cost)
    more = {"recipients": recipients}
    return _of_invoice("old_draft", invoice, what, "send_invoice_message", more, amount=invoice.total_cost)


def _of_invoice(
    check: str,
    invoice: Invoice,
    what: str,
    tool: str,
    more: Mapping[str, Any] | None = None,
    amount: Decimal | None = None,
) -> Finding:
    name, code = name_of(invoice), invoice.currency_code
    return Finding(check, Invoice, invoice.id, name, what, tool, more or {}, code, amount)


@dataclass
class CompletedWork:
    """The unbilled work of one completed project."""

    project: Project
    today: Today
    hours: Decimal = ZERO
    expenses: int = 0
    amount: Decimal = ZERO

    def add(self, work: HourEntry | Expense, left_out: Omissions) -> None:
        """Add an entry or an expense; hours of a fixed price are no work to bill, and what is to come is none yet."""
        name = f"id {work.id}"
        if isinstance(work, Expense):
            if self.today.is_future(work.incurred_on):
                sums = {self.project.currency_code or UNKNOWN: work.amount}
                left_out.add("expense", _TO_COME, name, sums=sums)
                return
            self.expenses += 1
            value = work.amount
        elif self.project.project_type == "fixed":
            return
        elif self.today.is_future(work.date):
            left_out.add("hour entry", _TO_COME, name, sums={"hours": work.hours})
            return
        else:
            self.hours += work.hours or ZERO
            value = value_of(work, self.project)
        if value is None:
            left_out.add("record", "of a completed project without a value, not in its amount", name)
        self.amount += value or ZERO

    def finding(self) -> Finding | None:
        """What is to be billed, if anything is."""
        hours = f"{self.hours.normalize():,f} unbilled hours" if self.hours else ""
        expenses = count_of(self.expenses, "unbilled expense") if self.expenses else ""
        if not (hours or expenses):
            return None
        fixed, lack = self.project.project_type == "fixed", lack_of(self.project)
        tool, more = "bill_project_hours", {"include_expenses": True} if expenses else {}
        if fixed or lack:
            tool, more = "list_project_expenses" if fixed else "get_project", {}
        return Finding(
            "unbilled_on_completed",
            Project,
            self.project.id,
            project_name(self.project),
            f"completed, with {' and '.join(filter(None, (hours, expenses)))}" + (f", but no {lack}" if lack else ""),
            tool,
            more,
            self.project.currency_code,
            self.amount,
        )


def late_schedule(schedule: RecurringSchedule, today: date) -> Finding | None:
    """An active schedule that should have made its next invoice already."""
    ended = schedule.occurrences_remaining == 0 and not schedule.unlimited
    day = schedule.next_date
    if schedule.status != "active" or ended or day is None or day >= today:
        return None
    return Finding(
        "late_schedule",
        RecurringSchedule,
        schedule.id,
        name_of(schedule),
        f"active, but its next invoice was to be made on {day}",
        "update_recurring_schedule",
        {"next_date": today.isoformat()},
        schedule.currency_code,
        schedule.total_cost,
    )


def past_end(project: Project, today: date) -> Finding | None:
    """An open project past its planned last day."""
    if project.status not in IN_WORK or project.end_date is None or project.end_date >= today:
        return None
    what = f"{project.status}, but it was to end on {project.end_date}"
    return Finding(
        "past_end", Project, project.id, project_name(project), what, "update_project", {"status": "completed"}
    )


def doubled_contacts(contacts: Iterable[Contact]) -> Iterator[Finding]:
    """A row for each contact that an older one of the same client doubles."""
    first: dict[tuple[int, str], Contact] = {}
    for contact in sorted(contacts, key=lambda each: each.id):
        same = mailbox(contact.email) or normalized(contact.name or "")
        if contact.client_id is None or not same:
            continue
        other = first.setdefault((contact.client_id, same), contact)
        if other is not contact:
            by = "address" if mailbox(contact.email) else "name"
            what = f"has the same {by} as {quote(name_of(other))} (id {other.id}) of the same client"
            yield Finding("doubled_contact", Contact, contact.id, name_of(contact), what, "delete_contact")

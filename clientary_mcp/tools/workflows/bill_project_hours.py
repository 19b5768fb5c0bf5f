"""Bills a project's hours: drafts an invoice whose note lists what it bills, then marks the entries as billed."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from anyio import CancelScope

from clientary_mcp.api.concurrency import gather
from clientary_mcp.api.reconcile import NOT_READ_BACK
from clientary_mcp.api.session import Clientary
from clientary_mcp.errors import NotAllowed, NotFound, Refused
from clientary_mcp.tools.decorators import jobs
from clientary_mcp.tools.job import Job
from clientary_mcp.tools.support.formatting import format_money, quote
from clientary_mcp.tools.support.previews import done, nothing_to_do, preview
from clientary_mcp.tools.workflows.billable_work import KINDS, Bill, Held, Rows, Work, item, label, listed, read_bill
from clientary_mcp.tools.workflows.draft_invoices import (
    create_draft,
    difference,
    draft,
    draft_as_json,
    named,
    note_of,
    reference,
    sums,
    totals,
)
from clientary_mcp.tools.workflows.steps import Steps
from clientary_mcp.tools.workflows.turns import exclusive
from tool_schemas.base.parsing import as_json
from tool_schemas.base.results import Outcome
from tool_schemas.expenses import Expense
from tool_schemas.hours import HourEntry
from tool_schemas.invoices import CreateInvoice, Invoice
from tool_schemas.workflows.bill_project_hours import BillProjectHours

_DUE = timedelta(days=30)
_DRAFT = "draft invoice"
"""The invoice in the preview."""


async def _preview(clientary: Clientary, args: BillProjectHours, job: Job) -> Outcome:
    bill, wanted = await _planned(clientary, args, job)
    if wanted is None and not bill.held:
        return _nothing(bill, args)
    if wanted is None:
        would = (
            f"mark {_count(work for work, _ in bill.held)} that an invoice bills already; nothing new is to be billed"
        )
    else:
        would = f"create {_about(bill, wanted)}, and mark what it bills"
    currency = " Clientary records no currency for expenses: the project's is assumed."
    untaxed = " The invoice has no tax; tax and tax_label add one to all lines." if wanted and args.tax is None else ""
    return preview(
        would,
        bill.project,
        steps=[*([draft_as_json(wanted)] if wanted else []), *bill.to_json()],
        totals=_totals(bill, wanted),
        not_visible="Whether the API can mark them as billed is known only after trying. Either way nothing is billed"
        " twice, as long as the invoice's note lists what it bills."
        + (currency if any(isinstance(work, Expense) for work in bill.work) else "")
        + untaxed,
    )


@jobs("workflows", _preview, checked_with="list_invoices")
async def bill_project_hours(clientary: Clientary, args: BillProjectHours, job: Job) -> Outcome:
    """Draft one invoice for a project's unbilled hours, and mark them as billed where the API allows. Its note lists
    the entries, so that none is billed twice."""
    turn = f"bill project {args.project_id}"
    async with exclusive(clientary, job.ledger, turn):
        bill, wanted = await _planned(clientary, args, job)
        if wanted is None and not bill.held:
            return _nothing(bill, args)
        steps = Steps()
        invoice = None
        if wanted is not None:
            invoice = await steps.do("draft invoice", create_draft(clientary, wanted, job.ledger, turn))
            job.did(_DRAFT, invoice.id)
        marks = [_Mark.of(work, holder) for work, holder in bill.held]
        marks += [_Mark.of(work, invoice) for work in bill.work if invoice is not None]
        unmarked = await steps.do("marking the work as billed", _mark(clientary, steps, marks))
        marked = _marked(marks, unmarked)
        for work in marked:
            job.did(item(work))
        return done(
            " ".join(_summary(bill, wanted, invoice, unmarked)),
            invoice or bill.project,
            steps=[*bill.to_json(), *_outcomes(marked, unmarked)],
            totals=_totals(bill, wanted),
        )


async def _planned(clientary: Clientary, args: BillProjectHours, job: Job) -> tuple[Bill, CreateInvoice | None]:
    """What is to be billed, and the invoice to create for it; Changed if that is not what was approved."""
    bill = await read_bill(clientary, args, job)
    wanted = _draft_of(bill, args, clientary)
    if wanted is not None:
        job.needs(_DRAFT, wanted.body())
    job.check()
    return bill, wanted


def _draft_of(bill: Bill, args: BillProjectHours, clientary: Clientary) -> CreateInvoice | None:
    """The invoice to create; None when there is nothing new to bill."""
    if not bill.lines:
        return None
    day = args.date or clientary.today().day
    taxed = {} if args.tax is None else {"taxable": True}
    of_kind = {kind: [work.id for work in bill.work if isinstance(work, kind)] for kind in KINDS}
    references = [reference(label(kind), ids) for kind, ids in of_kind.items() if ids]
    return draft(
        f"The work on project {bill.project.id}",
        client_id=bill.project.client_id,
        date=day,
        due_date=args.due_date or day + _DUE,
        currency_code=bill.project.currency_code,
        title=bill.project.name,
        note=note_of(args.note, *references),
        tax=args.tax,
        tax_label=args.tax_label,
        items=[{"title": line.title, "quantity": line.quantity, "price": line.price, **taxed} for line in bill.lines],
    )


@dataclass(frozen=True)
class _Mark:
    """One write that marks work as billed in Clientary."""

    work: Work
    body: dict[str, Any]

    @classmethod
    def of(cls, work: Work, invoice: Invoice) -> "_Mark":
        """The mark for an entry is a flag, for an expense the invoice that bills it."""
        return cls(work, {"billed": True} if isinstance(work, HourEntry) else {"invoice_id": invoice.id})

    async def apply(self, clientary: Clientary, steps: Steps) -> bool:
        """Whether Clientary shows it afterwards. Once begun it is completed, so that the steps report it."""
        with CancelScope(shield=True):
            applied = await self._applied(clientary)
            if applied:
                steps.record(f"{KINDS[type(self.work)][0]} {self.work.id} marked")
        return applied

    async def _applied(self, clientary: Clientary) -> bool:
        kind = type(self.work)
        try:
            record = await clientary.update(kind, f"{kind.plural}/{self.work.id}", self.body, read_back=True)
        except (Refused, NotAllowed, NotFound):
            return False
        shows = all(getattr(record, name) == value for name, value in self.body.items())
        return shows or record.notice == NOT_READ_BACK


async def _mark(clientary: Clientary, steps: Steps, marks: list[_Mark]) -> list[Work]:
    """The work that Clientary does not mark. The first of a kind is tried alone: if it cannot be marked, none can."""
    unmarked: list[Work] = []
    for kind in KINDS:
        own = [mark for mark in marks if isinstance(mark.work, kind)]
        applied = [await mark.apply(clientary, steps) for mark in own[:1]]
        if all(applied):
            applied += await gather(
                (partial(mark.apply, clientary, steps) for mark in own[1:]), clientary.settings.concurrency
            )
        unmarked += [mark.work for number, mark in enumerate(own) if number >= len(applied) or not applied[number]]
    return unmarked


def _summary(bill: Bill, wanted: CreateInvoice | None, invoice: Invoice | None, unmarked: list[Work]) -> Iterable[str]:
    """What was done, sentence by sentence."""
    if invoice is None or wanted is None:
        yield "There was nothing new to bill, only work that an invoice bills already."
    else:
        yield f"Created {named(invoice)}, {_about(bill, wanted)}.{difference(invoice, wanted)}"
        kept = Held()
        kept.add(invoice)
        if not all(kept.holder(work) for work in bill.work):
            yield "Clientary did not keep the list in its note of what it bills, so a later call cannot find it there."
    if unmarked:
        yield (
            f"Clientary does not let the API mark {_count(unmarked)} as billed: this has to be done in Clientary."
            " Nothing is billed again as long as the invoice's note lists what it bills."
        )
    else:
        yield "All of it is marked as billed."
    if invoice is not None and invoice.notice:
        yield invoice.notice
    if bill.came_since:
        yield f"{_count(bill.came_since).capitalize()} came since the preview, and {_are(bill.came_since)} left out."


def _marked(marks: list[_Mark], unmarked: list[Work]) -> list[Work]:
    """The work that is marked."""
    still_open = {item(work) for work in unmarked}
    return [mark.work for mark in marks if item(mark.work) not in still_open]


def _outcomes(marked: list[Work], unmarked: list[Work]) -> Rows:
    rows = (("marked as billed", marked), ("not marked as billed: the API does not allow it", unmarked))
    return [{"step": what, **listed(works)} for what, works in rows if works]


def _about(bill: Bill, wanted: CreateInvoice) -> str:
    """`a draft invoice of 1,234.50 USD to “Acme” with 12.5 hours in 3 time entries of project “Website”`."""
    total = format_money(sums(wanted).total, wanted.currency_code)
    hours = f"{as_json(bill.hours)} hours in " if bill.hours else ""
    return (
        f"a draft invoice of {total} to {quote(bill.client)} with {hours}{_count(bill.work)} of project {_name(bill)}"
    )


def _count(works: Iterable[Work]) -> str:
    """`12 time entries and 1 expense`."""
    every = list(works)
    counts = {kind: sum(isinstance(work, kind) for work in every) for kind in KINDS}
    return " and ".join(f"{count} {KINDS[kind][count > 1]}" for kind, count in counts.items() if count)


def _are(works: list[Work]) -> str:
    return "are" if len(works) > 1 else "is"


def _name(bill: Bill) -> str:
    return quote(bill.project.name or str(bill.project.id))


def _nothing(bill: Bill, args: BillProjectHours) -> Outcome:
    what = "hours or expenses" if args.include_expenses else "hours"
    days = "".join(f" {word} {day}" for word, day in (("from", args.from_date), ("to", args.to_date)) if day)
    return nothing_to_do(
        f"There is nothing to bill on project {_name(bill)}: no unbilled {what}{days}.", bill.project, bill.to_json()
    )


def _totals(bill: Bill, wanted: CreateInvoice | None) -> Rows | None:
    return totals(wanted, hours=bill.hours) if wanted else None


TOOLS = (bill_project_hours,)

"""Bills hours: drafts an invoice whose note lists what it bills, marks the entries, and takes the list out."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

from clientary_mcp.accounting.billable_time import prepaid_of
from clientary_mcp.accounting.money import ZERO
from clientary_mcp.api.session import Clientary
from clientary_mcp.tools.decorators import jobs
from clientary_mcp.tools.job import Job
from clientary_mcp.tools.support.documents import invoice_name
from clientary_mcp.tools.support.formatting import format_money, name_of, quote
from clientary_mcp.tools.support.marks import Marked, mark_all
from clientary_mcp.tools.support.previews import done, nothing_to_do, preview
from clientary_mcp.tools.support.work_lists import Work, counted, ids_of, listed, references
from clientary_mcp.tools.workflows.billable_work import Bills, Rows, item, projects_to_bill, read_bills, section_of
from clientary_mcp.tools.workflows.billing_evidence import Billing, look_again, settle_notes
from clientary_mcp.tools.workflows.draft_invoices import (
    create_draft,
    difference,
    draft,
    draft_as_json,
    note_of,
    sums,
    totals,
)
from clientary_mcp.tools.workflows.invoice_lines import rounding_of
from clientary_mcp.tools.workflows.steps import Steps
from clientary_mcp.tools.workflows.turns import exclusive
from tool_schemas.base.parsing import as_json
from tool_schemas.base.results import Outcome
from tool_schemas.expenses import Expense
from tool_schemas.invoices import CreateInvoice
from tool_schemas.projects import Project
from tool_schemas.workflows.bill_project_hours import BillProjectHours

_DUE = timedelta(days=30)
_DRAFT = "draft invoice"
"""The invoice in the preview."""
_NOTE_MAY_GO = (
    "Where it can, the list is taken out of the note again; where it cannot, the note keeps it, so that nothing is"
    " billed twice."
)
_NOTE_STAYS = "The note keeps the list, since this server remembers only while it runs what an invoice bills."


async def _preview(clientary: Clientary, args: BillProjectHours, job: Job) -> Outcome:
    bill, wanted = await _planned(clientary, args, job, await projects_to_bill(clientary, args))
    if wanted is None and not bill.held:
        return _nothing(bill, args)
    if wanted is None:
        would = (
            f"mark {counted(work for work, _ in bill.held)} that an invoice bills already; nothing new is to be billed"
        )
    else:
        would = ". ".join(
            [f"create {_about(bill, wanted)}, and mark what it bills", *_before_agreeing(bill, args), *_rounding(bill)]
        )
    currency = " Clientary records no currency for expenses: the project's is assumed."
    return preview(
        would,
        bill.of,
        steps=[*([draft_as_json(wanted)] if wanted else []), *bill.to_json()],
        totals=_totals(bill, wanted),
        not_visible="Whether the API can mark them as billed is known only after trying. "
        + (_NOTE_MAY_GO if clientary.memory.outlives_process else _NOTE_STAYS)
        + (currency if any(isinstance(work, Expense) for work in bill.work) else ""),
    )


@jobs("workflows", _preview, checked_with="list_invoices")
async def bill_project_hours(clientary: Clientary, args: BillProjectHours, job: Job) -> Outcome:
    """Draft one invoice for the unbilled hours of a project, or of all hourly projects of a client, and mark them as
    billed where the API allows; elsewhere its note lists the entries. None is billed twice."""
    projects = await projects_to_bill(clientary, args)
    turns = sorted(f"bill project {project.id}" for project in projects)
    async with AsyncExitStack() as stack:
        for turn in turns:
            await stack.enter_async_context(exclusive(clientary, job.ledger, turn))
        bill, wanted = await _planned(clientary, args, job, projects)
        if wanted is None and not bill.held:
            return _nothing(bill, args)
        steps, billing = Steps(), Billing(bill)
        if wanted is not None:
            invoice = await steps.do("draft invoice", create_draft(clientary, wanted, job.ledger, *turns))
            job.made(_DRAFT, invoice, "create_invoice", name_of(invoice))
            await billing.created(clientary, invoice)
            await look_again(clientary, billing)
        marking = mark_all(clientary, await billing.marking(clientary), _recording(steps))
        billing.marked = await steps.do("marking the work as billed", marking)
        await settle_notes(clientary, billing)
        for work in (*billing.marked.shown, *billing.marked.unread):
            job.did(item(work))
        return done(
            list(_summary(billing, wanted)),
            billing.invoice or bill.of,
            steps=[*bill.to_json(), *_outcomes(billing.marked)],
            totals=_totals(bill, wanted),
        )


async def _planned(
    clientary: Clientary, args: BillProjectHours, job: Job, projects: list[Project]
) -> tuple[Bills, CreateInvoice | None]:
    """What is to be billed, and the invoice to create for it; Changed if that is not what was approved."""
    bill = await read_bills(clientary, args, job, projects)
    wanted = _draft_of(bill, args, clientary)
    if wanted is not None:
        job.needs(_DRAFT, wanted.body())
    job.check()
    return bill, wanted


def _draft_of(bill: Bills, args: BillProjectHours, clientary: Clientary) -> CreateInvoice | None:
    """The invoice to create; None when there is nothing new to bill."""
    if not bill.with_lines:
        return None
    day = args.date or clientary.today().day
    return draft(
        f"The work on {bill.name}",
        CreateInvoice,
        client_id=bill.client_id,
        date=day,
        due_date=args.due_date or day + _DUE,
        currency_code=bill.currency_code,
        title=None if bill.sectioned else name_of(bill.of),
        note=note_of(args.note, *references(ids_of(bill.work))),
        tax=args.tax,
        tax_label=args.tax_label,
        items=list(_items(bill, taxed=args.tax is not None)),
    )


def _items(bill: Bills, *, taxed: bool) -> Iterator[dict[str, Any]]:
    """The lines, under a heading for each project where there are several."""
    for each in bill.with_lines:
        if bill.sectioned:
            yield {"title": section_of(each.project), "quantity": 0, "price": 0, "item_type": "section"}
        for line in each.lines:
            taxes = {"taxable": True} if taxed else {}
            yield {"title": line.title, "quantity": line.quantity, "price": line.price, **taxes}


def _before_agreeing(bill: Bills, args: BillProjectHours) -> Iterator[str]:
    """What a person has to know before agreeing, in sentences without their full stop."""
    if args.tax is None:
        yield f"The invoice has no tax{_usual_tax(bill)}; tax and tax_label add one to all lines"
    for each in bill.with_lines:
        if prepaid := prepaid_of(each.project):
            told = ", ".join(f"{name} {as_json(figure)}" for name, figure in prepaid.items())
            which = f"project {quote(name_of(each.project))}" if bill.sectioned else "the project"
            yield f"These hours may be paid already: {which} reports prepaid work ({told})"
    if bill.voided:
        works = counted(work for work, _ in bill.voided)
        yield f"Clientary still shows {works} as billed, though the invoice that billed them is cancelled or deleted"


def _usual_tax(bill: Bills) -> str:
    """`, while the client's latest invoice “1042” (id 20101) has VAT 19%`."""
    if (latest := bill.latest) is None:
        return ""
    taxes = ((latest.tax, latest.tax_label), (latest.tax2, latest.tax2_label), (latest.tax3, latest.tax3_label))
    told = [f"{name or 'a tax of'} {as_json(rate)}%" for rate, name in taxes if rate]
    return f", while the client's latest {invoice_name(latest)} has {' and '.join(told)}" if told else ""


def _rounding(bill: Bills) -> Iterator[str]:
    """By how much lines of several entries differ from these, without the full stop."""
    if difference := sum((rounding_of(each.lines, each.project) for each in bill.each), ZERO):
        more = "more" if difference > 0 else "less"
        amount = format_money(abs(difference), bill.currency_code)
        yield f"The lines come to {amount} {more} than the time entries, each rounded on its own"


def _recording(steps: Steps) -> Callable[[Work], None]:
    return lambda work: steps.record(f"{item(work)} marked")


def _summary(billing: Billing, wanted: CreateInvoice | None) -> Iterable[str]:
    """What was done, sentence by sentence."""
    bill, invoice, marked = billing.bills, billing.invoice, billing.marked
    if invoice is None or wanted is None:
        yield "There was nothing new to bill, only work that an invoice bills already."
    else:
        yield f"Created {invoice_name(invoice)}, {_about(bill, wanted)}.{difference(invoice, wanted)}"
        yield from (f"{sentence}." for sentence in _rounding(bill))
    yield from billing.remarks
    if marked.refused:
        yield (
            f"Clientary does not let the API mark {counted(marked.refused)} as billed: this has to be done in"
            " Clientary. Nothing is billed again as long as the invoice's note lists what it bills."
        )
    elif marked.unread:
        yield f"{counted(marked.unread)} were marked as billed, which could not be read back."
    else:
        yield "All of it is marked as billed."
    if invoice is not None and invoice.notice:
        yield invoice.notice
    if bill.came_since:
        are = "are" if len(bill.came_since) > 1 else "is"
        yield f"{counted(bill.came_since).capitalize()} came since the preview, and {are} left out."


def _outcomes(marked: Marked) -> Rows:
    rows = (
        ("marked as billed", [*marked.shown, *marked.unread]),
        ("not marked as billed: the API does not allow it", marked.refused),
    )
    return [{"step": what, **listed(works)} for what, works in rows if works]


def _about(bill: Bills, wanted: CreateInvoice) -> str:
    """`a draft invoice of 1,234.50 USD to “Acme” with 12.5 hours in 3 time entries of project “Website”`."""
    total = format_money(sums(wanted).total, wanted.currency_code)
    hours = f"{as_json(bill.hours)} hours in " if bill.hours else ""
    return f"a draft invoice of {total} to {quote(bill.client)} with {hours}{counted(bill.work)} of {bill.name}"


def _nothing(bill: Bills, args: BillProjectHours) -> Outcome:
    what = "hours or expenses" if args.include_expenses else "hours"
    days = "".join(f" {word} {day}" for word, day in (("from", args.from_date), ("to", args.to_date)) if day)
    return nothing_to_do(f"There is nothing to bill on {bill.name}: no unbilled {what}{days}.", bill.of, bill.to_json())


def _totals(bill: Bills, wanted: CreateInvoice | None) -> Rows | None:
    return totals(wanted, hours=bill.hours) if wanted else None


TOOLS = (bill_project_hours,)

"""Turns an estimate, or a part of it, into a draft invoice."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from clientary_mcp.accounting.money import rounded
from clientary_mcp.api.session import Clientary
from clientary_mcp.api.streaming import rereads
from clientary_mcp.errors import BadArguments
from clientary_mcp.tools.decorators import jobs
from clientary_mcp.tools.job import Job
from clientary_mcp.tools.support.documents import invoice_name
from clientary_mcp.tools.support.formatting import format_money, name_of, quote
from clientary_mcp.tools.support.lookups import client_names, names_in
from clientary_mcp.tools.support.previews import done, nothing_to_do, preview
from clientary_mcp.tools.workflows.copied_lines import TAXES_OF_LINES, copied, head_of, lines_of
from clientary_mcp.tools.workflows.draft_invoices import (
    create_draft,
    difference,
    draft,
    draft_as_json,
    estimates_in,
    line,
    note_of,
    share_in,
    sums,
    totals,
)
from clientary_mcp.tools.workflows.estimate_shares import (
    Share,
    made_already,
    names_a_share,
    quoted,
    reference_of,
    share_to_bill,
)
from clientary_mcp.tools.workflows.turns import exclusive
from tool_schemas.base.results import Outcome
from tool_schemas.base.sentences import count_of
from tool_schemas.documents import NewItem
from tool_schemas.estimates import Estimate
from tool_schemas.invoices import CreateInvoice, Invoice
from tool_schemas.workflows.copied_invoices import CopiedInvoice
from tool_schemas.workflows.invoice_from_estimate import CreateInvoiceFromEstimate


@dataclass(frozen=True)
class _Plan:
    """The invoice to create, and what it is made from."""

    estimate: Estimate
    wanted: CopiedInvoice
    made: list[Invoice]
    """The invoices that were made from the estimate before."""
    share: Share | None = None

    @property
    def about(self) -> str:
        """`with the 3 lines of estimate “E-77”`."""
        of = quoted(self.estimate)
        return f"with the {_lines(self.wanted)} of {of}" if self.share is None else f"with {self.share.words}"

    def compared(self, total: Decimal) -> str:
        """How a total, or that of all parts if they are the whole or more than that, compares with the estimate's."""
        if self.share is None:
            return f"; {_compared(self.estimate, total)}"
        earlier = [invoice.total_cost for invoice in self.made]
        if None in earlier:
            return ""
        together, whole = total + sum(filter(None, earlier)), self.estimate.total_cost
        if self.share.left and (whole is None or rounded(together - whole, self.estimate.currency_code) <= 0):
            return ""
        return f"; together with the earlier ones, {_compared(self.estimate, together)}"

    def totals(self) -> list[dict[str, Any]]:
        return totals(self.wanted, estimate_total=self.estimate.total_cost)

    def lines(self) -> list[dict[str, Any]]:
        return [_row(item, self.wanted.currency_code) for item in self.wanted.items or []]


async def _preview(clientary: Clientary, args: CreateInvoiceFromEstimate, job: Job) -> Outcome:
    plan = await _planned(clientary, args, job)
    if isinstance(plan, Outcome):
        return plan
    estimate, wanted = plan.estimate, plan.wanted
    clients = await client_names(clientary, [estimate.client_id], names_in([estimate]))
    client, total = quote(clients[estimate.client_id]), format_money(sums(wanted).total, wanted.currency_code)
    doubts = "".join(f"; note that {each}" for each in _doubts(plan))
    return preview(
        f"create a draft invoice of {total} to {client} {plan.about}{plan.compared(sums(wanted).total)}{doubts}",
        estimate,
        steps=[draft_as_json(wanted), *plan.lines()],
        totals=plan.totals(),
    )


@jobs("workflows", _preview, checked_with="list_invoices", destroys=False)
async def create_invoice_from_estimate(clientary: Clientary, args: CreateInvoiceFromEstimate, job: Job) -> Outcome:
    """Draft an invoice with the lines, taxes and texts of an estimate, only once, or of a part of it, up to 100 %.
    The estimate stays as it is."""
    async with exclusive(clientary, job.ledger, _turn(args)):
        plan = await _planned(clientary, args, job)
        if isinstance(plan, Outcome):
            return plan
        invoice = await create_draft(clientary, plan.wanted, job.ledger, _turn(args), _part(args), keep=True)
        job.made(_turn(args), invoice, "create_invoice", name_of(invoice))
    comes_to = sums(plan.wanted).total if invoice.total_cost is None else invoice.total_cost
    total = format_money(comes_to, invoice.currency_code)
    notice = f" {invoice.notice}" if invoice.notice else ""
    remarks = f"{difference(invoice, plan.wanted)}{notice}"
    return done(
        f"Created {invoice_name(invoice)}, a draft invoice of {total}, {plan.about}{plan.compared(comes_to)}.{remarks}",
        invoice,
        steps=plan.lines(),
        totals=plan.totals(),
    )


def _turn(args: CreateInvoiceFromEstimate) -> str:
    return f"invoice from estimate {args.estimate_id}"


def _part(args: CreateInvoiceFromEstimate) -> str:
    """The name of the step that bills a part: another label, number or date is another call."""
    part = (args.percent and str(args.percent.normalize()), args.label, args.number, str(args.date), str(args.due_date))
    return f"{_turn(args)}: {part}"


async def _planned(clientary: Clientary, args: CreateInvoiceFromEstimate, job: Job) -> _Plan | Outcome:
    """The invoice to create, or the answer where it was made already; BadArguments where none can be."""
    estimate = await clientary.get(Estimate, f"estimates/{args.estimate_id}")
    of = quoted(estimate)
    if estimate.client_id is None:
        raise BadArguments(f"The {of} has no client; it may belong to a lead. Assign a client first.")
    lines = lines_of(estimate, f"The {of}")
    made = await _made_from(clientary, estimate)
    if args.percent is None:
        if made and (not args.allow_duplicate or names_a_share(estimate, made)):
            again = None if names_a_share(estimate, made) else "allow_duplicate=true creates another one."
            return _made_already(estimate, made, made[0], again)
        return _Plan(estimate, _draft(clientary, args, estimate, [copied(item) for item in lines]), made)
    same = [invoice for invoice in made if share_in(invoice.note, estimate.id) == args.percent]
    if same and await _is_repeated(clientary, args, job):
        return _made_already(estimate, made, same[0], "allow_duplicate=true bills as much again.")
    share = share_to_bill(args.percent, estimate, of, made)
    return _Plan(estimate, _draft(clientary, args, estimate, share.lines(lines, estimate, args.label)), made, share)


async def _is_repeated(clientary: Clientary, args: CreateInvoiceFromEstimate, job: Job) -> bool:
    """Whether the same call was made of late, or ended before it knew, and nothing says that as much is meant again."""
    step = None if args.allow_duplicate else await job.ledger.find(_part(args))
    late = clientary.settings.duplicate_window
    return step is not None and (step.state == "sent" or clientary.clock.wall() < step.since + late)


def _draft(
    clientary: Clientary, args: CreateInvoiceFromEstimate, estimate: Estimate, items: list[dict[str, Any]]
) -> CopiedInvoice:
    po = getattr(estimate, "po", None)  # a key of live estimates alone
    return draft(
        f"The {quoted(estimate)}",
        CopiedInvoice,
        **head_of(estimate),
        date=args.date or clientary.today().day,
        due_date=args.due_date,
        number=args.number,
        po=po if isinstance(po, str) else None,
        note=note_of(estimate.note, reference_of(estimate, args.percent)),
        items=items,
    )


@rereads
async def _made_from(clientary: Clientary, estimate: Estimate) -> list[Invoice]:
    """The invoices that were made from an estimate; cancelled ones are void."""

    def is_of_it(invoice: Invoice) -> bool:
        linked = str(getattr(invoice, "associated_estimate_id", None)) == str(estimate.id)
        return linked or estimate.id in estimates_in(invoice.note)

    invoices = clientary.stream(Invoice, f"clients/{estimate.client_id}/invoices")
    return [invoice async for invoice in invoices if invoice.status != "cancelled" and is_of_it(invoice)]


def _made_already(estimate: Estimate, made: list[Invoice], latest: Invoice, again: str | None) -> Outcome:
    return nothing_to_do(made_already(estimate, quoted(estimate), made), latest, alternative=again)


def _doubts(plan: _Plan) -> list[str]:
    """What may speak against creating it."""
    doubts = []
    if plan.estimate.status != "accepted":
        doubts.append(f"the estimate is not accepted; its status is {quote(plan.estimate.status or 'unknown')}")
    if plan.made and plan.share is None:
        doubts.append(f"{' and '.join(invoice_name(invoice) for invoice in plan.made)} was made from it already")
    return doubts


def _compared(estimate: Estimate, total: Decimal) -> str:
    """How a total compares with the estimate's own."""
    if estimate.total_cost is None:
        return "Clientary does not return the estimate's total"
    code = estimate.currency_code
    if not (more := rounded(total - estimate.total_cost, code)):
        return "the estimate has the same total"
    by = f"{format_money(abs(more), code)} {'more' if more > 0 else 'less'}"
    return f"that is {by} than the estimate's own total of {format_money(estimate.total_cost, code)}"


def _row(item: NewItem, currency_code: str) -> dict[str, Any]:
    if item.item_type == "section":
        return {"step": "section", "title": item.title}
    taxes = {name: value for name in TAXES_OF_LINES if (value := getattr(item, name, None))}
    return line(item.title, item.quantity, item.price, currency_code) | taxes


def _lines(wanted: CreateInvoice) -> str:
    return count_of(len(wanted.items or []), "line")


TOOLS = (create_invoice_from_estimate,)

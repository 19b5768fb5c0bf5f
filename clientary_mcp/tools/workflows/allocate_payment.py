"""Divides one sum of money among a client's open invoices, none above its balance."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from clientary_mcp.accounting.invoices import owed_of
from clientary_mcp.accounting.money import ZERO
from clientary_mcp.api.session import Clientary
from clientary_mcp.errors import BadArguments
from clientary_mcp.tools.decorators import jobs
from clientary_mcp.tools.job import Changed, Job
from clientary_mcp.tools.support.documents import invoice_name
from clientary_mcp.tools.support.formatting import few, format_money, label, quote
from clientary_mcp.tools.support.previews import done, nothing_to_do, preview
from clientary_mcp.tools.support.received import payments_since
from clientary_mcp.tools.support.refusals import refuse_finer
from clientary_mcp.tools.workflows.recording import TURN, Receipt, record
from clientary_mcp.tools.workflows.steps import Steps
from clientary_mcp.tools.workflows.turns import exclusive
from tool_schemas.base.results import Outcome
from tool_schemas.base.sentences import count_of, in_order
from tool_schemas.clients import Client
from tool_schemas.invoices import Invoice
from tool_schemas.payments import Payment
from tool_schemas.workflows.allocate_payment import AllocatePayment


@dataclass(frozen=True)
class _Open:
    """An open invoice, with what was owed on it before this sum, and the part of the sum that is recorded already."""

    invoice: Invoice
    owed: Decimal
    payment: Payment | None = None


@dataclass(frozen=True)
class _Share:
    """What one invoice gets."""

    of: _Open
    amount: Decimal
    made: Payment | None = None

    def to_json(self) -> dict[str, Any]:
        invoice, payment = self.of.invoice, self.of.payment or self.made
        return {
            "step": "already recorded" if self.of.payment else "recorded" if self.made else "record",
            "invoice_id": invoice.id,
            "number": invoice.number,
            "amount": self.amount,
            "balance_before": self.of.owed,
            "balance_after": self.of.owed - self.amount,
            **({"payment_id": payment.id} if payment else {}),
        }


@dataclass(frozen=True)
class _Plan:
    client: Client
    currency_code: str
    amount: Decimal
    day: date
    note: str | None
    shares: list[_Share]
    others: list[Decimal]
    """The amounts of what else is recorded of this client for that day."""

    @property
    def new(self) -> list[_Share]:
        """The shares that are to be recorded."""
        return [share for share in self.shares if share.of.payment is None]

    @property
    def left_over(self) -> Decimal:
        """What no invoice gets."""
        return self.amount - sum((share.amount for share in self.shares), ZERO)

    def remark(self) -> str | None:
        """The sentence on what is left over."""
        if not self.left_over:
            return None
        left = format_money(self.left_over, self.currency_code)
        return f"{left} is left over, since no more is owed; it is recorded nowhere."

    def doubt(self) -> str | None:
        """The sentence on what came on the same day, which may be the same money."""
        if not self.others:
            return None
        came, count = format_money(sum(self.others, ZERO), self.currency_code), count_of(len(self.others), "payment")
        return f"Of {self.day}, {came} from this client is recorded already, in {count}: it may be the same money."

    def about(self) -> str:
        """`1,250.00 EUR from “Acme” on 2 invoices, received on 2026-11-02, with the note “Check 7”`."""
        shared = format_money(self.amount - self.left_over, self.currency_code)
        on, note = count_of(len(self.shares), "invoice"), f", with the note {quote(self.note)}" if self.note else ""
        return f"{shared} from {label(self.client)} on {on}, received on {self.day}{note}"

    def steps(self) -> list[dict[str, Any]]:
        return [share.to_json() for share in self.shares]

    def totals(self) -> list[dict[str, Any]]:
        shared = {"amount": self.amount, "allocated": self.amount - self.left_over, "left_over": self.left_over}
        return [{"currency_code": self.currency_code, **shared}]


async def _preview(clientary: Clientary, args: AllocatePayment, job: Job) -> Outcome:
    plan = await _planned(clientary, args, job)
    if not plan.new:
        return _nothing(plan)
    shown = preview(f"record {plan.about()}", plan.client, steps=plan.steps(), totals=plan.totals())
    shown.message = in_order(shown.message, plan.remark(), plan.doubt(), clientary.today().sentence)
    return shown


@jobs("workflows", _preview, "money", checked_with="list_payments", destroys=False)
async def allocate_payment(clientary: Clientary, args: AllocatePayment, job: Job) -> Outcome:
    """Record one sum from a client as payments of several open invoices, each up to its balance."""
    async with exclusive(clientary, job.ledger, TURN):
        plan = await _planned(clientary, args, job)
        if not plan.new:
            return _nothing(plan)
        steps = Steps()
        for share in list(plan.new):
            receipt = Receipt(share.of.invoice, share.amount, plan.day, args.note)
            payment = await steps.do(receipt.what, record(clientary, job.ledger, receipt))
            made = (payment, "create_payment", receipt.what)
            job.made(_item(share.of), *made, invoice_id=share.of.invoice.id)
            plan.shares[plan.shares.index(share)] = replace(share, made=payment)
    message = in_order(f"Recorded {plan.about()}.", plan.remark())
    return done(message, plan.client, steps=plan.steps(), totals=plan.totals())


async def _planned(clientary: Clientary, args: AllocatePayment, job: Job) -> _Plan:
    """Who gets what; Changed if that is not what was approved."""
    day, today = args.received_on, clientary.today()
    assert day is not None  # noqa: S101 - it is today where it was not given
    if args.amount <= 0:
        raise BadArguments(f"amount: {args.amount} is not above zero.")
    if today.is_future(day):
        raise BadArguments(f"received_on: {day} is after today. {today.sentence}")
    client = await clientary.get(Client, f"clients/{args.client_id}")
    invoices = await clientary.list_all(Invoice, f"clients/{args.client_id}/invoices")
    recorded = await payments_since(clientary, day)
    known = [_state(each, owed_of(each, today), args, job, recorded) for each in invoices]
    wanted = _chosen(known, args)
    code = _currency(wanted, args)
    refuse_finer(args.amount, code)
    shares = _divided([each for each in wanted if _is_in(each, code)], args.amount)
    for share in shares:
        if share.of.payment is None:
            job.needs(_item(share.of), share.amount, share.of.owed, day, args.note)
        else:
            job.settled(_item(share.of))
    try:
        job.check(all_there=True)
    except Changed as changed:
        if begun := _begun(known, args, job, recorded):  # a new preview would divide the whole sum once more
            changed.refusal = BadArguments(
                f"The approved preview no longer holds ({changed}). A part may be recorded already: {few(begun)}.",
                "Call again without preview_id, with the amount that is left.",
            )
        raise
    own = [share.of.payment for share in shares]
    mine = {each.id for each in invoices if each.currency_code == code}
    of_day = [each for each in recorded if each.invoice_id in mine and each.received_on == day and each not in own]
    return _Plan(client, code, args.amount, day, args.note, shares, [each.amount for each in of_day if each.amount])


def _divided(invoices: Iterable[_Open], left: Decimal) -> list[_Share]:
    """What each gets of a sum, in this order; what is recorded of it already stays as it is."""
    shares = []
    for each in invoices:
        amount = each.payment.amount if each.payment and each.payment.amount else min(left, each.owed)
        if amount > 0:
            left -= amount
            shares.append(_Share(each, amount))
    return shares


def _state(invoice: Invoice, owed: Decimal, args: AllocatePayment, job: Job, recorded: Iterable[Payment]) -> _Open:
    """An invoice as it was before this sum: an earlier call with the same preview may have recorded its part."""
    for payment in recorded:
        if payment.invoice_id == invoice.id and payment.amount is not None and payment.received_on == args.received_on:
            before = owed + payment.amount
            now = _Open(invoice, before, payment)
            if job.was_shown(_item(now), payment.amount, before, args.received_on, args.note):
                return now
    return _Open(invoice, owed)


def _is_in(each: _Open, currency_code: str) -> bool:
    return each.invoice.currency_code == currency_code


def _begun(known: Iterable[_Open], args: AllocatePayment, job: Job, recorded: Iterable[Payment]) -> list[str]:
    """The payments that an earlier call with the same preview may have recorded, in words."""
    shown = {each.invoice.id: each.invoice for each in known if _item(each) in (job.approved or ())}
    notes = (None, "", args.note)
    return [
        f"{format_money(payment.amount, invoice.currency_code)} for {invoice_name(invoice)}"
        for payment in recorded
        if (invoice := shown.get(payment.invoice_id or 0)) and payment.amount is not None
        if payment.received_on == args.received_on and payment.note in notes
    ]


def _item(each: _Open) -> str:
    return f"invoice {each.invoice.id}"


def _chosen(known: list[_Open], args: AllocatePayment) -> list[_Open]:
    """The invoices in the order in which they are paid; BadArguments for one that was named and is not open."""
    if args.invoice_ids is None:
        owed = [each for each in known if each.owed]
        match args.order:
            case "largest":
                return sorted(owed, key=lambda each: (-each.owed, each.invoice.id))
            case "smallest":
                return sorted(owed, key=lambda each: (each.owed, each.invoice.id))
            case _:
                return sorted(owed, key=lambda each: (each.invoice.date or date.max, each.invoice.id))
    by_id = {each.invoice.id: each for each in known}
    wanted = list(dict.fromkeys(args.invoice_ids))
    if strange := [str(each) for each in wanted if each not in by_id]:
        raise BadArguments(f"invoice_ids: {few(strange)}: not of client {args.client_id}.")
    if args.currency_code and (
        other := [invoice_name(by_id[each].invoice) for each in wanted if not _is_in(by_id[each], args.currency_code)]
    ):
        raise BadArguments(f"invoice_ids: not in {args.currency_code}: {few(other)}.")
    if paid := [invoice_name(by_id[each].invoice) for each in wanted if not by_id[each].owed]:
        raise BadArguments(f"invoice_ids: nothing is owed on {few(paid)}.")
    return [by_id[each] for each in wanted]


def _currency(wanted: list[_Open], args: AllocatePayment) -> str:
    """The currency of the sum: the given one, else the only one that is owed."""
    codes = sorted({each.invoice.currency_code for each in wanted if each.invoice.currency_code})
    if args.currency_code is not None:
        return args.currency_code
    if len(codes) > 1:
        raise BadArguments(f"currency_code is needed: open invoices are in {', '.join(codes)}.")
    return codes[0] if codes else ""


def _nothing(plan: _Plan) -> Outcome:
    why = "All of it is recorded already." if plan.shares else "Nothing is owed that it could pay."
    return nothing_to_do(f"There is nothing to record for {label(plan.client)}: {why}", plan.client, plan.steps())


TOOLS = (allocate_payment,)

"""Matches bank lines with open invoices, and records what is certain or chosen, row by row and none twice."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import anyio

from clientary_mcp.accounting.bank.columns import missing_facts, unknown_columns
from clientary_mcp.accounting.bank.lines import BankLine, read_lines
from clientary_mcp.accounting.bank.matching import DAYS_APART, Match, Matcher, Part, note_of_line
from clientary_mcp.accounting.totals import Totals
from clientary_mcp.api.concurrency import gather, gather_two
from clientary_mcp.api.session import Clientary
from clientary_mcp.errors import BadArguments, ClientaryError, NotFound, Refused
from clientary_mcp.tools.decorators import jobs
from clientary_mcp.tools.job import CAME_SINCE, Job
from clientary_mcp.tools.support.formatting import few, quote
from clientary_mcp.tools.support.lookups import client_names, names_in
from clientary_mcp.tools.support.previews import done, nothing_to_do, preview
from clientary_mcp.tools.support.received import payments_since
from clientary_mcp.tools.support.rights import if_allowed
from clientary_mcp.tools.workflows.recording import TURN, Receipt, record
from clientary_mcp.tools.workflows.row_outcomes import STOPPING, by_outcome, stopped
from clientary_mcp.tools.workflows.turns import exclusive
from tool_schemas.base.parsing import as_json
from tool_schemas.base.results import Outcome, as_text
from tool_schemas.base.sentences import count_of, in_order
from tool_schemas.base.validation import nearest
from tool_schemas.clients import Client
from tool_schemas.invoices import Invoice
from tool_schemas.workflows.reconcile_payments import ReconcilePayments

_TO_DO, _DONE = "to record", "recorded"
_UNREAD, _OUT, _SKIPPED, _LEFT_OUT = "unreadable", "money out", "skipped", "left out"
_REFUSED, _FAILED, _UNKNOWN, _NOT_TRIED = "refused", "not recorded", "not known whether recorded", "not tried"
_ALL_NAMES = "The documents list all names that are understood, under Columns of bank exports."
_LISTS = ("invoices", "candidates")
_ROOM = 55_000
"""Characters of the rows of an answer, so that all of them fit."""
_IN_PART = "recorded in part"


@dataclass
class _Row:
    """One row: what it says, and what became of it."""

    number: int
    outcome: str
    why: str | None = None
    line: BankLine | None = None
    parts: list[Part] = field(default_factory=list)
    likely: bool = False
    made: dict[int, int] = field(default_factory=dict)
    """The payments that were recorded, by the ids of their invoices."""

    @property
    def new(self) -> list[Part]:
        """What is to be recorded of it."""
        return [part for part in self.parts if part.payment is None]


@dataclass
class _Statement:
    """The rows, and what has to be said of all of them."""

    rows: list[_Row]
    names: Mapping[int | None, str]
    remarks: list[str]
    failures: list[tuple[int, ClientaryError]] = field(default_factory=list)

    def with_outcome(self, outcome: str) -> list[_Row]:
        """The rows with that outcome."""
        return [row for row in self.rows if row.outcome == outcome]

    def counted(self, outcome: str) -> str:
        """`12 payments, of 20 rows (already recorded: rows 3-5; money out: row 8)`."""
        payments = sum(len(row.new) for row in self.with_outcome(outcome))
        told = self.told(outcome)
        return f"{count_of(payments, 'payment')}, of {count_of(len(self.rows), 'row')}{f' ({told})' if told else ''}"

    def told(self, but: str | None = None) -> str:
        """`unmatched: rows 3-5; money out: row 8`, for every outcome but one."""
        return "; ".join(
            by_outcome({"row": row.number, "outcome": row.outcome} for row in self.rows if row.outcome != but)
        )

    def to_json(self) -> list[dict[str, Any]]:
        """One outcome a row; if there are very many, without what the caller can look up, so that all of them fit."""
        rows = [self._row(row) for row in self.rows]
        for fewer in (_without_names, _without_reasons, _with_one_candidate):
            if len(as_text(as_json(rows))) > _ROOM:
                rows = [fewer(row) for row in rows]
        return rows

    def _row(self, row: _Row) -> dict[str, Any]:
        shown: dict[str, Any] = {"row": row.number, "outcome": row.outcome}
        if row.line is not None:
            shown |= {"date": row.line.day, "amount": row.line.amount, "currency_code": row.line.currency_code}
        if row.outcome in (_TO_DO, _DONE):
            shown["sure"] = "chosen" if row.why == "chosen" else "certain"
        elif row.outcome == "to choose":
            shown["sure"] = "likely" if row.likely else "possible"
        shown |= {"why": row.why} if row.why else {}
        if row.outcome != "to choose" and len(row.parts) == 1:
            return shown | self._part(row, row.parts[0], "amount")
        key, amount = ("candidates", "owed") if row.outcome == "to choose" else ("invoices", "amount")
        return shown | ({key: [self._part(row, part, amount) for part in row.parts]} if row.parts else {})

    def _part(self, row: _Row, part: Part, amount: str) -> dict[str, Any]:
        invoice = part.invoice
        payment_id = part.payment.id if part.payment else row.made.get(invoice.id)
        shown = {"invoice_id": invoice.id, "number": invoice.number, "client": self.names.get(invoice.client_id)}
        return shown | {amount: part.amount} | ({"payment_id": payment_id} if payment_id else {})

    def totals(self) -> list[dict[str, Any]]:
        """Per currency: what came in, and what became of it; each amount counts in one of its outcomes."""
        totals = Totals()
        for row in self.rows:
            if row.line is not None:
                outcome = _DONE if row.outcome == _TO_DO else row.outcome
                amount = row.line.amount
                amounts: dict[str, Any] = {outcome.replace(" ", "_"): amount}
                totals.add(row.line.currency_code, **amounts | ({"received": amount} if amount > 0 else {}))
        return totals.to_json()


async def _preview(clientary: Clientary, args: ReconcilePayments, job: Job) -> Outcome:
    statement = await _planned(clientary, args, job)
    if not statement.with_outcome(_TO_DO):
        return _nothing(statement)
    shown = preview(
        f"record {statement.counted(_TO_DO)}",
        steps=statement.to_json(),
        totals=statement.totals(),
        not_visible="Rows to choose are recorded only with choices.",
    )
    shown.message = in_order(shown.message, statement.remarks)
    return shown


@jobs("workflows", _preview, "money", checked_with="list_payments", destroys=False)
async def reconcile_payments(clientary: Clientary, args: ReconcilePayments, job: Job) -> Outcome:
    """Match bank lines with open invoices, and record the payments that are certain or chosen. Leaves out what is
    recorded already, and money out."""
    async with exclusive(clientary, job.ledger, TURN):
        statement = await _planned(clientary, args, job)
        await _carry_out(clientary, statement, job)
    if statement.failures:
        some = any(row.outcome in (_DONE, _IN_PART) for row in statement.rows)
        raise stopped(statement.failures, "Row {}".format, statement.told(), some_done=some)
    if not (statement.with_outcome(_DONE) or statement.with_outcome(_IN_PART)):
        return _nothing(statement)
    message = in_order(f"Recorded {statement.counted(_DONE)}.", statement.remarks)
    return done(message, steps=statement.to_json(), totals=statement.totals())


async def _planned(clientary: Clientary, args: ReconcilePayments, job: Job) -> _Statement:
    """The rows with their outcomes so far."""
    today = clientary.today()
    rows = [
        _Row(number, _UNREAD, each) if isinstance(each, str) else _Row(number, _TO_DO, line=each)
        for number, each in enumerate(read_lines(args.rows, today), 1)
    ]
    skipped = {choice.row for choice in args.choices or () if choice.skip}
    for row in rows:
        if row.line is not None and row.line.amount <= 0:
            row.outcome = _OUT
        elif row.line is not None and row.number in skipped:
            row.outcome = _SKIPPED
    coming = [row for row in rows if row.outcome == _TO_DO and row.line is not None]
    unused = sorted({heading for row in args.rows for heading in unknown_columns(row)})
    remarks = [f"Columns that are not used: {few(unused)}."] if unused else []
    for fact, names in missing_facts(args.rows).items():
        remarks.append(f"No column has the {fact}: call it {names[0]}.{_nearest(unused, names)} {_ALL_NAMES}")
    statement = _Statement(rows, {}, [*remarks, today.sentence])
    if coming:
        await _match(clientary, args, statement, coming)
        _list(statement, job)
    return statement


def _nearest(headings: Iterable[str], names: Iterable[str]) -> str:
    """The headings that may be meant as one of these names, each with it."""
    asked = ((heading, nearest(heading.lower(), names)) for heading in headings)
    return "".join(f" Column {quote(heading)}:{question}" for heading, question in asked if question)


async def _match(clientary: Clientary, args: ReconcilePayments, statement: _Statement, coming: list[_Row]) -> None:
    """Decide what the rows pay."""
    first = min(row.line.day for row in coming if row.line) - timedelta(days=DAYS_APART)
    clients, (invoices, payments) = await gather_two(
        partial(if_allowed, partial(clientary.list_all, Client)),  # also those that a line names and that owe nothing
        partial(gather_two, partial(clientary.list_all, Invoice), partial(payments_since, clientary, first)),
    )
    paid = {payment.invoice_id for payment in payments}
    today = clientary.today()
    concerned = [each for each in invoices if each.id in paid or each.status in ("sent", "viewed")]
    known = names_in(concerned) | {each.id: each.name for each in clients or () if each.name}
    statement.names = await client_names(clientary, [each.client_id for each in concerned], known)
    matcher = Matcher(invoices, payments, statement.names, today)
    lines = _in_currencies(statement, coming, matcher.currencies())
    chosen = {choice.row: choice.invoice_ids for choice in args.choices or () if choice.invoice_ids}
    matches = matcher.match(lines, chosen)
    for row in coming:
        if row.number in matches:
            _take(row, matches[row.number])


def _in_currencies(statement: _Statement, coming: Sequence[_Row], known: set[str]) -> list[BankLine]:
    """The lines with a currency: one without is in that of the open invoices, if they all have the same."""
    lines = []
    for row in coming:
        line = row.line
        assert line is not None  # noqa: S101 - rows that could not be read are not coming in
        if line.currency_code is None and len(known) == 1:
            line = row.line = line.in_currency(*known)
            remark = f"Rows without a currency are taken to be in {line.currency_code}, as all open invoices are."
            statement.remarks += [] if remark in statement.remarks else [remark]
        if line.currency_code is None:
            codes = f"; give each row one, since open invoices are in {', '.join(sorted(known))}" if known else ""
            row.outcome, row.why = _UNREAD, f"currency_code: is missing{codes}"
        else:
            lines.append(line)
    return lines


def _without_names(row: dict[str, Any]) -> dict[str, Any]:
    return row | {key: [each | {"client": None} for each in row[key]] for key in _LISTS if key in row}


def _without_reasons(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "why"}


def _with_one_candidate(row: dict[str, Any]) -> dict[str, Any]:
    return row | {key: row[key][:1] for key in _LISTS if key in row}


def _take(row: _Row, match: Match) -> None:
    row.outcome, row.why, row.parts, row.likely = match.outcome, match.why, match.parts, match.likely


def _list(statement: _Statement, job: Job) -> None:
    """List what is to be recorded; leave out what came since, and check that the rest is as it was shown."""
    for row in statement.rows:
        for part in row.parts:
            if part.payment is not None:
                job.settled(_item(row, part))
        if row.outcome == _TO_DO and row.line is not None:
            day = row.line.day
            may = [job.may(_item(row, part), part.amount, day, part.invoice.currency_code) for part in row.new]
            if not all(may):
                row.outcome, row.why = _LEFT_OUT, CAME_SINCE
    job.check()


def _item(row: _Row, part: Part) -> str:
    return f"row {row.number} for invoice {part.invoice.id}"


async def _carry_out(clientary: Clientary, statement: _Statement, job: Job) -> None:
    """Record the rows, several at once but one at a time for each invoice; a failure stops no other row."""
    locks: defaultdict[int, anyio.Lock] = defaultdict(anyio.Lock)
    rows, paid = statement.with_outcome(_TO_DO), defaultdict[int, Decimal](Decimal)

    async def one(row: _Row) -> None:
        if any(isinstance(failure, STOPPING) for _, failure in statement.failures):
            row.outcome = _NOT_TRIED
            return
        try:
            for part in row.new:
                async with locks[part.invoice.id]:
                    assert row.line is not None  # noqa: S101 - it was read
                    earlier = paid[part.invoice.id]
                    receipt = Receipt(part.invoice, part.amount, row.line.day, note_of_line(row.line), earlier)
                    payment = await record(clientary, job.ledger, receipt)
                    paid[part.invoice.id] += part.amount
                made = (payment, "create_payment", receipt.what)
                job.made(_item(row, part), *made, invoice_id=part.invoice.id)
                row.made[part.invoice.id] = payment.id
        except (BadArguments, NotFound, Refused) as refusal:
            row.outcome, row.why = (_IN_PART if row.made else _REFUSED), str(refusal)
        except ClientaryError as failure:
            not_done = _IN_PART if row.made else _FAILED
            row.outcome, row.why = (_UNKNOWN if failure.effect == "unknown" else not_done), str(failure)
            statement.failures.append((row.number, failure))
        else:
            row.outcome = _DONE

    await gather((partial(one, row) for row in rows), clientary.settings.concurrency)


def _nothing(statement: _Statement) -> Outcome:
    told = "; ".join(by_outcome({"row": row.number, "outcome": row.outcome} for row in statement.rows))
    shown = nothing_to_do(
        in_order(f"There is nothing to record: {told}.", statement.remarks), steps=statement.to_json()
    )
    shown.totals = statement.totals() or None
    return shown


TOOLS = (reconcile_payments,)

"""The cash forecast: what is expected to be received when, from open invoices and recurring schedules."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, Literal, NamedTuple

from clientary_mcp.accounting.days import Today, named_day, names_between
from clientary_mcp.accounting.invoices import days_overdue
from clientary_mcp.accounting.left_out import Omissions
from clientary_mcp.accounting.money import ZERO, readable_sums
from clientary_mcp.accounting.payment_times import LATELY, PaymentTimes, paid_lately
from clientary_mcp.accounting.recurrence import occurrences, unusable
from clientary_mcp.accounting.totals import UNKNOWN, Totals, currency_remark
from clientary_mcp.api.session import Clientary
from clientary_mcp.api.streaming import rereads
from clientary_mcp.errors import BadArguments
from clientary_mcp.tools.decorators import reads
from clientary_mcp.tools.support.formatting import label
from clientary_mcp.tools.support.invoiced import remark_on, standing_in
from clientary_mcp.tools.support.lookups import client_names, names_in
from clientary_mcp.tools.support.rights import denied, gather_allowed
from tool_schemas.base.report import Report
from tool_schemas.base.sentences import in_order
from tool_schemas.invoices import Invoice
from tool_schemas.recurring_schedules import RecurringSchedule
from tool_schemas.reports.cash_forecast import CashForecast

_DEFAULT, _FARTHEST = timedelta(days=90), timedelta(days=5 * 366)

_BASIS = (
    "invoices: what is owed of sent and viewed invoices, on their due dates; overdue and pending amounts are apart and"
    " in no row. recurring: every invoice that active schedules make until {until}, with taxes, each on its date plus"
    " due_period, whether it is mailed, charged or only drafted. expected is the sum of both. later: what is due only"
    " after {until}. Nothing is assumed of drafts, estimates and unbilled work."
)
_HISTORY = (
    "Moved by each client's usual delay: the mean of the days from due date to full payment of the invoices paid since"
    " {since}, in whole days, never to before today; usual_delays names them."
)

_KINDS = ("invoices", "recurring")


@reads("reports", picture="cash_forecast")
async def cash_forecast(clientary: Clientary, args: CashForecast) -> Report:
    """What money to expect when: open invoices by due date and what active recurring schedules will invoice, per week
    or month and currency. Overdue and pending amounts are separate."""
    today = clientary.today()
    until = _last_day(args.until, today.day)
    found = await _read(clientary, args.client_id, until)
    delays = found.delays() if args.use_history else {}
    names = await client_names(clientary, delays, found.names)
    forecast = _Forecast(today.day, until, args.by)
    for expected in found.expected:
        forecast.add(expected, delays.get(expected.client_id, 0))
    history = _HISTORY.format(since=today.day - LATELY) if args.use_history else None
    return Report(
        list(forecast.rows(delays, names)),
        basis=in_order(_BASIS.format(until=until), history, today.sentence),
        totals=forecast.totals(),
        left_out=[*found.hidden, *found.left_out.to_json()],
        about={"from_date": today.day, "to_date": until} | found.separate() | forecast.separate(),
        counted="expected",
    )


def _last_day(given: date | None, today: date) -> date:
    last = given or today + _DEFAULT
    if not today <= last <= today + _FARTHEST:
        raise BadArguments(f"until takes a day from today, {today}, to {today + _FARTHEST}, not {last}.")
    return last


class _Expected(NamedTuple):
    """An amount that is due on a day, of one of the kinds."""

    kind: str
    client_id: int | None
    currency_code: str
    due: date
    amount: Decimal


@dataclass
class _Found:
    """What is expected, what is apart from it, and how late each client has paid."""

    expected: list[_Expected] = field(default_factory=list)
    overdue: Totals = field(default_factory=Totals)
    pending: Totals = field(default_factory=Totals)
    times: dict[int | None, PaymentTimes] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    left_out: Omissions = field(default_factory=Omissions)
    hidden: list[str] = field(default_factory=list)

    def merge(self, other: "_Found") -> None:
        """Add what another list says; only one of them is of invoices."""
        self.expected += other.expected
        self.overdue.merge(other.overdue)
        self.pending.merge(other.pending)
        self.times |= other.times
        self.names |= other.names
        self.left_out.merge(other.left_out)

    def add_invoice(self, invoice: Invoice, client_id: int | None, today: Today) -> None:
        """The next invoice of the list, with whose it is."""
        if (standing := standing_in(invoice, today, self.left_out)) is None:
            return
        self.names |= names_in([invoice])
        if paid := paid_lately(invoice, today):
            self.times.setdefault(client_id, PaymentTimes()).add(invoice, paid)
        code = invoice.currency_code or UNKNOWN
        if standing.pending:
            self.pending.add(code, balance=standing.pending)
        if standing.owed and days_overdue(invoice, today):
            self.overdue.add(code, balance=standing.owed)
        elif standing.owed:
            due = invoice.due_date or today.day
            self.expected.append(_Expected("invoices", client_id, code, due, standing.owed))
        if standing.owed or standing.pending:
            remark_on(invoice, self.left_out)
        if standing.owed and invoice.due_date is None:
            self.left_out.add("invoice", "without a due date, expected today", label(invoice))

    def add_schedule(self, schedule: RecurringSchedule, today: date, until: date) -> None:
        """The next schedule of the list, with the invoices that it makes until that day."""
        if why := _unplanned(schedule):
            self.left_out.add(*why, label(schedule))
            return
        amount = schedule.total_cost
        if amount is None and (sums := readable_sums(schedule.items, schedule, schedule.currency_code)):
            self.left_out.add("schedule", "without a total, added up from its lines", label(schedule))
            amount = sums.total
        if amount is None:
            self.left_out.add("schedule", "without an amount", label(schedule))
            return
        self._plan(schedule, amount, today, until)

    def _plan(self, schedule: RecurringSchedule, amount: Decimal, today: date, until: date) -> None:
        days = occurrences(schedule, until)
        if schedule.next_date and schedule.next_date < today:
            days = [today]
            self.left_out.add("active schedule", "whose next_date is past, counted once, today", label(schedule))
        if days and schedule.due_period is None:
            self.left_out.add("schedule", "without a due_period, due on the invoice's date", label(schedule))
        if days and (why := currency_remark(schedule.currency_code)):
            self.left_out.add("schedule", why, label(schedule))
        self.names |= names_in([schedule])
        code = schedule.currency_code or UNKNOWN
        for day in days:
            due = _later(day, max(schedule.due_period or 0, 0))
            self.expected.append(_Expected("recurring", schedule.client_id, code, due, amount))

    def delays(self) -> dict[int | None, int]:
        """The usual delay of each client of whom money is expected; those without a history are left out."""
        clients = {expected.client_id for expected in self.expected}
        known = {client_id: self.times[client_id].usual_delay for client_id in clients & self.times.keys()}
        self.left_out.add("client", "without an invoice paid in that year, not moved", count=len(clients) - len(known))
        return known

    def separate(self) -> dict[str, Any]:
        """What is overdue and what is pending, per currency, where there is any."""
        separate = {"overdue": self.overdue.to_json(), "pending": self.pending.to_json()}
        return {name: sums for name, sums in separate.items() if sums}


def _unplanned(schedule: RecurringSchedule) -> tuple[str, str] | None:
    """Why nothing is expected of a schedule, as `Omissions.add` takes it."""
    if why := unusable(schedule):
        return why
    if schedule.status == "paused":
        return "paused schedule", ""
    return None if schedule.next_date else ("schedule", "without a next_date")


def _later(day: date, days: int) -> date:
    """So many days later, or the last day that there is."""
    return day + timedelta(days=min(days, (date.max - day).days))


async def _read(clientary: Clientary, client_id: int | None, until: date) -> _Found:
    reads = {
        "Invoices": partial(_read_invoices, clientary, client_id),
        "Recurring schedules": partial(_read_schedules, clientary, client_id, until),
    }
    found = _Found()
    for name, part in zip(reads, await gather_allowed(reads.values(), clientary.settings.concurrency), strict=True):
        if part is None:
            found.hidden.append(denied(name))
        else:
            found.merge(part)
    return found


@rereads
async def _read_invoices(clientary: Clientary, client_id: int | None) -> _Found:
    found, today = _Found(), clientary.today()
    path = None if client_id is None else f"clients/{client_id}/invoices"
    async for invoice in clientary.stream(Invoice, path):
        found.add_invoice(invoice, invoice.client_id or client_id, today)
    return found


@rereads
async def _read_schedules(clientary: Clientary, client_id: int | None, until: date) -> _Found:
    found, today = _Found(), clientary.today().day
    async for schedule in clientary.stream(RecurringSchedule):
        if client_id in (None, schedule.client_id):
            found.add_schedule(schedule, today, until)
    return found


class _Forecast:
    """The sums per week or month and currency, and what is due after the last day."""

    def __init__(self, today: date, until: date, by: Literal["week", "month"]) -> None:
        self._today, self._until, self._by = today, until, by
        self._periods = names_between(by, today, until)
        self._sums: dict[str, dict[str, dict[str, Decimal]]] = {}
        self._moved: dict[tuple[str, str], set[int | None]] = {}
        self._later = Totals()

    def add(self, expected: _Expected, delay: int) -> None:
        """Count an amount, so many days after it is due."""
        code = expected.currency_code
        sums = self._sums.setdefault(code, {period: dict.fromkeys(_KINDS, ZERO) for period in self._periods})
        day = max(_later(expected.due, delay), self._today)
        if day > self._until:
            self._later.add(code, **{expected.kind: expected.amount})  # type: ignore[arg-type]  # no kind is named part
            return
        period = named_day(self._by, day)
        sums[period][expected.kind] += expected.amount
        if delay:
            self._moved.setdefault((code, period), set()).add(expected.client_id)

    def rows(self, delays: Mapping[int | None, int], names: Mapping[int | None, str]) -> Iterator[dict[str, Any]]:
        """A row for each period, empty ones too, currency by currency."""
        for code in sorted(self._sums):
            for period, sums in self._sums[code].items():
                moved = sorted(self._moved.get((code, period), ()), key=lambda each: (names[each], each or 0))
                usual = [{"client_id": each, "client": names[each], "days": delays[each]} for each in moved]
                row: dict[str, Any] = {self._by: period, "currency_code": code, **_with_sum(sums)}
                yield row | ({"usual_delays": usual} if usual else {})

    def totals(self) -> list[dict[str, Any]]:
        """The sums of all periods."""
        totals = []
        for code in sorted(self._sums):
            periods = self._sums[code].values()
            sums = {kind: sum((each[kind] for each in periods), ZERO) for kind in _KINDS}
            totals.append({"currency_code": code, **_with_sum(sums)})
        return totals

    def separate(self) -> dict[str, Any]:
        """What is due after the last day, per currency, where there is any."""
        return {"later": later} if (later := self._later.to_json()) else {}


def _with_sum(sums: Mapping[str, Decimal]) -> dict[str, Decimal]:
    return {**sums, "expected": sum(sums.values(), ZERO)}


TOOLS = (cash_forecast,)

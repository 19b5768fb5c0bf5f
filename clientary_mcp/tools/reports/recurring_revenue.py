"""Monthly revenue from active recurring schedules, per currency."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from clientary_mcp.accounting.left_out import Omissions
from clientary_mcp.accounting.money import readable_sums, rounded
from clientary_mcp.accounting.recurrence import unusable
from clientary_mcp.accounting.totals import UNKNOWN, Totals, currency_remark
from clientary_mcp.api.session import Clientary
from clientary_mcp.api.streaming import rereads
from clientary_mcp.tools.decorators import reads
from clientary_mcp.tools.support.formatting import quote
from clientary_mcp.tools.support.lookups import client_names, names_in
from tool_schemas.base.report import Report
from tool_schemas.recurring_schedules import RecurringSchedule
from tool_schemas.reports.recurring_revenue import RecurringRevenueReport

_MONTHS = 24
IN_TWO_YEARS = {
    "weekly": 104,
    "every_2_weeks": 52,
    "semimonthly": 48,
    "every_4_weeks": 26,
    "monthly": 24,
    "every_2_months": 12,
    "quarterly": 8,
    "every_4_months": 6,
    "every_6_months": 4,
    "annually": 2,
    "every_2_years": 1,
}
"""Invoices of each interval in 24 months: the shortest time in which all of them are whole numbers."""

_BASIS = (
    "Subtotals, without taxes, of active schedules with invoices remaining; a year counts as 52 weeks and 12 months."
    " Each figure is rounded once; totals are rounded sums of the exact figures."
)


@reads("reports", picture="recurring_revenue")
async def recurring_revenue_report(clientary: Clientary, args: RecurringRevenueReport) -> Report:
    """Revenue per month and currency from active recurring schedules, before tax; paused ones are separate."""
    found = await _read(clientary)
    every = [*found.active, *found.paused]
    names = await client_names(clientary, {each.client_id for each in every}, found.names)
    rows = [each.to_json(names) for each in _largest_first(found.active)]
    paused = [each.to_json(names) for each in _largest_first(found.paused)]
    return Report(
        rows,
        basis=_BASIS,
        totals=_totals(found.active),
        left_out=found.left_out.to_json(),
        about={"paused": paused} if paused else {},
    )


class _Income(NamedTuple):
    """The figures of one schedule."""

    schedule_id: int
    client_id: int | None
    title: str | None
    time_interval: str
    currency_code: str
    per_invoice: Decimal
    next_date: date | None
    invoices_left: int | None

    @property
    def in_two_years(self) -> Decimal:
        """The revenue of 24 months, exact for every interval."""
        return self.per_invoice * IN_TWO_YEARS[self.time_interval]

    def to_json(self, names: dict[int | None, str]) -> dict[str, Any]:
        """The columns of a row."""
        return {
            "recurring_schedule_id": self.schedule_id,
            "client_id": self.client_id,
            "client": names[self.client_id],
            "title": self.title or None,
            "time_interval": self.time_interval,
            "next_date": self.next_date,
            "occurrences_remaining": self.invoices_left,
            "currency_code": self.currency_code,
            "per_invoice": self.per_invoice,
            "per_month": rounded(self.in_two_years / _MONTHS, self.currency_code),
        }


def _largest_first(incomes: list[_Income]) -> list[_Income]:
    return sorted(incomes, key=lambda income: (income.currency_code, -income.in_two_years, income.schedule_id))


def _totals(incomes: list[_Income]) -> list[dict[str, Any]]:
    totals = Totals()
    for income in incomes:
        totals.add(income.currency_code, in_two_years=income.in_two_years)
    return [
        {
            "currency_code": sums["currency_code"],
            "schedules": sums["count"],
            "per_month": rounded(sums["in_two_years"] / _MONTHS, sums["currency_code"]),
        }
        for sums in totals.to_json()
    ]


@dataclass
class _Revenue:
    """The schedules with revenue now, or once they are resumed."""

    active: list[_Income] = field(default_factory=list)
    paused: list[_Income] = field(default_factory=list)
    names: dict[int, str] = field(default_factory=dict)
    left_out: Omissions = field(default_factory=Omissions)


@rereads
async def _read(clientary: Clientary) -> _Revenue:
    found = _Revenue()
    async for schedule in clientary.stream(RecurringSchedule):
        if why := unusable(schedule):
            found.left_out.add(*why, _named(schedule))
        elif (income := _income(schedule, found.left_out)) is not None:
            (found.active if schedule.status == "active" else found.paused).append(income)
            found.names |= names_in([schedule])
    return found


def _income(schedule: RecurringSchedule, left_out: Omissions) -> _Income | None:
    amount = schedule.subtotal if schedule.subtotal is not None else _of_lines(schedule, left_out)
    if amount is None or schedule.time_interval is None:
        left_out.add("schedule", "without an amount", _named(schedule))
        return None
    if why := currency_remark(schedule.currency_code):
        left_out.add("schedule", why, _named(schedule))
    return _Income(
        schedule.id,
        schedule.client_id,
        schedule.title,
        schedule.time_interval,
        schedule.currency_code or UNKNOWN,
        amount,
        schedule.next_date,
        None if schedule.unlimited else schedule.occurrences_remaining,
    )


def _of_lines(schedule: RecurringSchedule, left_out: Omissions) -> Decimal | None:
    sums = readable_sums(schedule.items, schedule, schedule.currency_code)
    if sums is None:
        return None
    left_out.add("schedule", "without a subtotal, added up from its lines", _named(schedule))
    return sums.subtotal


def _named(schedule: RecurringSchedule) -> str:
    return f"id {schedule.id} {quote(schedule.title)}" if schedule.title else f"id {schedule.id}"


TOOLS = (recurring_revenue_report,)

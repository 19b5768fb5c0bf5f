"""What active recurring schedules bring in each month, per currency."""

from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from clientary_mcp.accounting.money import cents, sums_of
from clientary_mcp.accounting.totals import UNKNOWN, Totals
from clientary_mcp.api.session import Clientary
from clientary_mcp.tools.decorators import reads
from clientary_mcp.tools.reports.left_out import Omissions
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
    "Subtotals, without taxes, of active schedules with invoices left; per month, a year is 52 weeks and 12 months."
    " Each figure is rounded once; totals are rounded sums of the exact figures."
)


@reads("reports")
async def recurring_revenue_report(clientary: Clientary, args: RecurringRevenueReport) -> Report:
    """Revenue per month and currency from active recurring schedules, before tax; paused ones apart."""
    found = await clientary.sift(RecurringSchedule, "recurring", _Revenue)
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
    """What is kept of a schedule."""

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
        """Exact, whatever the interval."""
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
            "per_month": cents(self.in_two_years / _MONTHS),
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
            "per_month": cents(sums["in_two_years"] / _MONTHS),
        }
        for sums in totals.to_json()
    ]


class _Revenue:
    """The schedules that bring something in, or will when they go on."""

    def __init__(self) -> None:
        self.active: list[_Income] = []
        self.paused: list[_Income] = []
        self.names: dict[int, str] = {}
        self.left_out = Omissions()

    def add(self, schedule: RecurringSchedule) -> None:
        """The next schedule of the list."""
        if schedule.status == "stopped":
            self.left_out.add("stopped schedule", "", _named(schedule))
        elif schedule.status not in ("active", "paused"):
            self.left_out.add("schedule", "of an unknown status", _named(schedule))
        elif schedule.occurrences_remaining == 0 and not schedule.unlimited:
            self.left_out.add("ended schedule", "", _named(schedule))
        elif schedule.time_interval not in IN_TWO_YEARS:
            self.left_out.add("schedule", "of an unknown interval", _named(schedule))
        elif (income := self._income(schedule)) is not None:
            (self.active if schedule.status == "active" else self.paused).append(income)
            self.names |= names_in([schedule])

    def _income(self, schedule: RecurringSchedule) -> _Income | None:
        amount = schedule.subtotal if schedule.subtotal is not None else self._of_lines(schedule)
        if amount is None or schedule.time_interval is None:
            self.left_out.add("schedule", "without an amount", _named(schedule))
            return None
        if not schedule.currency_code:
            self.left_out.add("schedule", "without a currency, counted apart", _named(schedule))
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

    def _of_lines(self, schedule: RecurringSchedule) -> Decimal | None:
        lines = [line for line in schedule.items or () if line.item_type != "section"]
        if not lines or any(None in (line.quantity, line.price) for line in lines):
            return None
        self.left_out.add("schedule", "without a subtotal, added up from its lines", _named(schedule))
        return sums_of(lines, schedule).subtotal


def _named(schedule: RecurringSchedule) -> str:
    return f"id {schedule.id} {quote(schedule.title)}" if schedule.title else f"id {schedule.id}"


TOOLS = (recurring_revenue_report,)

"""When a recurring schedule makes its invoices: the days of each interval, from its next one on."""

from calendar import monthrange
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from itertools import count, islice, takewhile

from tool_schemas.recurring_schedules import UNSTOPPED, RecurringSchedule

_WEEKS: Mapping[str, int] = {"weekly": 1, "every_2_weeks": 2, "every_4_weeks": 4}
_MONTHS: Mapping[str, int] = {
    "semimonthly": 1,
    "monthly": 1,
    "every_2_months": 2,
    "quarterly": 3,
    "every_4_months": 4,
    "every_6_months": 6,
    "annually": 12,
    "every_2_years": 24,
}
INTERVALS = frozenset({*_WEEKS, *_MONTHS})
_HALF_A_MONTH = timedelta(days=15)
"""From the first day of a semimonthly pair to the second."""


def is_ended(schedule: RecurringSchedule) -> bool:
    """Whether it has no invoices left."""
    return schedule.occurrences_remaining == 0 and not schedule.unlimited


def unusable(schedule: RecurringSchedule) -> tuple[str, str] | None:
    """Why a schedule makes no invoices, as `Omissions.add` takes it; None for one that does, or would once resumed."""
    if schedule.status == "stopped":
        return "stopped schedule", ""
    if schedule.status not in UNSTOPPED:
        return "schedule", "of an unknown status"
    if is_ended(schedule):
        return "ended schedule", ""
    return None if schedule.time_interval in INTERVALS else ("schedule", "of an unknown interval")


def occurrences(schedule: RecurringSchedule, until: date) -> list[date]:
    """The days on which a schedule makes invoices, from its next one until that day, which is included.

    As many as it has left; none without a next day, or where its interval is not known. Its status is not looked at.
    """
    if schedule.next_date is None or schedule.time_interval not in INTERVALS:
        return []
    days = takewhile(lambda day: day <= until, days_of(schedule.next_date, schedule.time_interval))
    return list(days if schedule.unlimited else islice(days, schedule.occurrences_remaining))


def days_of(first: date, interval: str) -> Iterator[date]:
    """The days of an interval, from its first one on.

    A month keeps the day, and takes its last one where it is shorter; the last day of a month stays the last.
    Semimonthly is that day and the one 15 days on.
    """
    try:
        if weeks := _WEEKS.get(interval):
            yield from (first + timedelta(weeks=weeks * number) for number in count())
        for number in count():
            day = _months_after(first, _MONTHS[interval] * number)
            yield day
            if interval == "semimonthly":
                yield day + _HALF_A_MONTH
    except (OverflowError, ValueError):  # the year 9999 is the calendar's last
        return


def _months_after(first: date, months: int) -> date:
    years, month = divmod(first.month - 1 + months, 12)
    year = first.year + years
    last = monthrange(year, month + 1)[1]
    stays_last = first.day == monthrange(first.year, first.month)[1]
    return date(year, month + 1, last if stays_last else min(first.day, last))

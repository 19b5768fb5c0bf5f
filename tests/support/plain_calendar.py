"""A plain calendar, walked day by day: when something that recurs happens."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

INTERVALS = {
    1: "weekly", 2: "every_2_weeks", 3: "semimonthly", 4: "every_4_weeks", 5: "monthly", 6: "every_2_months",
    7: "quarterly", 8: "every_6_months", 9: "annually", 10: "every_2_years", 11: "every_4_months",
}  # fmt: skip
"""Clientary's codes of the intervals."""
WEEKS = {"weekly": 1, "every_2_weeks": 2, "every_4_weeks": 4}
MONTHS = {
    "monthly": 1,
    "every_2_months": 2,
    "quarterly": 3,
    "every_4_months": 4,
    "every_6_months": 6,
    "annually": 12,
    "every_2_years": 24,
}


def walked(first: date, until: date, wanted: Callable[[date], bool]) -> list[date]:
    """The days from the first on that are wanted, one after the other."""
    return [day for number in range((until - first).days + 1) if wanted(day := first + timedelta(days=number))]


def is_last(day: date) -> bool:
    return (day + timedelta(days=1)).day == 1


def monthly(first: date, months: int) -> Callable[[date], bool]:
    """Whether a day is the one of its month, which is one of every so many."""

    def wanted(day: date) -> bool:
        if ((day.year - first.year) * 12 + day.month - first.month) % months:
            return False
        if is_last(first):
            return is_last(day)
        return day.day == first.day or (is_last(day) and day.day < first.day)

    return wanted


def by_calendar(first: date, until: date, interval: str) -> list[date]:
    if interval in WEEKS:
        return walked(first, until, lambda day: (day - first).days % (7 * WEEKS[interval]) == 0)
    if interval in MONTHS:
        return walked(first, until, monthly(first, MONTHS[interval]))
    days = walked(first, until, monthly(first, 1))
    second = [day + timedelta(days=15) for day in days]
    return sorted(day for day in days + second if day <= until)


def days_of_schedule(row: Mapping[str, Any], until: date) -> list[date]:
    """The days on which a row of the account's schedules makes invoices, as many as it has left."""
    days = by_calendar(date.fromisoformat(row["next_date"]), until, INTERVALS[row["time_interval"]])
    return days if row["unlimited"] else days[: row["occurrences_remaining"]]

"""What day it is for the business, when its fiscal year starts, and which days a word like last_month stands for."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

from tool_schemas.base.periods import Period

_DAY = timedelta(days=1)
_WEEKDAYS = 5
CALENDAR_YEAR = "01-01"
"""The start of a fiscal year that is the calendar year."""
_EASTERNMOST = timezone(timedelta(hours=14))
"""Where each day begins first."""


@dataclass(frozen=True)
class Today:
    """The current day."""

    day: date
    last: date
    """The latest day that it may be for the business: any later one is in the future."""
    zone: str | None = None
    """The time zone that the owner set; None where the machine's is used."""

    @classmethod
    def at(cls, wall: float, zone: str | None) -> "Today":
        """The day at so many seconds since 1970, in an IANA time zone or, without one, in the machine's.

        The machine may be far from the business: then only a day that has begun nowhere yet is in the future.
        """
        now = datetime.fromtimestamp(wall, UTC)
        if zone is None:
            return cls(now.astimezone().date(), now.astimezone(_EASTERNMOST).date())
        from zoneinfo import ZoneInfo  # most accounts need no zone, and every start would wait for it

        day = now.astimezone(ZoneInfo(zone)).date()
        return cls(day, day, zone)

    @classmethod
    def on(cls, day: date) -> "Today":
        """That day, as if it were today."""
        return cls(day, day)

    def is_future(self, day: date | None) -> bool:
        """Whether a day lies after today; a missing one does not."""
        return day is not None and day > self.last

    @property
    def sentence(self) -> str:
        """Which day it is, and by which time zone."""
        where = self.zone or "this machine's time zone; CLIENTARY_TIME_ZONE sets the business's"
        return f"Today is {self.day} ({where})."


WHENEVER = Today.on(date.max)
"""For figures that do not depend on whether something is dated after today."""


def fiscal_year(day: date, start: str) -> tuple[date, date]:
    """The first and last day of the fiscal year that a day lies in; `start` is its first day, as `04-06`."""
    month, first = map(int, start.split("-"))
    begun = date(day.year, month, first)
    if begun > day:
        begun = date(day.year - 1, month, first)
    return begun, date(begun.year + 1, month, first) - _DAY


def days_of(period: Period, today: date, year_start: str = CALENDAR_YEAR) -> tuple[date, date]:
    """The first and last day of a period; `year_start` is the first day of the fiscal year, as for `fiscal_year`.

    A period that is not over ends today. The last 30 or 90 days count today, the last twelve months are whole.
    """
    match period:
        case "today":
            return today, today
        case "yesterday":
            return today - _DAY, today - _DAY
        case "last_30_days":
            return today - 29 * _DAY, today
        case "last_90_days":
            return today - 89 * _DAY, today
        case "last_12_months":
            end = today.replace(day=1)
            return end.replace(year=end.year - 1), end - _DAY
    which, _, unit = period.partition("_")
    begun = _first_day(unit, today, year_start)
    return (begun, today) if which == "this" else (_first_day(unit, begun - _DAY, year_start), begun - _DAY)


def _first_day(unit: str, day: date, year_start: str) -> date:
    """The first day of the week, month, quarter or year that a day lies in."""
    match unit:
        case "week":
            return day - day.weekday() * _DAY
        case "month":
            return day.replace(day=1)
        case "quarter":
            return date(day.year, day.month - (day.month - 1) % 3, 1)
        case "year":
            return date(day.year, 1, 1)
        case _:
            return fiscal_year(day, year_start)[0]


def weekdays(first: date, last: date) -> list[date]:
    """The Mondays to Fridays from one day to another."""
    days = (first + number * _DAY for number in range((last - first).days + 1))
    return [day for day in days if day.weekday() < _WEEKDAYS]


def weeks_of(days: list[date]) -> Decimal:
    """How many working weeks so many weekdays are."""
    return Decimal(len(days)) / _WEEKDAYS


def named_day(unit: str, day: date) -> str:
    """The day, week, month, quarter or year that a day lies in: `2026-01-26` (a Monday), `2026-01`, `2026-Q1`."""
    match unit:
        case "day":
            return day.isoformat()
        case "week":
            return _first_day(unit, day, CALENDAR_YEAR).isoformat()
        case "month":
            return day.isoformat()[:7]
        case "quarter":
            return f"{day.isoformat()[:4]}-Q{(day.month + 2) // 3}"
        case _:
            return day.isoformat()[:4]


def names_between(unit: str, first: date, last: date) -> list[str]:
    """The name of each of the units from one day to another, in order."""
    days = (last - first).days + 1
    return list(dict.fromkeys(named_day(unit, first + number * _DAY) for number in range(days)))

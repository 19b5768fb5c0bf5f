"""What day it is for the business, and when its fiscal year starts."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone

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
    return begun, date(begun.year + 1, month, first) - timedelta(days=1)

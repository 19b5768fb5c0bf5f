"""When recurring schedules make invoices, compared with a plain calendar that is walked day by day."""

from datetime import date, timedelta
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clientary_mcp.accounting.recurrence import INTERVALS, days_of, is_ended, occurrences
from tests.support.plain_calendar import MONTHS, WEEKS, by_calendar
from tool_schemas.base.types import unwrap
from tool_schemas.recurring_schedules import RecurringSchedule, TimeInterval

NEXT = [
    "2026-01-01", "2026-01-15", "2026-01-16", "2026-01-28", "2026-01-29", "2026-01-30", "2026-01-31", "2026-02-28",
    "2026-04-30", "2026-12-31", "2027-02-28", "2028-02-28", "2028-02-29", "2028-03-31", "2026-11-20",
]  # fmt: skip


def schedule(first: str | None, interval: str | None = "monthly", **fields: Any) -> RecurringSchedule:
    return RecurringSchedule.read(
        {"id": 1, "next_date": first, "time_interval": interval, "unlimited": True} | fields,
    )


def test_every_interval_that_schedules_know_has_days() -> None:
    words, _ = unwrap(TimeInterval)
    assert set(get_args(words)) == INTERVALS == {*WEEKS, *MONTHS, "semimonthly"}


@pytest.mark.parametrize("interval", sorted(INTERVALS))
@pytest.mark.parametrize("first", NEXT)
def test_three_years_of_every_interval_match_the_calendar(first: str, interval: str) -> None:
    begin = date.fromisoformat(first)
    until = begin + timedelta(days=3 * 366)
    expected = by_calendar(begin, until, interval)
    assert len(expected) >= 2
    assert occurrences(schedule(first, interval), until) == expected


@given(st.dates(date(2023, 1, 1), date(2032, 12, 31)), st.sampled_from(sorted(INTERVALS)), st.integers(0, 1_100))
def test_any_day_and_range_match_the_calendar(first: date, interval: str, days: int) -> None:
    until = first + timedelta(days=days)
    assert occurrences(schedule(first.isoformat(), interval), until) == by_calendar(first, until, interval)


@pytest.mark.parametrize(
    ("first", "interval", "days"),
    [
        ("2026-01-30", "monthly", ["2026-01-30", "2026-02-28", "2026-03-30", "2026-04-30", "2026-05-30"]),
        ("2026-02-28", "monthly", ["2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31"]),
        ("2028-01-31", "monthly", ["2028-01-31", "2028-02-29", "2028-03-31"]),
        ("2028-02-29", "annually", ["2028-02-29", "2029-02-28", "2030-02-28", "2031-02-28", "2032-02-29"]),
        ("2026-01-31", "semimonthly", ["2026-01-31", "2026-02-15", "2026-02-28", "2026-03-15", "2026-03-31"]),
        ("2026-01-01", "semimonthly", ["2026-01-01", "2026-01-16", "2026-02-01", "2026-02-16"]),
        ("2026-11-30", "quarterly", ["2026-11-30", "2027-02-28", "2027-05-31"]),
    ],
)
def test_month_ends_and_leap_days(first: str, interval: str, days: list[str]) -> None:
    found = occurrences(schedule(first, interval), date.fromisoformat(days[-1]))
    assert [day.isoformat() for day in found] == days


@pytest.mark.parametrize(
    ("fields", "count"),
    [
        ({"unlimited": False, "occurrences_remaining": 2}, 2),
        ({"unlimited": False, "occurrences_remaining": 0}, 0),
        ({"unlimited": True, "occurrences_remaining": 0}, 5),
        ({"unlimited": None, "occurrences_remaining": None}, 5),
    ],
)
def test_no_more_than_remain(fields: dict[str, Any], count: int) -> None:
    found = schedule("2026-01-05", "weekly", **fields)
    assert len(occurrences(found, date(2026, 2, 2))) == count
    assert is_ended(found) is (count == 0)


@pytest.mark.parametrize(("first", "interval"), [(None, "weekly"), ("2026-01-05", None), ("2026-01-05", 99)])
def test_without_a_day_or_an_interval_nothing_is_known(first: str | None, interval: Any) -> None:
    assert occurrences(schedule(first, interval), date(2027, 1, 1)) == []


@pytest.mark.parametrize("interval", sorted(INTERVALS))
def test_the_calendar_ends(interval: str) -> None:
    assert next(days_of(date(9999, 12, 20), interval)) == date(9999, 12, 20)
    assert len(list(days_of(date(9999, 12, 20), interval))) <= 3

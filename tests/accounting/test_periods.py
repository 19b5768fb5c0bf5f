"""The days that a word like last_month stands for, compared with a plain walk over the calendar."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clientary_mcp.accounting.days import days_of, named_day, names_between
from tool_schemas.base.periods import Period

PERIODS: tuple[Period, ...] = get_args(Period)
DAY = timedelta(days=1)

days = st.dates(date(1999, 1, 1), date(2040, 12, 31))


@pytest.mark.parametrize(
    ("period", "first", "last"),
    [
        ("today", "2026-11-20", "2026-11-20"),
        ("yesterday", "2026-11-19", "2026-11-19"),
        ("this_week", "2026-11-16", "2026-11-20"),
        ("last_week", "2026-11-09", "2026-11-15"),
        ("this_month", "2026-11-01", "2026-11-20"),
        ("last_month", "2026-10-01", "2026-10-31"),
        ("this_quarter", "2026-10-01", "2026-11-20"),
        ("last_quarter", "2026-07-01", "2026-09-30"),
        ("this_year", "2026-01-01", "2026-11-20"),
        ("last_year", "2025-01-01", "2025-12-31"),
        ("this_fiscal_year", "2026-04-06", "2026-11-20"),
        ("last_fiscal_year", "2025-04-06", "2026-04-05"),
        ("last_30_days", "2026-10-22", "2026-11-20"),
        ("last_90_days", "2026-08-23", "2026-11-20"),
        ("last_12_months", "2025-11-01", "2026-10-31"),
    ],
)
def test_each_word_stands_for_its_days(period: Period, first: str, last: str) -> None:
    assert tuple(map(str, days_of(period, date(2026, 11, 20), "04-06"))) == (first, last)


def same_unit(unit: str, one: date, other: date) -> bool:
    """Whether two days lie in the same unit of the calendar; the fiscal year starts on 6 April."""
    key: Callable[[date], object] = {
        "week": lambda day: (day - day.weekday() * DAY).toordinal(),
        "month": lambda day: (day.year, day.month),
        "quarter": lambda day: (day.year, (day.month - 1) // 3),
        "year": lambda day: day.year,
        "fiscal_year": lambda day: day.year - ((day.month, day.day) < (4, 6)),
    }[unit]
    return key(one) == key(other)


def begins(unit: str, day: date) -> date:
    while same_unit(unit, day - DAY, day):
        day -= DAY
    return day


@given(days)
def test_this_unit_has_begun_and_ends_today_and_the_last_one_ends_the_day_before(today: date) -> None:
    for unit in ("week", "month", "quarter", "year", "fiscal_year"):
        start = begins(unit, today)
        assert days_of(f"this_{unit}", today, "04-06") == (start, today)  # type: ignore[arg-type]  # a word of both
        before = (begins(unit, start - DAY), start - DAY)
        assert days_of(f"last_{unit}", today, "04-06") == before  # type: ignore[arg-type]  # the same


@given(days)
def test_rolling_periods_have_so_many_days_and_months(today: date) -> None:
    for number, period in ((30, "last_30_days"), (90, "last_90_days")):
        first, last = days_of(period, today)  # type: ignore[arg-type]  # a word of the list
        assert (last, (last - first).days + 1) == (today, number)
    first, last = days_of("last_12_months", today)
    assert first.day == 1
    assert last + DAY == begins("month", today)
    assert len(names_between("month", first, last)) == 12


@given(days, st.integers(0, 800))
def test_units_have_one_name_for_each_of_their_days_in_order(first: date, more: int) -> None:
    last = first + more * DAY
    for unit in ("day", "week", "month", "quarter", "year"):
        names = names_between(unit, first, last)
        assert names == sorted(set(names))
        assert names == list(dict.fromkeys(named_day(unit, first + n * DAY) for n in range(more + 1)))


def test_units_are_named_as_answers_show_them() -> None:
    day = date(2026, 2, 1)  # a Sunday
    names = [named_day(unit, day) for unit in ("day", "week", "month", "quarter", "year")]
    assert names == ["2026-02-01", "2026-01-26", "2026-02", "2026-Q1", "2026"]

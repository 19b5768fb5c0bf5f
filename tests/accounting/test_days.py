"""Which day is today, wherever the business and the machine are, and which fiscal year a day lies in."""

from datetime import UTC, date, datetime

import pytest

from clientary_mcp.accounting.days import Today, fiscal_year


def at(moment: str, zone: str | None) -> Today:
    return Today.at(datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp(), zone)


@pytest.mark.parametrize(
    ("zone", "day"),
    [("Pacific/Auckland", "2026-03-02"), ("UTC", "2026-03-01"), ("America/Los_Angeles", "2026-03-01")],
)
def test_the_zone_of_the_business_decides_which_day_it_is(zone: str, day: str) -> None:
    today = at("2026-03-01 22:30", zone)
    assert (str(today.day), str(today.last)) == (day, day)
    assert f"{day} ({zone})" in today.sentence


@pytest.mark.parametrize(("moment", "last"), [("2026-03-01 09:59", "2026-03-01"), ("2026-03-01 10:00", "2026-03-02")])
def test_without_a_zone_only_a_day_that_has_begun_nowhere_is_in_the_future(moment: str, last: str) -> None:
    today = at(moment, None)
    assert str(today.last) == last
    assert not today.is_future(today.last)
    assert today.is_future(date(2026, 3, 3))
    assert not today.is_future(None)
    assert "CLIENTARY_TIME_ZONE" in today.sentence


@pytest.mark.parametrize(
    ("day", "start", "year"),
    [
        ("2026-04-05", "04-06", ("2025-04-06", "2026-04-05")),
        ("2026-04-06", "04-06", ("2026-04-06", "2027-04-05")),
        ("2026-12-31", "01-01", ("2026-01-01", "2026-12-31")),
        ("2024-02-29", "03-01", ("2023-03-01", "2024-02-29")),
    ],
)
def test_a_fiscal_year_has_a_first_and_a_last_day(day: str, start: str, year: tuple[str, str]) -> None:
    assert tuple(map(str, fiscal_year(date.fromisoformat(day), start))) == year

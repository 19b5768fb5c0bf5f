"""Pictures of whatever a report can be asked for: other words to group by, filters, short and long times."""

import json
import re
from itertools import combinations, pairwise
from typing import Any

import pytest

from clientary_mcp.tools.tool import Picture
from tests.support.long import covering
from tests.support.picture_host import REPORTS, PictureHost, answered

WORDS: dict[Picture, tuple[str, ...]] = {
    "receivables": ("client", "month", "invoice"),
    "unbilled": ("client", "month", "project", "person"),
    "sales": ("client", "month", "day", "quarter", "year", "project", "currency", "status"),
}
GROUPED = [
    (picture, ",".join(group))
    for picture, words in WORDS.items()
    for group in (*combinations(words, 1), *combinations(words, 2))
]
FIVE_YEARS = {"until": "2031-11-01"}
OVERFLOW = "(({scrollWidth, clientWidth}) => scrollWidth - clientWidth)(page.querySelector('main'))"
TICKS = """
[...page.querySelectorAll('.ticks')].map((ticks) => [...ticks.children].filter((tick) => !tick.style.visibility)
  .map((tick) => { const text = page.createRange(); text.selectNodeContents(tick);
    const { left, right } = text.getBoundingClientRect(); return [left, right]; }))
"""


def show(host: PictureHost, picture: Picture, width: int = 640, **asked: Any) -> None:
    """Show what the report of a picture answers."""
    host.show(picture, answered(REPORTS[picture], json.dumps(asked)), width)


def plots(host: PictureHost) -> int:
    """How many pictures have an axis of time."""
    return int(host.run("page.querySelectorAll('.plot').length"))


@pytest.mark.parametrize(
    ("picture", "group"),
    covering(GROUPED, lambda picture, group: tuple((picture, word, "," in group) for word in group.split(","))),
)
def test_every_row_has_a_name_of_its_own(host: PictureHost, picture: Picture, group: str) -> None:
    show(host, picture, group_by=group)
    names = "[...each.querySelectorAll('li .pair > span, .ticks span')].map((name) => name.textContent)"
    for shown in host.run(f"[...page.querySelectorAll('section')].map((each) => {names})"):
        assert "–" not in shown  # noqa: RUF001 - as it is printed
        assert len(set(shown)) == len(shown)


@pytest.mark.parametrize(
    ("picture", "asked", "drawn"),
    [
        ("sales", {"group_by": "day", "period": "this_month"}, True),
        ("sales", {"group_by": "day"}, False),  # days of zeros do not fit into the answer
        ("sales", {"group_by": "client,month"}, False),  # a client has no row of a month without sales
        ("cash_forecast", FIVE_YEARS, False),
        ("cash_forecast", {**FIVE_YEARS, "by": "month"}, True),
    ],
)
def test_an_axis_of_time_has_every_day_week_or_month(
    host: PictureHost, picture: Picture, asked: dict[str, Any], drawn: bool
) -> None:
    show(host, picture, **asked)
    assert (plots(host) > 0) == drawn
    assert host.marks()


@pytest.mark.parametrize("width", [320, 640])
@pytest.mark.parametrize(
    ("picture", "asked"),
    [
        ("sales", {"group_by": "day", "period": "this_month"}),
        ("sales", {"from_date": "2024-01-01", "to_date": "2026-11-20"}),
        ("cash_forecast", {**FIVE_YEARS, "by": "month"}),
    ],
)
def test_days_below_an_axis_stand_apart_and_say_their_year(
    host: PictureHost, picture: Picture, asked: dict[str, Any], width: int
) -> None:
    show(host, picture, width, **asked)
    assert host.run(OVERFLOW) == 0
    for ticks in host.run(TICKS):
        assert len(ticks) > 1
        assert all(right < left for (_, right), (left, _) in pairwise(ticks))
        assert all(left >= 0 and right <= width for left, right in ticks)
    names = host.run("[...page.querySelectorAll('.ticks span')].map((tick) => tick.textContent)")
    assert all(name[-4:].isdigit() for name in names)


def test_no_column_is_too_thin_to_be_seen(host: PictureHost) -> None:
    show(host, "cash_forecast", 320, **FIVE_YEARS, by="month")
    sizes = host.run(
        "[...page.querySelectorAll('.mark')].map((mark) => "
        "[mark.getBoundingClientRect().width, parseFloat(getComputedStyle(mark).strokeWidth)])"
    )
    assert all(around < wide / 2 for wide, around in sizes)


@pytest.mark.parametrize(
    ("picture", "asked", "said"),
    [
        ("receivables", {"min_total": 10**9}, "none found"),
        ("receivables", {"min_days_overdue": 9_999}, "none found"),
        ("unbilled", {"min_hours": 9_999}, "No unbilled work was found."),
        ("budgets", {"threshold": 9_999}, "No project was found at that share of its budget."),
        ("sales", {"from_date": "2030-01-01", "to_date": "2030-02-01"}, "No sales were found."),
    ],
)
def test_what_a_filter_hides_is_not_said_to_be_nothing(
    host: PictureHost, picture: Picture, asked: dict[str, Any], said: str
) -> None:
    show(host, picture, **asked)
    headings = host.run("[...page.querySelectorAll('h2 > span')].map((each) => each.textContent)")
    assert set(headings) <= {"none found"}
    assert said in host.text()


@pytest.mark.parametrize(
    ("picture", "asked", "counted"),
    [
        ("receivables", {"group_by": "invoice"}, {"Count", "Clients", "Invoices", "Days overdue"}),
        ("unbilled", {}, {"Count"}),
        ("timesheet", {}, {"Entries", "Without description"}),
        ("sales", {"basis": "received"}, {"Payments"}),
        ("sales", {"group_by": "client"}, {"Invoices"}),
        ("cash_forecast", {"use_history": True}, {"Count"}),
        ("recurring_revenue", {}, {"Schedules", "Occurrences remaining"}),
    ],
)
def test_what_is_counted_is_not_shown_as_money(
    host: PictureHost, picture: Picture, asked: dict[str, Any], counted: set[str]
) -> None:
    show(host, picture, **asked)
    assert not re.search("Days -?[€£$¥]", host.text())
    cells = host.run(
        "[...page.querySelectorAll('td.n')].map((cell) => "
        "[cell.closest('table').rows[0].cells[cell.cellIndex].textContent, cell.textContent])"
    )
    whole = {name for name, text in cells if not any(unit in text for unit in "€£$¥h%")}
    assert counted <= whole
    assert whole <= {*counted, "Working days", "Days without entries", "Entries", "Without description"}

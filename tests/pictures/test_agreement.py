"""The pictures of random accounts: every figure of the answer, each once, in its unit, and bars that add up to them."""

import re
from functools import cache
from typing import Any

import pytest

from clientary_mcp.accounting.money import decimals_of
from clientary_mcp.sandbox import Sandbox
from clientary_mcp.tools.tool import Picture
from tests.conftest import agency
from tests.pictures.kinds import AMOUNTS, COUNTS, HOURS, PERCENTAGES
from tests.scenarios.random_books import random_books
from tests.support.long import covering
from tests.support.picture_host import REPORTS, Answer, PictureHost, answer_of

ACCOUNTS = ("agency", "books 1", "books 2", "books 3")
CALLS: list[tuple[Picture, dict[str, Any]]] = [
    *[("receivables", {"group_by": group}) for group in ("client", "month", "invoice", "client,month")],
    ("receivables", {"as_of": "2026-06-30"}),
    ("budgets", {"threshold": 0, "include_completed": True, "by_person": True}),
    *[("unbilled", {"group_by": group}) for group in ("project", "month", "person,client")],
    ("timesheet", {"period": "last_month", "capacity_hours": 40}),
    ("timesheet", {"from_date": "2025-01-01", "to_date": "2026-11-20"}),
    *[
        ("sales", {"group_by": each})
        for each in ("month", "day", "year", "currency", "client", "client,month", "status")
    ],
    ("sales", {"basis": "received"}),
    ("cash_forecast", {"by": "week", "use_history": True}),
    ("cash_forecast", {"until": "2031-11-01"}),
    ("recurring_revenue", {}),
]
CASES = covering(
    [(*call, ACCOUNTS[(place + at) % 4]) for at in range(4) for place, call in enumerate(CALLS)],
    lambda picture, arguments, account: ((picture, str(arguments)), account),
)

SYMBOLS = {"EUR": "€", "USD": "$", "JPY": "¥", "GBP": "£"}
OWN = {
    "receivables": ("net",),
    "unbilled": ("amount", "expenses"),
    "sales": ("gross",),
    "cash_forecast": ("expected",),
    "recurring_revenue": ("per_month",),
}
"""The columns that bars show, for reports in currencies."""


@cache
def account_of(name: str) -> Sandbox:
    """One of the accounts: the agency, or random books."""
    return agency() if name == "agency" else random_books("live", int(name[-1]))


@cache
def _answer(picture: Picture, arguments: str, account: str) -> Answer:
    return answer_of(
        account_of(account), REPORTS[picture], dict(next(each for _, each in CALLS if str(each) == arguments))
    )


def drawn(host: PictureHost, picture: Picture, arguments: dict[str, Any], account: str) -> Answer:
    """The answer that the host shows, with all that is folded away."""
    answer = _answer(picture, str(arguments), account)
    host.show(picture, {"structuredContent": answer})
    host.text()
    host.run("page.querySelectorAll('button').forEach((each) => each.click())")
    return answer


def as_shown(picture: Picture, name: str, value: float, row: dict[str, Any]) -> str:
    """A figure as it is read in English."""
    code = row.get("currency_code")
    if name in HOURS or (row.get("budget_type") == "hours" and name in ("budget", "used", "remaining")):
        return plain(value) + "\xa0h"
    if name in PERCENTAGES:
        return plain(value) + "\xa0%"
    if code is None or name in COUNTS - AMOUNTS.get(picture, set()):
        return plain(value)
    if code == "unknown":
        return plain(value) + " unknown"
    sign, symbol = "-" if value < 0 else "", SYMBOLS.get(code) or code + "\xa0"
    return f"{sign}{symbol}{abs(value):,.{decimals_of(code)}f}"


def plain(value: float) -> str:
    """A number with the decimals that it has."""
    return f"{value:,.6f}".rstrip("0").rstrip(".")


@pytest.mark.parametrize(("picture", "arguments", "account"), CASES)
def test_every_figure_stands_once_in_the_table_in_its_unit(
    host: PictureHost, picture: Picture, arguments: dict[str, Any], account: str
) -> None:
    answer = drawn(host, picture, arguments, account)
    cells = "[...page.querySelectorAll('table')].map((each) => [...each.rows].slice(1).map((row) => "
    shown = host.run(cells + "[...row.querySelectorAll('td.n')].map((cell) => cell.textContent)))")
    lists = [rows for rows in answer.values() if isinstance(rows, list) and rows and isinstance(rows[0], dict)]
    expected = [
        [sorted(as_shown(picture, name, value, row) for name, value in figures(row)) for row in rows] for rows in lists
    ]
    assert [[sorted(row) for row in rows] for rows in shown] == expected


def figures(row: dict[str, Any]) -> list[tuple[str, float]]:
    """The numbers of a row, but ids."""
    return [
        (name, value)
        for name, value in row.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and not name.endswith("_id")
    ]


@pytest.mark.parametrize(("picture", "arguments", "account"), [case for case in CASES if case.values[0] in OWN])
def test_the_marks_of_each_currency_add_up_to_its_total(
    host: PictureHost, picture: Picture, arguments: dict[str, Any], account: str
) -> None:
    answer = drawn(host, picture, arguments, account)
    if answer["row_count"] > len(answer["rows"]) and "rows of zeros" not in answer["notice"]:
        pytest.skip("not all rows fit")
    for total in answer.get("totals", []):
        code = total["currency_code"]
        by_invoice = arguments.get("group_by") == "invoice"
        names = ("total",) if by_invoice else ("received",) if "basis" in arguments else OWN[picture]
        of_rows = [mark for mark in marks(host, code) if not mark.startswith("All: ") or "currency" in str(arguments)]
        assert sum(map(amount, of_rows)) == pytest.approx(sum(total.get(name, 0) for name in names), abs=0.05), code


def marks(host: PictureHost, code: str) -> list[str]:
    """What the marks of active rows say in the section of a currency."""
    found = host.run("[...page.querySelectorAll('section')].map((each) => [each.querySelector('h2').innerText, "
    "[...each.querySelectorAll('.mark')].map((mark) => mark.getAttribute('aria-label'))])")  # fmt: skip
    (mine,) = (each for title, each in found if title.startswith(code))
    return [mark for mark in mine if "paused" not in mark]


def amount(mark: str) -> float:
    """The figure that a mark ends with."""
    (text,) = re.findall(r"(-?)[^\d\s-]*(?:\b[A-Z]{3}\xa0)?([\d,.]+)(?: unknown|\xa0[h%])?$", mark)
    return float("".join(text).replace(",", ""))


GEOMETRY = """[...page.querySelectorAll('.chart')].map((chart) => [...chart.querySelectorAll('.mark')].map((mark) => {
  const at = (name) => parseFloat(mark.getAttribute(name)), say = mark.getAttribute('aria-label');
  return chart.querySelector('.plot')
    ? [mark.getAttribute('x'), say, 100 - at('y') - at('height'), at('height')]
    : [[...chart.querySelectorAll('svg')].indexOf(mark.parentNode), say, at('x'), at('width')];
}))"""
"""Of each part: of which bar it is, what it says, where it begins, and how long it is, in percent."""


@pytest.mark.parametrize(("picture", "arguments", "account"), CASES)
def test_within_an_axis_all_parts_share_one_unit_from_zero_on(
    host: PictureHost, picture: Picture, arguments: dict[str, Any], account: str
) -> None:
    drawn(host, picture, arguments, account)
    for found in host.run(GEOMETRY):
        parts = [(bar, amount(label), start, length) for bar, label, start, length in found]
        units = [length / abs(value) for _, value, _, length in parts if length > 2.1]  # no smaller part is drawn
        assert units == pytest.approx(units[:1] * len(units), rel=0.01)
        above = {bar: start for bar, value, start, _ in reversed(parts) if value > 0}  # the first part of each bar
        below = {bar: start + length for bar, value, start, length in reversed(parts) if value < 0}
        zeros = [*above.values(), *below.values()]
        assert zeros == pytest.approx(zeros[:1] * len(zeros))

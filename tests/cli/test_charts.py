"""Reports as bars in a terminal: they say what the figures say, at any width, and obey nothing that a record holds."""

import json
import sys
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wcwidth import wcswidth

from clientary_mcp.cli.bars import Look, bars
from clientary_mcp.cli.charts import CHARTS, charted
from clientary_mcp.tools import ALL
from tests.cli.test_call import called
from tests.support.processes import COMMAND
from tests.support.terminal import terminal

LOOKS = [Look("█", "green"), Look("▒", "cyan"), Look("░", "orange")]
ESCAPE = "\x1b["


def drawn(rows: Sequence[Sequence[float]], width: int) -> list[str]:
    return bars(rows, LOOKS[: len(rows[0])], width, colored=False)


# Bars


def test_parts_follow_each_other_and_are_told_apart_by_marks() -> None:
    assert drawn([[2, 4, 6], [3, 0, 3], [0, 0, 0]], 13) == ["██▒▒▒▒░░░░░░░", "███░░░░      ", "             "]


def test_what_is_below_zero_goes_to_the_left_of_where_the_others_begin() -> None:
    assert drawn([[6, -3], [3, 0], [0, -2]], 10) == ["▒▒▒▒██████", "   ████   ", " ▒▒▒      "]
    assert drawn([[-6], [-3]], 5) == ["█████", "  ███"]


VALUES = st.floats(-1e9, 1e9).map(lambda value: round(value, 2))


@given(st.lists(st.tuples(VALUES, VALUES, VALUES), min_size=1, max_size=40), st.integers(10, 120))
def test_each_line_has_the_bar_of_its_row_alone(rows: list[tuple[float, ...]], width: int) -> None:
    below = [sum(value for value in row if value < 0) for row in rows]
    above = [sum(value for value in row if value > 0) for row in rows]
    low, high = min(below), max(above)
    for line, start, end in zip(drawn(rows, width), below, above, strict=True):
        assert len(line) == width
        filled = [place for place, mark in enumerate(line) if mark != " "]
        assert bool(filled) == (start != end)
        if filled:
            expected = [(each - low) / (high - low) * (width - 1) for each in (start, end)]
            assert (filled[0], filled[-1]) == pytest.approx(expected, abs=1)
            assert filled == list(range(filled[0], filled[-1] + 1))


# Reports


Shown = Callable[[str, dict[str, Any], int], str]


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Shown:
    """A chart in a terminal of some width."""

    def in_terminal(tool: str, answer: dict[str, Any], columns: int) -> str:
        monkeypatch.setenv("COLUMNS", str(columns))
        return charted(tool, answer, colored=False)

    return in_terminal


@pytest.mark.parametrize("tool", CHARTS)
def test_every_report_fits_a_narrow_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tool: str
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    status, out, err = called(capsys, tool, "--format", "chart")
    assert (status, err) == (0, "")
    assert max(map(wcswidth, out.splitlines())) <= 40
    assert "█" in out
    assert ESCAPE not in out
    assert "row count" in out


def test_reports_that_have_a_picture_have_a_chart() -> None:
    assert {tool.name for tool in ALL if tool.picture and tool.effect.reads_only} == CHARTS.keys()


@pytest.mark.parametrize(
    ("tool", "figure", "arguments"),
    [
        ("receivables_report", "net", []),
        ("receivables_report", "balance", ["group_by=invoice"]),
        ("receivables_report", "net", ["group_by=month,client"]),
        ("project_status", "percentage", ["threshold=50"]),
        ("timesheet_report", "hours", []),
        ("sales_report", "gross", []),
        ("sales_report", "gross", ["group_by=client"]),
        ("sales_report", "received", ["basis=received"]),
        ("cash_forecast", "expected", []),
        ("recurring_revenue_report", "per_month", []),
    ],
)
def test_bars_reach_as_far_as_the_reports_own_figure(
    capsys: pytest.CaptureFixture[str], tool: str, figure: str, arguments: list[str]
) -> None:
    answer = json.loads(called(capsys, tool, *arguments)[1])
    parts = CHARTS[tool].parts
    for row in answer[CHARTS[tool].rows]:
        reached = sum(Decimal(str(part.value(row) or 0)) for part in parts)
        assert reached == Decimal(str(row.get(figure, 0))), row


OWED = {
    "as_of": "2026-11-27",
    "pending": [{"currency_code": "EUR", "count": 1, "balance": 7}],
    "rows": [
        {"client_id": 1, "client": "Acme", "currency_code": "EUR", "current": 10, "over_90": 30.5, "credits": 0},
        {"client_id": 2, "client": "山田商店", "currency_code": "JPY", "current": 0, "over_90": 500, "credits": 0},
        {"client_id": 3, "client": "Bücher", "currency_code": "EUR", "current": 0, "over_90": 0, "credits": 20},
        {"client_id": 4, "client": "สวัสดี", "currency_code": "JPY", "current": 250, "over_90": 0, "credits": 0},
    ],
    "row_count": 9,
    "totals": [{"currency_code": "EUR", "current": 10, "over_90": 30.5, "credits": 20}],
    "left_out": ["20 drafts."],
    "notice": "Only the first 4 of 9 rows fit; the totals cover all of them.",
}


def test_currencies_stand_apart_with_what_is_negative_missing_and_left_out(shown: Shown) -> None:
    assert shown("receivables_report", OWED, 40).splitlines() == [
        "as of  2026-11-27",
        "",
        "Owed less credits, EUR: 20.50",
        "· not yet due 10.00  █ over 90 30.50",
        "= credits -20.00",
        "Acme            ···█████████████   40.50",
        "Bücher  =========                 -20.00",
        "",
        "Owed, JPY",
        "· not yet due  █ over 90",
        "山田商店  █████████████████████████  500",
        "สวัสดี      ·············              250",
        "",
        "row count  9",
        "left out   20 drafts.",
        "notice     Only the first 4 of 9 rows",
        "           fit; the totals cover all of",
        "           them.",
        "",
        "Pending",
        "currency  count  balance",
        "code",
        "────────────────────────",
        "EUR           1        7",
    ]


def test_a_currency_none_of_whose_rows_fit_keeps_its_total(shown: Shown) -> None:
    rows = [{"week": "2026-11-02", "currency_code": "EUR", "invoices": 5}]
    totals = [{"currency_code": "EUR", "invoices": 5}, {"currency_code": "USD", "invoices": 7.25}]
    lines = shown("cash_forecast", {"rows": rows, "totals": totals, "row_count": 2}, 60).splitlines()
    assert lines[4:6] == ["Expected, USD: 7.25", "█ open invoices 7.25"]


def test_a_title_has_as_many_lines_as_it_needs(shown: Shown) -> None:
    row = {"client": "Acme", "currency_code": "KWD", "per_month": 37_613_354.167}
    lines = shown("recurring_revenue_report", {"rows": [row], "totals": [row]}, 40).splitlines()
    assert lines[:2] == ["Each month, before tax, KWD:", "37,613,354.167"]


def test_a_row_without_a_month_says_so(shown: Shown) -> None:
    rows = [{"month": month, "currency_code": "EUR", "current": 5} for month in ("2026-11", None)]
    lines = shown("receivables_report", {"rows": rows}, 60).splitlines()
    assert [line.split("  ")[0] for line in lines[2:4]] == ["2026-11", "no month"]


def test_without_rows_there_is_nothing_to_draw(shown: Shown) -> None:
    empty = {"rows": [], "row_count": 0, "totals": [], "left_out": ["13 cancelled invoices."]}
    assert shown("sales_report", empty, 60) == (
        "There is nothing to draw.\n\nrow count  0\nleft out   13 cancelled invoices.\n"
    )


def test_a_row_without_a_figure_says_so(shown: Shown) -> None:
    answer = {"rows": [{"project": "Over", "percentage": 130.5}, {"project": "Free", "budget": "no budget"}]}
    assert shown("project_status", answer, 30).splitlines()[:4] == [
        "Budget used",
        "█ within the budget  ▒ over it",
        "Over  ███████████▒▒▒▒  130.5 %",
        "Free                         -",
    ]


def test_a_list_that_was_cut_says_so(shown: Shown) -> None:
    people = [{"person": "Ada", "hours": 8, "billable": 6}, {"cut": "… [300 entries]"}]
    lines = shown("timesheet_report", {"people": people, "rows": [{}]}, 50).splitlines()
    assert lines[2].endswith("8 h")
    assert lines[3].startswith("… [300 entries]")
    assert lines[-1] == "rows  not drawn; the other formats have them"


@pytest.mark.parametrize("columns", [1, 19, 20, 21, 40])
def test_figures_as_wide_as_the_terminal_leave_no_room_for_names(shown: Shown, columns: int) -> None:
    rows = [{"month": "2026-11", "currency_code": "KWD", "received": 69_231_334.125}]
    assert "69,231,334.125" in shown("sales_report", {"rows": rows}, columns)


@pytest.mark.parametrize("name", ["\x1b]0;owned\x07red", "\x1b[2Jred", "r\u202eed", "red\x9b31m", "[bold]red", "r\ned"])
def test_a_terminal_obeys_nothing_that_a_name_holds(shown: Shown, name: str) -> None:
    row = {"month": "2026-11", "client": name, "currency_code": "EUR", "received": 5}
    for width in (20, 60):
        text = shown("sales_report", {"rows": [row]}, width)
        assert all(letter.isprintable() for letter in text.replace("\n", ""))


# At the command


def test_what_has_no_chart_is_refused_before_it_is_called(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = called(capsys, "delete_invoice", "invoice_id=20512", "--yes", "--format", "chart")
    assert (status, out) == (2, "")
    assert err.startswith("clientary-mcp: delete_invoice has no chart. These have one: receivables_report, ")
    assert called(capsys, "get_invoice", "invoice_id=20512")[0] == 0


def test_without_the_library_the_extra_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "plotext", None)
    status, out, err = called(capsys, "cash_forecast", "--format", "chart")
    assert (status, out) == (2, "")
    assert "pip install 'clientary-mcp[chart]'" in err


@pytest.mark.parametrize(
    ("settings", "colored"), [({"NO_COLOR": ""}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)]
)
def test_in_a_terminal_it_is_colored_unless_that_is_unwanted(settings: dict[str, str], colored: bool) -> None:
    call = (*COMMAND, "call", "--sandbox", "sales_report", "--format", "chart")
    with terminal(*call, columns=40, settings={"TERM": "xterm", **settings}) as screen:
        assert screen.end() == 0
    assert (ESCAPE in screen.text) == colored
    assert "█" in screen.text

"""The reports that have a picture, and how it is drawn in a terminal: what names a bar, and which parts it has."""

import shutil
import textwrap
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

from clientary_mcp.cli.answers import printed
from clientary_mcp.cli.bars import Look, bars, require_plotext
from clientary_mcp.cli.cells import Number, cut, decimals, display_width, formatted, one_line
from clientary_mcp.cli.text_tables import facts
from clientary_mcp.errors import SettingsError

Row = dict[str, Any]
_Value = Callable[[Row], Number | None]

_DATES = ("as_of", "from_date", "to_date")
_ELSEWHERE = "not drawn; the other formats have them"
_NOTHING = "There is nothing to draw."
_ALL = "all"
"""The name of a row that needs none: the only one of its currency."""
_CUT = "cut"
"""Where a list says how long it was, in place of its other rows."""
_NONE = "-"
"""The figure of a row that has none."""
_BETWEEN, _UNBROKEN = " · ", "\N{NO-BREAK SPACE}"
_GAP = 2
_NARROWEST = 10
"""Columns that a bar has at least, however narrow the terminal is."""


@dataclass(frozen=True)
class _Part:
    """A part of each bar, and its value in a row; None where the row has none."""

    label: str
    value: _Value
    look: Look
    in_title: str = ""
    """What the title says where there is such a part, since its figure is less by it."""


@dataclass(frozen=True)
class _Chart:
    title: str
    parts: tuple[_Part, ...]
    names: tuple[str, ...]
    """What may name a row: all of these that it has."""
    unit: str | None = None
    """None for amounts, which have the currency of their row."""
    rows: str = "rows"


def _field(name: str, sign: int = 1) -> _Value:
    return lambda row: sign * row[name] if row.get(name) is not None else None


def _age(name: str) -> _Value:
    """What is so late: of several invoices, or of one."""
    return lambda row: row["balance"] if row.get("age") == name else row.get(name)


def _within_budget(row: Row) -> Number | None:
    return min(Decimal(str(row["percentage"])), Decimal(100)) if "percentage" in row else None


def _over_budget(row: Row) -> Number | None:
    return max(Decimal(str(row["percentage"])) - 100, Decimal(0)) if "percentage" in row else None


def _not_billable(row: Row) -> Number | None:
    return Decimal(str(row["hours"])) - Decimal(str(row["billable"])) if "hours" in row else None


_CREDITS = Look("=", "blue")

CHARTS = {
    "receivables_report": _Chart(
        "Owed",
        (
            _Part("not yet due", _age("current"), Look("·", "green")),
            _Part("1 to 30 days late", _age("days_1_30"), Look("░", "cyan")),
            _Part("31 to 60", _age("days_31_60"), Look("▒", "orange")),
            _Part("61 to 90", _age("days_61_90"), Look("▓", "magenta")),
            _Part("over 90", _age("over_90"), Look("█", "red")),
            _Part("credits", _field("credits", -1), _CREDITS, in_title=" less credits"),
        ),
        ("month", "number", "client"),
    ),
    "project_status": _Chart(
        "Budget used",
        (
            _Part("within the budget", _within_budget, Look("█", "green")),
            _Part("over it", _over_budget, Look("▒", "red")),
        ),
        ("project",),
        unit="%",
    ),
    "unbilled_report": _Chart(
        "Not invoiced yet",
        (
            _Part("hours", _field("amount"), Look("█", "green")),
            _Part("expenses", _field("expenses"), Look("▒", "cyan")),
        ),
        ("month", "person", "project", "client"),
    ),
    "timesheet_report": _Chart(
        "Hours by person",
        (
            _Part("billable", _field("billable"), Look("█", "green")),
            _Part("not billable", _not_billable, Look("░", "orange")),
        ),
        ("person",),
        unit="h",
        rows="people",
    ),
    "sales_report": _Chart(
        "Sales",
        (
            _Part("received", _field("received"), Look("█", "green")),
            _Part("pending", _field("pending"), Look("▒", "cyan")),
            _Part("open", _field("open"), Look("░", "orange")),
            _Part("overpaid", _field("credits", -1), _CREDITS),
        ),
        ("day", "month", "quarter", "year", "client", "project", "status"),
    ),
    "cash_forecast": _Chart(
        "Expected",
        (
            _Part("open invoices", _field("invoices"), Look("█", "green")),
            _Part("recurring schedules", _field("recurring"), Look("▒", "cyan")),
        ),
        ("week", "month"),
    ),
    "recurring_revenue_report": _Chart(
        "Each month, before tax", (_Part("active", _field("per_month"), Look("█", "green")),), ("client", "title")
    ),
}


def require_chart(tool: str) -> None:
    """SettingsError if there is no picture of what the tool returns, or no library to draw it."""
    if tool not in CHARTS:
        raise SettingsError(f"{tool} has no chart. These have one: {', '.join(CHARTS)}.")
    require_plotext()


def charted(tool: str, answer: Row, *, colored: bool) -> str:
    """The answer of a report, as wide as the terminal, with bars for each currency in place of rows and totals."""
    chart, width = CHARTS[tool], shutil.get_terminal_size().columns
    dates = {name: answer[name] for name in _DATES if name in answer}
    rest = {name: value for name, value in answer.items() if name not in {*dates, "rows", "totals", chart.rows}}
    if chart.rows != "rows":
        rest["rows"] = _ELSEWHERE
    totals = {row.get("currency_code"): row for row in answer.get("totals", ())}
    groups: dict[str | None, list[Row]] = {code: [] for code in totals if code or not chart.unit}
    for row in answer.get(chart.rows, ()):
        groups.setdefault(None if chart.unit else row["currency_code"], []).append(row)
    pictures = [
        "\n".join(_Picture(chart, currency, rows, totals.get(currency)).lines(width, colored=colored))
        for currency, rows in groups.items()
    ]
    above = [facts(dates, width, None)] if dates else []
    return "\n\n".join([*above, *(pictures or [_NOTHING]), printed(rest, "table")])


@dataclass
class _Picture:
    """The rows of one currency."""

    chart: _Chart
    currency: str | None
    rows: list[Row]
    total: Row | None

    def lines(self, width: int, *, colored: bool) -> Iterator[str]:
        """A title, what the marks mean, and the rows, if any fit into the answer."""
        marked = [part for part in self._parts if any(part.value(row) for row in self._all)]
        title = "".join([self.chart.title, *(part.in_title for part in marked)])
        title = f"{title}, {self.currency}" if self.currency else title
        yield from textwrap.wrap(f"{title}: {self._figure(self.total)}" if self.total else title, width)
        meant = [self._meaning(part) for part in marked]
        meanings = textwrap.wrap("  ".join(meant), width)
        yield from (line.replace(_UNBROKEN, " ") for line in meanings)
        if self.rows:
            yield from self._bars(width, colored=colored)

    def _bars(self, width: int, *, colored: bool) -> Iterator[str]:
        """Each row as its name, its bar and its figure."""
        names = [self._name(row) for row in self.rows]
        figures = [self._figure(row) for row in self.rows]
        right = max(map(len, figures))
        left = max(min(max(map(display_width, names)), (width - right) // 2 - _GAP), 0)
        values = [[float(part.value(row) or 0) for part in self._parts] for row in self.rows]
        room = max(width - left - right - 2 * _GAP, _NARROWEST)
        drawn = bars(values, [part.look for part in self._parts], room, colored=colored)
        for name, bar, figure in zip(names, drawn, figures, strict=True):
            short = cut(name, left)
            yield f"{short}{' ' * (left - display_width(short) + _GAP)}{bar}{' ' * _GAP}{figure:>{right}}"

    @cached_property
    def _parts(self) -> list[_Part]:
        """Those that any row has."""
        return [part for part in self.chart.parts if any(part.value(row) is not None for row in self._all)]

    @cached_property
    def _all(self) -> list[Row]:
        """The rows, and their total, which may be of more than fit into the answer."""
        return [*self.rows, self.total] if self.total else self.rows

    @cached_property
    def _places(self) -> int:
        """As many decimals as all figures need, so that they stand one below the other."""
        values = (part.value(row) for part in self._parts for row in self._all)
        return max((decimals(value, self.currency) for value in values), default=0)

    def _name(self, row: Row) -> str:
        if _CUT in row:
            return one_line(row[_CUT])
        apart = [name for name in self.chart.names if any(each.get(name) for each in self.rows)]
        return _BETWEEN.join(one_line(row.get(name) or f"no {name}") for name in apart) or _ALL

    def _figure(self, row: Row, parts: Iterable[_Part] | None = None) -> str:
        """The sum of the parts, which is how far the bar reaches."""
        values = [part.value(row) for part in (self._parts if parts is None else parts)]
        given = [Decimal(str(value)) for value in values if value is not None]
        unit = f" {self.chart.unit}" if self.chart.unit else ""
        return f"{formatted(sum(given, Decimal()), self._places)}{unit}" if given else _NONE

    def _meaning(self, part: _Part) -> str:
        """What a mark means, and the sum of what it marks; on one line, since no blank in it can be broken."""
        texts = [part.look.mark, part.label, *([self._figure(self.total, [part])] if self.total else [])]
        return " ".join(texts).replace(" ", _UNBROKEN)

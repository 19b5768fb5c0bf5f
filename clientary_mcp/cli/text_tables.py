"""Tables and facts as people read them in a terminal: no wider than it, numbers one below the other."""

import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from clientary_mcp.cli.cells import Number, cut, decimals, display_width, formatted, one_line

Row = dict[str, Any]

_GAP = 2
_WIDEST, _NARROWEST = 60, 20
"""Columns of the terminal for one text: as many as there is room for, within these bounds."""
_LONGEST_LABEL = 24
_BELOW = ("why", "notice")
"""Columns that stand below the table where there is no room in it: whoever reads it has to know them."""
_LEFT_OUT = "No room for: {}. --format json and csv have everything."


@dataclass
class _Column:
    name: str
    cells: list[str]
    numeric: bool

    @property
    def label(self) -> str:
        return _label(self.name)

    def width(self, most: int) -> int:
        """As wide as its widest cell and the words of its name; texts may be cut, numbers never are."""
        widest = max(map(display_width, self.cells))
        return max(*map(display_width, self.label.split()), 1, widest if self.numeric else min(widest, most))


def table(rows: list[Row], width: int) -> str:
    """Rows under their names. Columns for which there is no room are named below, the last ones first."""
    from prettytable import PrettyTable  # loaded here, since a server needs none

    rows = [_flat(row) for row in rows]
    names = dict.fromkeys(name for row in rows for name in row)
    columns = [_column(name, rows) for name in names]
    most = next((most for most in range(_WIDEST, _NARROWEST, -4) if _total(columns, most) <= width), _NARROWEST)
    shown = _that_fit(columns, most, width)
    room = [column.width(most) for column in shown]
    names_wrapped = [textwrap.wrap(column.label, width) for column, width in zip(shown, room, strict=True)]
    drawn = PrettyTable(header=False, border=False, align="l", valign="b")
    drawn.left_padding_width, drawn.right_padding_width = 0, _GAP
    drawn.add_row(["\n".join(lines) for lines in names_wrapped])
    for cells in zip(*(column.cells for column in shown), strict=True):
        drawn.add_row([cut(cell, width) for cell, width in zip(cells, room, strict=True)])
    for name, column in zip(drawn.field_names, shown, strict=True):
        drawn.align[name] = "r" if column.numeric else "l"
    lines = [line.rstrip() for line in drawn.get_string().splitlines()]
    lines.insert(max(map(len, names_wrapped)), "─" * _total(shown, most))
    left = [column for column in columns if column not in shown]
    for column in left:
        if column.name in _BELOW:
            lines += _below(column, rows, width)
    if labels := [column.label for column in left if column.name not in _BELOW]:
        lines += textwrap.wrap(_LEFT_OUT.format(", ".join(labels)), width)
    return "\n".join(lines)


def _below(column: _Column, rows: list[Row], width: int) -> list[str]:
    """The texts of a column, each once with the rows that it is about: by their own number, or counted from 1."""
    found: dict[str, list[str]] = {}
    for place, (cell, row) in enumerate(zip(column.cells, rows, strict=True), 1):
        if cell:
            found.setdefault(cell, []).append(str(row.get("row", place)))
    return [
        line
        for text, numbers in found.items()
        for line in textwrap.wrap(
            f"{column.label}, row{'s' if len(numbers) > 1 else ''} {', '.join(numbers)}: {text}",
            width,
            subsequent_indent=" " * _GAP,
        )
    ]


def facts(values: Row, width: int, currency_code: str | None) -> str:
    """Single values, each after its name, and texts in lines that fit."""
    given = {_label(name): _fact(name, value, currency_code) for name, value in _flat(values).items()}
    indent = min(max(map(len, given), default=0), _LONGEST_LABEL) + _GAP
    return "\n".join(
        textwrap.fill(
            text,
            max(width, indent + _NARROWEST),
            initial_indent=f"{label:{indent - _GAP}}{' ' * _GAP}",
            subsequent_indent=" " * indent,
        )
        for label, text in given.items()
        if text
    )


def _fact(name: str, value: Any, currency_code: str | None) -> str:
    """A single value: one with decimals may be an amount, a whole one as well a count."""
    if not _is_number(name, value):
        return one_line(value)
    return formatted(value, decimals(value, currency_code if isinstance(value, float) else None))


def _flat(row: Row, within: str = "") -> Row:
    """A row whose parts are values of their own, at any depth."""
    flat: Row = {}
    for name, value in row.items():
        flat |= _flat(value, f"{within}{name}_") if isinstance(value, dict) else {f"{within}{name}": value}
    return flat


def _column(name: str, rows: list[Row]) -> _Column:
    values = [row.get(name) for row in rows]
    present = [value for value in values if value is not None]
    if not present or not all(_is_number(name, value) for value in present):
        return _Column(name, [one_line(value) for value in values], numeric=False)
    if all(value == int(value) for value in present):
        return _Column(name, [formatted(value, 0) for value in values], numeric=True)
    finest = max(map(decimals, present))
    cells = [
        formatted(value, decimals(value, row.get("currency_code")) if "currency_code" in row else finest)
        for value, row in zip(values, rows, strict=True)
    ]
    return _Column(name, cells, numeric=True)


def _is_number(name: str, value: Any) -> bool:
    """Whether a value is an amount or a count: ids and booleans are read as they are."""
    return isinstance(value, Number) and not isinstance(value, bool) and name != "id" and not name.endswith("_id")


def _label(name: str) -> str:
    return one_line(name.replace("_", " "))


def _that_fit(columns: list[_Column], most: int, width: int) -> list[_Column]:
    """The first columns, as long as there is room, and rather names than ids; the very first in any case."""
    if _total(columns, most) > width:
        names = {column.name for column in columns}
        columns = [column for column in columns if column.name.removesuffix("_id") not in names - {column.name}]
    shown: list[_Column] = []
    for column in columns:
        if not shown or _total([*shown, column], most) <= width:
            shown.append(column)
    return shown


def _total(columns: Iterable[_Column], most: int) -> int:
    return sum(column.width(most) + _GAP for column in columns) - _GAP

"""Tables as spreadsheets open them: CSV and XLSX with real dates and numbers, and no text that would be executed."""

import csv
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, TextIO

from tool_schemas.base.results import as_text

Row = dict[str, Any]

LONGEST_CELL = 32_767
"""Characters that a cell holds in Excel."""
_CUT = "… [cut]"
_EARLIEST = date(1900, 3, 1)
"""Excel counts days right from here on."""

_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_EXECUTES_NOTHING = re.compile(r"-\s?[\d.,' ]*\d\s?%?|\+[\d(][\d\s().,/-]*%?(?:(?:ext\.?|x|#)\s*\d+)?", re.IGNORECASE)
"""Negative numbers, and telephone numbers with their country's code."""

_HOLDS_DAYS = re.compile(r"(?:.*_)?(?:date|day|week|on|at|of|since|until)")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\S*")


@dataclass(frozen=True)
class Table:
    """A part of an export: its name, its columns, and its rows each time they are read."""

    name: str
    columns: list[str]
    read: Callable[[], Iterable[Row]]

    def cells(self) -> Iterator[list[Any]]:
        """The rows as lists of values, nested ones as JSON."""
        for row in self.read():
            values = (row.get(column) for column in self.columns)
            yield [as_text(value) if isinstance(value, dict | list) else value for value in values]


def defused(value: Any) -> Any:
    """A value that no spreadsheet runs as a formula; `+49 30 123` and `-12.50` are none."""
    if not isinstance(value, str) or _EXECUTES_NOTHING.fullmatch(value):
        return value
    if not value.startswith(_STARTS_A_FORMULA) and not value.lstrip().startswith(_STARTS_A_FORMULA):
        return value  # blanks before a formula may be dropped
    return f"'{value}"


def is_long(value: Any) -> bool:
    """Whether a value is too long for a cell."""
    return isinstance(value, str) and len(value) > LONGEST_CELL


def write_csv(path: Path, table: Table) -> int:
    """Write a table with a byte order mark, by which Excel knows its letters; returns how many cells are too long."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        return write_rows(file, table)


def write_rows(file: TextIO, table: Table) -> int:
    """Write a table as CSV; returns how many cells are too long."""
    long, out = 0, csv.writer(file)
    out.writerow(map(defused, table.columns))
    for cells in table.cells():
        long += sum(map(is_long, cells))
        out.writerow(map(defused, cells))
    return long


def write_xlsx(path: Path, tables: Iterable[Table]) -> int:
    """Write a workbook with a sheet for each table; returns how many cells were cut."""
    import xlsxwriter  # type: ignore[import-untyped]  # brings no types; loaded here because it is an optional extra

    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "remove_timezone": True}
    with xlsxwriter.Workbook(path, options | {"tmpdir": str(path.parent)}) as book:
        forms: dict[type, Any] = {date: book.add_format({"num_format": "yyyy-mm-dd"})}
        forms[datetime] = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        long = [_write_sheet(book.add_worksheet(table.name), table, forms) for table in tables]
    return sum(long)


def _write_sheet(sheet: Any, table: Table, forms: dict[type, Any]) -> int:
    long = 0
    sheet.write_row(0, 0, table.columns)
    for number, cells in enumerate(table.cells(), start=1):
        for place, (column, value) in enumerate(zip(table.columns, cells, strict=True)):
            if value is None:
                continue
            if is_long(value):
                long, value = long + 1, value[: LONGEST_CELL - len(_CUT)] + _CUT
            value = _dated(column, value)
            sheet.write(number, place, value, *(forms[kind] for kind in (type(value),) if kind in forms))
    return long


def _dated(column: str, value: Any) -> Any:
    """The day, or the time by UTC, that a text stands for in a column of days; anything else as it is."""
    if not isinstance(value, str) or not _HOLDS_DAYS.fullmatch(column):
        return value
    try:
        if _DAY.fullmatch(value):
            day = date.fromisoformat(value)
            return day if day >= _EARLIEST else value
        if _TIME.fullmatch(value):
            time = datetime.fromisoformat(value).astimezone(UTC)
            return time if time.date() >= _EARLIEST else value
    except (ValueError, OverflowError):
        pass
    return value

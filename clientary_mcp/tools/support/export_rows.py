"""The rows of an export: one a record or one a line of a document, and what a report says beside its rows."""

import re
from collections.abc import Iterator
from typing import Any

from clientary_mcp.accounting.money import line_amount
from clientary_mcp.tools.support.names import Names
from clientary_mcp.tools.support.spreadsheets import Row, Table
from tool_schemas.base.models import Record
from tool_schemas.base.parsing import as_json
from tool_schemas.base.report import Report
from tool_schemas.base.sentences import join_sentences

_OF_THE_WHOLE = re.compile(r"subtotal|balance|payments|late_fees?|shipping|total_\w+|\w+_amount")
"""What a document says of all its lines together: on each of them, it would be added up once a line."""

LINES = (
    "One row a line item, in the columns line_…; the document's other columns are repeated, but its amounts stand on"
    " its first line alone, so that each column adds up."
)


def rows_of(record: Record, currency_code: str | None, names: Names, *, lines: bool) -> Iterator[Row]:
    """A record in full, or one row for each of its lines, with the currency of its amounts where that is known.

    Clientary's own object for the client makes room for the client's name.
    """
    row = record.to_json()
    if record.money and currency_code is not None:
        row.setdefault("currency_code", currency_code)
    if names.tell_clients and isinstance(row.get("client"), dict):
        row["clientary_client"] = row.pop("client")
    return _rows_of_lines(record, row) if lines else iter([row])


def has_lines(kind: type[Record]) -> bool:
    """Whether records of that kind have lines."""
    return "items" in kind.model_fields


def _rows_of_lines(record: Any, whole: Row) -> Iterator[Row]:
    """A row for each line of a document; the document alone where it has none."""
    whole.pop("items", None)
    repeated = {name: value for name, value in whole.items() if not _OF_THE_WHOLE.fullmatch(name)}
    for place, item in enumerate(record.items or [None]):
        row = dict(repeated if place else whole)
        if item is not None:
            row.update({f"line_{name.removeprefix('item_')}": value for name, value in as_json(item).items()})
        if item is not None and item.quantity is not None and item.price is not None:
            row["line_amount"] = as_json(line_amount(item.quantity, item.price, whole.get("currency_code")))
        yield row


def parts_of(report: Report) -> list[Table]:
    """What a report says beside its rows: a table for its totals and each other list, and one of notes for the rest."""
    beside = {"totals": report.totals or [], **as_json(report.about)}
    tables = {name: value for name, value in beside.items() if _is_table(value)}
    notes = [
        *_notes({name: value for name, value in beside.items() if name not in tables}),
        *_notes({"left_out": report.left_out, "notice": report.notice, "basis": join_sentences(report.basis)}),
    ]
    return [_table(name, rows) for name, rows in (tables | {"notes": notes}).items() if rows]


def _is_table(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, dict) for row in value)


def _notes(about: Any, name: str = "") -> Iterator[Row]:
    """Single values and texts, each with the path of names that leads to it."""
    if isinstance(about, dict):
        for key, value in about.items():
            yield from _notes(value, f"{name}.{key}" if name else key)
    elif isinstance(about, list | tuple):
        for value in about:
            yield from _notes(value, name)
    elif about not in (None, ""):
        yield {"about": name, "value": about}


def _table(name: str, rows: list[Row]) -> Table:
    rows = as_json(rows)
    return Table(name, list(dict.fromkeys(column for row in rows for column in row)), lambda: rows)

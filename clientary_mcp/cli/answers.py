"""The answers of tools as text for people and programs: as tables, JSON or CSV."""

import io
import json
import shutil
from collections.abc import Iterable, Iterator
from typing import Any

from clientary_mcp.cli.text_tables import facts, table
from clientary_mcp.tools.support.spreadsheets import Row, Table, write_rows

_ROWS = ("rows", "records", "steps")
"""What an answer calls its rows, where it has any."""
_INCOMPLETE = "This is not the whole list: it goes on at offset={}."


def printed(answer: dict[str, Any], form: str) -> str:
    """An answer in that form, with its last line ended; tables are as wide as the terminal."""
    if form == "json":
        return json.dumps(answer, indent=2, ensure_ascii=False) + "\n"
    if form == "csv":
        rows = rows_of(answer)
        text = io.StringIO(newline="")
        write_rows(text, Table("rows", list(dict.fromkeys(name for row in rows for name in row)), lambda: rows))
        return text.getvalue()
    return "\n\n".join(_blocks(answer, shutil.get_terminal_size().columns)) + "\n"


def rows_of(answer: dict[str, Any]) -> list[Row]:
    """The rows of an answer; the answer itself where it is one record."""
    return next((answer[name] for name in _ROWS if _is_table(answer.get(name))), [answer])


def remarks(answer: dict[str, Any]) -> Iterator[str]:
    """What has to be known of the rows of an answer, and stands beside them."""
    if rows_of(answer) == [answer]:
        return
    yield from (answer[name] for name in ("message", "to_proceed") if name in answer)
    if (following := answer.get("next_offset")) is not None:
        yield _INCOMPLETE.format(following)
    yield from answer.get("left_out", ())
    if "notice" in answer:
        yield answer["notice"]


def _blocks(answer: dict[str, Any], width: int) -> Iterator[str]:
    """The parts of an answer: rows and totals as tables, single values together."""
    single: dict[str, Any] = {}
    for name, value in _ordered(answer):
        if not _is_table(value) and not isinstance(value, dict):
            single[name] = value
            continue
        if single:
            yield facts(single, width, answer.get("currency_code"))
            single = {}
        heading = "" if name in _ROWS else f"{name.replace('_', ' ').capitalize()}\n"
        if isinstance(value, dict):
            yield heading + facts(value, width, value.get("currency_code"))
        elif value or name in _ROWS:
            yield heading + (table(value, width) if value else "none")
    if single:
        yield facts(single, width, answer.get("currency_code"))


def _ordered(answer: dict[str, Any]) -> Iterable[tuple[str, Any]]:
    """The parts in their order; of a record, single values come first."""
    if any(name in answer for name in _ROWS):
        return answer.items()
    return sorted(answer.items(), key=lambda part: _is_table(part[1]) or isinstance(part[1], dict))


def _is_table(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(row, dict) for row in value)

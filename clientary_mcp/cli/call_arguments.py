"""The arguments of a call as they are written at a shell: `name=value`, `name=@file`, or JSON."""

import csv
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from clientary_mcp.errors import SettingsError

_HOW = "Arguments are written name=value."
_DELIMITERS = ",;\t"
_MOST_ABOVE = 30
"""Lines that may be above the head of a table."""


def arguments(words: Iterable[str], as_json: str | None = None) -> dict[str, Any]:
    """What a tool is to be called with; SettingsError for what cannot be read.

    A name that is given several times has a list of values. The schema of the tool says what a text means: a number,
    a date, or a list or an object as JSON.
    """
    given = _object(as_json) if as_json is not None else {}
    written: dict[str, list[Any]] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise SettingsError(f"{word} is no argument of a tool. {_HOW}")
        if name in given:
            raise SettingsError(f"{name} is given twice: as an argument, and in --json.")
        written.setdefault(name, []).append(_content(value[1:]) if value.startswith("@") else value)
    return given | {name: values if len(values) > 1 else values[0] for name, values in written.items()}


def _object(text: str) -> dict[str, Any]:
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"--json holds no JSON: {error}.") from None
    if not isinstance(given, dict):
        raise SettingsError('--json must be an object, like {"limit": 10}.')
    return given


def _content(name: str) -> Any:
    """What a file holds: the rows of a .csv or a .jsonl, the value of a .json, the text of any other."""
    path = Path(name)
    try:
        text = _decoded(path.read_bytes())
    except OSError as error:
        raise SettingsError(
            f"{name} cannot be read: {error.strerror}. A text that begins with @ goes into --json."
        ) from None
    try:
        match path.suffix.lower():
            case ".csv":
                return _rows(text)
            case ".jsonl":
                return [json.loads(line) for line in text.splitlines() if line.strip()]
            case ".json":
                return json.loads(text)
            case _:
                return text
    except (ValueError, RecursionError, csv.Error) as error:
        raise SettingsError(f"{name} cannot be read: {error}.") from None


def _decoded(content: bytes) -> str:
    """A text as programs for spreadsheets and banks write it: in UTF-8, else as Windows does."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def _rows(text: str) -> list[dict[str, str]]:
    """The rows of a table with a head, whatever separates its columns, without its empty cells and lines.

    Banks write the account and the period above the head: lines that are narrower than it, while all below are as wide.
    """
    lines = text.splitlines(keepends=True)
    try:
        return _below(lines)
    except (ValueError, csv.Error):
        for above in range(1, min(len(lines), _MOST_ABOVE)):
            if (rows := _below_others(lines, above)) is not None:
                return rows
        raise


def _below(lines: list[str]) -> list[dict[str, str]]:
    names, rows = _table(lines, _separator(lines))
    for number, cells in rows:
        if any(cells[len(names) :]):
            raise ValueError(f"line {number} has more cells than the first line has names")
    return _named(names, rows)


def _below_others(lines: list[str], above: int) -> list[dict[str, str]] | None:
    """The rows if the head is below so many other lines; None if it is not."""
    separator = _separator(lines[above:])
    try:
        names, rows = _table(lines[above:], separator)
        others = [len(_table([line], separator)[0]) for line in lines[:above]]
    except csv.Error:
        return None
    fit = all(len(cells) >= len(names) and not any(cells[len(names) :]) for _, cells in rows)
    return _named(names, rows) if rows and fit and max(others) < len(names) else None


def _separator(lines: list[str]) -> str:
    return max(_DELIMITERS, key=lines[0].count) if lines else _DELIMITERS[0]


def _table(lines: list[str], separator: str) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The names in the first line, and the cells of each line that has any, with its number."""
    read = csv.reader(lines, delimiter=separator, strict=True)
    names = [name.strip() for name in next(read, [])]
    return names, [(read.line_num, cells) for cells in read if any(cell.strip() for cell in cells)]


def _named(names: list[str], rows: list[tuple[int, list[str]]]) -> list[dict[str, str]]:
    named = [
        {name: cell.strip() for name, cell in zip(names, cells, strict=False) if name and cell.strip()}
        for _, cells in rows
    ]
    return [row for row in named if row]

"""TOML, edited as text: a table is added at the end, replaced where it stands, or taken out."""

import json
import re
import tomllib
from typing import Any

_HEADER = re.compile(r"\s*\[\[?([^\[\]]+)\]\]?\s*(#.*)?")

EMPTY = ""
"""What a file begins with."""


def parse(text: str) -> Any:
    """The value of a text; ValueError if it is not TOML."""
    return tomllib.loads(text.removeprefix("\ufeff").replace("\r\n", "\n"))


def put(text: str, path: tuple[str, ...], value: Any) -> str:
    """The text with that table at that path."""
    lines, eol = text.splitlines(keepends=True), "\r\n" if "\r\n" in text else "\n"
    written = [f"{line}{eol}" for line in _table(path, value)]
    first, end = _span(lines, path)
    if first < end:
        return "".join([*lines[:first], *written, *lines[end:]])
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += eol
    gap = [eol] if lines else []
    return "".join([*lines, *gap, *written])


def drop(text: str, path: tuple[str, ...]) -> str:
    """The text without the table at that path, and without the empty line before it."""
    lines = text.splitlines(keepends=True)
    first, end = _span(lines, path)
    if 0 < first < end and not lines[first - 1].strip():
        first -= 1
    return "".join(lines[:first] + lines[end:])


def _span(lines: list[str], path: tuple[str, ...]) -> tuple[int, int]:
    """The lines of a table and of those below it; without it, none, at the end.

    A comment before the next table is about that one.
    """
    first, end = None, len(lines)
    for number, line in enumerate(lines):
        if header := _HEADER.fullmatch(line.rstrip("\r\n")):
            ours = _keys(header[1])[: len(path)] == path
            if first is None and ours:
                first = number
            elif first is not None and not ours:
                end = number
                break
    if first is None:
        return len(lines), len(lines)
    while end > first and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
        end -= 1
    return first, end


def _keys(header: str) -> tuple[str, ...]:
    """The keys in a header like `mcp_servers."clientary"`."""
    return tuple(part.strip().strip("\"'") for part in header.split("."))


def _table(path: tuple[str, ...], value: dict[str, Any]) -> list[str]:
    """A table as lines, the tables in it after its own values."""
    lines = [f"[{'.'.join(path)}]"]
    lines += [f"{key} = {_written(each)}" for key, each in value.items() if not isinstance(each, dict)]
    for key, each in value.items():
        if isinstance(each, dict):
            lines += ["", *_table((*path, key), each)]
    return lines


def _written(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)  # texts, numbers and lists of them are written alike in TOML

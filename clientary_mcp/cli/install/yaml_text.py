"""YAML, edited as text: an entry is added to a block, replaced where it stands, or taken out.

PyYAML reads what comes of it; it is in the extra `install`.
"""

import json
import re
from typing import Any

_INDENT = "  "

EMPTY = ""
"""What a file begins with."""


def parse(text: str) -> Any:
    """The value of a text; ValueError if it is not YAML, ImportError without PyYAML."""
    import yaml  # type: ignore[import-untyped]  # PyYAML has no types

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise ValueError(f"look at line {mark.line + 1}" if mark else "it cannot be read") from error


def put(text: str, path: tuple[str, ...], value: Any) -> str:
    """The text with that entry in the block of that name, as its last."""
    block, name = path
    lines, eol = text.splitlines(keepends=True), "\r\n" if "\r\n" in text else "\n"
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += eol
    start = _line_of(lines, block)
    if start is None:
        return "".join([*lines, f"{block}:{eol}", *_entry(name, value, _INDENT, eol)])
    lines[start] = re.sub(r":[ \t]*(\{[ \t]*\}|~|null)?[ \t]*(?=\r?\n)", ":", lines[start], count=1)
    first, end = _span(lines, start, name)
    return "".join([*lines[:first], *_entry(name, value, _indent_in(lines, start), eol), *lines[end:]])


def drop(text: str, path: tuple[str, ...]) -> str:
    """The text without that entry; a block that is then empty is written as `{}`."""
    block, name = path
    lines = text.splitlines(keepends=True)
    start = _line_of(lines, block)
    if start is None:
        return text
    first, end = _span(lines, start, name)
    del lines[first:end]
    if first < end and _end(lines, start) == start + 1:
        lines[start] = lines[start].replace(":", ": {}", 1)
    return "".join(lines)


def _line_of(lines: list[str], block: str) -> int | None:
    return next((number for number, line in enumerate(lines) if re.match(rf"{block}\s*:", line)), None)


def _end(lines: list[str], start: int) -> int:
    """The line after a block's last one; empty lines and comments between it and the next belong to neither."""
    end = start + 1
    for number in range(start + 1, len(lines)):
        line = lines[number]
        if line.strip() and not line.lstrip().startswith("#"):
            if not line[0].isspace():
                break
            end = number + 1
    return end


def _indent_in(lines: list[str], start: int) -> str:
    for line in lines[start + 1 : _end(lines, start)]:
        if line.strip() and not line.lstrip().startswith("#"):
            return line[: len(line) - len(line.lstrip())]
    return _INDENT


def _span(lines: list[str], start: int, name: str) -> tuple[int, int]:
    """The lines of an entry; without it, none, at the end of the block."""
    indent, end = _indent_in(lines, start), _end(lines, start)
    for first in range(start + 1, end):
        if re.match(rf"{indent}([\"']?){re.escape(name)}\1\s*:", lines[first]):
            last = first
            for number in range(first + 1, end):
                line = lines[number]
                if line.strip() and not line.lstrip().startswith("#"):
                    if len(line) - len(line.lstrip()) <= len(indent):
                        break
                    last = number
            return first, last + 1
    return end, end


def _entry(name: str, value: dict[str, Any], indent: str, eol: str) -> list[str]:
    """An entry as lines; texts are quoted as in JSON, which YAML reads alike."""
    lines = [f"{indent}{name}:{eol}"]
    for key, each in value.items():
        if isinstance(each, dict) and each:
            lines += _entry(key, each, indent + _INDENT, eol)
        else:
            lines.append(f"{indent}{_INDENT}{key}: {json.dumps(each, ensure_ascii=False)}{eol}")
    return lines

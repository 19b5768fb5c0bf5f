"""JSON, with comments or without, edited as text: all that is not asked for stays as it was written.

A path leads through the keys of objects; in a list, it names the element whose `id` it is.
"""

import json
import re
from dataclasses import dataclass, field
from typing import Any

_BLANK = re.compile(r"(?:[\s\ufeff]+|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"')
_WORD = re.compile(r"[^\s,:{}\[\]\"/]+")
_REMARK = re.compile(r"[ \t]*(//[^\r\n]*|/\*[^\r\n]*?\*/)")
_LINE_END = re.compile(r"[ \t]*\r?\n")
_INDENT = "  "

EMPTY = "{}\n"
"""What a file begins with."""


@dataclass
class _Node:
    """A value, where it stands in the text, and what it contains."""

    start: int
    end: int = 0
    value: Any = None
    members: list["_Member"] = field(default_factory=list)

    def member(self, step: str) -> "_Member | None":
        """The member that a step of a path leads to: the last, as programs take it, if a key is there twice."""
        return next((each for each in reversed(self.members) if each.is_called(step)), None)


@dataclass
class _Member:
    """What an object or a list contains: its value, and where it begins, with its key."""

    start: int
    key: str | None
    node: _Node

    def is_called(self, step: str) -> bool:
        value = self.node.value
        return self.key == step if self.key is not None else isinstance(value, dict) and value.get("id") == step


def parse(text: str) -> Any:
    """The value of a text, which may have comments and a comma at the end; ValueError if it is not JSON."""
    return _root(text).value


def put(text: str, path: tuple[str, ...], value: Any) -> str:
    """The text with the value at that path, in a list as its last element if it is not there yet."""
    node, eol = _root(text), "\r\n" if "\r\n" in text else "\n"
    unit = _unit(text, node)
    for depth, step in enumerate(path):
        member = node.member(step)
        if member is None:
            return _added(text, node, path[depth:], value, (unit, depth + 1, eol))
        node = member.node
    return text[: node.start] + _written(value, unit, len(path), eol) + text[node.end :]


def drop(text: str, path: tuple[str, ...]) -> str:
    """The text without the value at that path, and without the comma that it needed."""
    node = _root(text)
    for step in path[:-1]:
        member = node.member(step)
        if member is None:
            return text
        node = member.node
    dropped = node.member(path[-1])
    if dropped is None:
        return text
    start, end = dropped.start, dropped.node.end
    if text[(comma := _after(text, end))] == ",":
        rest = text[end:comma] + text[comma + 1 :]
        return text[:start].rstrip() + rest if _LINE_END.match(rest) else text[:start] + rest.lstrip()
    if number := node.members.index(dropped):  # the last one: the comma before it goes as well, but no comment
        before = node.members[number - 1].node.end
        comma = _after(text, before)
        return text[:before] + (text[before:comma] + text[comma + 1 : start]).rstrip() + text[end:]
    inside = text[node.start + 1 : start] + text[end : node.end - 1]
    return text[: node.start + 1] + (inside if inside.strip() else "") + text[node.end - 1 :]


def _added(text: str, node: _Node, path: tuple[str, ...], value: Any, style: tuple[str, int, str]) -> str:
    """The text with a new member at the end of an object or a list."""
    unit, depth, eol = style
    in_list = isinstance(node.value, list)
    if not in_list and not isinstance(node.value, dict):
        raise ValueError("what should contain the entry is neither an object nor a list")
    for step in reversed(path[1:]):
        value = [value] if isinstance(value, dict) and value.get("id") == step else {step: value}
    key = "" if in_list else f"{json.dumps(path[0], ensure_ascii=False)}: "
    line = f"{eol}{unit * depth}{key}{_written(value, unit, depth, eol)}"
    if node.members:
        last = node.members[-1].node.end
        comma = _after(text, last)
        if text[comma] == ",":  # which JSON with comments may have after the last member
            place = _line_end(text, comma + 1)
            return f"{text[:place]}{line},{text[place:]}"
        place = _line_end(text, last)
        return f"{text[:last]},{text[last:place]}{line}{text[place:]}"
    inside = text[node.start + 1 : node.end - 1].rstrip()
    return f"{text[: node.start + 1]}{inside}{line}{eol}{unit * (depth - 1)}{text[node.end - 1 :]}"


def _unit(text: str, root: _Node) -> str:
    """What one level is indented by: as the first member is."""
    if root.members:
        before = text[: root.members[0].start].rpartition("\n")[2]
        if before and not before.strip():
            return before
    return _INDENT


def _written(value: Any, unit: str, depth: int, eol: str) -> str:
    lines = json.dumps(value, indent=unit, ensure_ascii=False).split("\n")
    return f"{eol}{unit * depth}".join(lines)


def _after(text: str, start: int) -> int:
    """The next character that is neither white space nor in a comment."""
    found = _BLANK.match(text, start)
    return found.end() if found else start


def _line_end(text: str, start: int) -> int:
    """The place after a comment that follows on the same line: it is about what it follows."""
    found = _REMARK.match(text, start)
    return found.end() if found else start


def _root(text: str) -> _Node:
    start = _after(text, 0)
    node = _read(text, start)
    if _after(text, node.end) != len(text):
        raise ValueError("there is more than one value")
    return node


def _read(text: str, start: int) -> _Node:
    """The value that begins there."""
    node = _Node(start)
    if text[start : start + 1] in ("{", "["):
        return _read_members(text, node)
    word = _STRING.match(text, start) or _WORD.match(text, start)
    if word is None:
        raise ValueError(f"there is no value in line {text.count(chr(10), 0, start) + 1}")
    node.end, node.value = word.end(), json.loads(word[0])
    return node


def _read_members(text: str, node: _Node) -> _Node:
    """Read what an object or a list contains."""
    closing = "}" if text[node.start] == "{" else "]"
    position = _after(text, node.start + 1)
    while text[position : position + 1] != closing:
        start, key = position, None
        if closing == "}":
            name = _STRING.match(text, position)
            colon = _after(text, name.end()) if name else position
            if name is None or text[colon : colon + 1] != ":":
                raise ValueError(f"a key is expected in line {text.count(chr(10), 0, position) + 1}")
            key, position = json.loads(name[0]), _after(text, colon + 1)
        value = _read(text, position)
        node.members.append(_Member(start, key, value))
        position = _after(text, value.end)
        if text[position : position + 1] == ",":
            position = _after(text, position + 1)
        elif text[position : position + 1] != closing:
            raise ValueError(f"a comma is expected in line {text.count(chr(10), 0, position) + 1}")
    node.end = position + 1
    if closing == "}":
        node.value = {member.key: member.node.value for member in node.members}
    else:
        node.value = [member.node.value for member in node.members]
    return node

"""Which values an update is taken back to, and whether somebody changed them meanwhile."""

from collections.abc import Mapping
from typing import Any

from clientary_mcp.state.actions import Action

_LINE = ("title", "quantity", "price", "taxable", "item_type")
"""What a line is made of."""

_EMPTY: tuple[Any, ...] = (None, "", [], {})


def changed_since(action: Action, now: Mapping[str, Any]) -> list[str]:
    """The fields that are neither as the update left them nor as they were before."""
    known = [action.after, action.before or {}]
    return [name for name in action.after if not any(_same(name, now, values) for values in known)]


def changed_since_made(action: Action, now: Mapping[str, Any]) -> list[str]:
    """The fields that are not as they were when the record was made, of those that a preview of its delete shows."""
    return [name for name in action.after if name in now and not _same(name, now, action.after)]


def earlier_values(old: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """What an update has to set so that a record has its earlier values again; empty where there was none."""
    values = {name: old.get(name) for name in old if not _same(name, now, old)}
    if "items" in values:
        values["items"] = _lines(old.get("items") or [], now.get("items") or [])
    return values


def _same(name: str, one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    first, second = one.get(name), other.get(name)
    if name == "items":
        return [_line(line) for line in first or []] == [_line(line) for line in second or []]
    return first == second or (first in _EMPTY and second in _EMPTY)


def _lines(old: list[dict[str, Any]], now: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The changes that make the lines what they were; removed ones come back at the end."""
    before, after = ({line.get("item_id"): line for line in lines} for lines in (old, now))
    added = [{"item_id": item_id, "remove": True} for item_id in after if item_id not in before]
    changed = [
        {"item_id": item_id, **_content(line)}
        for item_id, line in before.items()
        if item_id in after and _line(line) != _line(after[item_id])
    ]
    return [*changed, *(_content(line) for item_id, line in before.items() if item_id not in after), *added]


def _line(line: Mapping[str, Any]) -> dict[str, Any]:
    return {"item_id": line.get("item_id"), **_content(line)}


def _content(line: Mapping[str, Any]) -> dict[str, Any]:
    return {name: line[name] for name in _LINE if line.get(name) is not None}

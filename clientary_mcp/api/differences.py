"""What Clientary shows otherwise than it was sent, named field by field with both values."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from clientary_mcp.api.comparison import LINES, Sent, equal, line_fields, read_as, verdict
from tool_schemas.base.models import Record
from tool_schemas.base.parsing import SECRETS, as_json
from tool_schemas.documents import Item

_LONGEST = 60
_MOST = 10
_PLAIN = (str, Decimal, int, date, type(None))


class _Line(NamedTuple):
    """A line as it was read, and as it was shown."""

    item: Item
    shown: Sent


def difference_notice(record: Record, body: Sent, shown: Sent) -> str | None:
    """What Clientary shows otherwise than it was sent, field by field; None where it kept everything that it shows.

    `shown` is the record as Clientary sent it: a field that it does not have there is one that it does not show.
    """
    wanted = read_as(record, body)
    found = [difference for key in body for difference in _differences(key, record, wanted, body, shown)]
    more = f"; and {len(found) - _MOST} more" if len(found) > _MOST else ""
    return f"Not everything is as it was sent. {'; '.join(found[:_MOST])}{more}." if found else None


def _differences(key: str, record: Record, wanted: Record, body: Sent, shown: Sent) -> Iterator[str]:
    if key.endswith(LINES):
        yield from _differing_lines(_lines_of(record, shown), body[key])
        return
    name = type(record).our_name(key)
    there, meant = (getattr(each, name, None) for each in (record, wanted))
    unclear = name in SECRETS or name in (record.unreadable or {}) or name in (wanted.unreadable or {})
    if unclear or verdict(key, record, wanted, body, shown) is None:
        return
    if isinstance(meant, Mapping):
        kept: Mapping[str, Any] = there if isinstance(there, Mapping) else {}
        pairs = [(f"{name}, {part}", kept.get(part), value) for part, value in meant.items()]
    elif isinstance(there, Mapping) and meant is None:
        pairs = [(f"{name}, {part}", value, None) for part, value in there.items()]
    else:
        pairs = [(name, there, meant)]
    yield from _worded(pairs)


def _worded(pairs: Iterable[tuple[str, Any, Any]]) -> Iterator[str]:
    for name, there, meant in pairs:
        if isinstance(there, _PLAIN) and isinstance(meant, _PLAIN) and not equal(name, there, meant):
            yield f"{name}: sent {_in_words(meant)}, Clientary shows {_in_words(there)}"


def _lines_of(record: Record, shown: Sent) -> list[_Line] | None:
    """The lines of a document; None where it does not show them."""
    items: list[Item] | None = getattr(record, "items", None)
    if items is None:
        return None
    lists = (value for key, value in shown.items() if type(record).our_name(key) == "items" and value is not None)
    sent: Sequence[Sent] = next(lists, [])
    return [_Line(item, each) for item, each in zip(items, filter(None, sent), strict=False)]


def _differing_lines(there: list[_Line] | None, meant: Sequence[Sent]) -> Iterator[str]:
    """Each line that was sent is compared with one that is there: the one of its id, or of its text, each once."""
    if there is None:
        return
    rest = list(there)
    for given in meant:
        item = Item.read(given)
        name = f"line {_in_words(item.title) if item.title else item.item_id}"
        found = _taken(rest, item, given)
        if given.get("_destroy"):
            if found:
                yield f"items: {name} was to be removed, Clientary still shows it"
        elif not found:
            yield f"items: {name} was sent, Clientary does not show it"
        else:
            yield from _worded((f"items, {name}, {field}", *values) for field, *values in _pairs(found, item, given))


def _taken(rest: list[_Line], item: Item, given: Sent) -> _Line | None:
    """The line that is meant, taken out of those that are left: the most alike of those with its text."""
    if item.item_id is not None:
        alike = [line for line in rest if line.item.item_id == item.item_id]
    else:
        alike = [line for line in rest if equal("title", line.item.title, item.title)]
    if not alike:
        return None
    found = min(alike, key=lambda line: sum(not equal(*pair) for pair in _pairs(line, item, given)))
    rest.remove(found)
    return found


def _pairs(line: _Line, meant: Item, given: Sent) -> Iterator[tuple[str, Any, Any]]:
    """The fields that were sent and are shown, each with both values."""
    shown = {Item.our_name(key) for key in line.shown} - (line.item.unreadable or {}).keys()
    for name in line_fields(meant, given):
        if name in shown:
            yield name, getattr(line.item, name, None), getattr(meant, name, None)


def _in_words(value: Any) -> str:
    if value is None or value == "":
        return "nothing"
    if isinstance(value, str):
        return f"“{value if len(value) <= _LONGEST else f'{value[: _LONGEST - 1]}…'}”"
    return str(value).lower() if isinstance(value, bool) else str(as_json(value))

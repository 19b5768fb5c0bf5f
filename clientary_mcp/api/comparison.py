"""Compares a record with what was sent: whether a write shows in it, and what Clientary shows otherwise than sent."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar

from tool_schemas.base.models import Record
from tool_schemas.base.parsing import SECRETS, as_json
from tool_schemas.documents import Item

RecordT = TypeVar("RecordT", bound=Record)
Sent = Mapping[str, Any]

_CENT = Decimal("0.01")
_LONGEST = 60
_LINES = "_items_attributes"
_FOLDED = ("email", "currency_code")
"""Fields in which upper and lower case mean the same."""


def read_as(record: RecordT, body: Sent) -> RecordT:
    """What `record` would be if Clientary had kept every field of `body` as it was sent."""
    return type(record).read({"id": record.id, **body})


def verdict(key: str, record: Record, wanted: Record, body: Sent, shown: Sent | None = None) -> bool | None:
    """Whether `record` has the value that was sent under `key`; None where it cannot show it.

    `shown` is the record as Clientary sent it: a field that it does not have there is one that it does not show.
    """
    if key.endswith(_LINES):
        return _lines_applied(getattr(record, "items", None) or [], body[key])
    if not _shows(key, record, shown):
        return None
    name = type(record).our_name(key)
    return _equal(name, getattr(record, name, None), getattr(wanted, name, None))


def _shows(key: str, record: Record, shown: Sent | None) -> bool:
    name = type(record).our_name(key)
    if name not in type(record).model_fields:
        return False
    present = shown is None or any(type(record).our_name(sent) == name for sent in shown)
    return present or getattr(record, name, None) is not None


def _equal(name: str, there: Any, meant: Any) -> bool:
    """Whether two values are equal after what Clientary does to any value: rounding to cents, trimming white space."""
    if isinstance(there, Decimal) and isinstance(meant, Decimal):
        return abs(there - meant) < _CENT
    if isinstance(there, str) and isinstance(meant, str):
        one, other = (text.casefold() if name in _FOLDED else text for text in (there, meant))
        return one.split() == other.split()
    return there == meant or (there in _EMPTY and meant in _EMPTY)


_EMPTY = (None, "", False, 0)
"""Values that may stand for each other: a field that was never set, or emptied."""


def _lines_applied(there: list[Item], meant: list[dict[str, Any]]) -> bool | None:
    """Whether the lines are as the write left them; None if a new line exists, since an equal one may have existed."""
    found: bool | None = True
    by_id = {item.item_id: item for item in there}
    for each in meant:
        item = Item.read(each)
        if each.get("_destroy"):
            if item.item_id in by_id:
                return False
        elif item.item_id is not None:
            if item.item_id not in by_id or not _line_applied(by_id[item.item_id], item, each):
                return False
        elif any(_line_applied(line, item, each) for line in there):
            found = None
        else:
            return False
    return found


def _line_applied(line: Item, meant: Item, given: Sent) -> bool:
    return not any(_line_differences(line, meant, given))


def _line_differences(line: Item, meant: Item, given: Sent) -> Iterator[str]:
    """The fields in which a line is not as it was sent. Of a heading only its text counts."""
    names = [Item.our_name(key) for key in given]
    for name in names if meant.item_type != "section" else ("title",):
        there, sent = getattr(line, name, None), getattr(meant, name, None)
        if name != "item_id" and there is not None and not _equal(name, there, sent):
            yield name


def difference_notice(record: Record, body: Sent, shown: Sent) -> str | None:
    """What Clientary shows otherwise than it was sent, field by field; None where it kept everything that it shows."""
    wanted = read_as(record, body)
    found = [
        difference
        for key in body
        for difference in (
            _differing_lines(record, body[key])
            if key.endswith(_LINES)
            else _differing_field(key, record, wanted, body, shown)
        )
    ]
    return f"Not everything is as it was sent. {'; '.join(found[:_MOST])}." if found else None


_MOST = 10


def _differing_field(key: str, record: Record, wanted: Record, body: Sent, shown: Sent) -> Iterator[str]:
    name = type(record).our_name(key)
    there, meant = (getattr(each, name, None) for each in (record, wanted))
    unclear = name in SECRETS or name in (record.unreadable or {}) or name in (wanted.unreadable or {})
    if unclear or not isinstance(there, _PLAIN) or not isinstance(meant, _PLAIN):
        return
    if verdict(key, record, wanted, body, shown) is False:
        yield f"{name}: sent {_in_words(meant)}, Clientary shows {_in_words(there)}"


_PLAIN = (str, Decimal, int, date, type(None))


def _differing_lines(record: Record, meant: Sequence[dict[str, Any]]) -> Iterator[str]:
    there: list[Item] | None = getattr(record, "items", None)
    for each in meant if there is not None else ():
        item = Item.read(each)
        if item.item_id is not None:
            alike = [line for line in there or () if line.item_id == item.item_id]
        else:
            alike = [line for line in there or () if _equal("title", line.title, item.title)]
        line = f"line {_in_words(item.title) if item.title else item.item_id}"
        if each.get("_destroy"):
            if alike:
                yield f"items: {line} was to be removed, Clientary still shows it"
        elif not alike:
            yield f"items: {line} was sent, Clientary does not show it"
        elif not any(_line_applied(one, item, each) for one in alike):
            for name in _line_differences(alike[-1], item, each):
                sent, shows = (_in_words(getattr(of, name, None)) for of in (item, alike[-1]))
                yield f"items, {line}, {name}: sent {sent}, Clientary shows {shows}"


def _in_words(value: Any) -> str:
    if value is None or value == "":
        return "nothing"
    if isinstance(value, str):
        return f"“{value if len(value) <= _LONGEST else f'{value[: _LONGEST - 1]}…'}”"
    return str(value).lower() if isinstance(value, bool) else str(as_json(value))

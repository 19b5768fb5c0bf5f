"""Compares a record with what was sent: whether a write shows in it, as far as Clientary rounds what it keeps."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, TypeVar
from unicodedata import normalize

from tool_schemas.base.addresses import mailbox
from tool_schemas.base.argument_forms import as_people_write_it
from tool_schemas.base.models import Record
from tool_schemas.documents import Item

RecordT = TypeVar("RecordT", bound=Record)
Sent = Mapping[str, Any]

_CENT = Decimal("0.01")
LINES = "_items_attributes"
"""How the key of the lines of a document ends."""


def read_as(record: RecordT, body: Sent) -> RecordT:
    """What `record` would be if Clientary had kept every field of `body` as it was sent."""
    return type(record).read({"id": record.id, **body})


def verdict(key: str, record: Record, wanted: Record, body: Sent, shown: Sent | None = None) -> bool | None:
    """Whether `record` has the value that was sent under `key`; None where it cannot show it.

    `shown` is the record as Clientary sent it: a field that it does not have there is one that it does not show.
    """
    if key.endswith(LINES):
        return _lines_applied(getattr(record, "items", None) or [], body[key])
    if not _shows(key, record, shown):
        return None
    name = type(record).our_name(key)
    return _nearly_equal(name, getattr(record, name, None), getattr(wanted, name, None))


def _shows(key: str, record: Record, shown: Sent | None) -> bool:
    name = type(record).our_name(key)
    if name not in type(record).model_fields:
        return False
    present = shown is None or any(type(record).our_name(sent) == name for sent in shown)
    return present or getattr(record, name, None) is not None


def _nearly_equal(name: str, there: Any, meant: Any) -> bool:
    """Whether two values are equal once Clientary rounded them to cents."""
    if isinstance(there, Decimal) and isinstance(meant, Decimal):
        return abs(there - meant) < _CENT
    return equal(name, there, meant)


def equal(name: str, there: Any, meant: Any) -> bool:
    """Whether two values of a field mean the same: texts but for white space, addresses of one mailbox, empty ones.

    A number is the text of it, and a letter with its accents the same in one character or in several.
    """
    if isinstance(there, Mapping) and isinstance(meant, Mapping):
        return all(equal(part, there.get(part), meant.get(part)) for part in there.keys() | meant.keys())
    if isinstance(meant, str) and isinstance(there, str | int | float | Decimal) and not isinstance(there, bool):
        text = there if isinstance(there, str) else as_people_write_it(there)
        return mailbox(text) == mailbox(meant) if name == "email" else _words(text) == _words(meant)
    return there == meant or (there in _EMPTY and meant in _EMPTY)


def _words(text: str) -> list[str]:
    return normalize("NFC", text).split()


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
    """Whether a line is as it was sent, as far as it shows."""
    shown = {name: there for name in line_fields(meant, given) if (there := getattr(line, name, None)) is not None}
    return all(_nearly_equal(name, there, getattr(meant, name, None)) for name, there in shown.items())


def line_fields(meant: Item, given: Sent) -> list[str]:
    """The fields of a line that a write sets. Of a heading only its text counts."""
    names = [Item.our_name(key) for key in given if key not in ("id", "_destroy")]
    return names if meant.item_type != "section" else ["title"]

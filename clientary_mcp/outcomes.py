"""Whether a write took effect, judged by what is there afterwards: for the writes whose answer never came."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from tool_schemas.base import Record
from tool_schemas.documents import Item

RecordT = TypeVar("RecordT", bound=Record)

_SKEW = timedelta(minutes=5)
"""How far Clientary's clock and ours may be apart."""


def holds(record: Record, body: Mapping[str, Any]) -> bool | None:
    """Whether `record` is as a write with that body would leave it; None when that can't be told from it."""
    wanted = type(record).read({"id": record.id, **body})
    verdicts = [_same(key, record, wanted, body) for key in body]
    if False in verdicts:
        return False
    return None if None in verdicts else True


def _same(key: str, record: Record, wanted: Record, body: Mapping[str, Any]) -> bool | None:
    if key.endswith("_items_attributes"):
        return _items_hold(getattr(record, "items", None) or [], body[key])
    name = type(record).our_name(key)
    if name not in type(record).model_fields:
        return None
    there, meant = getattr(record, name, None), getattr(wanted, name, None)
    return there == meant or (there in (None, "") and meant in (None, ""))


def _items_hold(there: list[Item], meant: list[dict[str, Any]]) -> bool:
    by_id = {item.item_id: item for item in there}
    for each in meant:
        item = Item.read(each)
        if each.get("_destroy"):
            if item.item_id in by_id:
                return False
        elif item.item_id is not None:
            if item.item_id not in by_id or not _line_holds(by_id[item.item_id], item, each):
                return False
        elif not any(_line_holds(line, item, each) for line in there):
            return False
    return True


def _line_holds(line: Item, meant: Item, given: Mapping[str, Any]) -> bool:
    names = (Item.our_name(key) for key in given)
    return all(getattr(line, name, None) == getattr(meant, name, None) for name in names if name != "item_id")


def newly_made(records: list[RecordT], body: Mapping[str, Any], since: float, known: set[int]) -> list[RecordT]:
    """The records that a create with that body, begun at `since` (seconds of the epoch), may have made."""
    earliest = datetime.fromtimestamp(since, UTC) - _SKEW
    return [
        record
        for record in records
        if record.id not in known and holds(record, body) is not False and _made_after(record, earliest)
    ]


def _made_after(record: Record, earliest: datetime) -> bool:
    made = getattr(record, "created_at", None)
    return not isinstance(made, datetime) or made.tzinfo is None or made >= earliest

"""Determines whether a write whose response was lost succeeded, from the records that exist afterwards."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from clientary_mcp.api.call import Call
from clientary_mcp.api.status_errors import not_done, unknown_outcome
from clientary_mcp.api.write_tracker import MOSTLY_OVER
from clientary_mcp.errors import ClientaryError, OutcomeUnknown
from tool_schemas.base.models import Record
from tool_schemas.documents import Item

RecordT = TypeVar("RecordT", bound=Record)
ResultT = TypeVar("ResultT")

_CENT = Decimal("0.01")


def update_applied(record: Record, body: Mapping[str, Any], since: datetime, doubt: timedelta) -> bool | None:
    """Whether `record` is as an update with that body, begun at `since`, would leave it; None when in doubt.

    Where the fields cannot decide (a new line may equal an old one), the time of the last change does, if it is known.
    """
    wanted = type(record).read({"id": record.id, **body})
    verdicts = [_same(key, record, wanted, body) for key in body]
    if False in verdicts:
        return False
    if None not in verdicts:
        return True
    changed = record.updated_at
    if not isinstance(changed, datetime) or changed.tzinfo is None:
        return None
    return True if changed >= since - _TICK else False if changed < since - doubt else None


def _same(key: str, record: Record, wanted: Record, body: Mapping[str, Any]) -> bool | None:
    if key.endswith("_items_attributes"):
        return _items_applied(getattr(record, "items", None) or [], body[key])
    name = type(record).our_name(key)
    if name not in type(record).model_fields:
        return None
    return _equal(getattr(record, name, None), getattr(wanted, name, None))


def _equal(there: Any, meant: Any) -> bool:
    """Whether two values are equal after what Clientary does to any value: rounding to cents, trimming white space."""
    if isinstance(there, Decimal) and isinstance(meant, Decimal):
        return abs(there - meant) <= _CENT
    if isinstance(there, str) and isinstance(meant, str):
        return there.split() == meant.split()
    return there == meant or (there in (None, "") and meant in (None, ""))


def _items_applied(there: list[Item], meant: list[dict[str, Any]]) -> bool | None:
    """Whether the lines are as the update left them; None if a new line exists, since an equal one may have existed."""
    verdict: bool | None = True
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
            verdict = None
        else:
            return False
    return verdict


def _line_applied(line: Item, meant: Item, given: Mapping[str, Any]) -> bool:
    names = (Item.our_name(key) for key in given)
    return all(_equal(getattr(line, name, None), getattr(meant, name, None)) for name in names if name != "item_id")


def find_created(
    records: list[RecordT], body: Mapping[str, Any], since: datetime, doubt: timedelta, known: set[int]
) -> tuple[list[RecordT], bool]:
    """The records that a create with that body, begun at `since`, has certainly made; and whether others may be it.

    A record that agrees in most fields and is not old enough to be ruled out is in doubt: Clientary may have
    changed what it was sent, or omit the time of creation. `doubt` is how far the two clocks may be apart.
    """
    certain: list[RecordT] = []
    doubtful = False
    for record in records:
        similarity = _similarity(record, body)
        if record.id in known or similarity < _SIMILAR:
            continue
        made = getattr(record, "created_at", None)
        if not isinstance(made, datetime) or made.tzinfo is None:
            doubtful = True
        elif similarity == 1 and made >= since - _TICK:
            certain.append(record)
        elif made >= since - doubt:
            doubtful = True
    return certain, doubtful


_SIMILAR = 0.6
"""The share of the given fields that must agree for a record to be possibly the one that was created."""

_TICK = timedelta(seconds=1)
"""Clientary gives times in whole seconds."""


def _similarity(record: Record, body: Mapping[str, Any]) -> float:
    wanted = type(record).read({"id": record.id, **body})
    verdicts = [verdict for key in body if (verdict := _same(key, record, wanted, body)) is not None]
    return sum(verdicts) / len(verdicts) if verdicts else 1.0  # then the time alone decides


TOOK_EFFECT = "The response was lost; a check confirmed that the change was made exactly once."


def accepted(path: str) -> OutcomeUnknown:
    """The error for a create that Clientary accepted without returning the record."""
    why = f"Clientary accepted POST {path}, but did not return the new record."
    return unknown_outcome(why, may_still_happen=True, accepted=True)


async def resolve_lost_write(
    call: Call, check: Callable[[], Awaitable[ResultT | None]], method: str, path: str, lost: OutcomeUnknown
) -> ResultT:
    """What `check` finds of a write whose response was lost, at once or a little later.

    NotDone when it finds nothing, `lost` when the write may still happen or the check is inconclusive.
    """
    why = "the response was lost, and Clientary may still be working on it"
    try:
        found = await check()
        if found is None:
            if lost.accepted or not await call.wait(MOSTLY_OVER, why):
                raise lost
            found = await check()
    except ClientaryError:
        raise lost from None
    if found is not None:
        return found
    raise lost if lost.may_still_happen else not_done(method, path)

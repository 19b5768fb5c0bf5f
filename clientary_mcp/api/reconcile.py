"""Whether a write took effect, judged by what is there afterwards: for the writes whose answer never came."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from clientary_mcp.api.call import Call
from clientary_mcp.api.status_errors import not_done
from clientary_mcp.errors import ClientaryError, OutcomeUnknown
from tool_schemas.base.models import Record
from tool_schemas.documents import Item

RecordT = TypeVar("RecordT", bound=Record)
ResultT = TypeVar("ResultT")

_CENT = Decimal("0.01")


def update_applied(record: Record, body: Mapping[str, Any], since: datetime, doubt: timedelta) -> bool | None:
    """Whether `record` is as an update with that body, begun at `since`, would leave it; None when in doubt.

    What the fields can't tell (a new line may be like an old one) the time of the last change does, where it is told.
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
        return _items_hold(getattr(record, "items", None) or [], body[key])
    name = type(record).our_name(key)
    if name not in type(record).model_fields:
        return None
    return _equal(getattr(record, name, None), getattr(wanted, name, None))


def _equal(there: Any, meant: Any) -> bool:
    """Equal, but for what Clientary does to any value: rounding to cents, and white space at the ends."""
    if isinstance(there, Decimal) and isinstance(meant, Decimal):
        return abs(there - meant) <= _CENT
    if isinstance(there, str) and isinstance(meant, str):
        return there.split() == meant.split()
    return there == meant or (there in (None, "") and meant in (None, ""))


def _items_hold(there: list[Item], meant: list[dict[str, Any]]) -> bool | None:
    """None where a new line is there: another like it may have been there before."""
    verdict: bool | None = True
    by_id = {item.item_id: item for item in there}
    for each in meant:
        item = Item.read(each)
        if each.get("_destroy"):
            if item.item_id in by_id:
                return False
        elif item.item_id is not None:
            if item.item_id not in by_id or not _line_holds(by_id[item.item_id], item, each):
                return False
        elif any(_line_holds(line, item, each) for line in there):
            verdict = None
        else:
            return False
    return verdict


def _line_holds(line: Item, meant: Item, given: Mapping[str, Any]) -> bool:
    names = (Item.our_name(key) for key in given)
    return all(_equal(getattr(line, name, None), getattr(meant, name, None)) for name in names if name != "item_id")


def find_created(
    records: list[RecordT], body: Mapping[str, Any], since: datetime, doubt: timedelta, known: set[int]
) -> tuple[list[RecordT], bool]:
    """The records that a create with that body, begun at `since`, has certainly made; and whether others may be it.

    A record that is like it in most fields and not old enough to be ruled out is in doubt: Clientary may have
    changed what it was sent, or not say when it was made. `doubt` is how far the two clocks may be apart.
    """
    certain: list[RecordT] = []
    doubtful = False
    for record in records:
        likeness = _likeness(record, body)
        if record.id in known or likeness < _ALIKE:
            continue
        made = getattr(record, "created_at", None)
        if not isinstance(made, datetime) or made.tzinfo is None:
            doubtful = True
        elif likeness == 1 and made >= since - _TICK:
            certain.append(record)
        elif made >= since - doubt:
            doubtful = True
    return certain, doubtful


_ALIKE = 0.6
"""The share of the given fields in which a record that is not the very one has to agree to be taken for it."""

_TICK = timedelta(seconds=1)
"""Clientary tells times in whole seconds."""


def _likeness(record: Record, body: Mapping[str, Any]) -> float:
    wanted = type(record).read({"id": record.id, **body})
    verdicts = [verdict for key in body if (verdict := _same(key, record, wanted, body)) is not None]
    return sum(verdicts) / len(verdicts) if verdicts else 1.0  # then the time alone decides


TOOK_EFFECT = "The answer was lost on the way; a look shows that it took effect, once."


def accepted(path: str) -> OutcomeUnknown:
    return OutcomeUnknown(
        f"Clientary accepted POST {path}, but does not show the new record. Look before repeating it.",
        may_still_happen=True,
        accepted=True,
    )


_AT_WORK = 6.0
"""Seconds in which Clientary mostly ends what it was at when a connection broke."""


async def resolve_lost_write(
    call: Call, look: Callable[[], Awaitable[ResultT | None]], method: str, path: str, lost: OutcomeUnknown
) -> ResultT:
    """What a look finds of a write whose answer was lost, at once or a little later.

    NotDone when that is nothing, `lost` when it may yet come or when there is no telling.
    """
    why = "the answer was lost, and Clientary may still be at work"
    try:
        found = await look()
        if found is None:
            if lost.accepted or not await call.wait(_AT_WORK, why):
                raise lost
            found = await look()
    except ClientaryError:
        raise lost from None
    if found is not None:
        return found
    raise lost if lost.may_still_happen else not_done(method, path)

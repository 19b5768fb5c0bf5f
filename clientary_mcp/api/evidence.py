"""Evidence of what a write did: where its effect would show, and what is known of the time before it."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf
from typing import Any, Generic

from clientary_mcp.api.call import Call
from clientary_mcp.api.comparison import RecordT, read_as, verdict
from clientary_mcp.api.write_tracker import STILL_AT_WORK
from clientary_mcp.errors import OutcomeUnknown
from clientary_mcp.state.writes import MadeHere
from tool_schemas.base.models import Record

_TICK = timedelta(seconds=1)
"""Clientary gives times in whole seconds."""


Times = Callable[[float], tuple[datetime, timedelta]]
"""Our wall-clock time by Clientary's clock, as far as that is known by now, and how far it may be off."""


@dataclass(frozen=True)
class Before:
    """What is known of the time `since` a write was sent: a wall-clock time, which `times` converts."""

    since: float
    times: Times
    old: Collection[int] = ()
    """Ids of records that were there. Ids of later records are higher than all of these."""
    complete: bool = False
    """Whether these are all that were there, so that any other is new."""
    lowest_new: int = 0
    """Records with lower ids were there, whether they were read or not."""

    def is_new(self, record: Record) -> bool | None:
        """Whether the record was made after the write began; None when in doubt."""
        if record.id in self.old or record.id < self.lowest_new:
            return False
        if self.complete:
            return True
        made, by_id = record.created_at, bool(self.old) and record.id > max(self.old)
        if not isinstance(made, datetime) or made.tzinfo is None:
            return by_id or None
        began, doubt = self.times(self.since)
        if made >= began - _TICK:
            return True
        return (by_id or None) if made >= began - doubt else False


def update_applied(
    record: Record, shown: Mapping[str, Any], body: Mapping[str, Any], old: Record | None, before: Before
) -> bool | None:
    """Whether `record` is as an update with that body would leave it; None when in doubt.

    A field that has neither its new value nor its old one was changed by somebody else, perhaps after the update. The
    time of the last change decides where the fields cannot: a new line may equal an old one, or the old values are
    not known.
    """
    wanted = read_as(record, body)
    verdicts = [verdict(key, record, wanted, body, shown) for key in body]
    if False not in verdicts and None not in verdicts and not _is_as(old, body):
        return True
    changed = record.updated_at
    if isinstance(changed, datetime) and changed.tzinfo is not None:
        began, doubt = before.times(before.since)
        if changed < began - doubt:
            return False
        if changed >= began - _TICK:
            return None if False in verdicts else True
    return False if False in verdicts and old is not None and _unchanged(record, old, body) else None


def _is_as(old: Record | None, body: Mapping[str, Any]) -> bool:
    """Whether the record was like that before the update."""
    return old is not None and all(verdict(key, old, read_as(old, body), body) is True for key in body)


def _unchanged(record: Record, old: Record, body: Mapping[str, Any]) -> bool:
    """Whether every field that the update changes still has its old value."""
    names = ["items" if key.endswith("_items_attributes") else type(record).our_name(key) for key in body]
    return all(getattr(record, name, None) == getattr(old, name, None) for name in names)


def find_created(
    records: list[RecordT], body: Mapping[str, Any], before: Before, known: set[int]
) -> tuple[list[RecordT], bool]:
    """The records that a create with that body has certainly made; and whether others may be it.

    A record that agrees in most fields and is not certainly older is in doubt: Clientary may have changed what it was
    sent, or show neither the time of creation nor an id that proves the order. Those in `known` are others' records.
    """
    certain: list[RecordT] = []
    doubtful = False
    shown = _shown_by(records)
    for record in records:
        if record.id in known:
            continue
        similarity, new = _similarity(record, body, shown), before.is_new(record)
        if new is False or similarity < (_ALIKE if before.complete else _SIMILAR):
            continue
        if new and similarity == 1:
            certain.append(record)
        else:
            doubtful = True
    return certain, doubtful


_SIMILAR = 0.6
"""The share of the given fields that must agree for a record to be possibly the one that was created."""

_ALIKE = 0.5
"""The same among records that are all new: there are few, and none of them is likely to agree by chance."""


def _shown_by(records: list[RecordT]) -> dict[str, None]:
    """The fields that a list shows: those that one of its records has a value in."""
    return {name: None for record in records for name, value in record.__dict__.items() if value is not None}


def _similarity(record: Record, body: Mapping[str, Any], shown: Mapping[str, Any]) -> float:
    wanted = read_as(record, body)
    verdicts = [found for key in body if (found := verdict(key, record, wanted, body, shown)) is not None]
    return sum(verdicts) / len(verdicts) if verdicts else 1.0  # then the time alone decides


class KnownIds:
    """The ids that are known: of records that our calls made, and the highest of each kind that this session read."""

    def __init__(self, now: Callable[[], float], made: MadeHere) -> None:
        self._now, self._made = now, made
        self._highest: dict[str, tuple[int, float]] = {}

    async def made(self, record: RecordT, call: Call) -> RecordT:
        """Remember that the call made the record: first for the call, so that a crash in between leaves it known."""
        if call.on_created is not None:
            await call.on_created(record.plural, record.id)
        await self._made.add(record.plural, record.id)
        self.read([record])
        return record

    async def taken(self, plural: str) -> set[int]:
        """The records that calls have made already, so that none is reported as made by two."""
        return await self._made.ids(plural)

    def read(self, records: Iterable[Record], *, newest: bool = True) -> None:
        """Remember the highest id: records that are made from now on have higher ones.

        Where these need not be the `newest` of a list, as one that was read by its id, an older one may have one, too.
        """
        for record in records:
            highest = self._highest.get(record.plural, (0, -inf))[0]
            if record.id > highest or (newest and record.id == highest):
                self._highest[record.plural] = (record.id, self._now() if newest else -inf)

    def highest(self, plural: str) -> tuple[int, bool]:
        """The highest id that was read, 0 for none, and whether it was the newest just now."""
        highest, when = self._highest.get(plural, (0, -inf))
        return highest, highest > 0 and self._now() - when < STILL_AT_WORK


@dataclass(frozen=True)
class Created(Generic[RecordT]):
    """A record that would be in a list: not among `there`, where these are all that there were, or new."""

    kind: type[RecordT]
    body: Mapping[str, Any]
    listed: Callable[[], Awaitable[list[RecordT]]]
    known: KnownIds
    there: Collection[int] | None = None

    def before(self, now: float, times: Times) -> Before:
        """What is known right before the record is created."""
        if self.there is not None:
            return Before(now, times, frozenset(self.there), complete=True)
        highest, recent = self.known.highest(self.kind.plural)
        return Before(now, times, frozenset({highest} if recent else ()), lowest_new=highest + 1)

    async def look(self, before: Before, unknown: OutcomeUnknown) -> RecordT | None:
        """The record; None if there is none yet. Raises `unknown` when in doubt."""
        records, known = await self.listed(), await self.known.taken(self.kind.plural)
        certain, doubtful = find_created(records, self.body, before, known)
        if len(certain) == 1:
            return certain[0]
        if certain or doubtful:
            raise unknown
        return None


@dataclass(frozen=True)
class Changed(Generic[RecordT]):
    """A record that would have other values; `old` is the record as it was, if it was read."""

    kind: type[RecordT]
    body: Mapping[str, Any]
    shown: Callable[[], Awaitable[Any]]
    old: Record | None = None

    async def look(self, before: Before, unknown: OutcomeUnknown) -> RecordT | None:
        """The record after the change; None if it is unchanged. Raises `unknown` when in doubt."""
        shown = await self.shown()
        try:
            record = self.kind.read(shown)
        except (TypeError, ValueError, AttributeError):
            raise unknown from None
        applied = update_applied(record, shown, self.body, self.old, before)
        if applied is None:
            raise unknown
        return record if applied else None


Trace = Created[RecordT] | Changed[RecordT]
"""Where the effect of a write shows."""

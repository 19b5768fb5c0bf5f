"""Records created or changed since a time or the previous call, like the polling triggers of automation products."""

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial, reduce
from hashlib import sha256
from operator import xor
from typing import NamedTuple

from clientary_mcp.api.concurrency import gather
from clientary_mcp.api.session import Clientary
from clientary_mcp.api.streaming import rereads
from clientary_mcp.errors import BadArguments
from clientary_mcp.tools.decorators import reads
from tool_schemas.base.models import Record
from tool_schemas.base.report import Report
from tool_schemas.base.results import MAX_ANSWER, as_text, bounded
from tool_schemas.clients import Client
from tool_schemas.contacts import Contact
from tool_schemas.estimates import Estimate
from tool_schemas.expenses import Expense
from tool_schemas.invoices import Invoice
from tool_schemas.leads import Lead
from tool_schemas.payments import Payment
from tool_schemas.projects import Project
from tool_schemas.reports.cursor import DIGEST, TYPES, Cursor, Part, Type, second_of
from tool_schemas.reports.list_changes import ListChanges
from tool_schemas.staff import Staff
from tool_schemas.tasks import Task

_KINDS: Mapping[Type, type[Record]] = {
    "client": Client,
    "lead": Lead,
    "contact": Contact,
    "project": Project,
    "invoice": Invoice,
    "estimate": Estimate,
    "payment": Payment,
    "expense": Expense,
    "task": Task,
    "staff": Staff,
}
_NOT_COVERED = "Deleted records: Clientary does not report them. Hours, recurring schedules and cards are not covered."

_DATED: tuple[Type, ...] = ("client", "invoice")
"""Types whose list Clientary can filter by the day of the last change."""

_DAY = timedelta(days=1)
_LATE = 10
"""Seconds by which a change may become visible later than the time that it carries."""

_LONGEST_CURSOR = 40_000
_ACCOUNT = 8
"""Digits in a cursor that tell one account from another."""
_FEW = 50
"""Records of a type and second that the cursor identifies one by one; more are identified, and repeated, as a group."""
_IN_CURSOR = 7
"""Characters of a cursor for each record that it marks as listed."""
_AROUND = 6_000
"""Characters kept free for what surrounds the rows, besides the cursor."""

_BASIS = (
    "Records created or changed at or after {since}, by their updated_at or created_at in Clientary, oldest first; a"
    " day begins at midnight UTC. new: created since then. Pass the cursor in the next call to continue from here."
)
_FROM_NOW = "No changes yet: pass the cursor in the next call to list what is new or changed from now on."


@reads("reports")
async def list_changes(clientary: Clientary, args: ListChanges) -> Report:
    """List records created or changed since a time, or since an earlier answer (its cursor), oldest first. With
    neither, only a cursor that starts now. Deletions, hours, recurring schedules and cards are not covered."""
    account = sha256(clientary.settings.address.encode()).hexdigest()[:_ACCOUNT]
    known = _known(args, clientary.clock.wall(), account)
    types = known.types if known else tuple(each for each in TYPES if each in (args.types or TYPES))
    began = clientary.clock.now()
    scans = await (_compare(clientary, known) if known else _first_scan(clientary, types))
    late = int(clientary.clock.now() - began) + 1 + _LATE
    changes = Changes(types, known, scans, late, yesterday=second_of(f"{clientary.today().day - _DAY}"))
    cursor = replace(changes.cursor(), account=account).text()
    if len(cursor) > _LONGEST_CURSOR:
        raise BadArguments("list_changes: too many records changed at once for one cursor. Pass fewer types.")
    return Report(
        rows=[json.loads(change.row) for change in changes.to_json],
        basis=_BASIS.format(since=_iso(known.second)) if known else _FROM_NOW,
        left_out=changes.left_out(),
        about={"complete": not changes.left},
        cursor=cursor,
    )


def _known(args: ListChanges, now: float, account: str) -> Cursor | None:
    """Where the call continues from; None where it starts."""
    if args.cursor is not None:
        known = Cursor.read(args.cursor)
        if known.account != account:
            raise BadArguments("list_changes: this cursor is of another account. Pass since to begin anew.")
        return known
    if args.since is None:
        return None
    second = second_of(args.since)
    if second > now + _DAY.total_seconds():
        raise BadArguments("list_changes: since is in the future.")
    return Cursor(tuple(each for each in TYPES if each in (args.types or TYPES)), second, second)


async def _compare(clientary: Clientary, known: Cursor) -> list["_Scan"]:
    return await gather(
        (partial(_scan, clientary, each, known.second, known) for each in known.types), clientary.settings.concurrency
    )


async def _first_scan(clientary: Clientary, types: Sequence[Type]) -> list["_Scan"]:
    """Lists that take no date first: their latest change decides since when the others are read."""
    recent = int(clientary.settings.deadline) + 2 * _LATE  # longer than the scan can take
    scans = await gather(
        (partial(_scan, clientary, each, 0, None, recent) for each in types if each not in _DATED),
        clientary.settings.concurrency,
    )
    second = max((found.latest for found in scans), default=0) - recent
    return scans + await gather(
        (partial(_scan, clientary, each, second, None, recent) for each in types if each in _DATED),
        clientary.settings.concurrency,
    )


@rereads
async def _scan(clientary: Clientary, each: Type, second: int, known: Cursor | None, recent: int = 0) -> "_Scan":
    scan, kind = _Scan(each, known, recent), _KINDS[each]
    query = kind.query
    if each in _DATED and second > 0:
        day = datetime.fromtimestamp(second, UTC).date() - _DAY  # the account's day may be an earlier one
        query = {**query, "updated_since": day.isoformat()}
    elif each == "payment":
        query = {**query, "sort": "created_at"}  # newest first
    stream = clientary.stream(kind, query=query)
    async with aclosing(stream.__aiter__()) as records:
        async for record in records:
            scan.add(record)
            if stream.first_page and scan.count == len(stream.first_page.records) and scan.knows_the_rest(record):
                break
    stream.check()
    return scan


class Change(NamedTuple):
    """A record that may have to be listed. `group` is the second of its change, or minus its id if unknown."""

    group: int
    type: Type
    id: int
    content: int
    row: str
    """As JSON: there may be very many of them."""

    @property
    def key(self) -> tuple[Type, int]:
        """The records of a type and second are listed together."""
        return self.type, self.group

    @property
    def rank(self) -> tuple[bool, int, int, int]:
        """Oldest first; those without a time last."""
        return self.group < 0, max(self.group, 0), TYPES.index(self.type), self.id


class _Scan:
    """The records of one type that may have to be listed, and which timestamps they carry.

    Without a cursor or a start, these are the most recent ones: changed up to `recent` seconds before the latest.
    """

    def __init__(self, each: Type, known: Cursor | None, recent: int = 0) -> None:
        self.type = each
        self.changes: list[Change] = []
        self.latest = self.highest_id = 0
        self.count = self.timeless = self.without_changes = 0
        self._known, self._recent = known, recent
        self._by_entry, self._last_id = each == "payment", 0
        """Whether the newest came first so far, as their ids say, and none carries the time of a change."""

    def knows_the_rest(self, last: Record) -> bool:
        """Whether nothing new can follow this record, the last of a page."""
        if (known := self._known) is None or not self._by_entry:
            return False
        listed = known.ids is None or last.id <= known.ids.get(self.type, 0)
        return listed if (made := _second(last.created_at)) is None else made < known.second

    def add(self, record: Record) -> None:
        """The next record of the list."""
        self.count += 1
        in_order = self.count == 1 or record.id < self._last_id
        self._by_entry, self._last_id = self._by_entry and in_order and not record.updated_at, record.id
        made, changed = _second(record.created_at), _second(record.updated_at)
        second = max(filter(None, (made, changed)), default=None)
        if second is None:
            self._add_timeless(record)
            return
        self.without_changes += changed is None
        self.latest = max(self.latest, second)
        if self._known is None:
            if second >= self.latest - self._recent:
                self._keep(second, record, "")
        elif second >= self._known.second:
            self._keep(second, record, "new" if (made or 0) >= self._known.new_from else "changed")

    def _add_timeless(self, record: Record) -> None:
        self.timeless += 1
        if self.type in _DATED:  # Clientary lists it, so it changed
            self._keep(-record.id, record, "new or changed")
            return
        self.highest_id = max(self.highest_id, record.id)
        ids = self._known.ids if self._known else None
        if ids is not None and record.id > ids.get(self.type, 0):
            self._keep(-record.id, record, "new")

    def _keep(self, group: int, record: Record, change: str) -> None:
        content = int.from_bytes(sha256(as_text(record.to_json()).encode()).digest()[:8])
        at = {"at": _iso(group)} if group >= 0 else {}
        brief = {name: value for name, value in record.summarized().items() if name != "id"}
        row = {"type": self.type, "id": record.id, "change": change, **at, **bounded(brief, 200, 20)}
        self.changes.append(Change(group, self.type, record.id, content, as_text(row) if change else ""))


class Changes:
    """The changes in this answer, those left for the next, and the cursor that separates them."""

    def __init__(
        self, types: Sequence[Type], known: Cursor | None, scans: Sequence[_Scan], late: int, yesterday: int
    ) -> None:
        self._types, self._known, self._scans = tuple(types), known, scans
        self._groups: dict[tuple[Type, int], list[Change]] = {}
        for scan in scans:
            for change in scan.changes:
                self._groups.setdefault(change.key, []).append(change)
        latest = max((scan.latest for scan in scans), default=0)
        if not latest and any(scan.count for scan in scans):
            latest = yesterday  # no record carries a time, which leaves our own day
        self._certain = max(0, latest - late)
        """All changes before that second were visible."""
        fresh = sorted(self._fresh(), key=lambda change: change.rank) if known else []
        room = MAX_ANSWER - _AROUND - _IN_CURSOR * len(known.listed if known else ())
        fitting = _fitting(fresh, room)
        self.to_json, self.left = fresh[:fitting], fresh[fitting:]

    def _fresh(self) -> Iterable[Change]:
        """The changes that the answer that returned the cursor did not list."""
        assert self._known is not None  # noqa: S101 - called only where there is one
        known, part = self._known.listed, self._known.part
        for key, changes in self._groups.items():
            if _digest(changes) in known:
                continue
            listed = {change.id for change in changes if _digest([change]) in known}
            if part and key == (part.type, part.second):
                first = [change for change in changes if change.id <= part.last_id]
                listed |= {change.id for change in first} if _digest(first) == part.digest else set()
            yield from (change for change in changes if change.id not in listed)

    def cursor(self) -> Cursor:
        """Where the next call continues from."""
        known, left = self._known, self.left
        second = max(self._certain, known.second if known else 0)
        if left and left[0].group >= 0:
            second = max(known.second if known else 0, min(self._certain, left[0].group))
        new_from = known.new_from if known and left else second
        ids = {scan.type: self._highest_listed(scan) for scan in self._scans}
        return Cursor(self._types, second, new_from, ids, *self._remembered(second))

    def _remembered(self, second: int) -> tuple[frozenset[bytes], Part | None]:
        """The changes listed from that second on: few records of a type and second one by one, more as a group."""
        listed: set[bytes] = set()
        part: Part | None = None
        waiting: dict[tuple[Type, int], set[int]] = {}
        for change in self.left:
            waiting.setdefault(change.key, set()).add(change.id)
        for key, changes in self._groups.items():
            if key[1] < second and not (key[1] < 0 and key[0] in _DATED):
                continue
            others = waiting.get(key, set())
            known = [change for change in changes if change.id not in others]
            if len(known) <= _FEW:
                listed |= {_digest([change]) for change in known}
            elif not others:
                listed.add(_digest(changes))
            elif first := [change for change in known if change.id < min(others)]:
                part = Part(*key, max(change.id for change in first), _digest(first))
        return frozenset(listed), part

    def _highest_listed(self, scan: _Scan) -> int:
        """The highest id listed of a type whose records carry no timestamps."""
        earlier = (self._known.ids or {}).get(scan.type, 0) if self._known else 0
        waiting = [change.id for change in self.left if change.type == scan.type and change.group < 0]
        return min(waiting) - 1 if waiting and scan.type not in _DATED else max(earlier, scan.highest_id)

    def left_out(self) -> list[str]:
        """The changes that are not listed."""
        known, sentences = self._known, [_NOT_COVERED]
        if self.left:
            sentences.append(f"{len(self.left):,} later changes: call again with the cursor to list them.")
        undated = [_of(scan, scan.timeless) for scan in self._scans if scan.timeless and scan.type not in _DATED]
        by_day = [_of(scan, scan.timeless) for scan in self._scans if scan.timeless and scan.type in _DATED]
        only_created = [_of(scan, scan.without_changes) for scan in self._scans if scan.without_changes]
        if undated:
            which = "those created after this answer" if known and known.ids is None else "new ones"
            sentences.append(f"Changes of {', '.join(undated)}: they carry no timestamps, so only {which} are listed.")
        if only_created:
            sentences.append(f"Changes of {', '.join(only_created)}: they carry only the time of creation.")
        if by_day and known:
            day = datetime.fromtimestamp(known.second, UTC).date() - _DAY
            sentences.append(
                f"The times of {', '.join(by_day)}: they carry none; Clientary lists what changed since {day}."
            )
        return sentences


def _digest(changes: Sequence[Change]) -> bytes:
    """A digest of the records of a type and second, in any order."""
    contents = reduce(xor, (change.content for change in changes), 0)
    each, group = changes[0].key if changes else ("", 0)
    return sha256(f"{each} {group} {contents}".encode()).digest()[:DIGEST]


def _fitting(changes: Sequence[Change], room: int) -> int:
    for number, change in enumerate(changes):
        room -= len(change.row) + 1 + _IN_CURSOR
        if room < 0:
            return number
    return len(changes)


def _second(moment: datetime | None) -> int | None:
    if not isinstance(moment, datetime):
        return None
    return max(0, int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()))


def _iso(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).isoformat().replace("+00:00", "Z")


def _of(scan: _Scan, count: int) -> str:
    """`tasks`, or `3 of the tasks` when it is not all of them."""
    plural = _KINDS[scan.type].plural
    return plural if count == scan.count else f"{count:,} of the {plural}"


TOOLS = (list_changes,)

"""Claims: one for each call that must not be made twice, on disk before its request leaves, settled by its answer.

    claimed ── sent ── done | unknown | (none: it had no effect)

A process that ends after `sent` leaves its claim, which then counts as unknown. A process that stands still for so
long that its lease lapses may find that another has taken its call over, and then sends nothing.
"""

import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import astuple, dataclass
from typing import Any, Literal, Protocol

from clientary_mcp.durations import DAY
from clientary_mcp.errors import NotRemembered, TakenOver
from clientary_mcp.state.owner import has_ended, this_process
from clientary_mcp.state.store import Store, digest

State = Literal["busy", "done", "unknown"]


@dataclass(frozen=True)
class Claim:
    """An earlier call: busy while a living process makes it, else done or of unknown outcome."""

    state: State
    since: float
    """When it was claimed or sent, by the wall clock."""
    until: float
    """When it is forgotten."""
    detail: str = "{}"
    by: str = ""
    """The id of the caller who made it; "" for the single owner."""

    @property
    def seen(self) -> frozenset[int]:
        """`Call.seen` of that call."""
        return frozenset(json.loads(self.detail).get("seen", ()))

    @property
    def made(self) -> int | None:
        """The id of the record that it made."""
        made: int | None = json.loads(self.detail).get("made")
        return made

    @property
    def plural(self) -> str | None:
        """The list of that record."""
        plural: str | None = json.loads(self.detail).get("list")
        return plural


class Claims(Protocol):
    """The claims of one account, by the key of the call, as one session of it sees them."""

    async def find(self, key: str) -> Claim | None:
        """The earlier call with that key; None if there is none, or it can be made."""

    async def take(self, key: str, lease: float, known: Claim | None) -> bool:
        """Claim a call for `lease` seconds; False if another session was faster. `known` is what `find` returned.

        What is known of an earlier call stays until a request is sent again, so that a crash does not forget it.
        """

    async def sent(self, key: str, seen: Iterable[int], lease: float) -> float:
        """Note that the request leaves now. Returns the time until which no other session takes the call over.

        TakenOver if another session has done so already, since it took this one to be dead.
        """

    async def done(self, key: str, seconds: float, plural: str | None = None, made: int | None = None) -> None:
        """Keep for that long that the call succeeded, and which record it made, if any."""

    async def unknown(self, key: str) -> None:
        """Keep that the outcome is unknown, for a day from when it was sent."""

    async def release(self, key: str, known: Claim | None) -> None:
        """Forget a call that had no effect; what was `known` of an earlier one holds again."""

    async def deleted(self, plural: str, record_id: int) -> None:
        """Forget the call that made a record, since the same call would make it anew.

        The record is gone, and a later call finds that out, so it is no failure if it cannot be noted.
        """


class StoredClaims:
    """The claims in the store, made by one session of the caller `by`."""

    def __init__(self, store: Store, by: str = "") -> None:
        self._store, self._by = store, by
        self.owner = this_process()
        """The name of this session: others of the same process are told from it."""

    async def find(self, key: str) -> Claim | None:
        """The earlier call with that key; None if there is none, or it can be made."""
        store = self._store
        return self._found(store.row(_ROW, digest(key), store.now())) if store.exists else None

    async def take(self, key: str, lease: float, known: Claim | None) -> bool:
        """Claim a call; False if another session was faster."""
        store = self._store
        with store.transaction() as db:
            now = store.now()
            if self._found(db.execute(_ROW, (digest(key), now)).fetchone()) != known:
                return False
            earlier = ("claimed", now, now + DAY, "{}", self._by) if known is None else astuple(known)
            state, since, until, detail, by = earlier
            row = (digest(key), self.owner, state, since, now + lease, until, detail, by)
            db.execute("INSERT OR REPLACE INTO claims VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
        return True

    async def sent(self, key: str, seen: Iterable[int], lease: float) -> float:
        """Note that the request leaves now; TakenOver if another session took the call over."""
        now = self._store.now()
        change = "state = 'sent', since = ?, lease = ?, until = ?, detail = ?, caller = ?"
        self._change(key, change, now, now + lease, now + DAY, _json(seen=sorted(seen)), self._by, lasting=True)
        return now + lease

    async def done(self, key: str, seconds: float, plural: str | None = None, made: int | None = None) -> None:
        """Keep for that long that the call succeeded, and which record it made, if any."""
        until, detail = self._store.now() + seconds, _json(made=made, list=plural)
        self._change(key, "state = 'done', lease = 0, until = ?, detail = ?", until, detail)

    async def unknown(self, key: str) -> None:
        """Keep that the outcome is unknown, for a day from when it was sent."""
        self._change(key, "state = 'unknown', lease = 0, until = since + ?", DAY)

    async def release(self, key: str, known: Claim | None) -> None:
        """Forget a call that had no effect; what was `known` of an earlier one holds again."""
        if known is not None:
            change = "state = ?, since = ?, until = ?, detail = ?, caller = ?, lease = 0"
            self._change(key, change, *astuple(known))
            return
        with self._store.transaction() as db:
            db.execute("DELETE FROM claims WHERE key = ? AND owner = ?", (digest(key), self.owner))

    async def deleted(self, plural: str, record_id: int) -> None:
        """Forget the call that made a record, since the same call would make it anew."""
        if self._store.exists:
            with suppress(NotRemembered), self._store.transaction() as db:
                db.execute("DELETE FROM claims WHERE detail = ?", (_json(made=record_id, list=plural),))

    def _change(self, key: str, change: str, *values: object, lasting: bool = False) -> None:
        update = f"UPDATE claims SET {change} WHERE key = ? AND owner = ?"  # noqa: S608 - ours
        with self._store.transaction(lasting=lasting) as db:
            if not db.execute(update, (*values, digest(key), self.owner)).rowcount:
                if db.execute("SELECT 1 FROM claims WHERE key = ?", (digest(key),)).fetchone():
                    raise TakenOver
                raise NotRemembered("what it held of this call is gone")

    def _found(self, row: tuple[Any, ...] | None) -> Claim | None:
        if row is None:
            return None
        owner, state, since, lease, until, detail, by = row
        if owner != self.owner and self._store.now() < lease and not has_ended(owner):
            return Claim("busy", since, until, detail, by)
        if state == "claimed":
            return None
        return Claim("done" if state == "done" else "unknown", since, until, detail, by)


def _json(**detail: object) -> str:
    return json.dumps(detail)


_ROW = "SELECT owner, state, since, lease, until, detail, caller FROM claims WHERE key = ? AND until > ?"

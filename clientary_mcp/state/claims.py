"""Claims: one for each call that must not be made twice, on disk before its request leaves, settled by its answer.

    claimed ── sent ── done | unknown | (none: it had no effect)

A process that ends after `sent` leaves its claim, which then counts as unknown.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from clientary_mcp.durations import DAY
from clientary_mcp.errors import NotRemembered
from clientary_mcp.state.owner import has_ended
from clientary_mcp.state.store import Store, digest

State = Literal["busy", "done", "unknown"]


@dataclass(frozen=True)
class Claim:
    """An earlier call: busy while a living process makes it, else done or of unknown outcome."""

    state: State
    since: float
    """When it was claimed or sent, by the wall clock."""
    seen: frozenset[int] = frozenset()
    """`Call.seen` of that call."""
    made: int | None = None
    """The id of the record that it made."""


class Claims:
    """The claims of one account, by the key of the call."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def find(self, key: str) -> Claim | None:
        """The earlier call with that key; None if there is none, or it can be made."""
        store = self._store
        return self._found(store.row(_ROW, digest(key), store.now())) if store.exists else None

    def take(self, key: str, lease: float, known: Claim | None) -> bool:
        """Claim a call for `lease` seconds; False if another process was faster. `known` is what `find` returned.

        A call of unknown outcome stays one until a request is sent again.
        """
        store = self._store
        with store.transaction() as db:
            if self._found(db.execute(_ROW, (digest(key), store.now())).fetchone()) != known:
                return False
            if known is not None and known.state == "unknown":
                db.execute(
                    "UPDATE claims SET state = 'sent', owner = ?, lease = ? WHERE key = ?",
                    (store.owner, store.now() + lease, digest(key)),
                )
                return True
            row = (digest(key), store.owner, "claimed", store.now(), store.now() + lease, store.now() + DAY, "{}")
            db.execute("INSERT OR REPLACE INTO claims VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        return True

    def sent(self, key: str, seen: Iterable[int]) -> None:
        """Note that the request leaves now; NotRemembered if the claim is no longer ours, since another has made it."""
        now = self._store.now()
        change, detail = "state = 'sent', since = ?, until = ?, detail = ?", _json(seen=sorted(seen))
        self._change(key, change, now, now + DAY, detail, lasting=True)

    def done(self, key: str, seconds: float, plural: str | None = None, made: int | None = None) -> None:
        """Keep for that long that the call succeeded, and which record it made, if any."""
        until, detail = self._store.now() + seconds, _json(made=made, list=plural)
        self._change(key, "state = 'done', until = ?, detail = ?", until, detail)

    def unknown(self, key: str) -> None:
        """Keep that the outcome is unknown, for a day from when it was sent."""
        self._change(key, "state = 'unknown', until = since + ?", DAY)

    def deleted(self, plural: str, record_id: int) -> None:
        """Forget the call that made a record, since the same call would make it anew."""
        if self._store.exists:
            with self._store.transaction() as db:
                db.execute("DELETE FROM claims WHERE detail = ?", (_json(made=record_id, list=plural),))

    def release(self, key: str) -> None:
        """Forget a call that had no effect."""
        with self._store.transaction() as db:
            db.execute("DELETE FROM claims WHERE key = ? AND owner = ?", (digest(key), self._store.owner))

    def _change(self, key: str, change: str, *values: object, lasting: bool = False) -> None:
        store = self._store
        with store.transaction(lasting=lasting) as db:
            mine = (*values, digest(key), store.owner)
            changed = db.execute(f"UPDATE claims SET {change} WHERE key = ? AND owner = ?", mine)  # noqa: S608 - ours
        if not changed.rowcount:
            raise NotRemembered("another process has taken over the same call")

    def _found(self, row: tuple[Any, ...] | None) -> Claim | None:
        if row is None:
            return None
        owner, state, since, lease, detail = row
        given = json.loads(detail)
        seen, made = frozenset(given.get("seen", ())), given.get("made")
        if state in ("done", "unknown"):
            return Claim("done" if state == "done" else "unknown", since, seen, made)
        if owner != self._store.owner and self._store.now() < lease and not has_ended(owner):
            return Claim("busy", since, seen)
        return Claim("unknown", since, seen) if state == "sent" else None


def _json(**detail: object) -> str:
    return json.dumps(detail)


_ROW = "SELECT owner, state, since, lease, detail FROM claims WHERE key = ? AND until > ?"

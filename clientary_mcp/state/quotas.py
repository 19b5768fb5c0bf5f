"""Limits e-mails, charges and deletes per hour, so that a runaway loop ends in a clear error."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from math import ceil
from typing import TYPE_CHECKING

from clientary_mcp.durations import HOUR, MINUTE
from clientary_mcp.errors import BlockedByOwner, ClientaryError, NotRemembered
from clientary_mcp.settings import Settings
from clientary_mcp.state.store import Store
from tool_schemas.base.sentences import count_of

if TYPE_CHECKING:
    import sqlite3

_NOUNS = {"delete": "delete", "mail": "e-mail", "money": "charge"}


class Quotas:
    """Counts what was sent in the last hour by kind (`delete`, `mail`, `money`), over all processes."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._store = store
        self._limits = {
            "delete": (settings.deletes_per_hour, "CLIENTARY_DELETES_PER_HOUR"),
            "mail": (settings.mails_per_hour, "CLIENTARY_MAILS_PER_HOUR"),
            "money": (settings.charges_per_hour, "CLIENTARY_CHARGES_PER_HOUR"),
        }

    def check(self, kinds: Iterable[str]) -> None:
        """BlockedByOwner when one more of these kinds would be too many; other kinds have no limit."""
        if limited := sorted(self._limits.keys() & set(kinds)):
            with self._store.transaction() as db:
                for kind in limited:
                    self._check(db, kind)

    @contextmanager
    def spend(self, kind: str | None) -> Iterator[None]:
        """Count what is sent inside towards the quota of that kind, None for no quota, unless it has no effect."""
        if kind is None:
            yield
            return
        with self._store.transaction() as db:
            self._check(db, kind)
            now = self._store.now()
            row = db.execute("INSERT INTO spent (kind, at, until) VALUES (?, ?, ?)", (kind, now, now + HOUR)).lastrowid
        try:
            yield
        except ClientaryError as failure:
            if failure.effect in ("not sent", "unchanged"):
                with suppress(NotRemembered), self._store.transaction() as db:  # after an hour it counts no more
                    db.execute("DELETE FROM spent WHERE id = ?", (row,))
            raise

    def _check(self, db: "sqlite3.Connection", kind: str) -> None:
        most, variable = self._limits[kind]
        now = self._store.now()
        query = "SELECT count(*), min(at) FROM spent WHERE kind = ? AND until > ?"
        count, oldest = db.execute(query, (kind, now)).fetchone()
        if count >= most:
            again = [f"Try again in {count_of(ceil((oldest + HOUR - now) / MINUTE), 'minute')}."] if count else []
            limit = count_of(most, _NOUNS[kind])
            raise BlockedByOwner(
                f"The hourly limit of {limit} is reached.", *again, f"The owner can change {variable}."
            )

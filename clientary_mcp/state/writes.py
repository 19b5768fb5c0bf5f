"""What other sessions write meanwhile, and the ids of the records that any session created.

A list that is read page by page may change in between: `WritesInFlight` of the API looks here for other sessions'
writes. A create whose answer was lost is searched for among records that nobody is known to have created.
"""

from collections.abc import Iterable
from contextlib import suppress
from typing import Protocol

from clientary_mcp.durations import HOUR
from clientary_mcp.errors import NotRemembered
from clientary_mcp.state.store import Store

Kind = tuple[str, str]
"""The method and the list of a write: `("POST", "payments")`."""


class SharedWrites(Protocol):
    """The writes of all sessions that are under way, or ended within the last hour."""

    async def now(self) -> float:
        """The time by which writes are noted, for `of_others_since`."""

    async def begin(self, kind: Kind, at_most: float, by: str) -> int | str | None:
        """Note a write of the session named `by`; it is over after `at_most` seconds even if its process ends before
        it. Returns what `end` takes."""

    async def end(self, write: int | str | None, after: float = 0.0) -> None:
        """Note that it is over, or will be after that many seconds; if that cannot be noted, it is after `at_most`."""

    async def of_others_since(self, moment: float, by: str) -> list[Kind]:
        """The writes of sessions other than `by` that were under way at some time since that moment."""


class StoredWrites:
    """The writes of all sessions, in the store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def now(self) -> float:
        """The time by the wall clock."""
        return self._store.now()

    async def begin(self, kind: Kind, at_most: float, by: str) -> int | None:
        """Note a write, and return its row."""
        now = self._store.now()
        row = (self._store.owner, *kind, now + at_most, now + at_most + HOUR, by)
        with self._store.transaction() as db:
            return db.execute(
                "INSERT INTO writes (owner, method, list, ended, until, session) VALUES (?, ?, ?, ?, ?, ?)", row
            ).lastrowid

    async def end(self, write: int | str | None, after: float = 0.0) -> None:
        """Note that it is over, or will be after that many seconds."""
        with suppress(NotRemembered), self._store.transaction() as db:
            db.execute("UPDATE writes SET ended = ? WHERE id = ?", (self._store.now() + after, write))

    async def of_others_since(self, moment: float, by: str) -> list[Kind]:
        """The writes of other sessions that were under way at some time since that moment."""
        if not self._store.exists:
            return []
        query = "SELECT method, list FROM writes WHERE session != ? AND ended >= ?"
        return self._store.rows(query, by, moment)


class MadeHere(Protocol):
    """The ids of records that were created within the last hour, by any session."""

    async def add(self, plural: str, record_id: int) -> None:
        """Note a record that was created; it was, so it is no failure if that cannot be noted."""

    async def ids(self, plural: str) -> set[int]:
        """The ids of that list's records."""


class StoredMade:
    """The ids of created records, in the store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def add(self, plural: str, record_id: int) -> None:
        """Note a record that was created."""
        with suppress(NotRemembered), self._store.transaction() as db:
            db.execute("INSERT OR REPLACE INTO made VALUES (?, ?, ?)", (plural, record_id, self._store.now() + HOUR))

    async def ids(self, plural: str) -> set[int]:
        """The ids of that list's records."""
        if not self._store.exists:
            return set()
        rows: Iterable[tuple[int]] = self._store.rows("SELECT id FROM made WHERE list = ?", plural)
        return {record_id for (record_id,) in rows}


class Answered(Protocol):
    """The questions to users that were answered: each answer counts once, in whatever process."""

    async def first(self, question: str, seconds: float) -> bool:
        """Whether this is the first answer to a question that is valid for that long."""


class StoredAnswered:
    """The questions that were answered, in the store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def first(self, question: str, seconds: float) -> bool:
        """Whether this is the first answer to a question that is valid for that long."""
        now = self._store.now()
        with self._store.transaction() as db:
            row = (question, now + seconds)
            return db.execute("INSERT OR IGNORE INTO answered VALUES (?, ?)", row).rowcount == 1

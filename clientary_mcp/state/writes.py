"""What other processes write meanwhile, and the ids of the records that any process created.

A list that is read page by page may change in between: `WritesInFlight` of the API looks here for other processes'
writes. A create whose answer was lost is searched for among records that nobody is known to have created.
"""

from collections.abc import Iterable
from contextlib import suppress

from clientary_mcp.durations import HOUR
from clientary_mcp.errors import NotRemembered
from clientary_mcp.state.store import Store

Kind = tuple[str, str]
"""The method and the list of a write: `("POST", "payments")`."""


class SharedWrites:
    """The writes of all processes that are under way, or ended within the last hour."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.now = store.now

    def begin(self, kind: Kind, at_most: float) -> int | None:
        """Note a write, which is over after `at_most` seconds even if its process ends before it. Returns its row."""
        now = self._store.now()
        row = (self._store.owner, *kind, now + at_most, now + at_most + HOUR)
        with self._store.transaction() as db:
            return db.execute(
                "INSERT INTO writes (owner, method, list, ended, until) VALUES (?, ?, ?, ?, ?)", row
            ).lastrowid

    def end(self, row: int | None, after: float = 0.0) -> None:
        """Note that it is over, or will be after that many seconds."""
        with suppress(NotRemembered), self._store.transaction() as db:
            db.execute("UPDATE writes SET ended = ? WHERE id = ?", (self._store.now() + after, row))

    def of_others_since(self, moment: float) -> list[Kind]:
        """The writes of other processes that were under way at some time since that moment."""
        if not self._store.exists:
            return []
        query = "SELECT method, list FROM writes WHERE owner != ? AND ended >= ?"
        return self._store.rows(query, self._store.owner, moment)


class MadeHere:
    """The ids of records that were created within the last hour, by any process."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, plural: str, record_id: int) -> None:
        """Note a record that was created."""
        with suppress(NotRemembered), self._store.transaction() as db:
            db.execute("INSERT OR REPLACE INTO made VALUES (?, ?, ?)", (plural, record_id, self._store.now() + HOUR))

    def ids(self, plural: str) -> set[int]:
        """The ids of that list's records."""
        if not self._store.exists:
            return set()
        rows: Iterable[tuple[int]] = self._store.rows("SELECT id FROM made WHERE list = ?", plural)
        return {record_id for (record_id,) in rows}


class Answered:
    """The questions to users that were answered: each answer counts once, in whatever process."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def first(self, question: str, seconds: float) -> bool:
        """Whether this is the first answer to a question that is valid for that long."""
        now = self._store.now()
        with self._store.transaction() as db:
            row = (question, now + seconds)
            return db.execute("INSERT OR IGNORE INTO answered VALUES (?, ?)", row).rowcount == 1

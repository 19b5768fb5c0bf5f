"""The records of a backup while it is made, in a SQLite file that survives if the process is killed.

It is readable by its owner alone, and locked while a process has it. What was added is kept from one commit to the
next; a list that is not whole yet is gone on with where the last commit left it.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from clientary_mcp.errors import BlockedByOwner, SettingsError
from clientary_mcp.state.sqlite_file import make_private
from tool_schemas.base.results import as_text

State = Literal["begun", "whole", "changed", "refused"]
"""How far a list is: `changed` kept changing while it was read, `refused` is not the token's to read."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS about (account TEXT NOT NULL, begun REAL NOT NULL);
CREATE TABLE IF NOT EXISTS lists (
    id INTEGER PRIMARY KEY, resource TEXT NOT NULL, path TEXT NOT NULL UNIQUE, state TEXT NOT NULL, total INTEGER
);
CREATE TABLE IF NOT EXISTS records (
    list INTEGER NOT NULL, id INTEGER NOT NULL, record TEXT NOT NULL, PRIMARY KEY (list, id)
);
"""
_EVERY = 100
"""Records from one commit to the next."""
_MOST_COLUMNS = 500


class BackupStore:
    """The file at that path, made if there is none."""

    def __init__(self, path: Path) -> None:
        make_private(path)
        self.path = path
        self._added = 0
        self._connection = sqlite3.connect(path, timeout=0)
        try:
            self._connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._connection.execute("BEGIN EXCLUSIVE")
            self._connection.commit()
            self._connection.executescript(_SCHEMA)
        except sqlite3.DatabaseError as error:
            self._connection.close()
            busy = getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_BUSY
            why = "another backup is writing it" if busy else "it is not a file of ours"
            raise SettingsError(f"{path} cannot be used: {why}.") from None

    def close(self) -> None:
        """Close the file; what was not committed is lost."""
        self._connection.close()

    @property
    def begun(self) -> tuple[str, float] | None:
        """Whose records it holds and since when; None if it is new."""
        row = self._connection.execute("SELECT account, begun FROM about").fetchone()
        return (str(row[0]), float(row[1])) if row else None

    def begin(self, account: str, now: float) -> None:
        """Empty it, for the records of that account."""
        with self._kept():
            for table in ("about", "lists", "records"):
                self._connection.execute(f"DELETE FROM {table}")  # noqa: S608 - our own names
            self._connection.execute("INSERT INTO about VALUES (?, ?)", (account, now))

    def open_list(self, resource: str, path: str) -> int:
        """The number of a list, which is noted as begun unless it is there."""
        with self._kept():
            self._connection.execute(
                "INSERT INTO lists (resource, path, state) VALUES (?, ?, 'begun') ON CONFLICT DO NOTHING",
                (resource, path),
            )
        return int(self._one("SELECT id FROM lists WHERE path = ?", path))

    def state(self, number: int) -> State:
        """How far a list is."""
        state: State = self._one("SELECT state FROM lists WHERE id = ?", number)
        return state

    def settle(self, number: int, state: State, total: int | None = None) -> None:
        """Note how far a list is, and how many records it has by Clientary's count."""
        with self._kept():
            self._connection.execute("UPDATE lists SET state = ?, total = ? WHERE id = ?", (state, total, number))

    def clear(self, number: int) -> None:
        """Forget the records of a list, which is to be read again."""
        with self._kept():
            self._connection.execute("DELETE FROM records WHERE list = ?", (number,))
            self._connection.execute("UPDATE lists SET state = 'begun', total = NULL WHERE id = ?", (number,))

    def add(self, number: int, record_id: int, record: dict[str, Any]) -> None:
        """Add the next record of a list; one that it holds is replaced in its place."""
        with self._told():
            self._connection.execute(
                "INSERT INTO records VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET record = excluded.record",
                (number, record_id, as_text(record)),
            )
        self._added += 1
        if self._added % _EVERY == 0:
            self.commit()

    def commit(self) -> None:
        """Keep what was added."""
        with self._told():
            self._connection.commit()

    def count(self, number: int) -> int:
        """How many records of a list it holds."""
        return int(self._one("SELECT count(*) FROM records WHERE list = ?", number))

    def last(self, number: int) -> int | None:
        """The id of the record of a list that was added last."""
        row = self._connection.execute(
            "SELECT id FROM records WHERE list = ? ORDER BY rowid DESC LIMIT 1", (number,)
        ).fetchone()
        return int(row[0]) if row else None

    def ids(self, path: str) -> list[int]:
        """The ids of all records of a list."""
        found = self._connection.execute(
            "SELECT records.id FROM records JOIN lists ON lists.id = list WHERE path = ? ORDER BY records.id", (path,)
        )
        return [int(row[0]) for row in found]

    def lines(self, resource: str) -> Iterator[str]:
        """The records of a resource as JSON, those of each list by id."""
        found = self._connection.execute(
            "SELECT record FROM records JOIN lists ON lists.id = list WHERE resource = ? ORDER BY list, records.id",
            (resource,),
        )
        return (row[0] for row in found)

    def summary(self, resource: str) -> dict[str, Any]:
        """How many records of a resource there are, by Clientary's count too, and in which state its lists are."""
        of_resource = "FROM lists WHERE resource = ?"
        states = self._connection.execute(f"SELECT DISTINCT state {of_resource}", (resource,))
        held = "SELECT count(*) FROM records JOIN lists ON lists.id = list WHERE resource = ?"
        return {
            "count": int(self._one(held, resource)),
            "total_count": self._one(f"SELECT sum(total) {of_resource}", resource),
            "states": sorted(row[0] for row in states),
        }

    def make_view(self, resource: str) -> None:
        """A view of that name whose columns are the fields of the records, for whoever asks in SQL."""
        of_resource = "FROM records JOIN lists ON lists.id = list WHERE resource = "
        found = self._connection.execute(
            f"SELECT DISTINCT key FROM (SELECT record {of_resource} ?), json_each(record) LIMIT ?",  # noqa: S608 - ours
            (resource, _MOST_COLUMNS),
        )
        names = ["id", *(name for (name,) in found if name != "id" and '"' not in name and "'" not in name)]
        columns = ", ".join(f"""json_extract(record, '$."{name}"') AS "{name}\"""" for name in names)
        with self._kept():
            self._connection.execute(f'DROP VIEW IF EXISTS "{resource}"')
            self._connection.execute(f"CREATE VIEW \"{resource}\" AS SELECT {columns} {of_resource}'{resource}'")

    @contextmanager
    def _kept(self) -> Iterator[None]:
        """Keep what is done inside, with what was added before."""
        with self._told(), self._connection:
            yield

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Tell why the file cannot be written: the disk is full, as a rule."""
        try:
            yield
        except sqlite3.OperationalError as error:
            raise BlockedByOwner(f"{self.path} cannot be written: {error}.", because="store") from None

    def _one(self, query: str, *values: Any) -> Any:
        return self._connection.execute(query, values).fetchone()[0]

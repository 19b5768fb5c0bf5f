"""Key-values: what callers sign in with, by key, each for a time. The vault is built on it.

Operations that must not happen twice (`take`, `put` with `only_new`, `count`) are one step, over all processes.
"""

import errno
import math
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from clientary_mcp.durations import HOUR
from clientary_mcp.errors import NotRemembered, SettingsError
from clientary_mcp.settings.problems import invalid
from clientary_mcp.state.sqlite_file import PATIENCE, hold, identity, make_private, use_write_ahead_log


class KeyValues(Protocol):
    """Texts by key. NotRemembered where they cannot be reached."""

    async def get(self, key: str) -> str | None:
        """The value; None if there is none, or it has expired."""

    async def get_all(self, *keys: str) -> list[str | None]:
        """The values of several keys, asked for at once."""

    async def put(self, key: str, value: str, seconds: float | None = None, *, only_new: bool = False) -> bool:
        """Keep a value for so long, None for good; with `only_new` only if there is none. Whether it was kept."""

    async def take(self, key: str) -> str | None:
        """The value, which is gone afterwards: of several that take it, one gets it."""

    async def delete(self, *keys: str) -> None:
        """Forget values."""

    async def count(self, key: str, seconds: float) -> int:
        """Count an event, and return how many there were since the first, which is forgotten after so many seconds."""

    async def keys(self, prefix: str) -> list[str]:
        """The keys that begin with a text, in alphabetical order."""


_TABLE = "CREATE TABLE IF NOT EXISTS key_values (key TEXT PRIMARY KEY, value TEXT NOT NULL, until REAL NOT NULL)"
_HIGHEST = "\U0010ffff"
"""Sorts after every character that a key contains."""


class StoredKeyValues:
    """In a file of SQLite, which is the vault's own; without a path in memory, until the process ends.

    Several processes may have the file open, but only one of them as its server: see `open`.
    """

    def __init__(self, path: Path | None, wall: Callable[[], float]) -> None:
        self._path, self._wall = path, wall
        self._connection: sqlite3.Connection | None = None
        self._identity = 0
        self._server: int | None = None
        """The side file whose lock says that this process is the file's server."""
        self._swept = -math.inf

    def open(self, *, exclusive: bool = False, makes: bool = True) -> None:
        """Open the file before it is needed, `exclusive` as its only server; `makes` it if there is none.

        SettingsError if another process is its server, or it cannot be opened, or is damaged: it holds what nobody
        could make anew, so it is never set aside.
        """
        try:
            if not makes and self._path is not None and not self._path.exists():
                raise self._unfit("does not exist: a server makes it when it starts, or clientary-mcp callers add")
            if exclusive and self._path is not None and self._server is None:
                self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._server = hold(self._path.with_name(f"{self._path.name}.server"))
            if self._open().execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
                raise self._unfit("is damaged: restore a copy of it, or remove it to begin anew")
        except BlockingIOError:
            raise self._unfit("is held by another server; several servers share redis://") from None
        except OSError as error:
            raise self._unfit(f"cannot be opened: {error.strerror}") from None
        except sqlite3.OperationalError as error:
            raise self._unfit(f"cannot be opened: {error}") from None
        except sqlite3.DatabaseError:
            raise self._unfit("is damaged, or no vault: restore a copy of it, or remove it to begin anew") from None

    def close(self) -> None:
        """Close the file, and let another process be its server."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._server is not None:
            os.close(self._server)
            self._server = None

    async def get(self, key: str) -> str | None:
        """See `KeyValues`."""
        with self._reaching() as db:
            return self._value(db, key)

    async def get_all(self, *keys: str) -> list[str | None]:
        """See `KeyValues`."""
        with self._reaching() as db:
            return [self._value(db, key) for key in keys]

    async def put(self, key: str, value: str, seconds: float | None = None, *, only_new: bool = False) -> bool:
        """See `KeyValues`."""
        until = math.inf if seconds is None else self._wall() + seconds
        with self._transaction() as db:
            if only_new and self._value(db, key) is not None:
                return False
            db.execute("REPLACE INTO key_values VALUES (?, ?, ?)", (key, value, until))
        return True

    async def take(self, key: str) -> str | None:
        """See `KeyValues`."""
        with self._transaction() as db:
            value = self._value(db, key)
            db.execute("DELETE FROM key_values WHERE key = ?", (key,))
        return value

    async def delete(self, *keys: str) -> None:
        """See `KeyValues`."""
        with self._transaction() as db:
            db.executemany("DELETE FROM key_values WHERE key = ?", [(key,) for key in keys])

    async def count(self, key: str, seconds: float) -> int:
        """See `KeyValues`."""
        with self._transaction() as db:
            count = int(self._value(db, key) or 0) + 1
            if count == 1:
                row = (key, "1", self._wall() + seconds)
                db.execute("REPLACE INTO key_values VALUES (?, ?, ?)", row)
            else:
                db.execute("UPDATE key_values SET value = ? WHERE key = ?", (str(count), key))
        return count

    async def keys(self, prefix: str) -> list[str]:
        """See `KeyValues`."""
        query = "SELECT key FROM key_values WHERE key >= ? AND key < ? AND until > ? ORDER BY key"
        with self._reaching() as db:
            return [row[0] for row in db.execute(query, (prefix, prefix + _HIGHEST, self._wall()))]

    def _value(self, db: sqlite3.Connection, key: str) -> str | None:
        query = "SELECT value FROM key_values WHERE key = ? AND until > ?"
        row = db.execute(query, (key, self._wall())).fetchone()
        return None if row is None else str(row[0])

    @contextmanager
    def _reaching(self) -> Iterator[sqlite3.Connection]:
        """The connection; NotRemembered if the file cannot be used."""
        try:
            yield self._open()
        except sqlite3.Error as error:
            raise NotRemembered(str(error)) from None
        except OSError as error:
            raise NotRemembered(error.strerror or "its file cannot be opened") from None

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """A short transaction, which no other process's overlaps."""
        with self._reaching() as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            finally:
                if db.in_transaction:
                    db.execute("ROLLBACK")

    def _open(self) -> sqlite3.Connection:
        """The connection; opened again if the file was replaced, but not made again if it was removed."""
        if self._connection is not None and self._path is not None and identity(self._path) != self._identity:
            if not self._path.exists():
                raise FileNotFoundError(errno.ENOENT, "its file was removed")
            self._connection.close()
            self._connection = None
        if self._connection is None:
            self._connection = self._connected()
        if self._wall() - self._swept > HOUR:
            self._swept = self._wall()
            self._connection.execute("DELETE FROM key_values WHERE until < ?", (self._swept,))
        return self._connection

    def _connected(self) -> sqlite3.Connection:
        if self._path is not None:
            make_private(self._path)
            self._identity = identity(self._path)
        db = sqlite3.connect(self._path or ":memory:", timeout=PATIENCE, isolation_level=None, check_same_thread=False)
        try:
            if self._path is not None:
                use_write_ahead_log(db)
                db.execute("PRAGMA synchronous=FULL")  # what was answered is kept, also when the machine stops
            db.execute(_TABLE)
        except sqlite3.Error:
            db.close()
            raise
        return db

    def _unfit(self, problem: str) -> SettingsError:
        self.close()
        return invalid("CLIENTARY_STORE", f"names {self._path}, which {problem}")

"""The store: what must not be forgotten between calls, in one SQLite file that all processes of a user share.

It holds ids, digests and times alone, no name, text, amount or token; only `actions`, which `CLIENTARY_UNDO_HOURS`
turns on, also holds the values of records before and after a change. Rows expire. Nothing is imported or opened
before the first write or preview. Times are wall-clock seconds, since processes compare them.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from clientary_mcp.durations import HOUR
from clientary_mcp.errors import NotRemembered
from clientary_mcp.state.owner import has_ended, this_process
from clientary_mcp.state.sqlite_file import PATIENCE, identity, locked, make_private, use_write_ahead_log

if TYPE_CHECKING:
    import sqlite3

logger = logging.getLogger(__name__)

UsedT = TypeVar("UsedT")

TABLES = {
    "claims": "key TEXT PRIMARY KEY, owner TEXT, state TEXT, since REAL, lease REAL, until REAL, detail TEXT,"
    " caller TEXT DEFAULT ''",
    "turns": "key TEXT PRIMARY KEY, owner TEXT, until REAL",
    "ledger": "key TEXT PRIMARY KEY, state TEXT, since REAL, until REAL",
    "billed": "invoice INTEGER, project INTEGER, kind TEXT, first INTEGER, past INTEGER, freed INTEGER, until REAL,"
    " PRIMARY KEY (invoice, project, kind, first, past)",
    "spent": "id INTEGER PRIMARY KEY, kind TEXT, at REAL, until REAL, caller TEXT DEFAULT ''",
    "previews": "id TEXT PRIMARY KEY, call TEXT, detail TEXT, until REAL, caller TEXT DEFAULT ''",
    "answered": "id TEXT PRIMARY KEY, until REAL",
    "writes": "id INTEGER PRIMARY KEY, owner TEXT, method TEXT, list TEXT, ended REAL, until REAL,"
    " session TEXT DEFAULT ''",
    "made": "list TEXT, id INTEGER, until REAL, PRIMARY KEY (list, id)",
    "actions": "id TEXT PRIMARY KEY, at REAL, taken_back INTEGER, detail TEXT, until REAL, caller TEXT DEFAULT ''",
}
"""Every table, and its columns; a row counts for nothing after `until`."""

_VERSION = 1
"""The version of these tables, in the file's `user_version`; files of 0.1 have 0. A change adds columns at the end."""

_ADDED = {"claims": "caller", "spent": "caller", "previews": "caller", "writes": "session", "actions": "caller"}
"""The columns of version 1 that a file of version 0 lacks: texts, empty by default."""

_UNDER_WAY = {"claims": "lease", "turns": "until", "writes": "ended"}
"""Tables of what processes are doing, and the column that says how long they may take for it."""


class Store:
    """The tables of one account, in the file that `place` names; without one in memory, until the process ends."""

    def __init__(self, place: Callable[[], Path] | None, wall: Callable[[], float]) -> None:
        self._place, self.now = place, wall
        self.owner = this_process()
        self.problem: str | None = None
        """Why the tables are in memory although a file was wanted."""
        self._connection: sqlite3.Connection | None = None
        self._lasting: bool | None = None
        """Whether the connection waits until the disk has a transaction; None for a new one."""
        self._inode = 0
        self._swept = 0.0

    @property
    def path(self) -> Path | None:
        """The file, if there is one."""
        return self._place() if self._place else None

    @property
    def exists(self) -> bool:
        """Whether anything may have been stored, by this process or another."""
        return self._connection is not None or (self.path is not None and self.path.exists())

    @contextmanager
    def transaction(self, *, lasting: bool = False) -> Iterator["sqlite3.Connection"]:
        """A short transaction, which no other process's overlaps; NotRemembered if the file cannot be written.

        Every transaction outlives the process. A `lasting` one outlives the machine too, for some milliseconds more.
        """
        import sqlite3

        def begin(db: sqlite3.Connection) -> sqlite3.Connection:
            if self._lasting is not lasting:
                db.execute(f"PRAGMA synchronous={'FULL' if lasting else 'NORMAL'}")
                self._lasting = lasting
            db.execute("BEGIN IMMEDIATE")
            return db

        connection = self._working(begin)
        try:
            yield connection
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise self._failed(error) from None
        finally:
            if self._connection is connection and connection.in_transaction:
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")

    def rows(self, query: str, *values: object) -> list[Any]:
        """The rows of a query, outside a transaction; NotRemembered if the file cannot be read."""
        return self._working(lambda db: db.execute(query, values).fetchall())

    def row(self, query: str, *values: object) -> Any:
        """The first row of a query; None if there is none."""
        return next(iter(self.rows(query, *values)), None)

    def close(self) -> None:
        """Close the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def check(self) -> str | None:
        """Why nothing can be stored in the file; None if it works."""
        try:
            with self.transaction():
                return self.problem
        except NotRemembered as error:
            return str(error)

    def counts(self) -> dict[str, int]:
        """The number of rows that still count, by table."""
        with self.transaction() as db:
            return {
                table: db.execute(f"SELECT count(*) FROM {table} WHERE until > ?", (self.now(),)).fetchone()[0]  # noqa: S608 - our own names
                for table in TABLES
            }

    def forget(self) -> None:
        """Delete every row, but for what a living process is doing."""
        with self.transaction() as db:
            for table in TABLES.keys() - _UNDER_WAY.keys():
                db.execute(f"DELETE FROM {table}")  # noqa: S608 - our own names
            for table, column in _UNDER_WAY.items():
                for row, owner, until in db.execute(f"SELECT rowid, owner, {column} FROM {table}").fetchall():  # noqa: S608 - ours
                    if until < self.now() or has_ended(owner):
                        db.execute(f"DELETE FROM {table} WHERE rowid = ?", (row,))  # noqa: S608 - our own names

    def _working(self, use: Callable[["sqlite3.Connection"], UsedT]) -> UsedT:
        """What `use` makes of the connection; of one to a new file if the old one turns out to be damaged."""
        import sqlite3

        for again in (True, False):
            try:
                return use(self._open())
            except sqlite3.Error as error:
                failure = self._failed(error)
                if not (again and _shows_damage(error)):
                    raise failure from None
        raise AssertionError("the second time returns or raises")

    def _failed(self, error: "sqlite3.Error") -> NotRemembered:
        """What an error of SQLite means for the call; a file that it shows to be damaged is set aside."""
        path = self.path
        if path is not None and _shows_damage(error):
            try:
                self._set_aside(path)
            except OSError as problem:
                return NotRemembered(f"it is damaged, and cannot be set aside: {problem.strerror}")
        return NotRemembered(str(error))

    def _open(self) -> "sqlite3.Connection":
        """The connection; opened again if the file was set aside or removed by others meanwhile."""
        if self._connection is None or (self._place and identity(self._place()) != self._inode):
            self.close()
            self._connection, self._lasting = self._opened(), None
        if abs(self.now() - self._swept) > HOUR:
            self._swept = self.now()
            for table in TABLES:
                self._connection.execute(f"DELETE FROM {table} WHERE until < ?", (self._swept,))  # noqa: S608 - ours
        return self._connection

    def _opened(self) -> "sqlite3.Connection":
        if (path := self.path) is not None:
            try:
                make_private(path)
                self._inode = identity(path)
            except OSError as error:
                self.problem = error.strerror or "it cannot be opened"
                if self._inode:  # what the file said of earlier calls is not known any more
                    raise NotRemembered(self.problem) from None
                self._place = None
                logger.warning(
                    "What was sent is remembered in this process alone, since the store cannot be opened: %s.",
                    self.problem,
                )
        return _connected(self.path)

    def _set_aside(self, path: Path) -> None:
        """Rename a damaged file, unless another process has done so meanwhile."""
        self.close()
        with locked(path.with_name(f"{path.name}.lock")):
            if not _is_damaged(path):
                return
            aside = path.with_name(f"{path.name}.damaged-{self.now():.0f}")
            for suffix in ("-wal", "-shm"):  # first: afterwards they could be those of the new file
                path.with_name(path.name + suffix).unlink(missing_ok=True)
            path.replace(aside)
        logger.warning("The store was damaged. It was set aside as %s, and begun anew.", aside.name)


@cache
def path_of(address: str) -> Path:
    """The file of the account at that address, in the user's state directory."""
    from platformdirs import user_state_path

    return user_state_path("clientary-mcp", appauthor=False) / f"{digest(address)[:16]}.sqlite3"


def digest(text: str) -> str:
    """What stands in the store for a text."""
    return sha256(text.encode(errors="backslashreplace")).hexdigest()


def _connected(path: Path | None) -> "sqlite3.Connection":
    import sqlite3

    connection = sqlite3.connect(path or ":memory:", timeout=PATIENCE, isolation_level=None, check_same_thread=False)
    try:
        if path is not None:
            use_write_ahead_log(connection)
        _make_tables(connection)
    except (sqlite3.Error, NotRemembered):
        connection.close()
        raise
    return connection


def _make_tables(connection: "sqlite3.Connection") -> None:
    """Make the tables, or bring those of an older version up to date; NotRemembered if they are of a newer one."""
    if (version := _version_of(connection)) == _VERSION:
        return
    if version > _VERSION:
        raise NotRemembered("its file is of a newer version of clientary-mcp: update this one")
    connection.execute("BEGIN IMMEDIATE")
    if _version_of(connection) != _VERSION:  # else another process was faster
        for table, columns in TABLES.items():
            connection.execute(f"CREATE TABLE IF NOT EXISTS {table} ({columns})")
        for table, column in _ADDED.items():
            there = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
            if column not in there:
                connection.execute(f"ALTER TABLE {table} ADD COLUMN {column} TEXT DEFAULT ''")
        connection.execute(f"PRAGMA user_version={_VERSION}")
    connection.execute("COMMIT")


def _version_of(connection: "sqlite3.Connection") -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _shows_damage(error: "sqlite3.Error") -> bool:
    """Whether an error says that the file is damaged, cut off, no database at all, or has other tables than ours."""
    import sqlite3

    code = getattr(error, "sqlite_errorcode", 0)
    damaged = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)
    return code & 0xFF in damaged or code == sqlite3.SQLITE_IOERR_SHORT_READ


def _is_damaged(path: Path) -> bool:
    import sqlite3

    try:
        connection = _connected(path)
        try:
            return bool(connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok")
        finally:
            connection.close()
    except sqlite3.Error as error:
        return _shows_damage(error)
    except NotRemembered:
        return False

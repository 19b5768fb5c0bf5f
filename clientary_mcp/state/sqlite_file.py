"""Files of SQLite: made for their owner alone, recognized when they are replaced, locked while one process has them."""

import errno
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

PATIENCE = 5.0
"""Seconds to wait for another process's transaction, which takes about a millisecond."""


def make_private(path: Path) -> None:
    """Create the file, readable by its owner alone, unless it exists; OSError if it cannot be used.

    The directory is made for its owner too. An existing file is not opened: closing it would end the locks of this
    process's other connections to it.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    if not os.access(path, os.R_OK | os.W_OK) or path.is_dir():
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def identity(path: Path) -> int:
    """The identity of the file at that path; 0 if there is none."""
    try:
        return path.stat().st_ino
    except OSError:
        return 0


def use_write_ahead_log(connection: "sqlite3.Connection") -> None:
    """Let readers and a writer of a new file go on at the same time.

    While another process does the same, SQLite does not wait for it as it does elsewhere.
    """
    import sqlite3

    until = time.monotonic() + PATIENCE
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.005)  # as long as the other process takes


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of a side file, for which others wait, if the system has such locks."""
    file = hold(path, wait=True)
    try:
        yield
    finally:
        os.close(file)


def hold(path: Path, *, wait: bool = False) -> int:
    """The side file with its lock, until it is closed or the process ends; BlockingIOError if another one has it."""
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    if sys.platform != "win32":
        import fcntl

        try:
            fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(file)
            raise
    return file

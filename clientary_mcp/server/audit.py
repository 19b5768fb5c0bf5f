"""The audit trail: one JSON line for each call, appended whole, for the owner to read afterwards.

A line tells what was asked, what left for Clientary, and what was there before and after as far as it was read anyway;
never the token, never a secret. What cannot be undone is on the disk before its answer is given, and where nothing can
be written, nothing is changed.
"""

import json
import os
import shutil
import sys
from collections import deque
from collections.abc import Collection
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from clientary_mcp.api.call import Call
from clientary_mcp.errors import BlockedByOwner, SettingsError
from clientary_mcp.redaction import HANDLES, SecretMemory, redacted
from tool_schemas.base.models import Arguments, Confirmed, PartialUpdate
from tool_schemas.base.parsing import sanitized
from tool_schemas.base.results import bounded

if sys.platform != "win32":
    import fcntl

_UNWRITABLE = (
    "Nothing was sent: the audit trail can't be written ({why}), and the owner wants no change without it. "
    "CLIENTARY_AUDIT_LOG names its file."
)

_as_json = json.JSONEncoder(ensure_ascii=False, default=str, separators=(",", ":")).encode

# A named pipe that nobody reads must not hold up anybody.
_APPENDING = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NONBLOCK", 0)

_LONGEST = 32 * 1024
"""Bytes of a line, beyond its writes."""

_ENOUGH = 64 * _LONGEST
"""Bytes that must be free: the lines of all calls that may be under way."""

_MOST = 200
"""Lines that wait for a disk that takes none; those of reads alone can become so many."""


class Audit:
    """The trail in one file, shared by all sessions and other processes; without a path it keeps nothing.

    The file is opened for each line: one that was renamed or deleted meanwhile is begun anew. No line holds one of
    the `secrets`, whoever said it.
    """

    def __init__(self, path: Path | None, secrets: Collection[str] = ()) -> None:
        self._path = path.absolute() if path else None
        self._secrets = secrets
        self._pending: deque[bytes] = deque()
        self._lost = 0
        try:
            self._flush(lasting=False)
        except OSError as error:
            raise SettingsError(f"CLIENTARY_AUDIT_LOG names a file that can't be written: {error.strerror}.") from None

    def check(self) -> None:
        """Withheld when a line could not be written now: asked before every write."""
        try:
            self._flush(lasting=True)
            full = self._path is not None and shutil.disk_usage(self._path).free < _ENOUGH
        except OSError as error:
            raise BlockedByOwner(_UNWRITABLE.format(why=error.strerror)) from None
        if full:
            raise BlockedByOwner(_UNWRITABLE.format(why="the disk is full"))

    def write(self, line: dict[str, Any]) -> None:
        """Append one line; after a write the disk has it before the answer. OSError when it has to wait.

        `lost` counts the lines of reads that are missing before it, because the disk took none for too long.
        """
        if self._path is None:
            return
        changing = "writes" in line
        if len(self._pending) < _MOST or changing:
            plain = self._without_secrets(line)
            self._pending.append(_encoded(plain | {"lost": self._lost} if self._lost else plain))
            self._lost = 0
        else:
            self._lost += 1
        self._flush(lasting=changing)

    @property
    def keeps(self) -> bool:
        """Whether there is a trail at all."""
        return self._path is not None

    def recent(self, most_bytes: int) -> list[dict[str, Any]]:
        """The last lines that fit into so many bytes, the newest last; none where the file can't be read."""
        if self._path is None or not self._path.is_file():
            return []
        try:
            with self._path.open("rb") as file:
                start = max(0, file.seek(0, os.SEEK_END) - most_bytes)
                file.seek(start)
                lines = file.read(most_bytes).split(b"\n")
        except OSError:
            return []
        whole = lines[1:] if start else lines
        return [line for text in whole if (line := _read(text)) is not None]

    def _without_secrets(self, line: dict[str, Any]) -> dict[str, Any]:
        """Before anything of it is cut: no part of a secret stays either."""
        encoded = _as_json(line).encode(errors="backslashreplace")
        plain: dict[str, Any] = json.loads(redacted(encoded, self._secrets, SecretMemory()))
        return plain

    def _flush(self, *, lasting: bool) -> None:
        """Append what waits; OSError when it goes on waiting."""
        if self._path is None:
            return
        file = os.open(self._path, _APPENDING, 0o600)
        try:
            _lock(file)
            while self._pending:
                _append(file, self._pending[0])
                self._pending.popleft()
            if lasting:
                os.fsync(file)
        finally:
            os.close(file)


def _lock(file: int) -> None:
    """Until the file is closed no other process of ours appends to it, where the system knows such locks."""
    if sys.platform != "win32":
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)


def _append(file: int, line: bytes) -> None:
    """One whole line, or nothing of it: a disk may take it in pieces, and fill in between."""
    left = line
    try:
        while left:
            left = left[os.write(file, left) :]
    except OSError:
        if torn := len(line) - len(left):
            os.ftruncate(file, os.fstat(file).st_size - torn)
        raise


def _read(text: bytes) -> dict[str, Any] | None:
    """One line of the file; None for what is none of ours."""
    try:
        line = json.loads(text, parse_constant=str)
    except (ValueError, RecursionError):
        return None
    return line if isinstance(line, dict) else None


def _encoded(line: dict[str, Any]) -> bytes:
    """A line: every write, and of all else what fits into `_LONGEST` bytes; values of fields are left out first."""
    writes = {name: line[name] for name in ("writes",) if name in line}
    for left_out, characters, entries in (((), 500, 40), ((), 100, 10), (("given", "before", "after"), 100, 10)):
        parts = {name: part for name, part in line.items() if name not in left_out}
        encoded = _as_json(bounded(parts, characters, entries) | writes).encode(errors="backslashreplace") + b"\n"
        if len(encoded) <= _LONGEST:
            break
    return encoded


def now() -> str:
    """The time of a line."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def line_of(
    tool: str,
    args: Arguments | None,
    call: Call,
    outcome: str,
    seconds: float,
    client: str | None,
    shown: dict[str, Any] | None,
) -> dict[str, Any]:
    """What the trail says of one call: which record, what was sent where, how it ended, what was and what is there."""
    line: dict[str, Any] = {"time": now(), "tool": tool}
    if args is not None:
        line["ids"] = {name: value for name, value in args if _addresses(name) and value is not None}
    line |= {"outcome": outcome, "seconds": round(seconds, 3), "client": client}
    if call.writes:
        line |= {"writes": call.writes, **_change(call, args, shown or {})}
    if call.retries:
        line["retries"] = call.retries
    return line


def _addresses(name: str) -> bool:
    return name.endswith("_id") and name not in HANDLES


def _given(args: Arguments | None) -> dict[str, Any]:
    """What a write was asked to set, "" where a field was cleared; a payment handle is a secret, and stays out."""
    if args is None:
        return {}
    given = dict(sanitized(args.model_dump(mode="json", exclude_none=True)))
    body = args.body() if isinstance(args, PartialUpdate) else {}
    return given | {name: "" for name, value in body.items() if value == "" and name in type(args).model_fields}


def _change(call: Call, args: Arguments | None, shown: dict[str, Any]) -> dict[str, Any]:
    """What was given, and what is known of before and after: of an update the same fields, else of the record."""
    given = _given(args)
    before = {name: value for name, value in call.before.items() if isinstance(args, Confirmed) or name in given}
    names = ("id", *given) if call.writes[0]["method"] == "POST" else given
    after = shown.get("record") or {name: shown[name] for name in names if name in shown}
    return {"given": given} | {name: part for name, part in (("before", before), ("after", after)) if part}

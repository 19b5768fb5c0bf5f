"""The audit trail: one JSON line for each call, appended whole, for the owner to read afterwards.

A line holds the arguments, the writes sent to Clientary, and the record before and after as far as it was read
anyway; never a secret. Before each write is sent, a line that says so is on disk, with the `id` of the call's last
line: a process that ends in mid-write leaves it behind. If the trail cannot be written, nothing is sent.
"""

import json
import logging
import os
import shutil
import sys
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from clientary_mcp.api.call import Call
from clientary_mcp.errors import BlockedByOwner, ClientaryError, NotRemembered, OutcomeUnknown, SettingsError
from clientary_mcp.observe import observer
from clientary_mcp.redaction import HANDLES, Secrets
from clientary_mcp.state.trail import Trail
from tool_schemas.base.models import Arguments, Confirmed, PartialUpdate
from tool_schemas.base.parsing import sanitized
from tool_schemas.base.results import bounded

if sys.platform != "win32":
    import fcntl

logger = logging.getLogger(__name__)

_as_json = json.JSONEncoder(ensure_ascii=False, default=str, separators=(",", ":")).encode

# A named pipe without a reader must not block the call.
_APPENDING = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NONBLOCK", 0)

_LONGEST = 32 * 1024
"""Bytes of a line, besides its writes."""

_ENOUGH = 64 * _LONGEST
"""Bytes that must be free: room for the lines of all calls that may be running."""

_BEGUN = "begun"
"""The outcome in the line of a write that is about to be sent."""

_VALUES = ("given", "before", "after")
"""What a line tells of the records themselves."""

_MOST = 200
"""Lines kept in memory while the disk accepts none; only reads can produce so many."""


@dataclass
class Entry:
    """The trail's entry for one call: which record, what was sent, how it ended, the record before and after."""

    audit: "Audit"
    tool: str
    call: Call
    client: str | None
    args: Arguments | None = None
    outcome: str = "given up"
    """How the call ended; the default remains when the call is cancelled."""
    shown: dict[str, Any] = field(default_factory=dict)
    """The answer, if there is one."""
    id: str = field(default_factory=lambda: uuid4().hex[:8])
    """What the lines of this call have in common."""

    def begin_write(self, method: str, path: str) -> None:
        """Called right before a write is sent: record that on disk; BlockedByOwner if that fails."""
        self.audit.begin(self._heading(_BEGUN) | {"client": self.client, "writes": [{"method": method, "path": path}]})

    def answered(self, answer: object, outcome: str) -> None:
        """Record that the call ended with an answer: a question, or what the agent is sent."""
        self.outcome = outcome
        if isinstance(answer, dict):
            self.shown = answer

    def failed(self, error: Exception) -> None:
        """Record that the call ended with an error."""
        self.outcome = error.code if isinstance(error, ClientaryError) else "defect"
        if isinstance(error, OutcomeUnknown):
            observer().count("clientary.outcome_unknown")
        elif isinstance(error, NotRemembered):
            observer().count("clientary.refused", "store")
        elif isinstance(error, BlockedByOwner):
            observer().count("clientary.refused", error.because)

    def line(self) -> dict[str, Any]:
        """The entry as a line of the trail."""
        call, seconds = self.call, self.call.clock.now() - self.call.begun
        line = self._heading(self.outcome) | {"seconds": round(seconds, 3), "client": self.client}
        if call.writes:
            line |= {"writes": call.writes, **_change(call, self.args, self.shown)}
        if call.retries:
            line["retries"] = call.retries
        return line

    def _heading(self, outcome: str) -> dict[str, Any]:
        """What every line begins with: when, which call, which records, and how far it got."""
        line: dict[str, Any] = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "id": self.id}
        line |= {"tool": self.tool, **self.audit.about}
        if self.args is not None:
            line["ids"] = {name: value for name, value in self.args if _addresses(name) and value is not None}
        return line | {"outcome": outcome}


class Audit:
    """The trail in one file, shared by all sessions and other processes; without a path, nothing is kept.

    The file is opened for each line: one that was renamed or deleted meanwhile is created again. No line holds a
    secret, wherever it came from. Each has what is said `about` who calls (`account`, `caller`, `replica`). Where
    replicas have a file each, `shared` is the end of all of them.
    """

    def __init__(
        self, path: Path | None, secrets: Secrets, about: Mapping[str, str] | None = None, shared: Trail | None = None
    ) -> None:
        self._path = path.absolute() if path else None
        self._secrets, self._shared = secrets, shared
        self.about = about or {}
        self._pending: deque[bytes] = deque()
        self._lost = 0
        try:
            self._flush(lasting=False)
        except OSError as error:
            raise SettingsError(f"CLIENTARY_AUDIT_LOG names a file that cannot be written: {error.strerror}.") from None

    @asynccontextmanager
    async def call(self, tool: str, call: Call, client: str | None) -> AsyncIterator["Entry"]:
        """One call, from its arrival to its answer: a line before each write, and one at the end in any case."""
        entry = Entry(self, tool, call, client)
        try:
            yield entry
        finally:
            line = entry.line()
            try:
                self.write(line)
            except OSError:  # the call has had its effect, and an error would suggest otherwise
                logger.exception("the audit trail could not be written")
            if self._shared is not None and self._path is not None:
                await self._shared.add(_within(self._secrets.outgoing(line)))

    def check(self) -> None:
        """BlockedByOwner when a line could not be written now."""
        try:
            self._flush(lasting=False)
            full = self._path is not None and shutil.disk_usage(self._path).free < _ENOUGH
        except OSError as error:
            raise _unwritable(error) from None
        if full:
            raise _unwritable()

    def begin(self, line: dict[str, Any]) -> None:
        """Append the line of a write that is about to be sent, and sync it; BlockedByOwner if that fails."""
        if self._path is None:
            return
        self.check()
        self._pending.append(_encoded(self._secrets.outgoing(line)))
        try:
            self._flush(lasting=True)
        except OSError as error:
            self._pending.clear()  # only this line was left, and nothing begins
            raise _unwritable(error) from None

    def write(self, line: dict[str, Any]) -> None:
        """Append one line, and sync it to disk if it is a write's. OSError if it has to wait in memory.

        `lost` counts the lines of reads dropped before it, because the disk accepted none for too long.
        """
        if self._path is None:
            return
        changing = "writes" in line
        if len(self._pending) < _MOST or changing:
            plain = self._secrets.outgoing(line)  # before anything is cut, so that no part of a secret remains either
            self._pending.append(_encoded(plain | {"lost": self._lost} if self._lost else plain))
            self._lost = 0
        else:
            self._lost += 1
        self._flush(lasting=changing)

    @property
    def keeps(self) -> bool:
        """Whether a trail is kept at all."""
        return self._path is not None

    async def recent(self, most_bytes: int, *, of_others: bool) -> list[dict[str, Any]]:
        """The last lines that fit into `most_bytes`, the newest last; none if they cannot be read.

        With `of_others`, those of other callers of the account too, without the values of records, which the caller's
        own credential may not be allowed to read. The lines of begun writes are left out once their call has ended.
        """
        lines = await self._shared.recent(most_bytes) if self._shared else self._read_file(most_bytes)
        lines = [seen for line in lines if (seen := self._seen(line, of_others=of_others))]
        ended = {str(line.get("id")) for line in lines if line.get("outcome") != _BEGUN}
        return [line for line in lines if line.get("outcome") != _BEGUN or str(line.get("id")) not in ended]

    def _seen(self, line: dict[str, Any], *, of_others: bool) -> dict[str, Any] | None:
        """What the caller sees of a line; None if it is no business of theirs. A single owner sees all."""
        if all(line.get(name) == self.about[name] for name in ("account", "caller") if name in self.about):
            return line
        if not of_others or line.get("account") != self.about["account"]:
            return None
        return {name: value for name, value in line.items() if name not in _VALUES}

    def _read_file(self, most_bytes: int) -> list[dict[str, Any]]:
        if self._path is None or not self._path.is_file():
            return []
        try:
            with self._path.open("rb") as file:
                start = max(0, file.seek(0, os.SEEK_END) - most_bytes)
                file.seek(start)
                lines = file.read(most_bytes).split(b"\n")
        except OSError:
            return []
        return [line for text in (lines[1:] if start else lines) if (line := _read(text)) is not None]

    def _flush(self, *, lasting: bool) -> None:
        """Append the waiting lines; OSError if they have to keep waiting."""
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


def _unwritable(error: OSError | None = None) -> BlockedByOwner:
    why = error.strerror or "unknown reason" if error else "the disk is full"
    return BlockedByOwner(
        f"The audit trail cannot be written ({why}), and no change is allowed without it.",
        "CLIENTARY_AUDIT_LOG names its file.",
        because="store",
    )


def _lock(file: int) -> None:
    """Keep other processes of ours from appending until the file is closed, if the system has such locks."""
    if sys.platform != "win32":
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)


def _append(file: int, line: bytes) -> None:
    """Append a whole line, or nothing: the disk may accept it in pieces and fill up in between."""
    left = line
    try:
        while left:
            left = left[os.write(file, left) :]
    except OSError:
        if written := len(line) - len(left):
            os.ftruncate(file, os.fstat(file).st_size - written)
        raise


def _read(text: bytes) -> dict[str, Any] | None:
    """One line of the file; None for a line that is not ours."""
    try:
        line = json.loads(text, parse_constant=str)
    except (ValueError, RecursionError):
        return None
    return line if isinstance(line, dict) else None


def _encoded(line: dict[str, Any]) -> bytes:
    return _as_json(_within(line)).encode(errors="backslashreplace") + b"\n"


def _within(line: dict[str, Any]) -> dict[str, Any]:
    """A line with every write, and as much of the rest as fits into `_LONGEST` bytes; field values are cut first."""
    writes = {name: line[name] for name in ("writes",) if name in line}
    for left_out, characters, entries in (((), 500, 40), ((), 100, 10), (("given", "before", "after"), 100, 10)):
        parts = {name: part for name, part in line.items() if name not in left_out}
        bound: dict[str, Any] = bounded(parts, characters, entries) | writes
        if len(_as_json(bound).encode(errors="backslashreplace")) < _LONGEST:
            break
    return bound


def _addresses(name: str) -> bool:
    return name.endswith("_id") and name not in HANDLES


def given_fields(args: Arguments | None) -> dict[str, Any]:
    """The fields that a write was to set, "" for cleared ones; payment handles are secrets, and left out."""
    if args is None:
        return {}
    given = dict(sanitized(args.model_dump(mode="json", exclude_none=True)))
    body = args.body() if isinstance(args, PartialUpdate) else {}
    return given | {name: "" for name, value in body.items() if value == "" and name in type(args).model_fields}


def _change(call: Call, args: Arguments | None, shown: dict[str, Any]) -> dict[str, Any]:
    """The fields given, and their values before and after as far as known; of a delete, the record before it."""
    given = given_fields(args)
    before = {name: value for name, value in call.before.items() if isinstance(args, Confirmed) or name in given}
    names = ("id", *given) if call.writes[0]["method"] == "POST" else given
    after = shown.get("record") or {name: shown[name] for name in names if name in shown}
    return {"given": given} | {name: part for name, part in (("before", before), ("after", after)) if part}

"""The audit trail: one JSON line for each call, appended whole, for the owner to read afterwards.

A line tells what was asked and what left for Clientary; never the token, never a secret. What cannot be undone is on
the disk before its answer is given, and where nothing can be written, nothing is changed.
"""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from clientary_mcp.errors import SettingsError, Withheld
from clientary_mcp.redact import HANDLES
from clientary_mcp.transport import Call
from tool_schemas.answers import bounded
from tool_schemas.base import Arguments

_UNWRITABLE = (
    "Nothing was sent: the audit trail can't be written ({why}), and the owner wants no change without it. "
    "CLIENTARY_AUDIT_LOG names its file."
)


class Audit:
    """The trail in one file, shared by all sessions; without a path it keeps nothing."""

    def __init__(self, path: Path | None) -> None:
        self._file: int | None = None
        self._pending = b""
        if path is None:
            return
        try:
            self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        except OSError as error:
            raise SettingsError(f"CLIENTARY_AUDIT_LOG names a file that can't be written: {error.strerror}.") from None

    def check(self) -> None:
        """Withheld when a line could not be written now: asked before every write."""
        if self._file is None:
            return
        try:
            space = os.fstatvfs(self._file)
            if space.f_bavail * space.f_frsize < _ENOUGH:
                raise Withheld(_UNWRITABLE.format(why="the disk is full"))
            self._flush()
            os.fsync(self._file)
        except OSError as error:
            raise Withheld(_UNWRITABLE.format(why=error.strerror)) from None

    def _flush(self) -> None:
        """What could not be written before comes first; a disk may take a line in pieces."""
        while self._file is not None and self._pending:
            self._pending = self._pending[os.write(self._file, self._pending) :]

    def write(self, line: dict[str, Any]) -> None:
        """Append one line, in one call so that lines never mix; after a write the disk has it before the answer."""
        if self._file is None:
            return
        text = json.dumps(bounded(line, 500, 40), ensure_ascii=False, default=str, separators=(",", ":")) + "\n"
        self._pending += text.encode()
        self._flush()
        if "writes" in line:
            os.fsync(self._file)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


_ENOUGH = 64 * 1024
"""Bytes that must be free: a line is far shorter."""


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
    """What the trail says of one call: which record, what was sent where, how it ended, and what is there now."""
    line: dict[str, Any] = {"time": now(), "tool": tool}
    if args is not None:
        line["ids"] = {name: value for name, value in args if _addresses(name) and value is not None}
    line |= {"outcome": outcome, "seconds": round(seconds, 3), "client": client}
    if call.writes:
        given = _given(args)
        line |= {"writes": call.writes, "given": given}
        made = ("id",) if call.writes[0]["method"] == "POST" else ()
        if shown and (after := {name: shown[name] for name in (*made, *given) if name in shown}):
            line["after"] = after
    if call.retries:
        line["retries"] = call.retries
    return line


def _addresses(name: str) -> bool:
    return name.endswith("_id") and name not in HANDLES


def _given(args: Arguments | None) -> dict[str, Any]:
    """What a write was asked to set; a payment handle is a secret, and stays out."""
    given = args.model_dump(mode="json", exclude_none=True, exclude=set(HANDLES)) if args is not None else {}
    return dict(given)

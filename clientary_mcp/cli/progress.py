"""A progress bar on a terminal, on standard error; nothing of it elsewhere."""

import shutil
import sys
import time
from types import TracebackType
from typing import Self, TextIO

_EVERY = 0.1
"""Seconds from one drawing to the next."""
_LABEL, _NUMBERS, _LONGEST = 28, 24, 40


class Progress:
    """How far something is, on one line, which is gone at the end."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._shown = self._stream.isatty()
        self._label, self._drawn = "", 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown and self._label:
            self._write("")

    def tell(self, label: str, done: int, total: int | None) -> None:
        """So many are done; of how many is not always known."""
        now = time.monotonic()
        if not self._shown or (label == self._label and done != total and now - self._drawn < _EVERY):
            return
        self._label, self._drawn = label, now
        room = min(_LONGEST, shutil.get_terminal_size().columns - _LABEL - _NUMBERS - 2)
        filled = min(room, room * done // total) if total else 0
        bar = f"[{'#' * filled}{'.' * (room - filled)}]" if total and room > 0 else ""
        numbers = f"{done:,} of {total:,}" if total else f"{done:,}"
        self._write(f"{label[:_LABEL]:{_LABEL}}{bar} {numbers}")

    def _write(self, line: str) -> None:
        self._stream.write(f"\r\x1b[K{line}")
        self._stream.flush()

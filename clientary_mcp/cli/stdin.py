"""Standard input that a signal can end.

The SDK reads standard input in a thread, which nothing can interrupt: Ctrl-C would take effect only after the next
line. Here a signal ends the input instead, as if the client had closed it, so that the server shuts down in order.
"""

import io
import os
import select
import signal
import sys
from types import FrameType


class StoppableStdin(io.RawIOBase):
    """Standard input, which also ends on SIGINT and SIGTERM."""

    def __init__(self) -> None:
        self._signalled, self._signal = os.pipe()
        self.is_terminal = sys.stdin.isatty()
        self.ended_by: int | None = None

    @classmethod
    def install(cls) -> "StoppableStdin":
        """Replace `sys.stdin`, and handle the signals from now on."""
        stdin = cls()
        if sys.platform != "win32":  # which cannot wait for a pipe and a signal at once
            sys.stdin = io.TextIOWrapper(io.BufferedReader(stdin))
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, stdin._end)
        return stdin

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer: "memoryview") -> int:  # type: ignore[override]  # typeshed has any writable buffer
        """Wait for bytes or for a signal, whichever comes first."""
        ready, _, _ = select.select([0, self._signalled], [], [])
        return 0 if self._signalled in ready else os.readv(0, [buffer])

    def _end(self, number: int, _: FrameType | None) -> None:
        self.ended_by = number
        os.write(self._signal, b"\0")
        signal.signal(number, signal.SIG_DFL)  # the same signal again ends the process at once

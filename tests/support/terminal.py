"""Runs a command in a terminal, as a person does: a pty, whose size and keys tests choose."""

import fcntl
import os
import pty
import struct
import subprocess
import termios
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

from tests.support.processes import PATIENCE, environment

CTRL_C = b"\x03"


class Terminal:
    """A process whose standard streams are all one terminal."""

    def __init__(self, process: subprocess.Popen[bytes], controller: int) -> None:
        self._process, self._controller = process, controller
        self.text = ""
        """What it has written so far."""

    def read(self) -> bool:
        """Wait for what it writes next; False once it has ended."""
        with suppress(OSError):  # how Linux says that nobody holds the other end any more
            if more := os.read(self._controller, 65_536):
                self.text += more.decode(errors="replace").replace("\r\n", "\n")
                return True
        return False

    def read_until(self, words: str) -> None:
        """Read until it has written these words."""
        while words not in self.text:
            assert self.read(), self.text

    def press(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self._controller, keys)

    def end(self) -> int:
        """Read to the end, and return the exit status."""
        while self.read():
            pass
        return self._process.wait(PATIENCE)


@contextmanager
def terminal(*command: str, columns: int = 100, settings: Mapping[str, str] | None = None) -> Iterator[Terminal]:
    """A process of the command in a terminal of that width, killed if the test does not end it."""
    controller, its_end = pty.openpty()
    fcntl.ioctl(its_end, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    given = environment(**(settings or {}))
    process = subprocess.Popen(  # noqa: S603 - our own command
        command,
        stdin=its_end,
        stdout=its_end,
        stderr=its_end,
        # Either would count in place of the terminal's own size; whoever runs the tests may have set them.
        env={name: value for name, value in given.items() if name not in ("COLUMNS", "LINES")},
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(its_end)
    with process:
        try:
            yield Terminal(process, controller)
        finally:
            process.kill()
            os.close(controller)

"""A server process that can be told to end, killed, and started again at the same address."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import anyio
import httpx

from tests.support.processes import COMMAND, PATIENCE, environment, free_port

_TO_END = 1.0
"""Seconds that a replica gets to end by itself when its test is over."""


class Ended(Exception):
    """The process ended before it did what was waited for."""


class Replica:
    """One `clientary-mcp` over HTTP; `settings` are its environment, and `log` gets all that it prints.

    Its clock may be so many seconds ahead.
    """

    def __init__(
        self, name: str, directory: Path, transport: str = "http", ahead: float = 0.0, **settings: str
    ) -> None:
        self.name, self.port = name, free_port()
        self.log = directory / f"{name}.log"
        self._transport, self.settings = transport, settings
        self._command = (sys.executable, "-m", "tests.support.serving.wrong_clock", str(ahead)) if ahead else COMMAND
        self._process: subprocess.Popen[bytes] | None = None
        self._told_to_end = False

    @property
    def url(self) -> str:
        """Its address, without a path."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def output(self) -> str:
        """All that it printed so far, over all its starts."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def start(self) -> None:
        """Start the process, which is not ready yet; see `ready`."""
        assert not self.alive
        self._told_to_end = False
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - ours
                [*self._command, "--transport", self._transport, "--port", str(self.port)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment(**self.settings),
            )

    async def ready(self) -> None:
        """Return once it would get traffic; Ended if it never will. It cannot signal this, so it is asked."""
        await self.says("ready")

    async def says(self, word: str) -> None:
        """Return once `/ready` says this word."""
        with anyio.fail_after(PATIENCE):
            async with httpx.AsyncClient(base_url=self.url, timeout=PATIENCE, trust_env=False) as http:
                while True:
                    if not self.alive:
                        raise Ended(self.output[-2_000:])
                    try:
                        if (await http.get("/ready")).text.strip() == word:
                            return
                    except httpx.TransportError:
                        pass
                    await anyio.sleep(0.02)

    async def ended(self, seconds: float = PATIENCE) -> int:
        """Its exit code; TimeoutError if it has not ended within so many seconds."""
        assert self._process is not None
        with anyio.fail_after(seconds):
            while (code := self._process.poll()) is None:  # noqa: ASYNC110 - a process brings it about
                await anyio.sleep(0.01)
        return code

    def terminate(self) -> None:
        """Ask it to end, as an operator does; once, since a second signal says at once."""
        if self.alive and not self._told_to_end:
            self._told_to_end = True
            self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once, whatever it does."""
        if self.alive:
            self._signal(signal.SIGKILL)
            assert self._process is not None
            self._process.wait(PATIENCE)

    def stop(self) -> None:
        """See that it has ended, at the end of a test."""
        self.terminate()
        if self._process is not None:
            try:
                self._process.wait(_TO_END)
            except subprocess.TimeoutExpired:
                self.kill()

    def _signal(self, number: int) -> None:
        assert self._process is not None
        os.kill(self._process.pid, number)

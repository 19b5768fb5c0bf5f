"""Runs the command in real processes on a free port, waits until they answer, and stops them by their own handle."""

import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
from anyio.abc import Process

COMMAND = (sys.executable, "-m", "clientary_mcp")
PATIENCE = 60
"""Seconds after which a process that does not do its part fails the test; none needs a tenth of them."""


def environment(**settings: str) -> dict[str, str]:
    """The environment of a process: the current one with only these settings."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("CLIENTARY_")}
    return ours | settings


def free_port() -> int:
    """A free port on loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def listening(*arguments: str, port: int, log: Path, **settings: str) -> AsyncIterator[Process]:
    """A process that answers on this port; its stderr goes to `log`."""
    with log.open("wb") as stderr:
        process = await anyio.open_process(
            [*COMMAND, *arguments, "--port", str(port)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            env=environment(**settings),
        )
    async with process:
        try:
            await _answers(process, port)
            yield process
        finally:
            if process.returncode is None:
                process.terminate()
            with anyio.CancelScope(shield=True), anyio.move_on_after(PATIENCE):
                await process.wait()
            if process.returncode is None:
                process.kill()


async def _answers(process: Process, port: int) -> None:
    """Return once the port accepts connections. The process cannot signal this, so the port is polled."""
    with anyio.fail_after(PATIENCE):
        while True:
            assert process.returncode is None, "it ended before it listened"
            try:
                stream = await anyio.connect_tcp("127.0.0.1", port)
            except OSError:
                await anyio.sleep(0.02)
            else:
                await stream.aclose()
                return

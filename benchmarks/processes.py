"""Starts and stops the measured processes, and reads their peak memory."""

import asyncio
import contextlib
import os
import socket
import sys
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
_LINE_LIMIT = 2**24  # of one message on a pipe: tools/list is longer than a stream's default
# Without the second, code is compiled once and kept, as by an installation.
_NOT_INHERITED = ("CLIENTARY_", "PYTHONDONTWRITEBYTECODE")


@dataclass(frozen=True)
class Contender:
    """One of the two servers: how it is started over stdio, and over HTTP on a port."""

    name: str
    stdio: tuple[str, ...]
    http: tuple[str, ...]


OURS = Contender(
    "clientary-mcp",
    ("clientary_mcp",),
    ("clientary_mcp", "--transport", "streamable-http", "--port"),
)
BARE = Contender("bare", ("benchmarks.bare_server",), ("benchmarks.bare_server",))

TRAIL = Path(tempfile.gettempdir()) / f"clientary-mcp-benchmarks-{os.getpid()}.jsonl"
"""The audit trail that ours keeps while it is measured."""


async def start(module: Sequence[str], upstream: int | None = None) -> Process:
    """Run `python -m` with these arguments; `upstream` is the port that simulates Clientary. All else is default."""
    account = {
        "CLIENTARY_BASE_URL": f"http://127.0.0.1:{upstream}",
        "CLIENTARY_API_TOKEN": "bench",
        "CLIENTARY_AUDIT_LOG": os.fspath(TRAIL),
    }
    others = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_INHERITED)}
    command = (sys.executable, "-m", *module)
    return await asyncio.create_subprocess_exec(
        *command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, limit=_LINE_LIMIT, cwd=ROOT, env=others | account
    )


async def stop(process: Process) -> None:
    """Stop it by closing its input, then by SIGTERM, then by SIGKILL."""
    assert process.stdin is not None
    process.stdin.close()
    for end in (process.terminate, process.kill):
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), 3)
            return
        with contextlib.suppress(ProcessLookupError):
            end()
    await process.wait()


@contextlib.asynccontextmanager
async def upstream(module: str = "benchmarks.upstream") -> AsyncIterator[int]:
    """The port on which one of our modules simulates Clientary."""
    process = await start([module])
    try:
        assert process.stdout is not None
        yield int(await process.stdout.readline())
    finally:
        await stop(process)


@contextlib.contextmanager
def trail() -> Iterator[Path]:
    """The audit trail of the servers measured within the block; deleted afterwards."""
    try:
        yield TRAIL
    finally:
        TRAIL.unlink(missing_ok=True)


def free_port() -> int:
    """A free port on loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def peak_memory(process: Process) -> float:
    """Megabytes of memory that the process held at its peak, as Linux counts them."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024

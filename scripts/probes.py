"""Runs programs of other projects against this server, each in an environment of its own that is made on demand."""

import json
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from scripts.environments import ROOT, Environment, end_all, replace, run, variables, why_not

_GIGABYTES = 2
"""How much memory one probe may need, installing included."""


@dataclass(frozen=True)
class Limits:
    """How long a run may take, in seconds: what comes too late is skipped, so that the whole has an end."""

    installations: float = 360
    installation: float = 240
    probe: float = 120
    whole: float = 600


@dataclass(frozen=True)
class Probe:
    """A program: its pinned packages, the script that runs in their environment, and the server that it runs against.

    The script finds the server's command in SERVER, or its address if it is one `over_http`. It prints, as JSON in its
    last line, the `versions` it ran, how many of how many `passed` and were `tried`, its `calls`, and its `problems`.
    """

    name: str
    script: Path
    packages: tuple[str, ...]
    server: tuple[str, ...]
    over_http: bool = False
    tries: int = 0
    """How many there are to try at least, so that a list that came back empty or cut short is a problem."""

    def environment(self, environments: Path) -> Environment:
        """Where its packages are installed."""
        return Environment(environments / self.script.name, self.packages, in_python=self.script.suffix == ".py")

    def run(self, environment: Environment, within: float) -> dict[str, Any]:
        """What the script found."""
        script = environment.home / self.script.name  # where its packages are found
        replace(script, self.script.read_text("utf-8"))
        until = time.monotonic() + within
        with _serving(self.server, until) if self.over_http else _command(self.server) as server:
            printed = run([environment.interpreter, str(script)], ROOT, until - time.monotonic(), SERVER=server)
        found = dict[str, Any](json.loads(printed.splitlines()[-1]))
        if found["tried"] < self.tries:
            found["problems"] = [*found["problems"], f"it tried {found['tried']}, where there are {self.tries}"]
        return found


@dataclass(frozen=True)
class Outcome:
    """What became of a probe: a row of the table, and what it found."""

    name: str
    ended: Literal["ok", "failed", "skipped"]
    versions: str = ""
    passed: str = ""
    calls: str = ""
    problems: list[str] = field(default_factory=list)
    seconds: float = 0

    def __str__(self) -> str:
        """The row, and under it the first problems."""
        row = (self.name, self.versions, self.passed, self.calls, f"{self.seconds:.0f}", self.ended)
        more = [f"and {len(self.problems) - 10} more"] if len(self.problems) > 10 else []
        return "\n    ".join([f"| {' | '.join(row)} |", *self.problems[:10], *more])


def attempt_all(
    probes: Sequence[Probe],
    environments: Path,
    limits: Limits = Limits(),
    show: Callable[[Outcome], None] = print,
) -> bool:
    """Run them, as many at once as the machine has room for, and show each in turn; return False if one failed."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    at_once = max(1, min((os.cpu_count() or 1) + 1, int(memory / _GIGABYTES)))  # one waits for the network
    began, good = time.monotonic(), True
    with ThreadPoolExecutor(at_once) as threads:
        try:
            for outcome in threads.map(lambda probe: attempt(probe, environments, began, limits), probes):
                show(outcome)
                good = good and outcome.ended != "failed"
        finally:
            threads.shutdown(wait=False, cancel_futures=True)
            end_all()
    return good


def attempt(probe: Probe, environments: Path, began: float, limits: Limits) -> Outcome:
    """Install and run one of a run that began then. What comes too late for that or cannot be installed is skipped."""

    def skipped(why: str) -> Outcome:
        return Outcome(probe.name, "skipped", problems=[why])

    environment, left = probe.environment(environments), began + limits.installations - time.monotonic()
    try:
        environment.install(min(limits.installation, left))
    except (OSError, subprocess.SubprocessError) as failure:
        return skipped(f"cannot be installed: {why_not(failure)}")
    now = time.monotonic()
    if now + limits.probe > began + limits.whole:
        return skipped(f"there is no time left for it in the {limits.whole:.0f} seconds of the whole run")
    try:
        found = probe.run(environment, limits.probe)
        return Outcome(
            probe.name,
            "failed" if found["problems"] else "ok",
            found["versions"],
            f"{found['passed']} of {found['tried']}",
            str(found["calls"]),
            found["problems"],
            time.monotonic() - now,
        )
    except (OSError, subprocess.SubprocessError, LookupError, TypeError, ValueError) as failure:
        packages = ", ".join(probe.packages)
        return Outcome(probe.name, "failed", packages, problems=[str(failure)], seconds=time.monotonic() - now)


@contextmanager
def _command(server: Sequence[str]) -> Iterator[str]:
    yield json.dumps(server)


@contextmanager
def _serving(server: Sequence[str], until: float) -> Iterator[str]:
    """Serve on a free port, and end that with the probe."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (
        tempfile.TemporaryFile("w+") as log,
        subprocess.Popen(  # noqa: S603 - our own
            [*server, "--port", str(port)],
            cwd=ROOT,
            env=variables(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        ) as process,
    ):
        try:
            while not _answers(port):
                if process.poll() is not None or time.monotonic() > until:
                    log.seek(0)
                    raise OSError(f"the server did not start: {log.read()[-2_000:]}")
                time.sleep(0.05)  # it has no way to tell
            yield f"http://127.0.0.1:{port}/mcp"
        finally:
            process.kill()


def _answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0

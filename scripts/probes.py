"""Runs programs of other projects against this server, each in an environment of its own that is made on demand."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

ROOT = Path(__file__).parents[1]
AS_OF = "2026-11-28"
"""The day before which everything that the pinned packages need was published, so that a later release of that breaks
no run."""

_GIGABYTES = 2
"""How much memory one probe may need, installing included."""


@dataclass(frozen=True)
class Limits:
    """How long a run may take, in seconds: what comes too late for its installation is skipped."""

    installations: float = 420
    installation: float = 240
    probe: float = 120


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

    @property
    def in_python(self) -> bool:
        """Whether the script is Python; otherwise it is JavaScript."""
        return self.script.suffix == ".py"

    @property
    def brings_node(self) -> bool:
        """Whether Node is one of its packages, because it needs a newer one than systems have."""
        return any(package.startswith("node@") for package in self.packages)

    def interpreter(self, home: Path) -> str:
        """What runs the script."""
        if self.in_python:
            return str(home / "bin/python")
        return str(home / "node_modules/.bin/node") if self.brings_node else "node"

    def install(self, home: Path, within: float) -> None:
        """Create the environment, unless it exists with the same packages."""
        done, wanted = home / "installed.json", [AS_OF, *self.packages]
        if done.is_file() and json.loads(done.read_text()) == wanted:
            return
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        if self.in_python:
            venv.create(home, symlinks=True)
            pip = [sys.executable, "-m", "pip", "--python", self.interpreter(home), "install", "--quiet"]
            install = [*pip, "--disable-pip-version-check", "--uploaded-prior-to", AS_OF]
        else:
            (home / "package.json").write_text('{"private": true}')
            install = ["npm", "install", "--loglevel=error", "--no-audit", "--no-fund", "--before", AS_OF]
            install += [] if self.brings_node else ["--engine-strict"]  # with an old Node, it cannot be installed
        if self.packages:
            _run([*install, *self.packages], home, within)
        _run([self.interpreter(home), "--version"], home, within)
        done.write_text(json.dumps(wanted))

    def run(self, home: Path, within: float) -> dict[str, Any]:
        """What the script found."""
        script = str(shutil.copy(self.script, home))  # where its packages are found
        with _serving(self.server, within) if self.over_http else _command(self.server) as server:
            printed = _run([self.interpreter(home), script], ROOT, within, SERVER=server)
        return dict(json.loads(printed.splitlines()[-1]))


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
    until, good = time.monotonic() + limits.installations, True
    with ThreadPoolExecutor(at_once) as threads:
        for outcome in threads.map(lambda probe: attempt(probe, environments, until, limits), probes):
            show(outcome)
            good = good and outcome.ended != "failed"
    return good


def attempt(probe: Probe, environments: Path, until: float, limits: Limits) -> Outcome:
    """Install and run one. What cannot be installed by then is skipped; whatever else goes wrong is a failure."""
    home, began = environments / probe.script.name, time.monotonic()
    try:
        probe.install(home, min(limits.installation, until - began))
    except (OSError, subprocess.SubprocessError) as failure:
        return Outcome(probe.name, "skipped", problems=[f"cannot be installed: {_reason(failure)}"])
    began = time.monotonic()
    try:
        found = probe.run(home, limits.probe)
        return Outcome(
            probe.name,
            "failed" if found["problems"] else "ok",
            found["versions"],
            f"{found['passed']} of {found['tried']}",
            str(found["calls"]),
            found["problems"],
            time.monotonic() - began,
        )
    except (OSError, subprocess.SubprocessError, LookupError, ValueError) as failure:
        packages = ", ".join(probe.packages)
        return Outcome(probe.name, "failed", packages, problems=[str(failure)], seconds=time.monotonic() - began)


def _reason(failure: Exception) -> str:
    lines = [line.strip() for line in str(failure).splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower()] or lines[-1:]
    return "; ".join(errors[:3]) or "no reason given"


def _environment(**settings: str) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("CLIENTARY_")}
    return ours | settings


def _run(command: Sequence[str], where: Path, within: float, **settings: str) -> str:
    """What a command prints; it ends with all that it started once its time is over."""
    with subprocess.Popen(  # noqa: S603 - the commands are written in this project
        command,
        cwd=where,
        env=_environment(**settings),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            printed, complained = process.communicate(timeout=max(within, 0))
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)  # it has not been waited for, so the number is still its own
            raise
    if process.returncode:
        raise OSError((complained.strip() or printed.strip())[-2_000:] or f"it ended with {process.returncode}")
    return printed


@contextmanager
def _command(server: Sequence[str]) -> Iterator[str]:
    yield json.dumps(server)


@contextmanager
def _serving(server: Sequence[str], within: float) -> Iterator[str]:
    """Serve on a free port, and end that with the probe."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (
        tempfile.TemporaryFile("w+") as log,
        subprocess.Popen(  # noqa: S603 - as above
            [*server, "--port", str(port)],
            cwd=ROOT,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        ) as process,
    ):
        try:
            give_up = time.monotonic() + within
            while not _answers(port):
                if process.poll() is not None or time.monotonic() > give_up:
                    log.seek(0)
                    raise OSError(f"the server did not start: {log.read()[-2_000:]}")
                time.sleep(0.05)  # it has no way to tell
            yield f"http://127.0.0.1:{port}/mcp"
        finally:
            process.kill()


def _answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0

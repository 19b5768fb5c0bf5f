"""Programs of other projects, pinned, each in an environment of its own that is made on demand."""

import json
import os
import shutil
import signal
import subprocess
import sys
import venv
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
ENVIRONMENTS = ROOT / ".clients"
AS_OF = "2026-11-28"
"""The day before which everything that the pinned packages need was published, so that a later release of that breaks
no run."""

_running: set[subprocess.Popen[str]] = set()
"""What would outlive Ctrl-C, being in sessions of their own."""


@dataclass(frozen=True)
class Environment:
    """Where pinned packages are installed: a virtual environment, or a folder with node_modules."""

    home: Path
    packages: tuple[str, ...]
    in_python: bool
    """Whether they are Python packages; otherwise they are npm's."""

    @property
    def commands(self) -> Path:
        """Where the commands of the packages are."""
        return self.home / ("bin" if self.in_python else "node_modules/.bin")

    @property
    def interpreter(self) -> str:
        """What runs scripts there; Node is that of the system, unless it is one of the packages."""
        if self.in_python:
            return str(self.commands / "python")
        return str(self.commands / "node") if self._brings_node else "node"

    @property
    def _brings_node(self) -> bool:
        return any(package.startswith("node@") for package in self.packages)

    def install(self, within: float) -> None:
        """Install the packages, unless they are there; OSError or TimeoutExpired where that is not possible."""
        done, wanted = self.home / "installed.json", [AS_OF, *self.packages]
        if done.is_file() and json.loads(done.read_text()) == wanted:
            return
        shutil.rmtree(self.home, ignore_errors=True)
        self.home.mkdir(parents=True)
        if self.in_python:
            venv.create(self.home, symlinks=True)
            pip = [sys.executable, "-m", "pip", "--python", self.interpreter, "install", "--quiet"]
            install = [*pip, "--disable-pip-version-check", "--retries", "1", "--uploaded-prior-to", AS_OF]
        else:
            (self.home / "package.json").write_text('{"private": true}')
            install = ["npm", "install", "--loglevel=error", "--no-audit", "--no-fund", "--before", AS_OF]
            install += [] if self._brings_node else ["--engine-strict"]  # with an old Node, it cannot be installed
        if self.packages:
            run([*install, *self.packages], self.home, within)
        run([self.interpreter, "--version"], self.home, within)
        done.write_text(json.dumps(wanted))


def why_not(failure: Exception) -> str:
    """Why packages could not be installed, in a line."""
    lines = [line.strip() for line in str(failure).splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith(("error", "npm error"))] or lines[-1:]
    return "; ".join(errors[:3]) or "no reason given"


def variables(**settings: str) -> dict[str, str]:
    """The variables of a program: this process's without settings of the server, and these."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("CLIENTARY_")}
    return ours | settings


def run(command: Sequence[str], where: Path, within: float, **settings: str) -> str:
    """What a command prints; it ends with all that it started once its time is over."""
    with subprocess.Popen(  # noqa: S603 - the commands are written in this project
        command,
        cwd=where,
        env=variables(**settings),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        _running.add(process)
        try:
            printed, complained = process.communicate(timeout=max(within, 0))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # it has not been waited for, so the number is still its own
            raise
        finally:
            _running.discard(process)
    if process.returncode:
        raise OSError((complained.strip() or printed.strip())[-2_000:] or f"it ended with {process.returncode}")
    return printed


def end_all() -> None:
    """End what is still running."""
    for process in list(_running):
        with suppress(ProcessLookupError):  # it has just ended
            os.killpg(process.pid, signal.SIGKILL)

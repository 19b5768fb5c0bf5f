"""Programs of hosts and registries that check what is made for them: pinned, each in an environment of its own."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

from scripts.environments import ENVIRONMENTS, Environment, why_not

_PATIENCE = 300
"""Seconds for one run; the longest fetches what the server needs, and takes a tenth of them."""


def installed(name: str, *packages: str, in_python: bool = False) -> Path:
    """Where the commands of these packages are; where they cannot be installed, the test is skipped."""
    environment = Environment(ENVIRONMENTS / name, packages, in_python=in_python)
    try:
        environment.install(_PATIENCE)
    except (OSError, subprocess.TimeoutExpired) as failure:
        pytest.skip(f"{', '.join(packages)} cannot be installed: {why_not(failure)}")
    return environment.commands


def variables(home: Path, **settings: str) -> dict[str, str]:
    """What a program gets: `home` and these settings, and no variable of the user's."""
    return {**_index(), **_network(), "PATH": _PATH, "HOME": str(home), **_QUIET, **settings}


def accepted(command: list[str | Path], home: Path) -> str:
    """What the command prints. It must succeed; where it cannot reach the package index, the test is skipped.

    It finds the commands that are installed with it before all others.
    """
    done = subprocess.run(  # noqa: S603 - commands of the tests
        [str(word) for word in command],
        env=variables(home, PATH=os.pathsep.join([str(Path(command[0]).parent), _PATH])),
        cwd=home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_PATIENCE,
        check=False,
    )
    if done.returncode and _UNREACHED.search(done.stderr):
        pytest.skip("the package index cannot be reached")
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


_PATH = os.environ.get("PATH", os.defpath)
_UNREACHED = re.compile(r"[Ff]ailed to fetch|error sending request|ENOTFOUND|ETIMEDOUT")
_QUIET = {
    "UV_CACHE_DIR": str(ENVIRONMENTS / "uv-cache"),
    "DISABLE_AUTOUPDATER": "1",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
}


@cache
def _index() -> Mapping[str, str]:
    """The package index as pip knows it, for uv, which does not read pip's configuration."""
    pip = [sys.executable, "-m", "pip", "config", "list"]
    listed = subprocess.run(pip, capture_output=True, text=True, check=True).stdout  # noqa: S603 - the project's own
    return from_pip(listed)


def from_pip(configuration: str) -> dict[str, str]:
    """The variables of uv for what `pip config list` prints; of variables and files, which come after them, the first.

    Additional indexes are left out: uv would take a package from nowhere else once one of them has any version of it.
    """
    found: dict[str, str] = {}
    for key, value in re.findall(r"^\S+\.(index-url|cert)='(.*)'$", configuration, re.MULTILINE):
        found.setdefault({"index-url": "UV_DEFAULT_INDEX", "cert": "SSL_CERT_FILE"}[key], value)
    return found


def _network() -> Mapping[str, str]:
    """What leads a program to the package index that this machine uses."""
    kept = ("PIP_", "UV_", "SSL_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
    return {name: value for name, value in os.environ.items() if name.startswith(kept)}

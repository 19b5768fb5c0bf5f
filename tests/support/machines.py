"""Machines that the server is installed on in tests: a system, with a home in a folder of the test."""

import os
from pathlib import Path

from clientary_mcp.cli.install.machine import Machine

COMMAND = "/opt/tools/bin/clientary-mcp"
PLATFORMS = ("linux", "darwin", "win32")


def machine(home: Path, platform: str = "linux", command: str = COMMAND, **environment: str) -> Machine:
    """A machine with these variables, and no others."""
    return Machine(platform, home, environment, (command,))


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, with what is in it; of a link, where it leads."""
    paths = [path for path in folder.rglob("*") if path.is_symlink() or path.is_file()]
    return {
        str(path.relative_to(folder)): os.readlink(path).encode() if path.is_symlink() else path.read_bytes()
        for path in paths
    }

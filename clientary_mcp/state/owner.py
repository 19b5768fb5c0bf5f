"""Which process a row of the store belongs to, and whether that process is still alive."""

import os
import platform
import secrets
import sys
from pathlib import Path


def this_process() -> str:
    """A name for one session of this process: machine, process id, its start, and something random."""
    return "/".join((platform.node(), str(os.getpid()), _start_of(os.getpid()), secrets.token_hex(4)))


def has_ended(owner: str) -> bool:
    """Whether the process certainly ended. False where that cannot be seen: its lease decides then."""
    node, pid, start, _ = owner.rsplit("/", 3)
    if node != platform.node() or sys.platform == "win32":  # there, sending signal 0 would end the process
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return _start_of(int(pid)) != start


def _start_of(pid: int) -> str:
    """When a process started, which tells it from a later one with the same id; empty where there is no /proc."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""

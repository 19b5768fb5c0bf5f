"""Which process a row of the store belongs to, and whether that process is still alive."""

import os
import platform
import secrets
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path


def this_process() -> str:
    """A name for one session of this process: where it runs, its process id and start, and something random."""
    return "/".join((_where(), str(os.getpid()), _start_of(os.getpid()) or "", secrets.token_hex(4)))


def has_ended(owner: str) -> bool:
    """Whether the process certainly ended. False where that cannot be seen: its lease decides then."""
    where, pid, start, _ = owner.rsplit("/", 3)
    if where != _where() or sys.platform == "win32":  # there, sending signal 0 would end the process
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return _start_of(int(pid)) != (start or None)


@cache
def _where() -> str:
    """The machine; with Linux also the namespace in which process ids count, since containers may share a file."""
    namespace = ""
    with suppress(OSError):
        namespace = os.readlink("/proc/self/ns/pid")
    return f"{platform.node()} {namespace}"


def _start_of(pid: int) -> str | None:
    """When a process started, which tells it from a later one with the same id.

    None where there is no /proc, and for a process that has ended but that its parent has not collected yet.
    """
    try:
        state, *rest = Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()
    except (OSError, ValueError):
        return None
    return rest[18] if state not in "ZX" else None

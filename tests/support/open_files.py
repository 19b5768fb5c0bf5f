"""Which files this process has open, where the system tells."""

import os
from pathlib import Path

import pytest

_OPEN = Path("/proc/self/fd")

on_linux = pytest.mark.skipif(not _OPEN.exists(), reason="the system does not list open files")


def open_files(directory: Path) -> list[str]:
    """The names of the files in a directory that are open, each as often as it is."""
    found = []
    for each in list(_OPEN.iterdir()):
        try:
            path = Path(os.readlink(each))
        except FileNotFoundError:  # that of the list itself
            continue
        if path.parent == directory:
            found.append(path.name)
    return found

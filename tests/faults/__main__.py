"""Plants each fault of the table in a copy of the code and reports which test of the short suite found it.

    python -m tests.faults              # all of them
    python -m tests.faults retry paging # those of some kinds

The tests named in the table run first; where they pass, the whole short suite runs. A fault is found by a test that
fails with it and passes without it. The exit status is 1 if one was not found, and 2 if a text to replace does not
occur exactly once.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.faults.planted import Planted
from tests.faults.table import FAULTS

ROOT = Path(__file__).parents[2]
LEFT_BEHIND = shutil.ignore_patterns(".git", ".venv", ".*_cache", ".hypothesis", "__pycache__", "*.egg-info", "dist")


def main(kinds: list[str]) -> int:
    """Plant them one after another."""
    chosen = [fault for fault in FAULTS if not kinds or fault.kind in kinds]
    if wrong := [fault for fault in chosen if (ROOT / fault.file).read_text("utf-8").count(fault.text) != 1]:
        for fault in wrong:
            print(f"{fault.file} does not hold this exactly once ({fault.name}): {fault.text!r}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        shutil.copytree(ROOT, copy, ignore=LEFT_BEHIND)
        found = [report(fault, finder(copy, fault)) for fault in chosen]
    print(f"{sum(found)} of {len(found)} faults were found.")
    return 0 if all(found) else 1


def finder(copy: Path, fault: Planted) -> str:
    """The test that fails with the fault and passes without it; empty if there is none."""
    path = copy / fault.file
    sound = path.read_text("utf-8")
    path.write_text(sound.replace(fault.text, fault.instead), "utf-8")
    try:
        found = failure(copy, *(f"tests/{name}" for name in fault.tests.split())) or failure(copy, "-n", "auto")
    finally:
        path.write_text(sound, "utf-8")
    return found if not found or not failure(copy, found) else ""


def failure(copy: Path, *arguments: str) -> str:
    """The first failing test, or pytest's last line if none could run; empty if all pass."""
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *arguments],
        cwd=copy, env=os.environ | {"PYTHONPATH": str(copy)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if run.returncode == 0:
        return ""
    failed = re.search(r"^(?:FAILED|ERROR) (tests/.+?)(?: - .*)?$", run.stdout, re.MULTILINE)
    return failed[1] if failed else run.stdout[-500:] + run.stderr[-500:]


def report(fault: Planted, found: str) -> bool:
    """Print one line; return whether the fault was found."""
    print(f"{fault.kind:10} {fault.name:70} {found or 'NOT FOUND'}", flush=True)
    return bool(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

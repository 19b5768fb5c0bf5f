"""What continuous integration runs: real clients, and then the tests, whose closing line is the last."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

RUN = Path(__file__).parents[2] / ".ci" / "run"
TEST = """#!/usr/bin/env bash
echo "$@"
[[ $1 == --clients ]] && exit "$CLIENTS"
exit "$TESTS"
"""


@pytest.mark.parametrize(
    ("clients", "tests", "status"),
    [(0, 0, 0), (3, 0, 3), (0, 4, 4), (3, 4, 4)],
    ids=["both pass", "clients fail", "tests fail", "both fail"],
)
def test_clients_come_first_and_neither_failure_is_lost(tmp_path: Path, clients: int, tests: int, status: int) -> None:
    for folder in (".ci", "scripts"):
        (tmp_path / folder).mkdir()
    shutil.copy(RUN, tmp_path / ".ci" / "run")
    (tmp_path / "scripts" / "test").write_text(TEST)
    (tmp_path / "scripts" / "test").chmod(0o755)
    done = subprocess.run(  # noqa: S603 - the project's own script
        [tmp_path / ".ci" / "run", "-k", "one"],
        env=os.environ | {"CLIENTS": str(clients), "TESTS": str(tests)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (status, "")
    assert done.stdout.splitlines() == ["--clients", "--long -k one"]

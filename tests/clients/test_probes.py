"""What becomes of a client that is tried: only one that cannot be installed is skipped."""

import sys
import time
from pathlib import Path

import pytest

from scripts.clients import PROBES
from scripts.probes import Limits, Outcome, Probe, attempt, attempt_all

SERVER = (sys.executable, "-m", "clientary_mcp", "--sandbox")
FOUND = """
import json, os
found = {"versions": "one 1", "tried": 2, "passed": 1, "calls": 1, "problems": %s, "server": os.environ["SERVER"]}
print("something else first")
print(json.dumps(found))
"""


def probe(tmp_path: Path, script: str, *packages: str, over_http: bool = False) -> Probe:
    path = tmp_path / "script.py"
    path.write_text(script)
    return Probe("One", path, packages, (*SERVER, "--transport", "http") if over_http else SERVER, over_http)


def outcome(tmp_path: Path, one: Probe, limits: Limits = Limits()) -> Outcome:  # noqa: B008 - frozen
    return attempt(one, tmp_path / "environments", time.monotonic() + limits.installations, limits)


def test_what_a_client_found_is_a_row_of_the_table(tmp_path: Path) -> None:
    found = outcome(tmp_path, probe(tmp_path, FOUND % "[]"))
    assert (found.ended, found.problems) == ("ok", [])
    assert str(found).startswith("| One | one 1 | 1 of 2 | 1 | ")


def test_a_problem_that_a_client_found_is_a_failure(tmp_path: Path) -> None:
    found = outcome(tmp_path, probe(tmp_path, FOUND % '["delete_lead is lost"]'))
    assert (found.ended, found.problems) == ("failed", ["delete_lead is lost"])


def test_a_client_over_http_is_given_the_address_of_a_server_that_answers(tmp_path: Path) -> None:
    script = (FOUND % "[]") + "import urllib.request\nassert urllib.request.urlopen(found['server'][:-3] + 'health')\n"
    found = outcome(tmp_path, probe(tmp_path, script + "print(json.dumps(found))", over_http=True))
    assert (found.ended, found.problems) == ("ok", [])


def test_a_package_that_cannot_be_installed_skips_its_client(tmp_path: Path) -> None:
    one = probe(tmp_path, FOUND % "[]", f"missing @ file://{tmp_path}/missing-1-py3-none-any.whl")
    shown: list[Outcome] = []
    assert attempt_all([one], tmp_path / "environments", show=shown.append) is True
    assert shown[0].ended == "skipped"
    assert "missing-1-py3-none-any.whl" in shown[0].problems[0]


def test_a_client_whose_installation_would_come_too_late_is_skipped(tmp_path: Path) -> None:
    found = outcome(tmp_path, probe(tmp_path, FOUND % "[]"), Limits(installations=0))
    assert found.ended == "skipped"
    assert "timed out" in found.problems[0]


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("raise SystemExit('it broke')", "it broke"),
        ("print('no JSON')", "Expecting value"),
        ("print('{}')", "problems"),
    ],
)
def test_a_client_that_breaks_fails_the_run(tmp_path: Path, script: str, says: str) -> None:
    shown: list[Outcome] = []
    assert attempt_all([probe(tmp_path, script)], tmp_path / "environments", show=shown.append) is False
    assert shown[0].ended == "failed"
    assert says in shown[0].problems[0]


def test_a_client_that_hangs_is_ended_and_fails(tmp_path: Path) -> None:
    found = outcome(tmp_path, probe(tmp_path, "import signal\nsignal.pause()"), Limits(probe=1))
    assert found.ended == "failed"
    assert "timed out" in found.problems[0]


def test_an_environment_is_made_once_for_the_same_packages(tmp_path: Path) -> None:
    one, environment = probe(tmp_path, FOUND % "[]"), tmp_path / "environments" / "script.py"
    outcome(tmp_path, one)
    (environment / "kept").touch()
    assert outcome(tmp_path, one).ended == "ok"
    assert (environment / "kept").exists()
    other = probe(tmp_path, FOUND % "[]", f"missing @ file://{tmp_path}/missing-1-py3-none-any.whl")
    assert outcome(tmp_path, other).ended == "skipped"
    assert not (environment / "kept").exists()


def test_every_client_is_pinned_and_has_an_environment_of_its_own() -> None:
    scripts = [each.script for each in PROBES]
    assert len(set(scripts)) == len(scripts)
    assert [each for each in scripts if not each.is_file()] == []
    for each in PROBES:
        pin = "==" if each.environment(Path()).in_python else "@"
        assert [package for package in each.packages if pin not in package[1:]] == []

"""What becomes of a client that is tried: only one that cannot be installed is skipped."""

import fcntl
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from scripts.clients import PROBES
from scripts.environments import Environment, why_not
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
    return attempt(one, tmp_path / "environments", time.monotonic(), limits)


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


def test_a_reason_names_no_index() -> None:
    said = "npm error code E404\nnpm error request to https://index.example/zod failed\nnpm error a log is in /tmp"
    assert why_not(OSError(said)).startswith("npm error code E404; npm error request to the index failed")


def test_a_client_whose_installation_would_come_too_late_is_skipped(tmp_path: Path) -> None:
    found = outcome(tmp_path, probe(tmp_path, FOUND % "[]"), Limits(installations=0))
    assert found.ended == "skipped"
    assert found.problems == ["cannot be installed: it was not done within 0 seconds"]


def test_a_client_that_could_outlast_the_whole_run_is_skipped(tmp_path: Path) -> None:
    found = outcome(tmp_path, probe(tmp_path, FOUND % "[]"), Limits(whole=100))
    assert found.ended == "skipped"
    assert found.problems == ["there is no time left for it in the 100 seconds of the whole run"]


def test_a_client_that_saw_too_few_tools_fails(tmp_path: Path) -> None:
    found = outcome(tmp_path, replace(probe(tmp_path, FOUND % "[]"), tries=3))
    assert (found.ended, found.problems) == ("failed", ["it tried 2, where there are 3"])


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("raise SystemExit('it broke')", "it broke"),
        ("print('no JSON')", "Expecting value"),
        ("print('{}')", "tried"),
        ("print('3')", "not iterable"),
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


TWO_WITHOUT_AN_INDEX = """
import sys
from pathlib import Path
from scripts.probes import Probe, attempt_all
folder = Path(sys.argv[1])
packages = {"a.py": "nobody==1", "b.mjs": "nobody@1"}
assert attempt_all([Probe(name, folder / name, (packages[name],), ()) for name in packages], folder / "environments")
"""


def test_without_an_index_every_client_is_skipped_and_the_run_is_good(tmp_path: Path) -> None:
    nobody = {f"{scheme}_PROXY": "http://127.0.0.1:9" for scheme in ("HTTP", "HTTPS", "http", "https")}
    elsewhere = {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", TWO_WITHOUT_AN_INDEX, tmp_path],
        env=os.environ | nobody | elsewhere,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    said = "cannot be installed: the index of pip cannot be reached (NewConnectionError)"  # Node is to come from there
    assert done.stdout.count(said) == 2


def installed(tmp_path: Path) -> Environment:
    environment = Environment(tmp_path / "one", (), in_python=True)
    environment.install(60)
    (environment.home / "kept").touch()
    return environment


@pytest.mark.parametrize("broken", ["installed.json", "bin/python"])
def test_an_environment_that_is_not_whole_is_made_anew(tmp_path: Path, broken: str) -> None:
    environment = installed(tmp_path)
    (environment.home / broken).unlink()
    environment.install(60)
    assert not (environment.home / "kept").exists()
    assert (environment.home / broken).exists()


def test_an_environment_whose_record_is_cut_off_is_made_anew(tmp_path: Path) -> None:
    environment = installed(tmp_path)
    (environment.home / "installed.json").write_text('["2026')
    environment.install(60)
    assert not (environment.home / "kept").exists()


def test_an_environment_of_a_checkout_that_was_moved_is_made_anew(tmp_path: Path) -> None:
    installed(tmp_path).home.rename(tmp_path / "two")
    moved = Environment(tmp_path / "two", (), in_python=True)
    moved.install(60)
    assert not (moved.home / "kept").exists()


def test_two_runs_install_one_after_the_other(tmp_path: Path) -> None:
    environment = installed(tmp_path)
    with (tmp_path / ".one.lock").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(OSError, match="another run has been installing one all the time"):
            environment.install(0)
    environment.install(60)
    assert (environment.home / "kept").exists()


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

"""`--format html`: the picture of an answer as one file, for a browser."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from clientary_mcp.pictures import page
from tests.support.processes import COMMAND, PATIENCE, environment

CALL = (*COMMAND, "call", "--sandbox", "--date", "2026-11-27")


def written(file: Path, *arguments: str, **settings: str) -> tuple[int, str]:
    """The exit status of a call whose output goes to a file, and its errors."""
    with file.open("wb") as out:
        done = subprocess.run(  # noqa: S603 - our own command
            [*CALL, *arguments, "--format", "html"],
            env=environment(**settings),
            stdout=out,
            stderr=subprocess.PIPE,
            timeout=PATIENCE,
            check=False,
        )
    return done.returncode, done.stderr.decode()


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_a_report_is_one_file_that_holds_its_answer(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "sales.html"
    assert written(file, "sales_report", "group_by=client", PYTHONIOENCODING=encoding) == (0, "")
    text = file.read_text("utf-8")
    (held,) = re.findall(r'<script type="application/json" id="answer">(.*)</script>', text)
    answer = json.loads(held)["structuredContent"]
    assert answer["rows"][0]["client"] == "Seabright Publishing"
    assert text == page("sales", answer)


@pytest.mark.parametrize("call", [("create_client", "name=Acme"), ("delete_invoice", "invoice_id=20512", "--yes")])
def test_only_reports_have_one(tmp_path: Path, call: tuple[str, ...]) -> None:
    status, err = written(tmp_path / "none.html", *call)
    assert status == 2
    assert f"{call[0]} has no picture. These have one: unbilled_report, " in err
    assert (tmp_path / "none.html").read_bytes() == b""

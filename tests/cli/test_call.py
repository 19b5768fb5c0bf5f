"""`clientary-mcp call`: what it prints, how it exits, and that nothing is a second way to run a tool."""

import csv
import io
import json
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from clientary_mcp.cli.main import main
from clientary_mcp.sandbox import Sandbox
from scripts.generate_docs import ROOT
from tests.support.held_account import HeldAccount, Hold
from tests.support.processes import COMMAND, PATIENCE, environment, free_port, listening
from tests.support.terminal import CTRL_C, terminal

CALL = (*COMMAND, "call")


def called(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """The exit status of a call on the embedded account, its output, and its errors."""
    with pytest.raises(SystemExit) as ending:
        main(["call", "--sandbox", "--date", "2026-11-27", *arguments])
    assert isinstance(ending.value.code, int)
    return (ending.value.code, *capsys.readouterr())


def test_the_answer_is_json_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = called(capsys, "list_invoices", "limit=2", "status=sent")
    assert (status, err) == (0, "")
    assert [record["status"] for record in json.loads(out)["records"]] == ["sent", "sent"]


def test_as_csv_the_rows_are_data_and_the_rest_stands_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = called(capsys, "receivables_report", "min_days_overdue=30", "min_total=20000", "--format", "csv")
    assert status == 0
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [(row["client"], row["overdue"]) for row in rows] == [
        ("Copperfield Dental Group", "34942.09"),
        ("Seabright Publishing", "28855.26"),
        ("Willow Cycling Club", "346810"),
        ("Oakhurst Gardens", "25582.46"),
    ]
    assert "clientary-mcp: 20 drafts." in err.splitlines()


@pytest.mark.parametrize(
    ("arguments", "status", "what"),
    [
        (["get_invoize"], 2, "There is no tool 'get_invoize'. Did you mean get_invoice"),
        (["get_invoice", "invoice_id=none"], 2, "invoice_id takes a whole number, not 'none'"),
        (["list_invoices", "statsu=sent"], 2, "there is no argument 'statsu'"),
        (["list_invoices", "status"], 2, "status is no argument of a tool"),
        (["get_invoice", "invoice_id=99"], 1, "invoices/99 was not found"),
        (
            ["create_client", "name=Acme", "--read-only"],
            2,
            "There is no tool 'create_client'. It is switched off here.",
        ),
        (["export_records", "tool=list_clients"], 1, "CLIENTARY_EXPORT_DIR is not set"),
    ],
)
def test_an_error_is_told_on_stderr_and_by_the_status(
    capsys: pytest.CaptureFixture[str], arguments: list[str], status: int, what: str
) -> None:
    ended = called(capsys, *arguments)
    assert ended[:2] == (status, "")
    assert ended[2].startswith("clientary-mcp: ")
    assert what in ended[2]


def test_the_tools_can_be_listed(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = called(capsys, "--list", "--tools", "get_invoice,list_invoices")
    assert status == 0
    assert [line.split()[0] for line in out.splitlines()[:2]] == ["list_invoices", "get_invoice"]
    assert out.endswith("2 tools\n")


REMIND = ("send_payment_reminders", "min_days_overdue=90")
NOBODY = ("send_payment_reminders", "min_days_overdue=3000")
DELETE = ("delete_invoice", "invoice_id=20512")


@pytest.mark.parametrize("call", [REMIND, DELETE])
def test_a_gate_shows_what_it_would_do_and_exits_with_1(capsys: pytest.CaptureFixture[str], call: Any) -> None:
    status, out, err = called(capsys, *call)
    assert (status, json.loads(out)["done"]) == (1, False)
    assert err == "clientary-mcp: This is only a preview. The same command with --yes does what it shows.\n"


@pytest.mark.parametrize("call", [REMIND, DELETE])
def test_with_yes_a_gate_opens_in_one_go(capsys: pytest.CaptureFixture[str], call: Any) -> None:
    status, out, err = called(capsys, *call, "--yes")
    assert (status, json.loads(out)["done"], err) == (0, True, "")


@pytest.mark.parametrize("yes", [[], ["--yes"]])
def test_where_nothing_is_to_be_done_there_is_nothing_to_confirm(
    capsys: pytest.CaptureFixture[str], yes: list[str]
) -> None:
    status, out, err = called(capsys, *NOBODY, *yes)
    assert (status, json.loads(out)["done"], err) == (0, False, "")


def test_yes_changes_nothing_for_a_tool_without_a_gate(capsys: pytest.CaptureFixture[str]) -> None:
    assert called(capsys, "get_invoice", "invoice_id=20512", "--yes") == called(
        capsys, "get_invoice", "invoice_id=20512"
    )


def test_rows_come_from_a_file_and_a_refused_one_makes_it_partial(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    rows = tmp_path / "contacts.csv"
    rows.write_text("name;email;client_id\nAda;ada@acme.example;1201\nBob;bob@acme.example;1201\nNo;none;1201\n")
    status, out, _ = called(capsys, "import_contacts", f"rows=@{rows}", "--yes", "--format", "csv")
    assert status == 3
    assert [row["outcome"] for row in csv.DictReader(io.StringIO(out))] == ["imported", "imported", "refused"]


def test_the_owner_is_asked_where_the_settings_say_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLIENTARY_ASK_USER", "always")
    status, out, err = called(capsys, *DELETE, "--yes")
    assert (status, out) == (1, "")
    assert "needs the user's approval" in err


# Several calls, one account and one memory


@asynccontextmanager
async def account(folder: Path) -> AsyncIterator[dict[str, str]]:
    """The embedded account, served on loopback, and the settings with which processes share it and what they know."""
    port = free_port()
    async with listening("sandbox", "--date", "2026-11-27", port=port, log=folder / "stderr"):
        yield {
            "CLIENTARY_BASE_URL": f"http://127.0.0.1:{port}",
            "CLIENTARY_API_TOKEN": "sandbox",
            "XDG_STATE_HOME": str(folder),
            "CLIENTARY_AUDIT_LOG": str(folder / "audit.jsonl"),
        }


async def run(settings: dict[str, str], *arguments: str) -> tuple[int, Any, str]:
    """The status of one call in a process of its own, its answer, and its errors."""
    done = await anyio.run_process([*CALL, *arguments], env=environment(**settings), check=False)
    return done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr.decode()


@pytest.mark.anyio
async def test_calls_share_caps_memory_and_trail(tmp_path: Path) -> None:
    async with account(tmp_path) as settings:
        capped = settings | {"CLIENTARY_DELETES_PER_HOUR": "1"}
        first = await run(capped, "delete_invoice", "invoice_id=20512", "--yes")
        second = await run(capped, "delete_invoice", "invoice_id=20510", "--yes")
        pay = ("create_payment", "invoice_id=20510", "amount=10")
        paid, again = [(await run(settings, *pay))[1] for _ in range(2)]
        left = (await run(settings, "get_invoice", "invoice_id=20510"))[1]
    assert (first[0], second[0]) == (0, 1)
    assert "The hourly limit of 1 delete is reached. Nothing was sent." in second[2]
    assert paid["id"] == again["id"], "the second call is answered with what the first one made"
    assert left["total_payments"] == 10
    lines = [json.loads(line) for line in (tmp_path / "audit.jsonl").read_text().splitlines()]
    assert {line["client"] for line in lines} == {"shell"}
    assert [line["outcome"] for line in lines if line["tool"] == "delete_invoice"] == ["begun", "answered", "Withheld"]


@pytest.mark.anyio
async def test_a_preview_is_confirmed_by_its_id_in_another_process(tmp_path: Path) -> None:
    async with account(tmp_path) as settings:
        status, preview, _ = await run(settings, *REMIND)
        assert status == 1
        by_id = (*REMIND, f"preview_id={preview['preview_id']}")
        done, again = [await run(settings, *by_id, "--yes") for _ in range(2)]
    assert (done[0], again[0]) == (0, 0)
    assert "nothing was done again" in again[1]["message"]


@pytest.mark.anyio
async def test_an_unknown_outcome_has_a_status_of_its_own(tmp_path: Path) -> None:
    account = HeldAccount(Sandbox())
    settings = {
        "CLIENTARY_BASE_URL": f"http://127.0.0.1:{account.port}",
        "CLIENTARY_API_TOKEN": account.sandbox.token,
        "XDG_STATE_HOME": str(tmp_path),
    }
    with anyio.fail_after(2 * PATIENCE):
        async with account.listening(), anyio.create_task_group() as tasks:
            hold = account.hold("POST", "invoices/20510/messages")
            tasks.start_soon(_lose, hold)
            mail = ("send_invoice_message", "invoice_id=20510", "recipients=ada@oakhurst.example", "--yes")
            status, _, err = await run(settings, *mail)
    assert status == 3
    assert "It is unknown whether the request succeeded." in err


async def _lose(hold: Hold) -> None:
    await hold.arrived.wait()
    hold.lost = True
    await hold.release()


@pytest.mark.anyio
async def test_the_token_is_never_printed(tmp_path: Path) -> None:
    async with account(tmp_path) as settings:
        wrong = settings | {"CLIENTARY_API_TOKEN": "t0ken-that-is-wrong"}
        status, _, err = await run(wrong, "list_clients")
    assert (status, "t0ken" in err) == (1, False)
    assert err


# In a terminal, and in a pipe


def test_in_a_terminal_it_is_a_table_of_its_width() -> None:
    for columns in (60, 160):
        with terminal(*CALL, "--sandbox", "list_invoices", "limit=3", columns=columns) as screen:
            assert screen.end() == 0
        assert "client" in screen.text.splitlines()[0]
        assert max(map(len, screen.text.splitlines())) <= columns
        assert ("No room for:" in screen.text) == (columns == 60)


@pytest.mark.parametrize("command", [("call", "list_clients"), ("backup", "copy")])
def test_ctrl_c_ends_it_without_a_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    with socket.create_server(("127.0.0.1", 0)) as silent:  # it accepts, and never answers
        settings = {
            "CLIENTARY_BASE_URL": f"http://127.0.0.1:{silent.getsockname()[1]}",
            "CLIENTARY_API_TOKEN": "sandbox",
            "CLIENTARY_STORE": "memory",
        }
        with terminal(*COMMAND, *command, settings=settings) as screen, silent.accept()[0] as asked:
            asked.recv(1)
            screen.press(CTRL_C)
            assert screen.end() == 130
    assert screen.text.replace("^C", "").strip() == ""


def test_a_reader_that_stops_ends_it_without_a_word() -> None:
    pipe = subprocess.PIPE
    command = [*CALL, "--sandbox", "list_clients", "limit=1000", "detail=full"]
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, env=environment()) as process:  # noqa: S603 - our own
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert (process.wait(PATIENCE), process.stderr.read()) == (141, b"")

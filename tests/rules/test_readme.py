"""The README and the programs in the documentation do what they show."""

import ast
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from clientary_mcp.sandbox import Sandbox
from clientary_mcp.tools.support.formatting import format_money
from scripts import demo
from scripts.generate_docs import ROOT
from tests.conftest import session_with
from tests.rules.documents import Document, all_blocks, servers
from tests.rules.test_docs import HTTP, SETTINGS
from tests.support.agent import Agent, agent_of

README = Document(ROOT / "README.md")
SHOWN_ON = date(2026, 11, 27)


def test_the_readme_is_short_and_starts_with_what_users_need() -> None:
    lines = README.text.splitlines()
    assert len(lines) <= 200
    order = ["Reads, shows, asks", "**You:**", "scripts/demo", '"--sandbox"', '"CLIENTARY_SUBDOMAIN"', "scripts/test"]
    places = [next(place for place, line in enumerate(lines) if text in line) for text in order]
    assert places == sorted(places)
    assert [server.get("args") for server in servers()[:2]] == [["--sandbox"], None]


# The exchange


@pytest.fixture
async def agent_of_that_day() -> AsyncIterator[Agent]:
    async with agent_of(session_with(Sandbox(SHOWN_ON))) as agent:
        yield agent


def exchange() -> str:
    assert f"on {SHOWN_ON.day} {SHOWN_ON:%B %Y}" in README.text
    return "\n".join(line for line in README.text.splitlines() if line.startswith(">"))


@pytest.mark.anyio
async def test_the_quoted_receivables_match_the_report(agent_of_that_day: Agent) -> None:
    report = await agent_of_that_day.answer("receivables_report", min_total=20_000, min_days_overdue=31)
    shown = re.findall(r"^> \| (\w.*?) \| ([\d,.]+ \w{3}) \| (\S+) \|$", exchange(), re.MULTILINE)
    assert shown == [
        (row["client"], format_money(Decimal(str(row["overdue"])), row["currency_code"]), row["oldest_due_date"])
        for row in report["rows"]
    ]


@pytest.mark.anyio
async def test_the_draft_is_previewed_and_created_as_in_the_exchange(agent_of_that_day: Agent) -> None:
    found = await agent_of_that_day.answer("search", query="Meridian Booking System", types=["project"])
    asked = {"project_id": found["rows"][0]["id"], "from_date": "2026-11-01", "to_date": "2026-11-30"}
    preview = await agent_of_that_day.answer("bill_project_hours", **asked)
    (total,) = preview["totals"]
    entries = sum(len(step["time_entries"].split(",")) for step in preview["steps"] if step["step"] == "line")
    assert preview["done"] is False
    assert (
        f"a draft invoice of {total['total']:,.2f} {total['currency_code']} to {preview['record']['client_name']},"
        f" for {total['hours']} hours in {entries} time entries" in exchange()
    )
    made = await agent_of_that_day.confirmed("bill_project_hours", **asked)
    assert made["record"]["status"] == "draft"
    assert f"Draft invoice {made['record']['number']} is created." in exchange()


@pytest.mark.anyio
async def test_the_names_in_the_questions_exist_in_the_sandbox(agent_of_that_day: Agent) -> None:
    (project,) = re.findall(r"has the (.+) used\?", README.text)
    found = await agent_of_that_day.answer("search", query=project)
    status = await agent_of_that_day.answer("project_status", project_id=found["rows"][0]["id"])
    assert status["rows"][0]["project"] == project
    assert status["rows"][0]["percentage"] > 0


# The programs


def python_blocks(containing: str) -> list[str]:
    return [block for block in all_blocks("python") if containing in block]


@pytest.mark.parametrize("block", python_blocks("from agents"))
def test_the_agents_sdk_example_uses_existing_names(block: str) -> None:
    named = {node.value for node in ast.walk(ast.parse(block)) if isinstance(node, ast.Constant)}
    assert ({"command", "clientary-mcp"} <= named) != ({"url", HTTP[0]["url"]} <= named)
    assert {name for name in named if str(name).startswith("CLIENTARY_")} <= {*SETTINGS}


@contextmanager
def account_on_loopback() -> Iterator[dict[str, str]]:
    """The sandbox, served as the documentation describes, and the settings that reach it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "clientary_mcp", "sandbox", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as serving:  # noqa: S603 - our own program
        assert serving.stdout is not None
        try:
            serving.stdout.readline()
            settings = [word for word in serving.stdout.readline().split() if word.startswith("CLIENTARY_")]
            yield dict(word.split("=", 1) for word in settings)
        finally:
            serving.terminate()


def run(program: list[str], environment: dict[str, str]) -> str:
    others = {name: value for name, value in os.environ.items() if not name.startswith("CLIENTARY_")}
    done = subprocess.run(  # noqa: S603 - code of the documents
        [sys.executable, *program],
        env=others | environment,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_python_client_example_works() -> None:
    (block,) = python_blocks("from clientary_mcp import")
    with account_on_loopback() as settings:
        lines = run(["-c", block], settings).splitlines()
    assert lines[:3] == ["64 clients, complete: True", "Quiet Harbour Books in Lisbon", "0 invoices"]
    assert re.match(r".*clients/\d+.*", lines[3])


def test_the_sdk_client_example_works() -> None:
    (block,) = python_blocks("StdioServerParameters")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    assert run(["-c", block], {"PATH": path}) == "64 clients\n"


def test_the_command_to_paste_stays_whole_where_the_folder_has_a_space(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: "/home/ada/My Files/clientary-mcp")
    assert demo.next_command() == "'/home/ada/My Files/clientary-mcp' install claude-desktop --sandbox"


def test_the_demo_shows_each_step_and_succeeds() -> None:
    shown = run(["scripts/demo.py"], {})
    steps = ("tools/list", "list_clients", "create_invoice", "receivables_report", "bill_project_hours", "get_client")
    positions = [shown.index(f"→ {step}") for step in steps]
    assert positions == sorted(positions)
    assert "64 clients, each of them once" in shown
    path, *words = shlex.split(shown.splitlines()[-1])
    assert Path(path).is_absolute(), "the command that the README asks for"
    assert [Path(path).name, *words] == ["clientary-mcp", "install", "claude-desktop", "--sandbox"]
    assert "., " not in shown, "sentences are not separated by commas"
    assert "\033" not in shown, "no colours where there is no terminal"

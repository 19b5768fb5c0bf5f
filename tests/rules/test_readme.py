"""The README, held to the program: its tables, snippets, commands, messages and links."""

import ast
import dataclasses
import json
import os
import re
import shlex
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import pytest

from clientary_mcp.api.session import Clientary
from clientary_mcp.api.status_errors import error_for_status
from clientary_mcp.cli.check import report
from clientary_mcp.cli.main import main
from clientary_mcp.cli.options import HTTP_PORT, parse
from clientary_mcp.errors import ClientaryError
from clientary_mcp.sandbox import Sandbox
from clientary_mcp.server.app import ClientaryServer
from clientary_mcp.server.http.app import application
from clientary_mcp.settings import Settings
from clientary_mcp.tools import ALL
from tests.rules.readme_table import README, REGENERATE, TABLES, written
from tests.support.agent import Agent

ROOT = README.parent
TEXT = README.read_text(encoding="utf-8")
SETTINGS = {field.metadata["variable"]: field for field in dataclasses.fields(Settings)}
TOOLS = {tool.name: tool for tool in ALL}


def blocks(language: str) -> list[str]:
    fenced = re.findall(rf"^( *)```{language}\n(.*?)^ *```$", TEXT, re.MULTILINE | re.DOTALL)
    return [textwrap.dedent(indent + body) if not indent else textwrap.dedent(body) for indent, body in fenced]


def commands() -> list[str]:
    return [line for block in blocks("sh") for line in block.splitlines()]


def rows(heading: str) -> list[list[str]]:
    """The rows of the first table below a heading, without the table's own head."""
    section = TEXT.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines[2:]]


def without_account(environment: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if not name.startswith("CLIENTARY_")}


# The tables


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_that_of_the_code(name: str) -> None:
    assert written(TEXT, name).strip() == TABLES[name]().strip(), f"to write it anew: {REGENERATE}"


def test_every_tool_that_is_named_exists() -> None:
    quoted = set(re.findall(r"`([a-z_]+)`", TEXT))
    like_tools = {name for name in quoted if re.match("(list|get|create|update|delete|send|charge)_", name)}
    assert like_tools <= {*TOOLS} <= quoted


def test_every_variable_that_is_named_exists() -> None:
    assert set(re.findall(r"CLIENTARY_[A-Z_]+", TEXT)) == {*SETTINGS}


def test_the_numbers_of_tools_are_right() -> None:
    assert f"through {len(ALL)} tools" in TEXT
    assert f"{sum(tool.gated for tool in ALL)} of the tools do what cannot be undone" in TEXT
    assert f"and {len(ALL) - 57} are new" in TEXT


# What people copy


def servers() -> list[dict[str, Any]]:
    configurations = [json.loads(block) for block in blocks("json")]
    return [
        configuration.get("mcpServers", configuration.get("servers"))["clientary"] for configuration in configurations
    ]


STDIO = [server for server in servers() if server.get("command") == "clientary-mcp"]
HTTP = [server for server in servers() if "url" in server]


def test_every_configuration_is_over_stdio_or_http() -> None:
    bridged = [server for server in servers() if server.get("command") == "npx"]
    assert len(STDIO) == 4
    assert len(HTTP) == 3
    assert len(STDIO + HTTP + bridged) == len(servers())
    assert [server["args"][2] for server in bridged] == [server["url"] for server in HTTP[:1]]


@pytest.mark.parametrize("server", STDIO)
def test_a_configuration_over_stdio_starts_the_real_command_with_real_settings(server: dict[str, Any]) -> None:
    assert parse(server.get("args", [])).transport == "stdio"
    assert {"CLIENTARY_SUBDOMAIN", "CLIENTARY_API_TOKEN"} == {*server["env"]}


@pytest.mark.parametrize("server", HTTP)
def test_a_configuration_over_http_names_the_path_that_is_served(server: dict[str, Any]) -> None:
    assert server["url"].endswith("/mcp")
    assert server["headers"]["Authorization"].startswith("Bearer ")


@pytest.mark.parametrize(("transport", "path"), [("streamable-http", "/mcp"), ("sse", "/sse")])
def test_the_paths_over_http_are_served(transport: Any, path: str, clientary: Clientary) -> None:
    app = application(ClientaryServer(clientary), clientary.settings, transport, "127.0.0.1")
    assert path in [getattr(route, "path", None) for route in app.routes]
    assert f"`http://127.0.0.1:{HTTP_PORT}{path}`" in TEXT


def test_the_variables_of_vs_code_are_asked_for() -> None:
    for block in blocks("json"):
        asked = [given["id"] for given in json.loads(block).get("inputs", [])]
        assert re.findall(r"\$\{input:([^}]+)\}", block) == asked


OURS = [shlex.split(line) for line in commands() if re.match(r"(CLIENTARY_\w+=\S+ )*clientary-mcp\b", line)]


@pytest.mark.parametrize("words", OURS, ids=" ".join)
def test_every_command_line_of_ours_is_accepted(words: list[str]) -> None:
    program = words.index("clientary-mcp")
    assert {word.partition("=")[0] for word in words[:program]} <= {*SETTINGS}
    parse(words[program + 1 :])


@pytest.mark.parametrize("script", [word for line in commands() if (word := line.split()[0]).startswith("scripts/")])
def test_every_script_that_is_named_can_be_run(script: str) -> None:
    assert os.access(ROOT / script, os.X_OK)


# Python


def python_blocks(containing: str) -> list[str]:
    return [block for block in blocks("python") if containing in block]


@pytest.mark.parametrize("block", python_blocks("# "))
def test_code_that_is_quoted_stands_in_the_file_that_is_named(block: str) -> None:
    path, _, quoted = block.partition("\n")
    assert quoted.strip() in (ROOT / path.removeprefix("# ")).read_text(encoding="utf-8")


@pytest.mark.parametrize("block", python_blocks("from agents"))
def test_code_for_the_agents_sdk_names_what_is_real(block: str) -> None:
    named = {node.value for node in ast.walk(ast.parse(block)) if isinstance(node, ast.Constant)}
    assert ({"command", "clientary-mcp"} <= named) != ({"url", HTTP[0]["url"]} <= named)
    assert {name for name in named if str(name).startswith("CLIENTARY_")} <= {*SETTINGS}


@contextmanager
def account_on_loopback() -> Iterator[dict[str, str]]:
    """The embedded account served as the README says, and the settings that reach it."""
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
    done = subprocess.run(  # noqa: S603 - code of the README
        [sys.executable, *program],
        env=without_account(dict(os.environ)) | environment,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_python_client_does_what_is_shown() -> None:
    (block,) = python_blocks("clientary_mcp.api.session")
    with account_on_loopback() as settings:
        lines = run(["-c", block], settings).splitlines()
    assert lines[0] == "64 clients, complete: True"
    assert lines[1] == "Quiet Harbour Books in Lisbon"
    assert lines[2] == "[]"
    assert lines[3].endswith("it does not exist or was deleted.")


def test_the_client_of_the_sdk_does_what_is_shown() -> None:
    (block,) = python_blocks("StdioServerParameters")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    assert run(["-c", block], {"PATH": path}) == "64 clients\n"


def test_the_demo_shows_each_step_and_succeeds() -> None:
    shown = run(["scripts/demo.py"], {})
    steps = ("tools/list", "list_clients", "create_invoice", "receivables_report", "bill_project_hours", "get_client")
    positions = [shown.index(f"→ {step}") for step in steps]
    assert positions == sorted(positions)
    assert "64 clients, each of them once" in shown
    assert "\033" not in shown, "no colours where there is no terminal"


# Messages


def quotes() -> list[str]:
    return re.findall(r"^> (.+)$", TEXT.partition("\n## Troubleshooting\n")[2], re.MULTILINE)


SETTINGS_MISTAKES: list[tuple[list[str], dict[str, str]]] = [
    ([], {}),
    ([], {"CLIENTARY_SUBDOMAIN": "acme"}),
    ([], {"CLIENTARY_SUBDOMAIN": "acme.clientary.com", "CLIENTARY_API_TOKEN": "t0ken"}),
    (["--sandbox", "--transport", "streamable-http", "--host", "0.0.0.0"], {}),  # noqa: S104 - it is refused
]


@pytest.mark.parametrize(("arguments", "environment"), SETTINGS_MISTAKES)
def test_a_quoted_mistake_in_the_settings_is_what_the_program_says(
    arguments: list[str],
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert capsys.readouterr().err.strip() in quotes()


@pytest.mark.parametrize(
    "error",
    [
        error_for_status(403, "GET", "staff", ""),
        error_for_status(429, "GET", "staff", ""),
        error_for_status(301, "GET", "staff", ""),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_quoted_refusal_is_what_agents_are_told(error: ClientaryError) -> None:
    assert str(error) in quotes()


@pytest.mark.anyio
async def test_a_quoted_refusal_of_the_token_is_what_check_says(sandbox: Sandbox) -> None:
    settings = Settings(base_url="http://localhost", api_token="an-old-token")
    async with Clientary(settings, httpx.ASGITransport(sandbox.app)) as clientary:
        with pytest.raises(ClientaryError) as refused:
            _ = [line async for line in report(clientary)]
    assert str(refused.value) in quotes()


@pytest.mark.anyio
async def test_quoted_mistakes_of_agents_are_what_they_are_told(sandbox_agent: Agent) -> None:
    assert await sandbox_agent.refusal("get_client", client_id=5) in quotes()
    assert await sandbox_agent.refusal("create_client", name="Acme", nam="Acme") in quotes()


@pytest.mark.anyio
async def test_a_quoted_failure_of_the_network_is_what_agents_are_told(agent: Agent, account: Any) -> None:
    account.get("clients/5").mock(side_effect=httpx.ConnectError("refused"))
    assert await agent.refusal("get_client", client_id=5) in quotes()
    account.post("invoices").mock(side_effect=httpx.ReadError("lost"))
    account.get("invoices").respond(500)
    days = {"date": "2026-11-20", "due_date": "2026-12-20"}
    assert await agent.refusal("create_invoice", currency_code="USD", **days) in quotes()


def test_every_quote_is_tried_above() -> None:
    assert len(quotes()) == len(SETTINGS_MISTAKES) + len(("403", "429", "301", "401", "404", "unknown argument")) + 2


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({}, "401 Missing or invalid bearer token."),
        ({"Authorization": "Bearer a-long-random-text", "Host": "other.example"}, "421 Invalid Host header"),
        ({"Authorization": "Bearer a-long-random-text", "Origin": "http://other.example"}, "403 Invalid Origin header"),
    ],
)
async def test_quoted_refusals_over_http_are_what_clients_get(
    headers: dict[str, str], told: str, sandbox: Sandbox
) -> None:
    settings = Settings(base_url="http://localhost", api_token=sandbox.token, mcp_token="a-long-random-text")
    app = application(ClientaryServer(Clientary(settings)), settings, "streamable-http", "127.0.0.1")
    network = httpx.ASGITransport(app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=network) as client:
        answer = await client.post("http://127.0.0.1:8000/mcp", headers=headers, json={})
    assert f"{answer.status_code} {answer.text}" == told
    assert f"`{told}`" in TEXT


# Links


def test_every_link_inside_the_repository_leads_somewhere() -> None:
    headings = re.findall(r"^#+ (.+)$", TEXT, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
    for target in re.findall(r"\]\(([^)]+)\)", TEXT):
        if target.startswith("#"):
            assert target[1:] in anchors
        elif not target.startswith("https://"):
            assert (ROOT / target).exists(), target


def test_every_file_that_is_named_exists() -> None:
    named = re.findall(r"`((?:clientary_mcp|tool_schemas|tests|scripts)/[\w./]*)`", TEXT)
    assert not [path for path in named if not (ROOT / path).exists()]


def test_every_module_that_is_to_be_run_exists() -> None:
    modules = re.findall(r"`python -m ([\w.]+)", TEXT)
    assert modules
    assert not [module for module in modules if find_spec(module) is None]

"""The command line: its messages, when it refuses to start, and its subcommands."""

import gc
import json
from datetime import date
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from mcp import Client, StdioServerParameters

from clientary_mcp.cli.main import main
from clientary_mcp.sandbox import Sandbox
from clientary_mcp.tools import ALL
from tests.support.agent import Agent
from tests.support.processes import COMMAND, PATIENCE, environment, free_port, listening

TOKEN = "t0ken-of-acme"
ACME = {"CLIENTARY_SUBDOMAIN": "acme", "CLIENTARY_API_TOKEN": TOKEN}


def ended(*arguments: str) -> int:
    """The exit status of the command."""
    with pytest.raises(SystemExit) as ending:
        main(arguments)
    assert isinstance(ending.value.code, int)
    return ending.value.code


ACCOUNTS_THAT_CANNOT_BE = [
    ({}, "CLIENTARY_SUBDOMAIN is missing"),
    ({"CLIENTARY_SUBDOMAIN": "  ", "CLIENTARY_API_TOKEN": TOKEN}, "CLIENTARY_SUBDOMAIN is missing"),
    ({"CLIENTARY_SUBDOMAIN": "acme"}, "CLIENTARY_API_TOKEN is missing"),
    ({**ACME, "CLIENTARY_SUBDOMAIN": "evil.example.com/"}, "CLIENTARY_SUBDOMAIN must consist of"),
    ({**ACME, "CLIENTARY_SUBDOMAIN": "me:secret@evil"}, "CLIENTARY_SUBDOMAIN must consist of"),
    ({**ACME, "CLIENTARY_BASE_URL": "https://clients.example.com"}, "CLIENTARY_BASE_URL and CLIENTARY_SUBDOMAIN"),
    ({"CLIENTARY_BASE_URL": "http://example.com", "CLIENTARY_API_TOKEN": TOKEN}, "CLIENTARY_BASE_URL must start"),
    (
        {"CLIENTARY_BASE_URL": "https://a@example.com", "CLIENTARY_API_TOKEN": TOKEN},
        "CLIENTARY_BASE_URL must be a host",
    ),
    ({"CLIENTARY_BASE_URL": "example.com", "CLIENTARY_API_TOKEN": TOKEN}, "CLIENTARY_BASE_URL"),
    ({**ACME, "CLIENTARY_API_TOKEN": f"{TOKEN} {TOKEN}"}, "CLIENTARY_API_TOKEN must be 1 to 200"),
]
OTHER_SETTINGS_THAT_CANNOT_BE = [
    ({**ACME, "CLIENTARY_CONCURRENCY": "0"}, "CLIENTARY_CONCURRENCY must be a whole number from 1 to 64"),
    ({**ACME, "CLIENTARY_CONCURRENCY": "1.5"}, "CLIENTARY_CONCURRENCY must be"),
    ({**ACME, "CLIENTARY_REQUESTS_PER_SECOND": "-1"}, "CLIENTARY_REQUESTS_PER_SECOND must be a number from 0"),
    ({**ACME, "CLIENTARY_DEADLINE": "soon"}, "CLIENTARY_DEADLINE must be a number"),
    ({**ACME, "CLIENTARY_DEADLINE": "inf"}, "CLIENTARY_DEADLINE must be a number from 1 to 3600"),
    ({**ACME, "CLIENTARY_CONCURRENCY": "inf"}, "CLIENTARY_CONCURRENCY must be"),
    ({**ACME, "CLIENTARY_LOG_LEVEL": "LOUD"}, "CLIENTARY_LOG_LEVEL must be one of DEBUG"),
    ({**ACME, "CLIENTARY_MCP_TOKEN": "hunter2"}, "CLIENTARY_MCP_TOKEN must be 16"),
]


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The single line of error output with which the command exits."""
    assert ended(*arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("clientary-mcp: ")
    assert err.endswith(".\n")
    assert err.count("\n") == 1
    assert TOKEN not in err
    return err


@pytest.mark.parametrize("command", [(), ("check",)])
@pytest.mark.parametrize(("settings", "what"), ACCOUNTS_THAT_CANNOT_BE)
def test_without_an_account_it_exits_with_one_line_of_advice(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    command: tuple[str, ...],
    settings: dict[str, str],
    what: str,
) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    text = refused(capsys, *command)
    assert what in text
    assert "--sandbox" in text


@pytest.mark.parametrize(("settings", "what"), OTHER_SETTINGS_THAT_CANNOT_BE)
def test_an_invalid_setting_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], what: str
) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    text = refused(capsys)
    assert what in text
    assert "hunter2" not in text


def test_a_server_that_did_not_start_leaves_the_garbage_collector_on(capsys: pytest.CaptureFixture[str]) -> None:
    refused(capsys)
    assert gc.isenabled()


def test_a_public_address_needs_a_token_and_a_host_name(capsys: pytest.CaptureFixture[str]) -> None:
    text = refused(capsys, "--sandbox", "--transport", "streamable-http", "--host", "0.0.0.0")  # noqa: S104 refused
    assert "CLIENTARY_MCP_TOKEN" in text
    assert "--allowed-host" in text


def test_the_tools_table_has_a_line_for_each_tool(capsys: pytest.CaptureFixture[str]) -> None:
    main(["tools"])
    lines = capsys.readouterr().out.splitlines()
    offered = [tool for tool in ALL if tool.resource != "raw"]
    assert lines[-1] == f"{len(offered)} tools"
    rows = lines[: lines.index("")]
    assert [row.split()[0] for row in rows] == [tool.name for tool in offered]
    kinds = {row.split()[0]: row.split()[1] for row in rows}
    assert {name for name, kind in kinds.items() if kind == "confirm"} == {tool.name for tool in offered if tool.gated}
    assert (kinds["get_invoice"], kinds["create_invoice"]) == ("reads", "writes")
    (line,) = [line for line in lines if line.startswith("create_payment ")]
    assert line.endswith("invoice_id, amount, allow_unusual?, note?, received_on?, allow_duplicate?")


def test_the_tools_table_lists_raw_requests_when_they_are_enabled(
    capsys: pytest.CaptureFixture[str],
) -> None:
    main(["--toolsets", "all,raw", "tools"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[lines.index("") - 1].split()[:3] == ["api_request", "confirm", "method,"]
    assert lines[-1] == f"{len(ALL)} tools"


@pytest.mark.anyio
async def test_the_tools_as_json_match_what_agents_get(sandbox_agent: Agent) -> None:
    printed = await anyio.run_process([*COMMAND, "tools", "--json"], env=environment())
    listed = await sandbox_agent.client.list_tools()
    tools = [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in listed.tools]
    assert json.loads(printed.stdout) == {"tools": tools}


def test_the_tools_as_json_are_limited_by_the_settings(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLIENTARY_ANSWERS", "text")
    main(["tools", "--json", "--tools", "get_client"])
    (shown,) = json.loads(capsys.readouterr().out)["tools"]
    assert shown["name"] == "get_client"
    assert "outputSchema" not in shown


def test_the_embedded_account_can_be_checked(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLIENTARY_SUBDOMAIN", "acme")  # the configured account is not contacted
    main(["check", "--sandbox"])
    text = capsys.readouterr().out
    assert text.startswith("account       the sandbox\ntoken         accepted\n")
    assert "64 clients" in text
    assert "acme" not in text


def invoices_of(day: date) -> list[tuple[Any, ...]]:
    """The newest invoices of the sandbox on this date."""
    query = "SELECT id, number, date FROM invoices ORDER BY date DESC, id DESC LIMIT 30"
    return [tuple(row) for row in Sandbox(day).connection.execute(query)]


# An option may be given before or after the subcommand.
@pytest.mark.anyio
@pytest.mark.parametrize("order", ["sandbox --date 2026-01-05", "--date 2026-01-05 sandbox"])
async def test_the_sandbox_of_a_date_is_the_account_on_that_date(tmp_path: Path, order: str) -> None:
    port = free_port()
    with anyio.fail_after(PATIENCE):
        async with (
            listening(*order.split(), port=port, log=tmp_path / "stderr"),
            httpx.AsyncClient(auth=("sandbox", "sandbox"), headers={"Accept": "application/json"}) as http,
        ):
            answer = (await http.get(f"http://127.0.0.1:{port}/api/v2/invoices")).json()
    invoices = [(each["id"], each["number"], each["date"].replace("/", "-")) for each in answer["invoices"]]
    assert (answer["total_count"], invoices) == (412, invoices_of(date(2026, 1, 5)))


@pytest.mark.anyio
async def test_agents_use_the_sandbox_like_a_real_account(tmp_path: Path) -> None:
    port = free_port()
    account = {"CLIENTARY_BASE_URL": f"http://127.0.0.1:{port}", "CLIENTARY_API_TOKEN": "sandbox"}
    process = StdioServerParameters(command=COMMAND[0], args=list(COMMAND[1:]), env=account)
    with anyio.fail_after(PATIENCE):
        async with listening("sandbox", port=port, log=tmp_path / "stderr"), Client(process) as client:
            agent = Agent(client)
            assert (await agent.answer("list_clients", limit=1000))["returned"] == 64
            made = await agent.answer("create_client", name="Acme")
            assert (await agent.answer("update_client", client_id=made["id"], city="Bath"))["city"] == "Bath"
            assert (await agent.answer("delete_client", client_id=made["id"], confirm=True))["done"] is True
            assert "was not found" in await agent.refusal("get_client", client_id=made["id"])


@pytest.mark.anyio
async def test_the_date_given_to_a_server_is_the_date_of_its_account() -> None:
    arguments, invoices = [*COMMAND[1:], "--sandbox", "--date", "2026-01-05"], invoices_of(date(2026, 1, 5))
    with anyio.fail_after(PATIENCE):
        async with Client(StdioServerParameters(command=COMMAND[0], args=arguments)) as client:
            shown = (await Agent(client).answer("list_invoices", limit=len(invoices)))["records"]
    assert [(each["id"], each["number"], each["date"]) for each in shown] == invoices

"""`clientary-mcp callers`: enrolling, limiting and removing, on the store that servers use."""

import getpass
import io
import json
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest

from clientary_mcp.cli.callers import report
from clientary_mcp.cli.main import main
from clientary_mcp.cli.options import parse
from clientary_mcp.errors import ClientaryError
from clientary_mcp.sandbox import Sandbox
from clientary_mcp.sandbox.network import Network
from clientary_mcp.server.callers.vault import Vault
from clientary_mcp.settings.privileges import Privileges
from clientary_mcp.state.backends import backend_for

pytestmark = pytest.mark.anyio

KEYS = "a-key-of-at-least-32-characters-0"
API_TOKEN = "canary-of-an-api-token"
NOW = 1_800_000_000.0


class Terminal(io.StringIO):
    """Standard input that is a terminal, from which nothing may be read with an echo."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def store(tmp_path: Path) -> str:
    return f"file:{tmp_path / 'vault'}"


@pytest.fixture(autouse=True)
def _server(monkeypatch: pytest.MonkeyPatch, store: str) -> None:
    """The environment of a server with callers, and a pipe with the API token."""
    for name, value in {
        "CLIENTARY_CALLERS": "tokens",
        "CLIENTARY_ACCOUNTS": "acme, beta",
        "CLIENTARY_STORE": store,
        "CLIENTARY_KEYS": KEYS,
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{API_TOKEN}\n"))


@pytest.fixture
def account(sandbox: Sandbox) -> Sandbox:
    sandbox.token = API_TOKEN
    return sandbox


async def told(*arguments: str, account: Sandbox | None = None) -> str:
    """What the command prints."""
    options = parse(["callers", *arguments])
    return "\n".join([line async for line in report(options, Network(account) if account else None)])


async def refusal(*arguments: str, account: Sandbox | None = None) -> str:
    with pytest.raises(ClientaryError) as refused:
        await told(*arguments, account=account)
    assert API_TOKEN not in str(refused.value)
    return str(refused.value)


async def listed() -> list[dict[str, Any]]:
    callers: list[dict[str, Any]] = json.loads(await told("list", "--json"))["callers"]
    return callers


async def test_a_new_caller_gets_a_token_that_the_server_knows(account: Sandbox, store: str) -> None:
    server = backend_for(store, (KEYS,), lambda: NOW)
    await server.open()  # as a server that runs has it
    text = await told("add", "Ada", "--account", "acme", "--read-only", "--deletes-per-hour", "0", account=account)
    token = next(line.strip() for line in text.splitlines() if line.strip().startswith("cmk_"))
    vault = Vault(server.values, server.ring, lambda: NOW)
    held = await vault.holder(token, ("static",))
    assert held
    caller, _ = held
    assert (caller.name, caller.account, caller.api_token) == ("Ada", "https://acme.clientary.com", API_TOKEN)
    assert caller.privileges == Privileges(read_only=True, deletes_per_hour=0)
    assert API_TOKEN not in text
    assert "read only, 0 deletes an hour" in text
    assert "The credential reads the account's clients and staff." in text
    await server.aclose()


@pytest.mark.parametrize(
    ("public", "url"), [(None, "http://127.0.0.1:8000/mcp"), ("https://mcp.example.com", "https://mcp.example.com/mcp")]
)
async def test_the_token_comes_with_a_configuration_to_paste(
    account: Sandbox, monkeypatch: pytest.MonkeyPatch, public: str | None, url: str
) -> None:
    if public:
        monkeypatch.setenv("CLIENTARY_PUBLIC_URL", public)
    text = await told("add", "Ada", "--account", "acme", account=account)
    entry = json.loads(text[text.index("{") :])["mcpServers"]["clientary"]
    assert (entry["type"], entry["url"]) == ("http", url)
    assert entry["headers"]["Authorization"].removeprefix("Bearer ") in text[: text.index("{")]


async def test_on_a_terminal_the_api_token_is_asked_for_without_echo(
    account: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    questions: list[str] = []

    def answer(question: str) -> str:
        questions.append(question)
        return API_TOKEN

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(getpass, "getpass", answer)
    assert "Ada" in await told("add", "Ada", "--account", "beta", account=account)
    assert "https://beta.clientary.com" in questions[0]


async def test_a_token_that_clientary_rejects_enrolls_nobody(sandbox: Sandbox) -> None:
    assert "rejected the API token" in await refusal("add", "Ada", "--account", "acme", account=sandbox)
    assert await listed() == []


async def test_the_same_credential_again_is_the_same_caller_with_one_more_token(
    account: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    await told("add", "Ada", "--account", "acme", "--read-only", account=account)
    monkeypatch.setattr(sys, "stdin", io.StringIO(API_TOKEN))
    assert "known as Ada" in await told("add", "Ada's laptop", "--account", "acme", account=account)
    (caller,) = await listed()
    assert (caller["name"], caller["limits"]) == ("Ada's laptop", {"read_only": True})


async def test_the_list_shows_who_may_do_what_and_no_credential(account: Sandbox) -> None:
    await told("add", "Ada", "--account", "acme", "--toolsets", "clients, invoices", account=account)
    (caller,) = await listed()
    assert caller.keys() == {"id", "name", "account", "via", "limits", "made", "seen", "dead"}
    table = await told()
    assert API_TOKEN not in table
    heading, row = table.splitlines()
    assert heading.split() == ["id", "name", "account", "via", "made", "last", "seen", "may"]
    for cell in (caller["id"], "Ada", "https://acme.clientary.com", "tokens", "never", "toolsets clients invoices"):
        assert cell in row


async def test_limits_are_replaced_or_lifted_on_request_only(account: Sandbox) -> None:
    await told("add", "Ada", "--account", "acme", "--read-only", account=account)
    (caller,) = await listed()
    assert "within 30 seconds" in await told("limit", caller["id"], "--mails-per-hour", "2")
    assert (await listed())[0]["limits"] == {"mails_per_hour": 2}
    assert "--no-limits" in await refusal("limit", caller["id"])
    assert "everything" in await told("limit", caller["id"], "--no-limits")
    assert (await listed())[0]["limits"] == {}


async def test_a_removed_caller_is_gone_with_their_tokens(account: Sandbox, store: str) -> None:
    text = await told("add", "Ada", "--account", "acme", account=account)
    token = next(line.strip() for line in text.splitlines() if line.strip().startswith("cmk_"))
    (caller,) = await listed()
    assert "within 30 seconds" in await told("remove", caller["id"])
    backend = backend_for(store, (KEYS,), lambda: NOW)
    await backend.open()
    assert await Vault(backend.values, backend.ring, lambda: NOW).grant(token, ("static",)) is None
    await backend.aclose()
    assert "There is no caller" in await refusal("remove", caller["id"])


async def test_an_unknown_id_is_answered_with_those_near_to_it(account: Sandbox) -> None:
    await told("add", "Ada", "--account", "acme", account=account)
    (caller,) = await listed()
    wrong = caller["id"][:-1] + ("0" if caller["id"][-1] != "0" else "1")
    for given in (wrong, "ada"):
        assert f"Did you mean {caller['id']}" in await refusal("limit", given, "--read-only")


@pytest.mark.parametrize(
    ("changed", "arguments", "why"),
    [
        ({}, ["add", "Ada"], "say which with --account"),
        ({}, ["add", "Ada", "--account", "acmee"], "Did you mean acme?"),
        ({}, ["add", "Ada\x1b[2J", "--account", "acme"], "printable"),
        ({}, ["add", "Ada", "--account", "acme", "--tools", "get_clientt"], "--tools names 'get_clientt'"),
        ({}, ["add", "Ada", "--account", "acme", "--read-only", "--toolsets", "delete"], "leave no tool"),
        ({"CLIENTARY_STORE": "memory"}, ["list"], "each process has alone"),
        ({"CLIENTARY_CALLERS": ""}, ["list"], "CLIENTARY_CALLERS is not set"),
    ],
)
async def test_what_cannot_be_meant_is_refused(
    monkeypatch: pytest.MonkeyPatch, changed: dict[str, str], arguments: list[str], why: str
) -> None:
    for name, value in changed.items():
        monkeypatch.setenv(name, value)
    if "CLIENTARY_CALLERS" in changed:
        for name in ("CLIENTARY_ACCOUNTS", "CLIENTARY_STORE", "CLIENTARY_KEYS"):
            monkeypatch.delenv(name)
    assert why in await refusal(*arguments)


async def test_an_empty_api_token_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    assert "1 to 200 printable" in await refusal("add", "Ada", "--account", "acme")


@pytest.mark.parametrize(
    "arguments", [[], ["limit", "7326f84e3b8901f9", "--read-only"], ["remove", "7326f84e3b8901f9"]]
)
def test_a_store_that_does_not_exist_is_not_made(
    capsys: pytest.CaptureFixture[str], arguments: list[str], tmp_path: Path
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["callers", *arguments])
    assert ended.value.code == 2
    assert f"CLIENTARY_STORE names {tmp_path / 'vault'}, which does not exist" in capsys.readouterr().err
    assert not [*tmp_path.iterdir()]


def test_the_command_prints_the_list(capsys: pytest.CaptureFixture[str], store: str) -> None:
    async def start() -> None:
        server = backend_for(store, (KEYS,), lambda: NOW)
        await server.open()
        await server.aclose()

    anyio.run(start)
    main(["callers"])
    assert "Nobody yet" in capsys.readouterr().out

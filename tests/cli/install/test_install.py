"""`clientary-mcp install` and `uninstall`: what is asked, tried, written and told, and that no token is ever shown."""

import getpass
import io
import json
import stat
import sys
from pathlib import Path

import httpx
import pytest
import respx

from clientary_mcp.cli.install.commands import run
from clientary_mcp.cli.install.hosts import HOSTS
from clientary_mcp.cli.main import main
from clientary_mcp.cli.options import parse
from clientary_mcp.settings import Settings
from tests.support.clock import FakeTime
from tests.support.installing import ACME, CURSOR, KEPT, SUBDOMAIN, TOKEN, Terminal, refusal, told
from tests.support.machines import COMMAND, machine, tree
from tests.support.processes import COMMAND as SERVER
from tests.support.processes import free_port, listening
from tests.support.terminal import terminal


def test_a_server_for_the_account_starts_with_what_was_written(acme: respx.MockRouter, tmp_path: Path) -> None:
    text = told(tmp_path, "install", "cursor", "--read-only", "--toolsets", "core", **ACME)
    (entry,) = json.loads((tmp_path / CURSOR).read_text())["mcpServers"].values()
    assert entry["command"] == COMMAND
    settings = Settings.from_environment({**ACME, **entry["env"]})  # as a host that passes on its own environment
    assert (settings.address, settings.api_token) == ("https://acme.clientary.com", TOKEN)
    assert settings.read_only
    assert settings.toolsets == {"core"}
    assert TOKEN not in (tmp_path / CURSOR).read_text()
    assert stat.S_IMODE((tmp_path / KEPT).stat().st_mode) == 0o600
    assert f"The API token works.\nThe token is kept in {tmp_path / KEPT}, which you alone can read.\n" in text
    assert "Start Cursor again" in text
    assert [call.request.url.path for call in acme.calls] == ["/api/v2/clients"]


def test_the_same_again_changes_nothing_and_then_all_goes(acme: respx.MockRouter, tmp_path: Path) -> None:
    (tmp_path / CURSOR).parent.mkdir()
    (tmp_path / CURSOR).write_text(before := '{"mcpServers": {"notes": {"command": "/opt/notes"}}}')
    told(tmp_path, "install", "cursor", **ACME)
    first = tree(tmp_path)
    assert f"{tmp_path / CURSOR} has clientary already, and was not changed." in told(
        tmp_path, "install", "cursor", **ACME
    )
    assert tree(tmp_path) == first
    assert first[f"{CURSOR}.bak"].decode() == before
    told(tmp_path, "uninstall", "cursor")
    assert (tmp_path / CURSOR).read_text() == before
    assert not (tmp_path / KEPT).exists()
    left = tree(tmp_path)
    assert "does not have clientary, and was not changed" in told(tmp_path, "uninstall", "cursor")
    assert tree(tmp_path) == left
    told(tmp_path, "install", "cursor", **ACME)
    told(tmp_path, "uninstall", "cursor")
    assert tree(tmp_path) == left  # with no more copies than before


def test_an_account_on_its_own_domain_and_another_name(account: respx.MockRouter, tmp_path: Path) -> None:
    account.get("https://clients.example.com/api/v2/clients").respond(403)
    own = {"CLIENTARY_BASE_URL": "https://clients.example.com", "CLIENTARY_API_TOKEN": TOKEN}
    told(tmp_path, "install", "claude-code", "--name", "studio", **own)
    entry = json.loads((tmp_path / ".claude.json").read_text())["mcpServers"]["studio"]
    assert entry["env"]["CLIENTARY_BASE_URL"] == "https://clients.example.com"
    assert Path(entry["env"]["CLIENTARY_API_TOKEN_FILE"]).name == "claude-code.studio.token"
    told(tmp_path, "uninstall", "claude-code", "--name", "studio")
    assert tree(tmp_path) == {}


@pytest.mark.parametrize(
    ("typed", "setting"),
    [
        ("acme", {"CLIENTARY_SUBDOMAIN": "acme"}),
        (" acme.clientary.com", {"CLIENTARY_SUBDOMAIN": "acme"}),
        ("https://acme.clientary.com/invoices?page=2", {"CLIENTARY_SUBDOMAIN": "acme"}),
        ("ACME", {"CLIENTARY_SUBDOMAIN": "acme"}),
        ('"Acme.Clientary.com/"', {"CLIENTARY_SUBDOMAIN": "acme"}),
        ("https://ada:secret@acme.clientary.com", {"CLIENTARY_SUBDOMAIN": "acme"}),
        ("https://Clients.example.com/login", {"CLIENTARY_BASE_URL": "https://clients.example.com"}),
        ("clients.example.com:8443", {"CLIENTARY_BASE_URL": "https://clients.example.com:8443"}),
        ("http://localhost:8400", {"CLIENTARY_BASE_URL": "http://localhost:8400"}),
    ],
)
def test_the_address_is_asked_as_people_know_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: str, setting: dict[str, str]
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(f"{typed}\n"))
    text = told(tmp_path, "install", "vscode")
    written = json.loads((tmp_path / ".config/Code/User/mcp.json").read_text())
    assert written["servers"]["clientary"]["env"] == {
        **setting,
        "CLIENTARY_API_TOKEN": "${input:clientary-token}",
    }
    assert [(each["id"], each["password"]) for each in written["inputs"]] == [("clientary-token", True)]
    assert "VS Code asks for the API token when it starts clientary, and keeps it itself." in text


def test_the_token_is_asked_without_an_echo(
    acme: respx.MockRouter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(getpass, "getpass", lambda prompt: f"{TOKEN} " if "acme" in prompt else "")
    told(tmp_path, "install", "cursor", **SUBDOMAIN)
    assert (tmp_path / KEPT).read_text() == f"{TOKEN}\n"


def test_the_token_can_come_from_standard_input(
    acme: respx.MockRouter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{TOKEN}\n"))
    told(tmp_path, "install", "cursor", "--token-stdin", **SUBDOMAIN, CLIENTARY_API_TOKEN_FILE="/of/another/server")
    assert (tmp_path / KEPT).read_text() == f"{TOKEN}\n"


def test_a_rejected_token_is_not_written(account: respx.MockRouter, tmp_path: Path) -> None:
    account.get("/clients").respond(401)
    assert "token" in refusal(tmp_path, "install", "cursor", **ACME)


def test_what_is_no_account_is_not_written(account: respx.MockRouter, tmp_path: Path) -> None:
    account.get("/clients").respond(404)
    said = refusal(tmp_path, "install", "cursor", **ACME)
    assert said.startswith("https://acme.clientary.com answers, but not as a Clientary account.")


def test_an_account_out_of_reach_is_written_and_told(account: respx.MockRouter, tmp_path: Path) -> None:
    account.get("/clients").mock(side_effect=httpx.ConnectError("no route"))
    time = FakeTime()
    text = "\n".join(run(parse(["install", "cursor"]), machine(tmp_path, **ACME), time.clock))
    assert "It is not known whether the token works: " in text
    assert sum(time.waits) <= 10
    assert (tmp_path / CURSOR).exists()


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        (["cursr"], {}, "There is no host cursr. Did you mean cursor? Valid: claude-desktop, "),
        (["cursor"], {}, "Set CLIENTARY_SUBDOMAIN: without a terminal it cannot be asked for."),
        (["cursor"], SUBDOMAIN, "Set CLIENTARY_API_TOKEN, or use --token-stdin"),
        (["cursor"], {**ACME, "CLIENTARY_SUBDOMAIN": "a/b"}, "CLIENTARY_SUBDOMAIN must consist of"),
        (["cursor"], {**ACME, "CLIENTARY_API_TOKEN": "two words"}, "CLIENTARY_API_TOKEN must be 1 to 200"),
        (["cursor"], {**ACME, "CLIENTARY_BASE_URL": "https://a.example"}, "are both set"),
        (["cursor", "--toolsets", "invoice"], ACME, "Did you mean invoices"),
        (["cursor", "--name", "my.server"], ACME, "--name must be letters"),
        (["cursor", "--sandbox", "--keychain"], {}, "--keychain has no effect for Cursor: the embedded account needs"),
        (["vscode", "--token-stdin"], SUBDOMAIN, "--token-stdin has no effect for VS Code: it asks for the token"),
    ],
)
def test_what_cannot_be_installed_is_refused(
    tmp_path: Path, arguments: list[str], environment: dict[str, str], said: str
) -> None:
    assert said in refusal(tmp_path, "install", *arguments, **environment)


@pytest.mark.parametrize(
    "command", ["/home/ada/.cache/uv/archive-v0/x1/bin/clientary-mcp", r"C:\Users\Ada\AppData\Local\uv\cache\a.exe"]
)
def test_a_command_in_a_cache_is_refused(tmp_path: Path, command: str) -> None:
    said = refusal(tmp_path, "install", "cursor", "--sandbox", command=command)
    assert "is in a cache, which is emptied now and then" in said


def test_a_broken_configuration_is_refused_before_anything_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / CURSOR).parent.mkdir()
    (tmp_path / CURSOR).write_text('{"mcpServers": {')
    monkeypatch.setattr(sys, "stdin", Terminal())  # a question would be refused in other words
    assert "is not valid JSON" in refusal(tmp_path, "install", "cursor")
    assert refusal(tmp_path, "uninstall", "cursor").endswith("Nothing was changed. Take clientary out by hand.")


def test_another_server_of_that_name_is_replaced_only_if_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told(tmp_path, "install", "cursor", "--sandbox")
    first = tree(tmp_path)[CURSOR]
    wanted = ("install", "cursor", "--sandbox", "--read-only")
    assert "Cursor already has a server named clientary, with other settings. Add --yes to replace it" in refusal(
        tmp_path, *wanted
    )
    monkeypatch.setattr(sys, "stdin", Terminal("n\n"))
    assert "Nothing was changed." in refusal(tmp_path, *wanted)
    monkeypatch.setattr(sys, "stdin", Terminal("y\n"))
    assert "now. What it was before is in" in told(tmp_path, *wanted)
    assert tree(tmp_path)[f"{CURSOR}.bak"] == first
    told(tmp_path, "install", "cursor", "--sandbox", "--yes")
    assert tree(tmp_path)[CURSOR] == first


@pytest.mark.parametrize("host", HOSTS)
def test_print_shows_what_would_be_written_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], host: str
) -> None:
    text = told(tmp_path, "install", host, "--print", CLIENTARY_API_TOKEN=TOKEN)
    assert "your-subdomain" in text
    assert COMMAND in text
    err = capsys.readouterr().err
    assert f"This would be added to {HOSTS[host].path(machine(tmp_path))}:" in err
    assert TOKEN not in err
    assert tree(tmp_path) == {}


def test_the_command_is_written_with_its_full_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = tmp_path / "bin" / "clientary-mcp"
    command.parent.mkdir()
    command.touch(0o700)
    monkeypatch.setenv("HOME", str(tmp_path))
    for called in (str(command), "clientary-mcp", "bin/clientary-mcp"):
        monkeypatch.setenv("PATH", str(command.parent))
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", [called])
        main(["install", "cursor", "--sandbox", "--print"])
        shown = json.loads(capsys.readouterr().out)
        assert shown["mcpServers"]["clientary"] == {"command": str(command), "args": ["--sandbox"]}


def test_without_a_command_of_its_own_it_is_started_by_its_python(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "argv", ["/elsewhere/clientary_mcp/__main__.py"])
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python3"))
    main(["install", "cursor", "--sandbox", "--print"])
    shown = json.loads(capsys.readouterr().out)["mcpServers"]["clientary"]
    assert shown == {"command": str(tmp_path / "python3"), "args": ["-m", "clientary_mcp", "--sandbox"]}


@pytest.mark.anyio
async def test_at_a_terminal_nothing_shows_what_is_typed_for_a_token(tmp_path: Path) -> None:
    port, home = free_port(), tmp_path / "ada"
    at = {"HOME": str(home), "XDG_CONFIG_HOME": "", "CLIENTARY_BASE_URL": f"http://127.0.0.1:{port}"}
    async with listening("sandbox", port=port, log=tmp_path / "log"):
        with terminal(*SERVER, "install", "cursor", settings=at) as shell:
            shell.read_until("not shown): ")
            shell.press(b"sandbox\n")
            shell.end()
    assert "clientary is in" in shell.text
    assert "sandbox" not in shell.text
    assert (home / KEPT).read_text() == "sandbox\n"

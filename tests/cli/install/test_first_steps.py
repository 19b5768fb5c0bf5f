"""`clientary-mcp install` as somebody new to it may run it: nothing typed, and machines that are not in order."""

import errno
import getpass
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import respx

from clientary_mcp.cli.install.machine import Machine
from clientary_mcp.errors import SettingsError
from tests.support.installing import ACME, CURSOR, KEPT, SUBDOMAIN, TOKEN, Terminal, refusal, told
from tests.support.machines import COMMAND, tree


def test_the_end_of_input_is_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def ended(_: str) -> str:
        raise EOFError

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(getpass, "getpass", ended)
    assert refusal(tmp_path, "install", "cursor") == "Nothing was changed."
    assert refusal(tmp_path, "install", "cursor", **SUBDOMAIN) == "Nothing was changed."
    told(tmp_path, "install", "cursor", "--sandbox")
    assert refusal(tmp_path, "install", "cursor", "--sandbox", "--read-only") == "Nothing was changed."


def test_a_link_to_itself_is_refused(tmp_path: Path) -> None:
    (tmp_path / CURSOR).parent.mkdir()
    (tmp_path / CURSOR).symlink_to(tmp_path / CURSOR)
    for command in ("install", "uninstall"):
        said = refusal(tmp_path, command, "cursor", *(["--sandbox"] if command == "install" else []))
        assert said == f"{tmp_path / CURSOR} cannot be read: it is a link that leads nowhere."


@pytest.mark.parametrize("host", ["windsurf", "claude-code"])
def test_a_folder_that_cannot_be_looked_into_is_not_there(tmp_path: Path, host: str) -> None:
    far = str(tmp_path / ("x" * 300))  # too long for a name, which is an error as a folder of somebody else is
    variable = "XDG_CONFIG_HOME" if host == "windsurf" else "CLAUDE_CONFIG_DIR"
    if host == "windsurf":
        told(tmp_path, "install", host, "--sandbox", **{variable: far})
        assert [*tree(tmp_path)] == [".codeium/windsurf/mcp_config.json"]
    else:
        assert "cannot be read: File name too long." in refusal(
            tmp_path, "install", host, "--sandbox", **{variable: far}
        )


def test_a_user_without_a_home_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000)  # of a container, in which nobody has that number
    with pytest.raises(SettingsError, match=r"^Set HOME: it is not known where hosts keep their configurations\.$"):
        Machine.this()


def test_a_configuration_that_cannot_be_written_is_refused_before_anything_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal())  # a question would be refused in other words
    (tmp_path / ".cursor").touch()
    assert f"cannot be written: {tmp_path / '.cursor'} is no folder." in refusal(tmp_path, "install", "cursor")
    (tmp_path / ".gemini").mkdir()
    (tmp_path / ".gemini/settings.json").write_text("{}")
    for locked in (tmp_path / ".gemini", tmp_path / ".gemini/settings.json"):  # root may write all the same
        monkeypatch.setattr(os, "access", lambda path, _, locked=locked: Path(path) != locked)
        assert "settings.json cannot be written: Permission denied." in refusal(tmp_path, "install", "gemini")


def test_a_token_is_not_left_behind_where_the_configuration_could_not_be_written(
    acme: respx.MockRouter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "replace", only_tokens := replacing_tokens_only())
    assert "mcp.json cannot be written: No space left on device." in refusal(tmp_path, "install", "cursor", **ACME)
    monkeypatch.undo()
    told(tmp_path, "install", "cursor", **ACME)
    (tmp_path / KEPT).write_text("another that works\n")
    monkeypatch.setattr(os, "replace", only_tokens)
    refusal(tmp_path, "install", "cursor", "--read-only", "--yes", **ACME)
    assert (tmp_path / KEPT).read_text() == "another that works\n"


def replacing_tokens_only() -> Callable[[str, Path], None]:
    """`os.replace` on a disk that becomes full once a token is written."""
    replace = os.replace

    def replaced(source: str, target: Path) -> None:
        if target.suffix != ".token":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        replace(source, target)

    return replaced


def test_what_a_host_writes_while_somebody_answers_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told(tmp_path, "install", "cursor", "--sandbox")

    def written_meanwhile(_: str) -> str:
        (tmp_path / CURSOR).write_text((tmp_path / CURSOR).read_text().replace("{", '{"theme": "dark",', 1))
        return "y"

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr("builtins.input", written_meanwhile)
    told(tmp_path, "install", "cursor", "--sandbox", "--read-only")
    assert '"theme": "dark"' in (tmp_path / CURSOR).read_text()


def test_a_token_goes_even_if_somebody_took_its_server_out(acme: respx.MockRouter, tmp_path: Path) -> None:
    told(tmp_path, "install", "cursor", **ACME)
    (tmp_path / CURSOR).write_text("{}")
    text = told(tmp_path, "uninstall", "cursor")
    assert "does not have clientary, and was not changed." in text
    assert "The API token that was kept for it is deleted here." in text
    assert not (tmp_path / KEPT).exists()
    assert "API token" not in told(tmp_path, "uninstall", "cursor")


@pytest.mark.parametrize("typed", ["", "acme ltd", "https://[", "acme..com", "*"])
def test_what_is_no_address_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: str) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(f"{typed}\n"))
    assert "address" in refusal(tmp_path, "install", "vscode")


@pytest.mark.parametrize("around", ["{}", " {} \r", '"{}"', "'{}'", "“{}”", "Bearer {}", "bearer  {}", '"Bearer {}"'])
def test_a_token_is_taken_as_people_copy_it(
    acme: respx.MockRouter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, around: str
) -> None:
    pasted = around.format(TOKEN)
    monkeypatch.setattr(sys, "stdin", Terminal(f"{pasted}\n"))
    told(tmp_path, "install", "cursor", "--token-stdin", **SUBDOMAIN)
    assert (tmp_path / KEPT).read_text() == f"{TOKEN}\n"
    monkeypatch.setattr(getpass, "getpass", lambda _: pasted)
    told(tmp_path, "install", "lm-studio", **SUBDOMAIN)
    assert (tmp_path / KEPT).with_name("lm-studio.clientary.token").read_text() == f"{TOKEN}\n"


def test_no_token_is_told_in_words_of_people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(getpass, "getpass", lambda _: "")
    said = refusal(tmp_path, "install", "cursor", **SUBDOMAIN)
    assert said.startswith("No API token was given. Generate a new one in Clientary on your profile page")


def test_what_the_owner_added_by_hand_stays_when_it_is_installed_again(acme: respx.MockRouter, tmp_path: Path) -> None:
    told(tmp_path, "install", "cursor", "--read-only", **ACME)
    written = json.loads((tmp_path / CURSOR).read_text())
    entry = written["mcpServers"]["clientary"]
    entry["autoApprove"] = ["list_clients"]
    entry["env"]["CLIENTARY_AUDIT_LOG"] = "/home/ada/trail.jsonl"
    (tmp_path / CURSOR).write_text(json.dumps(written))
    assert "has clientary already, and was not changed" in told(tmp_path, "install", "cursor", "--read-only", **ACME)
    told(tmp_path, "install", "cursor", "--yes", **ACME)
    del entry["env"]["CLIENTARY_READ_ONLY"]
    assert json.loads((tmp_path / CURSOR).read_text()) == written
    told(tmp_path, "install", "cursor", "--sandbox", "--yes")
    left = json.loads((tmp_path / CURSOR).read_text())["mcpServers"]["clientary"]
    assert left["env"] == {"CLIENTARY_AUDIT_LOG": "/home/ada/trail.jsonl"}
    assert left["autoApprove"] == ["list_clients"]


def test_nothing_of_a_server_at_a_url_stays(tmp_path: Path) -> None:
    (tmp_path / CURSOR).parent.mkdir()
    remote = {"url": "https://clientary.example.com/mcp", "headers": {"Authorization": "Bearer one"}}
    (tmp_path / CURSOR).write_text(json.dumps({"mcpServers": {"clientary": remote}}))
    told(tmp_path, "install", "cursor", "--sandbox", "--yes")
    left = json.loads((tmp_path / CURSOR).read_text())["mcpServers"]["clientary"]
    assert left == {"command": COMMAND, "args": ["--sandbox"]}


@pytest.mark.parametrize(
    ("host", "path", "added", "kept"),
    [
        ("codex", ".codex/config.toml", 'enabled_tools = ["search"]\n', '"search"'),
        ("codex", ".codex/config.toml", "[mcp_servers.clientary.tools.search]\napproval_mode = 'approve'\n", "approve"),
        ("goose", ".config/goose/config.yaml", '    available_tools: ["search"]\n', "search"),
    ],
)
def test_what_hosts_add_in_other_formats_stays(tmp_path: Path, host: str, path: str, added: str, kept: str) -> None:
    told(tmp_path, "install", host, "--sandbox")
    (tmp_path / path).write_text((tmp_path / path).read_text() + added)
    told(tmp_path, "install", host, "--sandbox", "--read-only", "--yes")
    assert kept in (tmp_path / path).read_text()


def test_what_cannot_be_written_back_is_left_alone(tmp_path: Path) -> None:
    told(tmp_path, "install", "codex", "--sandbox")
    config = tmp_path / ".codex/config.toml"
    config.write_text(config.read_text() + "since = 2026-11-28\n")
    said = refusal(tmp_path, "install", "codex", "--sandbox", "--read-only", "--yes")
    assert "is written in a way that cannot be edited here" in said


def test_a_new_token_asks_for_a_new_start(acme: respx.MockRouter, tmp_path: Path) -> None:
    told(tmp_path, "install", "cursor", **ACME)
    assert "Start Cursor again" in told(tmp_path, "install", "cursor", **ACME)
    told(tmp_path, "install", "gemini", "--sandbox")
    assert "again" not in told(tmp_path, "install", "gemini", "--sandbox")


@pytest.mark.parametrize(
    ("host", "path", "text", "why"),
    [
        ("cursor", CURSOR, "[]", "is JSON, but not an object with named settings."),
        pytest.param("cursor", CURSOR, "[" * 9_000, "contains too many levels.", id="deep cursor"),
        pytest.param("goose", ".config/goose/config.yaml", "[" * 9_000, "contains too many levels.", id="deep goose"),
        pytest.param("codex", ".codex/config.toml", "a = " + "[" * 9_000, "contains too many levels.", id="deep codex"),
        ("goose", ".config/goose/config.yaml", "a: 1\nb: [", "is not valid YAML: look at line 2."),
        ("goose", ".config/goose/config.yaml", "a: \x00", "is not valid YAML: it cannot be read."),
    ],
)
def test_what_is_wrong_with_a_configuration_is_said(tmp_path: Path, host: str, path: str, text: str, why: str) -> None:
    (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / path).write_text(text)
    assert f"{tmp_path / path} {why} Nothing was changed." in refusal(tmp_path, "install", host, "--sandbox")

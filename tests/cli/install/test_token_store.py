"""Tokens that are kept in the keychain for a host, and go with it."""

import errno
import json
import os
import sys
from pathlib import Path

import pytest
import respx

from clientary_mcp.cli.install.commands import run
from clientary_mcp.cli.options import parse
from clientary_mcp.errors import SettingsError
from clientary_mcp.settings import Settings
from tests.support.keychain import Keychain
from tests.support.machines import machine, tree

TOKEN = "canary-of-an-api-token"
ACME = {"CLIENTARY_SUBDOMAIN": "acme", "CLIENTARY_API_TOKEN": TOKEN}
ENTRY = ("clientary-mcp", "zed.clientary")
WRITTEN = ".config/zed/settings.json"


@pytest.fixture
def keychain(monkeypatch: pytest.MonkeyPatch) -> Keychain:
    return Keychain(monkeypatch)


@pytest.fixture(autouse=True)
def _acme(account: respx.MockRouter) -> None:
    account.get("/clients").respond(json={"clients": []})


def told(home: Path, *arguments: str) -> str:
    text = "\n".join(run(parse(arguments), machine(home, **ACME)))
    assert TOKEN not in text
    return text


def test_a_token_in_the_keychain_is_in_no_file(keychain: Keychain, tmp_path: Path) -> None:
    text = told(tmp_path, "install", "zed", "--keychain")
    assert "The token is kept in the keychain, as zed.clientary of clientary-mcp." in text
    assert keychain.secrets == {ENTRY: TOKEN}
    assert [*tree(tmp_path)] == [WRITTEN]
    entry = json.loads((tmp_path / WRITTEN).read_text())["context_servers"]["clientary"]
    assert Settings.from_environment(entry["env"]).api_token == TOKEN
    told(tmp_path, "uninstall", "zed")
    assert keychain.secrets == {}
    assert tree(tmp_path) == {}


def test_a_keychain_that_cannot_be_used_leaves_everything_as_it_was(keychain: Keychain, tmp_path: Path) -> None:
    keychain.is_locked = True
    with pytest.raises(SettingsError, match=r"^The keychain cannot be used here \(KeyringError\)\.$"):
        told(tmp_path, "install", "zed", "--keychain")
    assert tree(tmp_path) == {}


def test_without_the_package_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)  # how Python notes that it cannot be imported
    with pytest.raises(SettingsError, match=r"install clientary-mcp\[keychain\]"):
        told(tmp_path, "install", "zed", "--keychain")
    assert tree(tmp_path) == {}


def test_a_token_that_stays_in_the_keychain_is_told(keychain: Keychain, tmp_path: Path) -> None:
    told(tmp_path, "install", "zed", "--keychain")
    keychain.is_locked = True
    with pytest.raises(SettingsError, match="The token is still there: the keychain cannot be used here"):
        told(tmp_path, "uninstall", "zed")
    assert tree(tmp_path) == {}


def test_a_token_of_the_users_own_stays(tmp_path: Path, keychain: Keychain) -> None:
    keychain.secrets = {("clientary-mcp", "mine"): TOKEN}
    (tmp_path / "mine").write_text(TOKEN)
    told(tmp_path, "install", "zed", "--sandbox")
    entry = {"CLIENTARY_API_TOKEN_FILE": str(tmp_path / "mine"), "CLIENTARY_API_TOKEN_KEYCHAIN": "mine"}
    servers = {"clientary": {"command": "clientary-mcp", "env": entry}}
    (tmp_path / WRITTEN).write_text(json.dumps({"context_servers": servers}))
    told(tmp_path, "uninstall", "zed")
    assert (tmp_path / "mine").exists()
    assert keychain.secrets


def test_a_token_that_moves_is_left_nowhere_else(keychain: Keychain, tmp_path: Path) -> None:
    kept = tmp_path / ".config/clientary-mcp/zed.clientary.token"
    told(tmp_path, "install", "zed")
    told(tmp_path, "install", "zed", "--keychain", "--yes")
    assert not kept.exists()
    assert keychain.secrets == {ENTRY: TOKEN}
    told(tmp_path, "install", "zed", "--yes")
    assert kept.exists()
    assert keychain.secrets == {}


def test_a_token_that_cannot_be_removed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: Path, missing_ok: bool = False) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    told(tmp_path, "install", "zed")
    (tmp_path / WRITTEN).write_text("{}")
    monkeypatch.setattr(Path, "unlink", refused)
    with pytest.raises(SettingsError, match=r"^The token is still in .*zed\.clientary\.token: Permission denied\.$"):
        told(tmp_path, "uninstall", "zed")

"""Secrets that the settings take from the system's keychain, and the errors where that is not possible."""

import sys
from pathlib import Path

import pytest

from clientary_mcp.errors import SettingsError
from clientary_mcp.settings import Settings
from tests.support.keychain import Keychain

TOKEN = "t0p-s3cret-t0ken"
IN_KEYCHAIN = {"CLIENTARY_SUBDOMAIN": "acme", "CLIENTARY_API_TOKEN_KEYCHAIN": "mine"}


@pytest.fixture
def keychain(monkeypatch: pytest.MonkeyPatch) -> Keychain:
    return Keychain(monkeypatch)


def complaint(environment: dict[str, str]) -> str:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment(environment)
    assert TOKEN not in str(caught.value)
    return str(caught.value)


def test_a_secret_is_taken_from_the_keychain(keychain: Keychain) -> None:
    keychain.secrets = {("clientary-mcp", "mine"): f"{TOKEN}\n", ("clientary-mcp", "bearer"): "b" * 16}
    settings = Settings.from_environment({**IN_KEYCHAIN, "CLIENTARY_MCP_TOKEN_KEYCHAIN": "bearer"})
    assert (settings.api_token, settings.mcp_token) == (TOKEN, "b" * 16)


def test_an_entry_that_is_not_there_is_named(keychain: Keychain) -> None:
    said = complaint(IN_KEYCHAIN)
    assert said == (
        "CLIENTARY_API_TOKEN_KEYCHAIN names an entry that is not in the keychain: clientary-mcp has no mine."
    )


def test_a_keychain_that_is_locked_is_told(keychain: Keychain) -> None:
    keychain.is_locked = True
    assert complaint(IN_KEYCHAIN) == "CLIENTARY_API_TOKEN_KEYCHAIN cannot be used here (KeyringError)."


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)  # how Python notes that it cannot be imported
    assert complaint(IN_KEYCHAIN) == (
        "CLIENTARY_API_TOKEN_KEYCHAIN needs the package keyring: install clientary-mcp[keychain]."
    )


def test_a_secret_comes_from_one_place(keychain: Keychain, tmp_path: Path) -> None:
    keychain.secrets = {("clientary-mcp", "mine"): TOKEN}
    (tmp_path / "token").write_text(TOKEN)
    for other in ({"CLIENTARY_API_TOKEN": TOKEN}, {"CLIENTARY_API_TOKEN_FILE": str(tmp_path / "token")}):
        assert "are both set" in complaint(IN_KEYCHAIN | other)


@pytest.mark.parametrize("variable", ["CLIENTARY_SUBDOMAIN_KEYCHAIN", "CLIENTARY_API_TOKEN_KEYCHAN"])
def test_only_secrets_come_from_it(keychain: Keychain, variable: str) -> None:
    assert f"{variable} is not a setting" in complaint({**IN_KEYCHAIN, variable: "mine"})

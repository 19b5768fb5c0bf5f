"""A keychain in place of the system's: the modules of the package keyring, with what they hold."""

import sys
from types import ModuleType

import pytest


class KeyringError(Exception):
    """What keyring raises where there is no keychain."""


class Keychain:
    """The secrets by service and entry; a locked one gives none and takes none."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.secrets: dict[tuple[str, str], str] = {}
        self.is_locked = False
        keyring, errors = ModuleType("keyring"), ModuleType("keyring.errors")
        for each in (self.get_password, self.set_password, self.delete_password):
            setattr(keyring, each.__name__, each)
        errors.KeyringError = KeyringError  # type: ignore[attr-defined]  # a module that is made here
        monkeypatch.setitem(sys.modules, "keyring", keyring)
        monkeypatch.setitem(sys.modules, "keyring.errors", errors)

    def get_password(self, service: str, entry: str) -> str | None:
        self._open()
        return self.secrets.get((service, entry))

    def set_password(self, service: str, entry: str, secret: str) -> None:
        self._open()
        self.secrets[service, entry] = secret

    def delete_password(self, service: str, entry: str) -> None:
        self._open()
        del self.secrets[service, entry]

    def _open(self) -> None:
        if self.is_locked:
            raise KeyringError("the words of a keychain may hold anything")

"""Where the API token is kept for a host, so that it is not in the host's configuration, which people share and paste.

In a file of its own that its owner alone can read, or in the keychain of the system. The configuration names the place.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from clientary_mcp.cli.install.config_file import replace_file
from clientary_mcp.cli.install.hosts import TOKEN
from clientary_mcp.cli.install.machine import Machine
from clientary_mcp.errors import SettingsError
from clientary_mcp.settings import keychain

FILE, KEYCHAIN = f"{TOKEN}_FILE", f"{TOKEN}_KEYCHAIN"


class TokenStore:
    """The place of one token."""

    def __init__(self, machine: Machine, host: str, name: str, *, in_keychain: bool) -> None:
        self._file = machine.config / "clientary-mcp" / f"{host}.{name}.token"
        self._entry = f"{host}.{name}"
        self._in_keychain = in_keychain

    @property
    def reference(self) -> dict[str, str]:
        """The setting that leads the server to the token."""
        return {KEYCHAIN: self._entry} if self._in_keychain else {FILE: str(self._file)}

    @property
    def in_words(self) -> str:
        """Where the token is."""
        if self._in_keychain:
            return f"in the keychain, as {self._entry} of {keychain.SERVICE}"
        return f"in {self._file}, which you alone can read"

    @contextmanager
    def kept(self, token: str) -> Iterator[None]:
        """Keep the token for what is done with it. If that fails, what was kept before is kept again.

        SettingsError if the token cannot be kept.
        """
        before = self._read()
        self._write(token)
        try:
            yield
        except BaseException:
            if before:
                self._write(before)
            else:
                self._remove(in_keychain=self._in_keychain)
            raise

    def forget(self, environment: Mapping[str, str], *, here: bool = True) -> bool:
        """Remove what was kept for an entry with that environment, and return whether there was anything.

        Without `here`, only from where it would not be kept now. SettingsError if it cannot be removed.
        """
        in_file = os.path.exists(self._file) and (here or self._in_keychain)
        in_keychain = environment.get(KEYCHAIN) == self._entry and (here or not self._in_keychain)
        if in_file:
            self._remove(in_keychain=False)
        if in_keychain:
            self._remove(in_keychain=True)
        return in_file or in_keychain

    def _read(self) -> str:
        """What is kept now; nothing where it cannot be read."""
        try:
            return keychain.read(self._entry) if self._in_keychain else self._file.read_text().strip()
        except (OSError, ValueError):
            return ""

    def _write(self, token: str) -> None:
        try:
            if self._in_keychain:
                keychain.store(self._entry, token)
            else:
                self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                replace_file(self._file, f"{token}\n".encode(), 0o600)
        except OSError as error:
            raise SettingsError(f"{self._file} cannot be written: {error.strerror}.") from None
        except ValueError as error:
            raise SettingsError(f"The keychain {error}.") from None

    def _remove(self, *, in_keychain: bool) -> None:
        try:
            if in_keychain:
                keychain.remove(self._entry)
            else:
                self._file.unlink(missing_ok=True)
        except OSError as error:
            raise SettingsError(f"The token is still in {self._file}: {error.strerror}.") from None
        except ValueError as error:
            raise SettingsError(f"The token is still there: the keychain {error}.") from None

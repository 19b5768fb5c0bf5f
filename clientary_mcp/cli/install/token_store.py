"""Where the API token is kept for a host, so that it is not in the host's configuration, which people share and paste.

In a file of its own that its owner alone can read, or in the keychain of the system. The configuration names the place.
"""

from collections.abc import Mapping

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

    def keep(self, token: str) -> None:
        """Keep the token; SettingsError if that is not possible."""
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

    def forget(self, environment: Mapping[str, str]) -> None:
        """Remove the token, also from the keychain if the environment of an entry leads there."""
        self._file.unlink(missing_ok=True)
        if environment.get(KEYCHAIN) == self._entry:
            try:
                keychain.remove(self._entry)
            except ValueError as error:
                raise SettingsError(f"The token is still there: the keychain {error}.") from None

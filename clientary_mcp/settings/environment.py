"""Settings read from environment variables, among which a misspelled one must not go unnoticed."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import Field
from pathlib import Path
from typing import Any

from clientary_mcp.errors import SettingsError
from clientary_mcp.settings.problems import invalid

_PREFIX = "CLIENTARY_"
_FILE, _KEYCHAIN = "_FILE", "_KEYCHAIN"
_PLACEHOLDER = re.compile(r"\$\{[^{}]*\}")
_INJECTED = re.compile(  # by Kubernetes and Docker, for a service that is called clientary or clientary-something
    r"CLIENTARY_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_\w+)?)?)", re.ASCII
)


def read_environment(environment: Mapping[str, str], settings: Iterable[Field[Any]]) -> dict[str, Any]:
    """The values of the settings that `environment` sets, by the names of their fields.

    An empty variable, or a placeholder that an MCP client left, is not set. Secrets may also come from a file that the
    variable with `_FILE` added names, or from an entry of the keychain that it names with `_KEYCHAIN`. SettingsError
    for an invalid value, and for a variable that could only be meant as a setting: a misspelled CLIENTARY_READ_ONLY
    must not expose every write.
    """
    known = {setting.metadata["variable"]: setting for setting in settings if setting.metadata}
    secrets = {variable for variable, setting in known.items() if setting.metadata["secret"]}
    _refuse_unknown(environment, {*known, *(variable + end for variable in secrets for end in _KEPT)})
    given: dict[str, Any] = {}
    for variable, setting in known.items():
        text = environment.get(variable, "").strip()
        for end, read in _KEPT.items() if variable in secrets else ():
            if place := environment.get(variable + end, "").strip():
                if text:
                    raise invalid(variable, f"and {variable}{end} are both set, but only one of them can be used")
                text = read(variable + end, place)
        if _PLACEHOLDER.fullmatch(text):
            if variable in secrets:
                raise invalid(variable, "is a placeholder, ${…}, that the MCP client did not replace with a value")
        elif text:
            try:
                given[setting.name] = setting.metadata["read"](text)
            except ValueError as error:
                raise invalid(variable, str(error)) from None
    return given


def _content(variable: str, path: str) -> str:
    """The secret in a file, as containers and service managers hand them over; SettingsError if it cannot be read."""
    try:
        return Path(path).read_text("utf-8").strip()
    except OSError as error:
        raise invalid(variable, f"names a file that cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise invalid(variable, "names a file that is not text") from None


def _from_keychain(variable: str, entry: str) -> str:
    """The secret in the keychain; SettingsError if it cannot be read."""
    from clientary_mcp.settings import keychain  # most settings are not there

    try:
        return keychain.read(entry)
    except ValueError as error:
        raise invalid(variable, str(error)) from None


_KEPT = {_FILE: _content, _KEYCHAIN: _from_keychain}
"""What follows the variable of a secret that is kept elsewhere, and how it is read from there."""


def _refuse_unknown(names: Iterable[str], known: Collection[str]) -> None:
    """SettingsError for the first variable that could only be meant as a setting."""
    for name in sorted(names):
        if name not in known and not _INJECTED.fullmatch(name) and (meant := _meant_as(name, known)) is not None:
            from difflib import get_close_matches

            near = get_close_matches(meant, [variable.removeprefix(_PREFIX) for variable in known], n=1)
            hint = f" Did you mean {_PREFIX}{near[0]}?" if near else ""
            raise SettingsError(f"{name} is not a setting.{hint} Run clientary-mcp --help for a list of all settings.")


def _meant_as(name: str, known: Collection[str]) -> str | None:
    """The part of a variable's name that follows our prefix, in any spelling; None for other programs' variables."""
    prefix, separator, rest = re.sub(r"\W", "_", name.upper()).partition("_")
    if f"{prefix}{separator}" == _PREFIX:
        return rest
    letters = set(_PREFIX) - {"_"}
    if f"{_PREFIX}{rest}" in known and len(prefix) < 13 and len(letters & set(prefix)) >= len(letters) - 2:
        return rest
    joined = {variable.replace("_", ""): variable.removeprefix(_PREFIX) for variable in known}
    return joined.get(f"{prefix}{rest}".replace("_", ""))

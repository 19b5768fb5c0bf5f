"""Secrets in the keychain of the system, through the package keyring, which is in the extra `keychain`.

Each function raises ValueError with words that follow the name of what asked for it.
"""

from importlib import import_module
from typing import Any

SERVICE = "clientary-mcp"
"""Whose entries in the keychain ours are."""


def read(entry: str) -> str:
    """The secret in an entry."""
    secret = (_asked("get_password", entry) or "").strip()
    if not secret:
        raise ValueError(f"names an entry that is not in the keychain: {SERVICE} has no {entry}")
    return str(secret)


def store(entry: str, secret: str) -> None:
    """Keep a secret, in place of an earlier one of that name."""
    _asked("set_password", entry, secret)


def remove(entry: str) -> None:
    """Remove an entry, if there is one."""
    if _asked("get_password", entry) is not None:
        _asked("delete_password", entry)


def _asked(function: str, *arguments: str) -> Any:
    try:
        keyring = import_module("keyring")  # by its name: what is not installed has no types either
        errors = import_module("keyring.errors")
    except ImportError:
        raise ValueError("needs the package keyring: install clientary-mcp[keychain]") from None
    try:
        return getattr(keyring, function)(SERVICE, *arguments)
    except errors.KeyringError as error:
        raise ValueError(f"cannot be used here ({type(error).__name__})") from None

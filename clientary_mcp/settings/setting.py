"""How a setting is declared, as a field of a dataclass."""

from collections.abc import Callable
from dataclasses import field
from typing import Any


def setting(variable: str, read: Callable[[str], Any], about: str, default: Any = None, *, shown: bool = True) -> Any:
    """A setting: the variable it is read from, how its text is parsed, and its description in the documentation.

    One that is not `shown` is a secret: it may also be read from the file that the variable with `_FILE` added names,
    or from the entry of the keychain that it names with `_KEYCHAIN`.
    """
    metadata = {"variable": variable, "read": read, "about": about, "secret": not shown}
    return field(default=default, repr=shown, metadata=metadata)

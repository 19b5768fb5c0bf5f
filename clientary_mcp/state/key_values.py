"""Key-values: what callers sign in with, by key, each for a time. The vault is built on it.

Operations that must not happen twice (`take`, `put` with `only_new`, `count`) are one step, over all processes.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol


class KeyValues(Protocol):
    """Texts by key. NotRemembered where they cannot be reached."""

    async def get(self, key: str) -> str | None:
        """The value; None if there is none, or it has expired."""

    async def put(self, key: str, value: str, seconds: float | None = None, *, only_new: bool = False) -> bool:
        """Keep a value for so long, None for good; with `only_new` only if there is none. Whether it was kept."""

    async def take(self, key: str) -> str | None:
        """The value, which is gone afterwards: of several that take it, one gets it."""

    async def delete(self, *keys: str) -> None:
        """Forget values."""

    async def count(self, key: str, seconds: float) -> int:
        """Count an event, and return how many there were since the first, which is forgotten after so many seconds."""

    async def keys(self, prefix: str) -> list[str]:
        """The keys that begin with a text, in alphabetical order."""


class StoredKeyValues:
    """In a file of SQLite, which is the vault's own; without a path in memory, until the process ends."""

    def __init__(self, path: Path | None, wall: Callable[[], float]) -> None:
        self._path, self._wall = path, wall

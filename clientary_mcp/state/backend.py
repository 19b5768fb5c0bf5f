"""Backend: where a server with callers keeps what it must not forget, for all accounts at once.

In this process, in a file with one more beside it for each account, or in Redis, which replicas share.
"""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from glob import escape
from pathlib import Path
from typing import Literal, Protocol

from clientary_mcp.errors import NotRemembered
from clientary_mcp.settings import Settings
from clientary_mcp.state.call_slots import CallSlots, LocalCallSlots
from clientary_mcp.state.identity import identify, identity_key, is_shared
from clientary_mcp.state.key_values import KeyValues, StoredKeyValues
from clientary_mcp.state.memories import Memories
from clientary_mcp.state.memory import Memory, StoredMemory
from clientary_mcp.state.sealing import KeyRing
from clientary_mcp.state.store import Store

Problem = Literal["store", "keys"]


class Backend(Protocol):
    """Used once it is open."""

    values: KeyValues
    """What callers sign in with."""
    ring: KeyRing
    wall: Callable[[], float]
    """The time in seconds since 1970, by which all servers on it go."""
    identity: bytes
    """What ids of callers are made with: see `identify`."""

    @property
    def persistent(self) -> bool:
        """Whether what is kept outlives a restart: without that, nobody is asked to sign in."""

    async def open(self, *, serves: bool = True, makes: bool = True) -> None:
        """Connect, as a server or beside one; SettingsError if it cannot be used, or is a file that does not exist,
        unless this `makes` it."""

    def memory(self, settings: Settings) -> Memory:
        """The memory of the account in the settings, one for all its callers, until it is released as often."""

    def release(self, settings: Settings) -> None:
        """End one use of the memory of that account."""

    def slots(self, most: int) -> CallSlots:
        """Slots for so many calls of each caller at the same time."""

    async def problem(self) -> Problem | None:
        """Why this server should get no traffic now."""

    def describe(self) -> str:
        """Where it is, without credentials."""

    async def facts(self) -> dict[str, str]:
        """What it is, in words, by what they are about: `kind`, `lasting` and others."""

    async def contents(self) -> dict[str, dict[str, int]]:
        """How much is remembered of each account, by its id: rows by the tables of `Store`, and lines of `trail`."""

    async def forget(self, account_id: str) -> None:
        """Forget all that of an account, but for what a living process is doing."""

    async def aclose(self) -> None:
        """Close it."""


class LocalBackend:
    """In a file, which one server holds; without a path in this process, until it ends."""

    def __init__(self, path: Path | None, ring: KeyRing, wall: Callable[[], float]) -> None:
        self._path, self.ring, self.wall = path, ring, wall
        self._values = StoredKeyValues(path, wall)
        self.values: KeyValues = self._values
        self.identity = b""
        self._memories = Memories(lambda settings, account: StoredMemory(settings, self._store(account)))

    @property
    def persistent(self) -> bool:
        """In memory, people who try a server may sign in all the same: nothing else of it outlives them either."""
        return True

    async def open(self, *, serves: bool = True, makes: bool = True) -> None:
        """Open the file; SettingsError if another server holds it, or its keys are others, or see `Backend`."""
        self._values.open(exclusive=serves, makes=makes)
        self.identity = await identity_key(self.values, self.ring)

    def memory(self, settings: Settings) -> Memory:
        """The memory of an account, in a file of its own beside this one."""
        return self._memories.take(identify(self.identity, settings.address), settings)

    def release(self, settings: Settings) -> None:
        """End one use of it."""
        self._memories.give_back(identify(self.identity, settings.address))

    def slots(self, most: int) -> CallSlots:
        """Slots in this process."""
        return LocalCallSlots(most)

    async def problem(self) -> Problem | None:
        """Whether the file can be read, by us."""
        return await _problem(self)

    def describe(self) -> str:
        """The path of the file, if there is one."""
        return str(self._path) if self._path else "in this process (CLIENTARY_STORE=memory)"

    async def facts(self) -> dict[str, str]:
        """What the file is."""
        if self._path is None:
            return {"kind": "the memory of one process", "lasting": "no: all is forgotten when the process ends"}
        return {"kind": f"a file of SQLite {sqlite3.sqlite_version}, for one server", "lasting": "yes"}

    async def contents(self) -> dict[str, dict[str, int]]:
        """What the files beside this one hold."""
        if self._path is None:
            return {}
        ending = ".sqlite3"
        files = self._path.parent.glob(f"{escape(self._path.name)}-*{ending}")
        accounts = sorted(file.name.removeprefix(f"{self._path.name}-").removesuffix(ending) for file in files)
        found: dict[str, dict[str, int]] = {}
        for account in accounts:
            with closing(self._store(account)) as store:
                found[account] = store.counts()
        return found

    async def forget(self, account_id: str) -> None:
        """Empty the file of an account."""
        with closing(self._store(account_id)) as store:
            store.forget()

    async def aclose(self) -> None:
        """Close the files."""
        for memory in self._memories:
            await memory.aclose()
        self._values.close()

    def _store(self, account_id: str) -> Store:
        place = self._path and self._path.with_name(f"{self._path.name}-{account_id}.sqlite3")
        return Store((lambda: place) if place else None, self.wall)


async def _problem(backend: Backend) -> Problem | None:
    try:
        return None if await is_shared(backend.values, backend.ring, backend.identity) else "keys"
    except NotRemembered:
        return "store"

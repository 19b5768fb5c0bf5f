"""What is remembered of one account: the parts of the memory, each for one need."""

from collections.abc import Callable
from copy import copy
from functools import partial
from typing import Protocol

from clientary_mcp.durations import HOUR
from clientary_mcp.errors import SettingsError
from clientary_mcp.settings import Settings
from clientary_mcp.state.actions import Actions, RecentActions, StoredActions
from clientary_mcp.state.billed import Billed, StoredBilled
from clientary_mcp.state.claims import Claims, StoredClaims
from clientary_mcp.state.ledger import Ledger, StoredLedger
from clientary_mcp.state.pace import LocalPace, Pace
from clientary_mcp.state.previews import Previews, StoredPreviews
from clientary_mcp.state.quotas import Limits, Quotas, StoredQuotas
from clientary_mcp.state.store import Store, path_of
from clientary_mcp.state.trail import Trail
from clientary_mcp.state.writes import Answered, MadeHere, SharedWrites, StoredAnswered, StoredMade, StoredWrites

IN_PROCESS = "in each process (CLIENTARY_STORE=memory)"
"""What `Memory.describe` says of a memory that each process has alone."""


class Memory(Protocol):
    """The memory of one account, as one session of one caller uses it; `of` gives that of another session.

    Whatever cannot be remembered raises NotRemembered, and then nothing is sent.
    """

    caller: str
    """The id of the caller; "" for the single owner."""
    claims: Claims
    quotas: Quotas
    ledger: Ledger
    billed: Billed
    previews: Previews
    writes: SharedWrites
    made: MadeHere
    answered: Answered
    actions: Actions
    pace: Pace
    trail: Trail | None
    """The end of the audit trail of all replicas, where they have a file each."""

    @property
    def outlives_process(self) -> bool:
        """Whether another process knows later what is remembered now."""

    def of(self, caller: str, settings: Settings) -> "Memory":
        """The same memory for a session of a caller, whose settings may set lower quotas than the account's.

        Its claims carry the caller's id; previews and actions are the caller's own.
        """

    def describe(self) -> str:
        """Where it is, for the owner."""

    async def check(self) -> str | None:
        """Why nothing can be remembered; None if it works."""

    def rest(self) -> bool:
        """Close what opens by itself when it is needed; whether one that is made anew would know the same.

        Pace and what undo takes back in this process alone are left out of that.
        """

    async def aclose(self) -> None:
        """Close it, for the sessions of all callers."""


class StoredMemory:
    """The memory in a `Store`. Sessions of several callers may share it in one process: see `of`."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self.store, self.caller = store, ""
        self._settings = settings
        hours = settings.undo_hours
        self._actions = StoredActions(store, hours * HOUR) if hours else RecentActions()
        self.actions: Actions = self._actions
        self.claims: Claims = StoredClaims(store)
        self.quotas: Quotas = StoredQuotas(Limits.of(settings), store)
        self.ledger: Ledger = StoredLedger(store)
        self.billed: Billed = StoredBilled(store)
        self.previews: Previews = StoredPreviews(store)
        self.writes: SharedWrites = StoredWrites(store)
        self.made: MadeHere = StoredMade(store)
        self.answered: Answered = StoredAnswered(store)
        self.trail: Trail | None = None
        self.pace: Pace = LocalPace(settings.concurrency, settings.requests_per_second)

    @property
    def outlives_process(self) -> bool:
        """Whether another process of the user knows later what is remembered now; as if so for a sandbox in this one,
        which ends with it."""
        return self._settings.store != "memory" and self.store.problem is None

    def of(self, caller: str, settings: Settings) -> "StoredMemory":
        """The same memory for a session of a caller."""
        view, store = copy(self), self.store
        view.caller = caller
        view.claims = StoredClaims(store, caller)
        view.quotas = StoredQuotas(Limits.of(self._settings, settings), store, caller)
        view.previews = StoredPreviews(store, caller)
        view.actions = self._actions.of(caller)
        return view

    def describe(self) -> str:
        """The path of the file, if there is one."""
        return IN_PROCESS if self.store.path is None else str(self.store.path)

    async def check(self) -> str | None:
        """Why nothing can be stored; None if it works."""
        return self.store.check()

    def rest(self) -> bool:
        """Close the file. Without one, whether nothing counts any more."""
        if self.store.path is None:
            return not self.store.exists or not any(self.store.counts().values())
        self.store.close()
        return True

    async def aclose(self) -> None:
        """Close the file, for the sessions of all callers."""
        self.store.close()


def local_memory(settings: Settings, wall: Callable[[], float], *, shared: bool) -> StoredMemory:
    """The memory of the account on this machine: shared with the other processes of the user, unless the settings or
    the caller keep it in this one. SettingsError if they want it elsewhere, where it would have to be opened first."""
    if shared and settings.store not in (None, "memory"):
        raise SettingsError(
            "CLIENTARY_STORE names a place that only clientary-mcp itself opens: leave it out, or set it to memory."
        )
    shared = shared and settings.store != "memory"
    return StoredMemory(settings, Store(partial(path_of, settings.address) if shared else None, wall))

"""What is remembered of one account: the parts of the store, each for one need."""

from collections.abc import Callable
from functools import partial

from clientary_mcp.durations import HOUR
from clientary_mcp.settings import Settings
from clientary_mcp.state.actions import Actions, RecentActions, StoredActions
from clientary_mcp.state.billed import Billed
from clientary_mcp.state.claims import Claims
from clientary_mcp.state.ledger import Ledger
from clientary_mcp.state.previews import Previews
from clientary_mcp.state.quotas import Quotas
from clientary_mcp.state.store import Store, path_of
from clientary_mcp.state.writes import Answered, MadeHere, SharedWrites


class Memory:
    """Shared with the other processes of the user, unless the settings or the caller keep it in this one."""

    def __init__(self, settings: Settings, wall: Callable[[], float], *, shared: bool) -> None:
        shared = shared and settings.store != "memory"
        self.store = Store(partial(path_of, settings.address) if shared else None, wall)
        self._asked_for_memory = settings.store == "memory"
        hours = settings.undo_hours
        self.actions: Actions = StoredActions(self.store, hours * HOUR) if hours else RecentActions()
        self.claims = Claims(self.store)
        self.quotas = Quotas(settings, self.store)
        self.ledger = Ledger(self.store)
        self.billed = Billed(self.store)
        self.previews = Previews(self.store)
        self.writes = SharedWrites(self.store)
        self.made = MadeHere(self.store)
        self.answered = Answered(self.store)

    @property
    def outlives_process(self) -> bool:
        """Whether another process of the user knows later what is remembered now; as if so for a sandbox in this one,
        which ends with it."""
        return not self._asked_for_memory and self.store.problem is None

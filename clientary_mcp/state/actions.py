"""What was changed, with the values before and after, so that it can be taken back."""

import json
import logging
from collections.abc import Mapping
from copy import copy
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Protocol

from clientary_mcp.errors import NotRemembered
from clientary_mcp.state.store import Store

logger = logging.getLogger(__name__)

MOST = 200
"""Actions of one caller that are remembered, the latest ones."""

_CALLERS = 100
"""Callers whose actions a process remembers: those that changed something last."""


@dataclass(frozen=True)
class Action:
    """One call that changed something."""

    id: str
    """The `id` of the call in the audit trail."""
    at: float
    """When it ended, by the wall clock."""
    tool: str
    label: str = ""
    """What people call the record, or what the call reported."""
    ids: Mapping[str, int] = field(default_factory=dict)
    """The ids that address the record."""
    made: int | None = None
    """The id of the record that it created."""
    before: Mapping[str, Any] | None = None
    """The earlier values: of an update, of the fields that it changed; None if they are not known."""
    after: Mapping[str, Any] = field(default_factory=dict)
    """The later values of the same fields."""
    taken_back: bool = False

    @property
    def call(self) -> str:
        """What the actions of one job have in common: the id of its call."""
        return self.id.partition("-")[0]

    @classmethod
    def from_json(cls, given: Mapping[str, Any], *, taken_back: bool) -> "Action":
        """The action that was kept; of a later version, what this one knows."""
        known = {each.name: given[each.name] for each in fields(cls) if each.name in given}
        return cls(**known | {"taken_back": taken_back})


class Actions(Protocol):
    """The log of one caller, however long it is kept."""

    async def add(self, action: Action) -> None:
        """Remember an action. It has happened, so it is only logged if that fails."""

    async def recent(self) -> list[Action]:
        """The actions remembered, newest first."""

    async def find(self, action_id: str) -> Action | None:
        """The action with that id, if it is remembered."""

    async def take(self, action_id: str) -> bool:
        """Mark an action as taken back; False if it is already."""

    async def release(self, action_id: str) -> None:
        """Undo `take`: it was not taken back after all."""


class RecentActions:
    """The latest actions of one caller in this process, in memory."""

    def __init__(self) -> None:
        self._of_callers: dict[str, dict[str, Action]] = {}
        self._by = ""

    def of(self, caller: str) -> "RecentActions":
        """The actions of another caller, for all its sessions in this process."""
        view = copy(self)
        view._by = caller
        return view

    async def add(self, action: Action) -> None:
        """Remember an action, and forget the oldest if there are too many."""
        self._of_callers[self._by] = own = self._of_callers.pop(self._by, {})
        own[action.id] = action
        while len(own) > MOST:
            del own[next(iter(own))]
        while len(self._of_callers) > _CALLERS:
            del self._of_callers[next(iter(self._of_callers))]

    async def recent(self) -> list[Action]:
        """The actions remembered, newest first."""
        return list(reversed(self._own.values()))

    async def find(self, action_id: str) -> Action | None:
        """The action with that id, if it is remembered."""
        return self._own.get(action_id)

    async def take(self, action_id: str) -> bool:
        """Mark an action as taken back; False if it is already."""
        action = self._own.get(action_id)
        if action is None or action.taken_back:
            return False
        self._own[action_id] = replace(action, taken_back=True)
        return True

    async def release(self, action_id: str) -> None:
        """Undo `take`: it was not taken back after all."""
        if action := self._own.get(action_id):
            self._own[action_id] = replace(action, taken_back=False)

    @property
    def _own(self) -> dict[str, Action]:
        return self._of_callers.get(self._by, {})


class StoredActions:
    """The actions of all processes of the last hours, in the store: with `CLIENTARY_UNDO_HOURS` alone."""

    def __init__(self, store: Store, seconds: float, by: str = "") -> None:
        self._store, self._seconds, self._by = store, seconds, by

    def of(self, caller: str) -> "StoredActions":
        """The actions of another caller."""
        return StoredActions(self._store, self._seconds, caller)

    async def add(self, action: Action) -> None:
        """Remember an action for some hours. It has happened, so a store that fails is only logged."""
        row = (action.id, action.at, False, json.dumps(asdict(action)), self._store.now() + self._seconds, self._by)
        try:
            with self._store.transaction() as db:
                db.execute("INSERT OR REPLACE INTO actions VALUES (?, ?, ?, ?, ?, ?)", row)
        except NotRemembered as error:
            logger.warning("A change cannot be taken back later, since it could not be stored: %s", error)

    async def recent(self) -> list[Action]:
        """The actions remembered, newest first."""
        return self._read("ORDER BY at DESC, rowid DESC LIMIT ?", MOST)

    async def find(self, action_id: str) -> Action | None:
        """The action with that id, if it is remembered."""
        return next(iter(self._read("AND id = ?", action_id)), None)

    async def take(self, action_id: str) -> bool:
        """Mark an action as taken back; False if it is already, by whatever process."""
        with self._store.transaction() as db:
            change = "UPDATE actions SET taken_back = 1 WHERE id = ? AND caller = ? AND NOT taken_back"
            taken = db.execute(change, (action_id, self._by))
        return taken.rowcount == 1

    async def release(self, action_id: str) -> None:
        """Undo `take`: it was not taken back after all."""
        with self._store.transaction() as db:
            db.execute("UPDATE actions SET taken_back = 0 WHERE id = ? AND caller = ?", (action_id, self._by))

    def _read(self, which: str, value: object) -> list[Action]:
        if not self._store.exists:
            return []
        query = f"SELECT detail, taken_back FROM actions WHERE until > ? AND caller = ? {which}"  # noqa: S608 - our own words
        rows = self._store.rows(query, self._store.now(), self._by, value)
        return [Action.from_json(json.loads(detail), taken_back=bool(taken_back)) for detail, taken_back in rows]

"""What was changed, with the values before and after, so that it can be taken back."""

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Protocol

from clientary_mcp.errors import NotRemembered
from clientary_mcp.state.store import Store

logger = logging.getLogger(__name__)

_MOST = 200
"""Actions remembered, the latest ones."""


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


class Actions(Protocol):
    """The log of one account, however long it is kept."""

    def add(self, action: Action) -> None:
        """Remember an action."""

    def recent(self) -> list[Action]:
        """The actions remembered, newest first."""

    def find(self, action_id: str) -> Action | None:
        """The action with that id, if it is remembered."""

    def take(self, action_id: str) -> bool:
        """Mark an action as taken back; False if it is already."""

    def release(self, action_id: str) -> None:
        """Undo `take`: it was not taken back after all."""


class RecentActions:
    """The latest actions of this process, in memory."""

    def __init__(self) -> None:
        self._actions: dict[str, Action] = {}

    def add(self, action: Action) -> None:
        """Remember an action, and forget the oldest if there are too many."""
        self._actions[action.id] = action
        while len(self._actions) > _MOST:
            del self._actions[next(iter(self._actions))]

    def recent(self) -> list[Action]:
        """The actions remembered, newest first."""
        return list(reversed(self._actions.values()))

    def find(self, action_id: str) -> Action | None:
        """The action with that id, if it is remembered."""
        return self._actions.get(action_id)

    def take(self, action_id: str) -> bool:
        """Mark an action as taken back; False if it is already."""
        action = self._actions.get(action_id)
        if action is None or action.taken_back:
            return False
        self._actions[action_id] = replace(action, taken_back=True)
        return True

    def release(self, action_id: str) -> None:
        """Undo `take`: it was not taken back after all."""
        if action := self._actions.get(action_id):
            self._actions[action_id] = replace(action, taken_back=False)


class StoredActions:
    """The actions of all processes of the last hours, in the store: with `CLIENTARY_UNDO_HOURS` alone."""

    def __init__(self, store: Store, seconds: float) -> None:
        self._store, self._seconds = store, seconds

    def add(self, action: Action) -> None:
        """Remember an action for some hours. It has happened, so a store that fails is only logged."""
        row = (action.id, action.at, False, json.dumps(asdict(action)), self._store.now() + self._seconds)
        try:
            with self._store.transaction() as db:
                db.execute("INSERT OR REPLACE INTO actions VALUES (?, ?, ?, ?, ?)", row)
        except NotRemembered as error:
            logger.warning("A change cannot be taken back later, since it could not be stored: %s", error)

    def recent(self) -> list[Action]:
        """The actions remembered, newest first."""
        return self._read("ORDER BY at DESC, rowid DESC LIMIT ?", _MOST)

    def find(self, action_id: str) -> Action | None:
        """The action with that id, if it is remembered."""
        return next(iter(self._read("AND id = ?", action_id)), None)

    def take(self, action_id: str) -> bool:
        """Mark an action as taken back; False if it is already, by whatever process."""
        with self._store.transaction() as db:
            taken = db.execute("UPDATE actions SET taken_back = 1 WHERE id = ? AND NOT taken_back", (action_id,))
        return taken.rowcount == 1

    def release(self, action_id: str) -> None:
        """Undo `take`: it was not taken back after all."""
        with self._store.transaction() as db:
            db.execute("UPDATE actions SET taken_back = 0 WHERE id = ?", (action_id,))

    def _read(self, which: str, value: object) -> list[Action]:
        if not self._store.exists:
            return []
        query = f"SELECT detail, taken_back FROM actions WHERE until > ? {which}"  # noqa: S608 - our own words
        rows = self._store.rows(query, self._store.now(), value)
        return [Action(**json.loads(detail) | {"taken_back": bool(taken_back)}) for detail, taken_back in rows]

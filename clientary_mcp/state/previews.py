"""Previews: what each listed, so that what is confirmed is what was shown, in whatever process.

Each listed item is kept as a key made of ids (`invoice 1042`) with a digest of what was shown of it.
"""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from clientary_mcp.durations import DAY
from clientary_mcp.state.store import Store, digest

_LETTERS = "bcdfghjkmnpqrstvwxz"
"""No digits, so that no host takes an id for a number; no vowels, so that none is a word."""
_LENGTH = 8


@dataclass
class Listed:
    """What a preview listed, and what was done of it."""

    call: str
    """A digest of the call that it was made for."""
    at: float
    """When it was shown, by the wall clock."""
    items: dict[str, str]
    done: dict[str, int | None] = field(default_factory=dict)
    """The items that were carried out, each with the id of the record that it made, if any."""
    ended: float | None = None
    """When all of it had been carried out."""


class Previews:
    """The previews of one account, each kept for a day."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def keep(self, call: str, items: Mapping[str, str]) -> str:
        """Keep what a preview listed. Returns the id that confirms it."""
        preview_id, now = "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH)), self._store.now()
        detail = json.dumps({"at": now, "items": dict(items)})
        with self._store.transaction() as db:
            db.execute("INSERT INTO previews VALUES (?, ?, ?, ?)", (preview_id, digest(call), detail, now + DAY))
        return preview_id

    def find(self, preview_id: str) -> Listed | None:
        """What the preview with that id listed; None if there is none, or it has expired."""
        if not self._store.exists:
            return None
        query = "SELECT call, detail FROM previews WHERE id = ? AND until > ?"
        row = self._store.row(query, preview_id, self._store.now())
        return row and Listed(row[0], **json.loads(row[1]))

    def carried_out(self, preview_id: str, done: Mapping[str, int | None], *, whole: bool) -> None:
        """Note what a call carried out, and whether that was the last of it."""
        with self._store.transaction() as db:
            query = "SELECT detail FROM previews WHERE id = ?"
            if (row := db.execute(query, (preview_id,)).fetchone()) is None:
                return
            detail = json.loads(row[0])
            detail["done"] = {**detail.get("done", {}), **done}
            if whole:
                detail["ended"] = self._store.now()
            db.execute("UPDATE previews SET detail = ? WHERE id = ?", (json.dumps(detail), preview_id))

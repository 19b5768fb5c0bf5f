"""Previews: what each listed, so that what is confirmed is what was shown, in whatever process.

Each listed item is kept as a key made of ids (`invoice 1042`) with a digest of what was shown of it.
"""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

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


class Previews(Protocol):
    """The previews of one caller, each kept for a day."""

    async def keep(self, call: str, items: Mapping[str, str]) -> str:
        """Keep what a preview listed. Returns the id that confirms it."""

    async def find(self, preview_id: str) -> Listed | None:
        """What the preview with that id listed; None if the caller has none, or it has expired."""

    async def carried_out(self, preview_id: str, done: Mapping[str, int | None], *, whole: bool) -> None:
        """Note what a call carried out, and whether that was the last of it."""


def new_preview_id() -> str:
    """The id of a new preview, which nobody can guess."""
    return "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))


class StoredPreviews:
    """The previews of one caller in the store."""

    def __init__(self, store: Store, by: str = "") -> None:
        self._store, self._by = store, by

    async def keep(self, call: str, items: Mapping[str, str]) -> str:
        """Keep what a preview listed. Returns the id that confirms it."""
        preview_id, now = new_preview_id(), self._store.now()
        detail = json.dumps({"at": now, "items": dict(items)})
        with self._store.transaction() as db:
            row = (preview_id, digest(call), detail, now + DAY, self._by)
            db.execute("INSERT INTO previews VALUES (?, ?, ?, ?, ?)", row)
        return preview_id

    async def find(self, preview_id: str) -> Listed | None:
        """What the preview with that id listed; None if the caller has none, or it has expired."""
        if not self._store.exists:
            return None
        query = "SELECT call, detail FROM previews WHERE id = ? AND until > ? AND caller = ?"
        row = self._store.row(query, preview_id, self._store.now(), self._by)
        return row and Listed(row[0], **json.loads(row[1]))

    async def carried_out(self, preview_id: str, done: Mapping[str, int | None], *, whole: bool) -> None:
        """Note what a call carried out, and whether that was the last of it."""
        with self._store.transaction() as db:
            query = "SELECT detail FROM previews WHERE id = ? AND caller = ?"
            if (row := db.execute(query, (preview_id, self._by)).fetchone()) is None:
                return
            detail = json.loads(row[0])
            detail["done"] = {**detail.get("done", {}), **done}
            if whole:
                detail["ended"] = self._store.now()
            db.execute("UPDATE previews SET detail = ? WHERE id = ?", (json.dumps(detail), preview_id))

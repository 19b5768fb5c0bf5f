"""Job: what one call of a job works with. It lists what the call would do, and knows what of it was approved."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from clientary_mcp.errors import BadArguments
from clientary_mcp.state.ledger import Ledger
from clientary_mcp.state.store import digest
from tool_schemas.base.models import Record
from tool_schemas.base.parsing import as_json
from tool_schemas.base.results import as_text

STATE = ("status", "total_cost", "balance", "billed", "complete")
"""The fields that say what became of a record since it was made."""
_TELLING = ("name", "title", "email", "amount")
"""The fields of which somebody who changed them wants to keep the record."""
_DIGEST = 16
_NAMED = 10

CAME_SINCE = "it came since the preview"
"""Why a job leaves out what it would do otherwise."""


class Changed(Exception):
    """What was approved is no longer what the call would do: a new preview is due."""

    refusal: BadArguments | None = None
    """The error to raise in place of a new preview, where a new one would do something twice."""

    def __init__(self, changed: list[str], gone: list[str]) -> None:
        lists = ((changed, "changed since the preview"), (gone, "no longer there"))
        super().__init__("; ".join(f"{what}: {_named(keys)}" for keys, what in lists if keys))


@dataclass(frozen=True)
class Change:
    """What a job changed in one record, or one that it made, so that it can be taken back by itself."""

    tool: str
    """The update or create tool that does the same."""
    label: str
    ids: Mapping[str, int] = field(default_factory=dict)
    """The ids that address the record."""
    before: Mapping[str, Any] = field(default_factory=dict)
    """The values of the changed fields before."""
    after: Mapping[str, Any] = field(default_factory=dict)
    """The values of the same fields afterwards, or what tells whether the record is still as it was made."""
    made: int | None = None
    """The id of the record that was made."""


@dataclass
class Job:
    """One call of a job.

    In a preview, `approved` is None, and everything that the job finds to do is listed. Afterwards the job finds out
    anew what is to be done, item by item, each by a key made of ids (`invoice 1042`), and does what was listed.
    """

    ledger: Ledger
    """What jobs sent and the account does not show, and their turns."""
    approved: Mapping[str, str] | None = None
    """The items of the approved preview, each with a digest of what was shown of it."""
    shown_at: float = math.inf
    """When that preview was shown, by the wall clock."""
    items: dict[str, str] = field(default_factory=dict)
    """The items that are to be done now, in the same form."""
    done: dict[str, int | None] = field(default_factory=dict)
    """The items that were carried out, each with the id of the record that it made, if any."""
    changes: list[Change] = field(default_factory=list)
    """What it changed that can be taken back record by record."""
    _settled: set[str] = field(default_factory=set)
    _needed: list[str] = field(default_factory=list)

    def may(self, key: str, *shown: object) -> bool:
        """List an item with what is shown of it; False for one that is to be left out, since it came later."""
        self.items[key] = _digest(shown)
        return self.approved is None or key in self.approved

    def was_shown(self, key: str, *shown: object) -> bool:
        """Whether the approved preview listed an item, and exactly so."""
        return self.approved is not None and self.approved.get(key) == _digest(shown)

    def needs(self, key: str, *shown: object) -> None:
        """List an item without which the rest makes no sense: one that came later calls for a new preview."""
        if not self.may(key, *shown):
            self._needed.append(key)

    def settled(self, key: str) -> None:
        """Note that an item needs nothing any more, or is left out for a reason that the answer names."""
        self._settled.add(key)

    def gone(self) -> list[str]:
        """The approved items that are neither to be done nor settled."""
        return [key for key in self.approved or () if key not in self.items and key not in self._settled]

    def check(self, *, all_there: bool = False) -> None:
        """Raise Changed if an item is no longer what was shown of it, or with `all_there` if one is gone."""
        approved = self.approved or {}
        changed = [key for key, shown in self.items.items() if approved.get(key, shown) != shown] + self._needed
        gone = self.gone()
        if changed or (all_there and gone):
            raise Changed(changed, gone)

    def did(self, key: str, made: int | None = None) -> None:
        """Note that an item was carried out."""
        self.done[key] = made

    def made(self, key: str, record: Record | int, tool: str, label: str, **ids: int) -> None:
        """Note that an item was carried out with a record of the kind that this create tool makes, under these ids.

        Of a record that was found only afterwards, the id is enough.
        """
        record_id, shown = (record, {}) if isinstance(record, int) else (record.id, record.to_json())
        self.did(key, record_id)
        after = {name: shown[name] for name in (*_TELLING, *STATE) if name in shown}
        self.changes.append(Change(tool, label, ids, after=after, made=record_id))


def _digest(shown: tuple[object, ...]) -> str:
    return digest(as_text(as_json(shown)))[:_DIGEST]


def _named(keys: Iterable[str]) -> str:
    every = list(keys)
    more = f" and {len(every) - _NAMED} more" if len(every) > _NAMED else ""
    return ", ".join(every[:_NAMED]) + more

"""What reports answer with: rows, totals per currency, how the figures were made, and what is not in them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tool_schemas.base.parsing import as_json
from tool_schemas.base.results import MAX_ANSWER, as_text, bounded, shown_sums

_CUT = "Only the first {shown} of {rows} rows fit; the totals cover all. Narrow the question, or use export_records."
_TEXT = 300
_ENTRIES = 200

_AROUND = 45_000
"""Characters of what stands around the rows, so that there is room for some."""
_FRAME = 1_000
"""Characters kept free for the names of the parts, and for the notice that not all rows fit."""
_BOUNDS = ((_TEXT, _ENTRIES), (_TEXT, 50), (100, 10))
_UNTOLD = "What else there is to tell is too long to show."


@dataclass
class Report:
    """The answer to a question about many records.

    `rows` hold the figures, one currency a row; `totals` cover all rows, per currency. `basis` says how the figures
    were made, `left_out` what is not in them and why. `about` stands first in the answer: the day, the project, …
    """

    rows: list[dict[str, Any]]
    basis: str
    totals: list[dict[str, Any]] | None = None
    left_out: list[str] = field(default_factory=list)
    about: dict[str, Any] = field(default_factory=dict)
    notice: str | None = None
    cursor: str | None = None
    """Where the next call goes on; told whole, however long."""

    def to_json(self) -> dict[str, Any]:
        """The answer as JSON holds it: as many rows as fit into `MAX_ANSWER` characters."""
        around, said = self._around()
        room = MAX_ANSWER - _FRAME - len(as_text([around, self.cursor, self.basis, said]))
        rows = list(_fitting(self.rows, room))
        if len(rows) < len(self.rows):
            said.append(_CUT.format(shown=len(rows), rows=len(self.rows)))
        whole = {
            **around.pop("about"),
            "cursor": self.cursor,
            "rows": rows,
            "row_count": len(self.rows),
            "totals": around.get("totals"),
            "basis": self.basis,
            "left_out": around["left_out"] or None,
            "notice": " ".join(said) or None,
        }
        return {name: value for name, value in whole.items() if value is not None}

    def _around(self) -> tuple[dict[str, Any], list[str]]:
        """What stands around the rows, cut until it leaves them room; and what has to be known of it."""
        totals, unsaid = shown_sums(self.totals, "totals")
        told = {"about": as_json(self.about), "left_out": self.left_out}
        if self.totals is not None:
            told["totals"] = totals
        said = [part for part in (self.notice, unsaid) if part]
        for text, entries in _BOUNDS:
            around = dict(bounded(told, text, entries))
            if len(as_text([around, self.cursor])) <= _AROUND:
                return around, said
        return around | {"about": {}}, [*said, _UNTOLD]


def _fitting(rows: list[dict[str, Any]], room: int) -> Iterator[dict[str, Any]]:
    """The first rows, as many as fit into so many characters."""
    for row in rows:
        shown = dict(bounded(as_json(row), _TEXT, _ENTRIES))
        room -= len(as_text(shown)) + 1
        if room < 0:
            return
        yield shown


_OBJECTS = {"type": "array", "items": {"type": "object"}}

REPORT_SCHEMA = {
    "type": "object",
    "properties": {
        "rows": _OBJECTS,
        "row_count": {"type": "integer"},
        "totals": _OBJECTS,
        "basis": {"type": "string"},
        "left_out": {"type": "array", "items": {"type": "string"}},
        "notice": {"type": "string"},
    },
    "required": ["rows", "row_count", "basis"],
}

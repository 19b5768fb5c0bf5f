"""What reports answer with: rows, totals per currency, how the figures were made, and what is not in them."""

from dataclasses import dataclass, field
from typing import Any

from tool_schemas.answers import MAX_ANSWER, as_text, bounded, shown_sums
from tool_schemas.reading import as_json

_CUT = "Only the first {shown} of {rows} rows fit; the totals cover all. Narrow the question, or use export_records."
_TEXT = 300
_ENTRIES = 200

_AROUND = 45_000
"""Characters of what stands around the rows, so that there is room for some."""
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

    @staticmethod
    def as_row(row: dict[str, Any]) -> dict[str, Any]:
        """A row as JSON holds it, whole."""
        return dict(as_json(row))

    def shown(self) -> dict[str, Any]:
        """The answer as JSON holds it: as many rows as fit into `MAX_ANSWER` characters."""
        rows = [bounded(as_json(row), _TEXT, _ENTRIES) for row in self.rows]
        totals, unsaid = shown_sums(self.totals, "totals")
        around, untold = self._around()
        told = {
            "row_count": len(rows),
            "totals": totals if self.totals is not None else None,
            "basis": self.basis,
            "left_out": around["left_out"],
        }
        about = around["about"] | ({"cursor": self.cursor} if self.cursor else {})
        said = list(filter(None, (self.notice, unsaid, untold)))
        room = MAX_ANSWER - len(as_text([about, told, said])) - len(_CUT) - 200
        fitting = _fitting(rows, room)
        cut = [_CUT.format(shown=fitting, rows=len(rows))] if fitting < len(rows) else []
        whole = {**about, "rows": rows[:fitting], **told, "notice": " ".join([*said, *cut]) or None}
        return {name: value for name, value in whole.items() if value is not None}

    def _around(self) -> tuple[dict[str, Any], str | None]:
        """What stands around the rows, cut until it leaves them room; and what to say where that is impossible."""
        told = {"about": as_json(self.about), "left_out": self.left_out or None}
        for text, entries in _BOUNDS:
            cut = dict(bounded(told, text, entries))
            if len(as_text(cut)) <= _AROUND:
                return cut, None
        return cut | {"about": {}}, _UNTOLD


def _fitting(rows: list[dict[str, Any]], room: int) -> int:
    for number, row in enumerate(rows):
        room -= len(as_text(row)) + 1
        if room < 0:
            return number
    return len(rows)


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

"""What reports return: rows, totals per currency, how the figures were made, and what is not included in them."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from tool_schemas.base.parsing import as_json
from tool_schemas.base.results import FRAME, MAX_ANSWER, as_text, bounded, fit, shown_sums
from tool_schemas.base.sentences import Mention, Sentences, in_order, join_sentences

_WITHOUT_ZEROS = "{zeros:,} rows of zeros are left out: not all rows fit."
_CUT = "Only the first {shown} of {rows} rows fit; the totals cover all of them. Narrow the request to see the rest."
_EXPORT = Mention("export_records writes all rows to a file.", "export_records")
_TEXT = 300
_ENTRIES = 200

_AROUND = 45_000
"""Characters of what surrounds the rows, so that there is room for some."""
_OMITTED = "Details besides the rows are too long to show."


@dataclass
class Report:
    """The answer to a question about many records.

    `rows` hold the figures, one currency a row; `totals` cover all rows, per currency. `basis` says how the figures
    were made, `left_out` what is not included and why. `about` comes first in the answer: the day, the project, …
    """

    rows: list[dict[str, Any]]
    basis: Sentences
    totals: list[dict[str, Any]] | None = None
    left_out: list[str] = field(default_factory=list)
    about: dict[str, Any] = field(default_factory=dict)
    notice: Sentences | None = None
    cursor: str | None = None
    """Where the next call continues; shown in full, however long."""
    counted: str | None = None
    """The column that is zero in rows of zeros: where not all rows fit, those that have something come first."""

    def to_json(self, unavailable: Collection[str] = ()) -> dict[str, Any]:
        """The answer as JSON holds it: as many rows as fit into `MAX_ANSWER` characters."""
        around, notices = self._around(unavailable)
        basis = join_sentences(self.basis, unavailable)
        room = MAX_ANSWER - FRAME - len(as_text([around, self.cursor, basis, notices]))
        rows = list(_fitting(self.rows, room))
        if len(rows) < len(self.rows):
            rows = list(_fitting(counted := self._counted(), room))
            if zeros := len(self.rows) - len(counted):
                notices.append(_WITHOUT_ZEROS.format(zeros=zeros))
            if len(rows) < len(counted):
                notices.append(_CUT.format(shown=len(rows), rows=len(counted)))
            notices.append(_EXPORT)
        whole = {
            **around.pop("about"),
            "cursor": self.cursor,
            "rows": rows,
            "row_count": len(self.rows),
            "totals": around.get("totals"),
            "basis": basis,
            "left_out": around["left_out"] or None,
            "notice": join_sentences(notices, unavailable) or None,
        }
        return {name: value for name, value in whole.items() if value is not None}

    def _counted(self) -> list[dict[str, Any]]:
        """The rows without those of zeros."""
        return [row for row in self.rows if self.counted is None or row[self.counted]]

    def _around(self, unavailable: Collection[str]) -> tuple[dict[str, Any], list[str]]:
        """What surrounds the rows, cut until it leaves them room; and the notices about it."""
        totals, more_sums = shown_sums(self.totals, "totals")
        sums = {} if self.totals is None else {"totals": totals}
        left_out = [text for each in self.left_out if (text := join_sentences(each, unavailable))]
        whole = {"about": as_json(self.about), "left_out": left_out}
        notices = list(in_order(self.notice, more_sums))
        if fitting := fit(whole, _AROUND - len(as_text([self.cursor, sums])), longest=_TEXT):
            return fitting[0] | sums, notices
        return bounded(whole | {"about": {}}, 100, 10) | sums, [*notices, _OMITTED]


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

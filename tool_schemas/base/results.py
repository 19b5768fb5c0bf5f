"""What tools answer with, bounded in size: one record, a page of records, or the outcome of a gated call."""

import json
from dataclasses import dataclass
from datetime import date
from typing import Any, Generic, TypeVar, get_args, get_origin

from tool_schemas.base.models import Detail, Record
from tool_schemas.base.parsing import as_json, output_schema

RecordT = TypeVar("RecordT", bound=Record)

MAX_ANSWER = 60_000
"""Characters of one answer: some hosts refuse more than 25,000 tokens."""

# (characters of one text, entries of one list) that are tried in turn until a record fits.
_BOUNDS = ((20_000, 500), (2_000, 200), (300, 50), (100, 10))
_FRAME = 1_000
"""Characters kept free for what stands around the records of a page."""
_TEXT_IN_LISTS = 2_000
_TEXT_IN_SUMMARIES = 200

_SUMS = 50
"""Currencies whose sums are shown: more than anybody bills in, but records may make codes up."""


def as_text(shown: Any) -> str:
    """An answer as compact JSON, the form that agents read."""
    return json.dumps(shown, ensure_ascii=False, separators=(",", ":"))


def bounded(value: Any, text: int, entries: int) -> Any:
    """`value` with its texts and lists cut, each cut marked where it stands."""
    match value:
        case str() if len(value) > text:
            return f"{value[:text]}… [{len(value):,} characters]"
        case dict():
            return {key: bounded(part, text, entries) for key, part in value.items()}
        case list():
            kept = [bounded(part, text, entries) for part in value[:entries]]
            if len(value) <= entries:
                return kept
            mark = f"… [{len(value):,} entries]"  # of the kind that the list's schema asks for
            return [*kept, {"cut": mark} if isinstance(value[0], dict) else mark]
        case _:
            return value


def shown_sums(sums: list[dict[str, Any]] | None, name: str) -> tuple[list[dict[str, Any]], str | None]:
    """Sums per currency as JSON holds them, and what to say where there are too many to show all."""
    every = sums or []
    shown = bounded(as_json(every[:_SUMS]), _TEXT_IN_SUMMARIES, _SUMS)
    more = f"{name} shows {_SUMS} of {len(every):,} currencies." if len(every) > _SUMS else None
    return shown, more


def show_record(record: Record) -> dict[str, Any]:
    """One record in full, in at most `MAX_ANSWER` characters."""
    whole = record.to_json()
    if len(as_text(whole)) <= MAX_ANSWER:
        return whole
    for text, entries in _BOUNDS:
        shown = dict(bounded(whole, text, entries))
        shown["notice"] = f"Too long to show whole: texts are cut at {text:,} characters, lists at {entries}."
        if len(as_text(shown)) <= MAX_ANSWER:
            return shown
    return {**bounded(record.summarized(), 100, 10), "notice": "Too long to show whole: only the main fields."}


@dataclass
class Page(Generic[RecordT]):
    """Records joined from Clientary's pages.

    `complete` is true when nothing is left behind the last page that was read; `next_page` is where to go on.
    `from_date` and `to_date` are the range that Clientary says it used, where it says so. `total_amounts` adds up,
    per currency, all records that match, whether they are shown or not.
    """

    pages: list[list[RecordT]]
    first_page: int = 1
    total_count: int | None = None
    complete: bool = True
    next_page: int | None = None
    from_date: date | None = None
    to_date: date | None = None
    total_amounts: list[dict[str, Any]] | None = None
    notice: str | None = None

    @property
    def records(self) -> list[RecordT]:
        """All records, in Clientary's order."""
        return [record for page in self.pages for record in page]

    def to_json(self, detail: Detail = "summary") -> dict[str, Any]:
        """The answer: as many whole pages as fit into `MAX_ANSWER` characters."""
        sums, unsaid = shown_sums(self.total_amounts, "total_amounts")
        rows, fitting, cut = _fit(self.pages, detail, MAX_ANSWER - _FRAME - len(as_text(sums)))
        more = fitting < len(self.pages)
        answer = {
            "records": rows,
            "returned": len(rows),
            "total_count": self.total_count,
            "complete": self.complete and cut != _LEFT_OUT and not more,
            "next_page": self.first_page + fitting if more else self.next_page,
            "from_date": self.from_date,
            "to_date": self.to_date,
            "total_amounts": sums or None,
            "notice": " ".join(filter(None, (self.notice, unsaid, cut))) or None,
        }
        return dict(as_json(answer))


_GO_ON = "The answer would be too long: go on at next_page, or narrow the question."
_IN_SUMMARY = "A page in full would be too long: this is its summary. The get tool shows one record in full."
_LEFT_OUT = "Records of this page were left out because their texts are too long: get them one by one."


def _fit(pages: list[list[RecordT]], detail: Detail, whole: int) -> tuple[list[dict[str, Any]], int, str | None]:
    """The rows that fit into so many characters, the number of pages they are, and what was cut."""
    rows: list[dict[str, Any]] = []
    room = whole
    for number, page in enumerate(pages):
        shown, room = _rows(page, detail, room)
        if len(shown) == len(page):
            rows += shown
        elif number > 0:
            return rows, number, _GO_ON
        else:  # The first page is shown whatever it takes: nobody could get past it otherwise.
            shown, _ = _rows(page, "summary", whole)
            return shown, 1, _IN_SUMMARY if len(shown) == len(page) else _LEFT_OUT
    return rows, len(pages), None


def _rows(page: list[RecordT], detail: Detail, room: int) -> tuple[list[dict[str, Any]], int]:
    """The first rows of a page that fit into `room` characters, and the room that is left."""
    rows: list[dict[str, Any]] = []
    for record in page:
        row = (
            bounded(record.summarized(), _TEXT_IN_SUMMARIES, 20)
            if detail == "summary"
            else bounded(record.to_json(), _TEXT_IN_LISTS, 500)
        )
        room -= len(as_text(row)) + 1
        if room < 0:
            break
        rows.append(row)
    return rows, room


@dataclass
class Outcome:
    """What a gated tool did, or would do.

    Unconfirmed (`done` is false) nothing was changed: `record` is what it is about, `goes_with_it` what goes
    along as far as a read can tell, `not_visible` what a read cannot tell, `alternative` what could be undone. A job
    tells in `steps`, record by record, what it would do or did, and in `totals` the sums per currency.
    """

    done: bool
    message: str
    record: dict[str, Any] | None = None
    goes_with_it: dict[str, Any] | None = None
    steps: list[dict[str, Any]] | None = None
    totals: list[dict[str, Any]] | None = None
    not_visible: str | None = None
    alternative: str | None = None
    to_proceed: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The answer as JSON holds it."""
        whole = as_json(vars(self))
        for text, entries in ((_TEXT_IN_LISTS, 500), (_TEXT_IN_LISTS, 100), *_BOUNDS[2:]):
            cut = bounded(whole, text, entries)
            shown = {part: _objects(told) if part in ("steps", "totals") else told for part, told in cut.items()}
            if len(as_text(shown)) <= MAX_ANSWER:
                return shown
        return {name: shown[name] for name in ("done", "message", "to_proceed") if name in shown}


def _objects(rows: list[Any]) -> list[dict[str, Any]]:
    """Rows that are objects alone, as the schema says: what is left of a cut list is one too."""
    return [row if isinstance(row, dict) else {"more": row} for row in rows]


_TEXT = {"type": "string"}
_PAGE: dict[str, Any] = {
    "returned": {"type": "integer"},
    "total_count": {"type": "integer"},
    "complete": {"type": "boolean"},
    "next_page": {"type": "integer"},
    "total_amounts": {"type": "array", "items": {"type": "object"}},
    "notice": _TEXT,
}
_RANGE = {"from_date": {"type": "string", "format": "date"}, "to_date": {"type": "string", "format": "date"}}
_OUTCOME = {
    "done": {"type": "boolean"},
    "message": _TEXT,
    "record": {"type": "object"},
    "goes_with_it": {"type": "object"},
    "steps": {"type": "array", "items": {"type": "object"}},
    "totals": {"type": "array", "items": {"type": "object"}},
    "not_visible": _TEXT,
    "alternative": _TEXT,
    "to_proceed": _TEXT,
}


def answer_schema(answer: Any) -> dict[str, Any]:
    """JSON Schema of what a tool returns: a `Record` class, `Page[Record]` or `Outcome`."""
    if answer is Outcome:
        return {"type": "object", "properties": _OUTCOME, "required": ["done", "message"]}
    if get_origin(answer) is Page:
        (record,) = get_args(answer)
        rows = {"type": "array", "items": output_schema(record)}
        return {
            "type": "object",
            "properties": {"records": rows, **_PAGE, **_RANGE},
            "required": ["records", "returned", "complete"],
        }
    return output_schema(answer)

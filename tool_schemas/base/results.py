"""What tools return, bounded in size: one record, a page of records, or the outcome of a gated call."""

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Generic, TypeVar, get_args, get_origin

from tool_schemas.base.models import Detail, Record
from tool_schemas.base.parsing import as_json, output_schema
from tool_schemas.base.sentences import EFFECTS, Sentences, in_order, join_sentences

RecordT = TypeVar("RecordT", bound=Record)

MAX_ANSWER = 60_000
"""Characters of one answer: some hosts refuse more than 25,000 tokens."""

_BOUNDS = ((MAX_ANSWER, MAX_ANSWER), (20_000, 1_000), (2_000, 500), (2_000, 200), (300, 50), (100, 10))
"""Characters of one text and entries of one list, tried in turn until a value fits."""

FRAME = 1_000
"""Characters kept free for what surrounds records, rows and bodies: names of parts, and notices."""
_TEXT_IN_LISTS = 2_000
_TEXT_IN_SUMMARIES = 200

_SUMS = 50
"""Currencies whose sums are shown: more than any business bills in, but records may hold invented codes."""


as_text = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
"""An answer as compact JSON, the form that agents read."""


def bounded(value: Any, text: int, entries: int) -> Any:
    """`value` with its texts and lists cut, each cut marked in its place."""
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


def fit(value: Any, most: int, longest: int = MAX_ANSWER) -> tuple[Any, str | None] | None:
    """`value`, cut as little as it takes to fit into `most` characters, and how it was cut, None where it is whole.

    No text is longer than `longest`. None where it does not fit even when cut to the smallest bounds.
    """
    for text, entries in _BOUNDS:
        characters = min(text, longest)
        cut = bounded(value, characters, entries)
        if len(as_text(cut)) <= most:
            return (
                cut,
                None if cut == value else f"texts are cut at {characters:,} characters, lists at {entries:,} entries",
            )
    return None


def shown_sums(sums: list[dict[str, Any]] | None, name: str) -> tuple[list[dict[str, Any]], str | None]:
    """Sums per currency as JSON holds them, and a notice where there are too many to show all."""
    every = sums or []
    shown = bounded(as_json(every[:_SUMS]), _TEXT_IN_SUMMARIES, _SUMS)
    more = f"{name} shows {_SUMS} of {len(every):,} currencies." if len(every) > _SUMS else None
    return shown, more


def show_record(record: Record) -> dict[str, Any]:
    """One record in full, in at most `MAX_ANSWER` characters."""
    whole = record.to_json()
    fitting = fit(whole, MAX_ANSWER - FRAME)
    if fitting is None:
        return {**bounded(record.summarized(), 100, 10), "notice": "Too long to show in full: only the main fields."}
    shown, cut = fitting
    return shown if cut is None else {**shown, "notice": in_full_but(cut)}


def in_full_but(cut: str) -> str:
    """The notice of an answer that was cut."""
    return f"Too long to show in full: {cut}."


@dataclass
class Page(Generic[RecordT]):
    """Records of a list, from `offset` on.

    `complete` means that nothing is left after them, `more` that the list continues. `from_date` and `to_date` are the
    range that Clientary says it used, or else that was asked for. `total_amounts` adds up, per currency, all records
    that match, shown or not.
    """

    records: list[RecordT]
    offset: int = 0
    more: bool = False
    total_count: int | None = None
    complete: bool = True
    from_date: date | None = None
    to_date: date | None = None
    total_amounts: list[dict[str, Any]] | None = None
    notice: Sentences | None = None
    beside: Callable[[Mapping[str, Any]], Mapping[str, Any]] = dict
    """Adds to a record, as JSON holds it, the names of what it refers to."""
    whole_list: list[RecordT] | None = None
    """All records of a list that Clientary sends in one piece, whatever `offset` and limit; not shown."""

    def to_json(self, detail: Detail = "summary", unavailable: Collection[str] = ()) -> dict[str, Any]:
        """The answer: as many records as fit into `MAX_ANSWER` characters, and where to continue."""
        sums, unsaid = shown_sums(self.total_amounts, "total_amounts")
        rows, shortened = self._fitting(detail, MAX_ANSWER - FRAME - len(as_text(sums)))
        cut = len(rows) < len(self.records)
        remarks = (self.notice, unsaid, _IN_SUMMARY if shortened else None, _TRUNCATED if cut else None)
        answer = {
            "records": rows,
            "returned": len(rows),
            "total_count": self.total_count,
            "complete": self.complete and not cut,
            "next_offset": self.offset + len(rows) if self.more or cut else None,
            "from_date": self.from_date,
            "to_date": self.to_date,
            "total_amounts": sums or None,
            "notice": join_sentences(in_order(*remarks), unavailable) or None,
        }
        return dict(as_json(answer))

    def _fitting(self, detail: Detail, room: int) -> tuple[list[dict[str, Any]], bool]:
        """The rows that fit into so many characters, and whether one of them is a summary, asked for in full."""
        rows: list[dict[str, Any]] = []
        left, shortened = room, False
        for record in self.records:
            row = self._row(record, detail)
            if too_long := len(as_text(row)) >= room:  # by itself: no answer could hold it
                row = self._row(record, "summary")
            left -= len(as_text(row)) + 1
            if left < 0:
                break
            rows.append(row)
            shortened |= too_long
        return rows, shortened

    def _row(self, record: RecordT, detail: Detail) -> dict[str, Any]:
        if detail == "summary":
            return dict(bounded(self.beside(record.summarized()), _TEXT_IN_SUMMARIES, 20))
        return dict(bounded(self.beside(record.to_json()), _TEXT_IN_LISTS, 500))


_TRUNCATED = "Truncated: continue with next_offset, or add filters."
_IN_SUMMARY = "A record too long to show in full is shown as its summary; the get tool shows more of it."


@dataclass
class Outcome:
    """What a gated tool did, or would do.

    Where `done` is false, nothing was changed, and the answer says so before the message. `record` is the record that
    the call is about, `goes_with_it` what is affected with it as far as a read shows, `not_visible` what a read does
    not show, `alternative` a call that can be undone. The `steps` of a job are what it would do or did, record by
    record; its `totals` the sums per currency.
    """

    done: bool
    message: Sentences
    record: dict[str, Any] | None = None
    goes_with_it: dict[str, Any] | None = None
    steps: list[dict[str, Any]] | None = None
    totals: list[dict[str, Any]] | None = None
    not_visible: Sentences | None = None
    alternative: Sentences | None = None
    to_proceed: Sentences | None = None
    notice: Sentences | None = None
    preview_id: str | None = None
    """What confirms the preview of a job over several records."""

    def text(self, unavailable: Collection[str] = ()) -> str:
        """The message by itself: what was done, or what the call would do."""
        return str(bounded(join_sentences(self.message, unavailable), _TEXT_IN_LISTS, 0))

    def to_json(self, unavailable: Collection[str] = ()) -> dict[str, Any]:
        """The answer as JSON holds it, without sentences that mention an unavailable tool."""
        texts = {name: join_sentences(getattr(self, name), unavailable) or None for name in _SENTENCES}
        texts["message"] = join_sentences(
            in_order(None if self.done else EFFECTS["unchanged"], self.message), unavailable
        )
        whole = as_json(vars(self) | texts)
        fitting = fit(whole, MAX_ANSWER, longest=_TEXT_IN_LISTS)
        if fitting is None:
            whole = {
                name: whole[name] for name in ("done", "message", "to_proceed", "notice", "preview_id") if name in whole
            }
            return dict(bounded(whole, _TEXT_IN_LISTS, 0))
        return dict(fitting[0])


_SENTENCES = ("message", "not_visible", "alternative", "to_proceed", "notice")
_TEXT = {"type": "string"}
_PAGE: dict[str, Any] = {
    "returned": {"type": "integer"},
    "total_count": {"type": "integer"},
    "complete": {"type": "boolean"},
    "next_offset": {"type": "integer"},
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
    "notice": _TEXT,
}


def answer_schema(answer: Any, *, with_preview_id: bool = False) -> dict[str, Any]:
    """JSON Schema of what a tool returns: a `Record` class, `Page[Record]` or `Outcome`."""
    if answer is Outcome:
        more = {"preview_id": _TEXT} if with_preview_id else {}
        return {"type": "object", "properties": _OUTCOME | more, "required": ["done", "message"]}
    if get_origin(answer) is Page:
        (record,) = get_args(answer)
        rows = {"type": "array", "items": output_schema(record)}
        return {
            "type": "object",
            "properties": {"records": rows, **_PAGE, **_RANGE},
            "required": ["records", "returned", "complete"],
        }
    return output_schema(answer)

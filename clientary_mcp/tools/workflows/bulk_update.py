"""Changes many records alike, record by record, with the update tool of their kind if the owner exposes it."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from clientary_mcp.api.concurrency import gather
from clientary_mcp.api.session import Clientary
from clientary_mcp.errors import BadArguments, ClientaryError, NotFound, Refused
from clientary_mcp.tools.decorators import jobs
from clientary_mcp.tools.job import CAME_SINCE, Change, Job
from clientary_mcp.tools.support.formatting import capital, label, name_of, plural_name, singular_name
from clientary_mcp.tools.support.names import Names
from clientary_mcp.tools.support.previews import done, nothing_to_do, preview
from clientary_mcp.tools.tool import Tool
from clientary_mcp.tools.toolsets import allowed
from clientary_mcp.tools.workflows.bulk_changes import Changes, id_name, rate_currencies
from clientary_mcp.tools.workflows.bulk_records import Found, Source
from clientary_mcp.tools.workflows.row_outcomes import STOPPING, by_outcome, stopped
from clientary_mcp.tools.workflows.turns import exclusive
from tool_schemas.base.models import Record
from tool_schemas.base.pairs import as_object
from tool_schemas.base.parsing import as_json
from tool_schemas.base.results import Outcome, as_text, bounded
from tool_schemas.base.sentences import Sentences, in_order
from tool_schemas.base.validation import nearest
from tool_schemas.workflows.bulk_update import BulkUpdate

_TO_DO, _DONE, _SAME = "to change", "changed", "already so"
_REFUSED, _LEFT_OUT, _MISSING = "refused", "left out", "not there"
_FAILED, _UNKNOWN, _NOT_TRIED = "not changed", "not known whether changed", "not tried"
_TURN = "bulk update"
_ABOUT = (
    *("client_id", "client_name", "project_id", "user_id", "date", "status"),
    *("project_type", "total_cost", "balance", "currency_code"),
)
"""What tells people which record is meant, beside its name, and what its rate means."""
_ROOM = 55_000
"""Characters of the rows of an answer, so that all of them fit."""
_SHORT = 40
"""Characters of a value, where all rows would not fit otherwise."""
_EMPTY: tuple[Any, ...] = (None, "", [], {})


@dataclass
class _Row:
    """One record: what it is, what it becomes, and what became of that."""

    number: int
    id: int
    outcome: str
    why: str | None = None
    notice: str | None = None
    record: Record | None = None
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)


@dataclass
class _Update:
    """The records of one call, each with its outcome so far."""

    changes: Changes
    rows: list[_Row]
    names: Names
    remark: Sentences | None = None
    failures: list[tuple[int, ClientaryError]] = field(default_factory=list)

    @property
    def kind(self) -> type[Record]:
        """The kind of the records."""
        kind: type[Record] = self.changes.tool.answer
        return kind

    def with_outcome(self, outcome: str) -> list[_Row]:
        """The rows with that outcome."""
        return [row for row in self.rows if row.outcome == outcome]

    def key(self, row: _Row) -> str:
        """`project 12`."""
        return f"{self._noun} {row.id}"

    @property
    def _noun(self) -> str:
        return singular_name(self.kind.plural)

    def counted(self, outcome: str) -> str:
        """`rate of 12 projects (already so: row 3)`; of documents with their statuses, of rates with what they mean."""
        rows, told = self.with_outcome(outcome), self.told(outcome)
        noun = self._noun if len(rows) == 1 else plural_name(self.kind)
        kinds = Counter(getattr(row.record, self._sort, None) for row in rows)
        ones = ", ".join(f"{count} {kind}" for kind, count in kinds.items() if kind)
        remarks = "; ".join(filter(None, (ones, told)))
        return f"{', '.join(self.changes.names)} of {len(rows)} {noun}{f' ({remarks})' if remarks else ''}"

    @property
    def _sort(self) -> str:
        """The field that sorts the records where it matters to what is changed."""
        if "total_cost" in self.kind.model_fields:
            return "status"
        return "project_type" if "rate" in self.changes.names else ""

    def told(self, but: str | None = None) -> str:
        """`already so: rows 3-5; not there: row 8`, for every outcome but one."""
        rows = ({"row": row.number, "outcome": row.outcome} for row in self.rows if row.outcome != but)
        return "; ".join(by_outcome(rows))

    def told_by_id(self) -> str:
        """`changed: ids 2401-2403; not changed: id 2408`, for errors: they show no rows, and may count others."""
        ids = ({"id": row.id, "outcome": row.outcome} for row in self.rows)
        return "; ".join(by_outcome(ids, "id"))

    def to_json(self) -> list[dict[str, Any]]:
        """One outcome a row; if there are very many, without what the caller can look up, so that all of them fit."""
        rows = [self._row(row) for row in self.rows]
        for fewer in (_without_about, _with_short_values, _without_after):
            if len(as_text(as_json(rows))) > _ROOM:
                rows = [fewer(row) for row in rows]
        return rows

    def _row(self, row: _Row) -> dict[str, Any]:
        shown: dict[str, Any] = {"row": row.number, "outcome": row.outcome, "id": row.id}
        if row.record is not None:
            shown |= self.names.beside(_about(row.record))
        if row.after:
            shown |= {"before": row.before, "after": row.after}
        return shown | {name: said for name, said in (("why", row.why), ("notice", row.notice)) if said}


def _about(record: Record) -> dict[str, Any]:
    """The name of a record, and what else tells people which one it is."""
    summary = record.summarized()
    return {"record": name_of(record)} | {name: summary[name] for name in _ABOUT if name in summary}


def _without_about(row: dict[str, Any]) -> dict[str, Any]:
    kept = ("row", "outcome", "id", "record", "before", "after", "why", "notice")
    return {name: row[name] for name in kept if name in row}


def _with_short_values(row: dict[str, Any]) -> dict[str, Any]:
    return dict(bounded(row, _SHORT, 2))


def _without_after(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in ("after", "why", "notice")}


def bulk_updating(tools: Collection[Tool]) -> Tool:
    """The tool that makes many calls of one of these tools, of those that are exposed."""
    readers = {tool.name: tool for tool in tools if tool.effect.reads_only}

    async def planned(clientary: Clientary, args: BulkUpdate, job: Job) -> _Update:
        exposed = {tool.name: tool for tool in allowed(tools, clientary.settings)}
        changes = Changes.read(_update_tool(args.tool, exposed), as_object(args.changes))
        source = Source.of(changes.tool, exposed, readers)
        shown = [int(key.rpartition(" ")[2]) for key in job.approved or ()]
        return await _decided(clientary, changes, await source.find(clientary, args, shown, changes.names), job)

    async def show(clientary: Clientary, args: BulkUpdate, job: Job) -> Outcome:
        update = await planned(clientary, args, job)
        if not update.with_outcome(_TO_DO):
            return _nothing(update)
        return preview(f"change {update.counted(_TO_DO)}", remark=update.remark, steps=update.to_json())

    @jobs("workflows", show, checked_with="list_changes")
    async def bulk_update(clientary: Clientary, args: BulkUpdate, job: Job) -> Outcome:
        """Change the same fields of up to 200 records with one update tool. Each has its own result; after a failure,
        the same call continues."""
        async with exclusive(clientary, job.ledger, _TURN):
            update = await planned(clientary, args, job)
            await _carry_out(clientary, update, job)
        if update.failures:
            some = bool(update.with_outcome(_DONE))
            raise stopped(update.failures, partial(_name, update), update.told_by_id(), some_done=some)
        if not update.with_outcome(_DONE):
            return _nothing(update)
        return done(in_order(f"Changed {update.counted(_DONE)}.", update.remark), steps=update.to_json())

    return bulk_update


def _update_tool(name: str, exposed: Mapping[str, Tool]) -> Tool:
    updates = {each: tool for each, tool in exposed.items() if each.startswith("update_")}
    if name not in updates:
        valid = f"Valid: {', '.join(updates)}." if updates else "None is offered here."
        raise BadArguments(f"tool: {name[:64]!r} is no update tool.{nearest(name, updates)} {valid}")
    return updates[name]


async def _decided(clientary: Clientary, changes: Changes, found: Found, job: Job) -> _Update:
    """The records with their outcomes so far, which is all that is known before anything is sent."""
    names = Names(clientary, changes.tool.answer)
    rows = [_Row(number, each.id, _TO_DO, record=each) for number, each in enumerate(found.records, 1)]
    rows += [
        _Row(number, each, _MISSING, why=f"{singular_name(changes.tool.answer.plural)} {each} does not exist")
        for number, each in enumerate(found.missing, len(rows) + 1)
    ]
    update = _Update(changes, rows, names, found.remark)
    codes = await rate_currencies(clientary, found.records) if changes.percent is not None else {}
    for row in rows:
        if row.record is not None:
            names.want(row.record)
            await _decide(update, row, row.record, codes.get(row.id), job)
        if row.outcome != _TO_DO:
            job.settled(update.key(row))
    job.check()
    update.remark = in_order(update.remark, await names.read())
    return update


async def _decide(update: _Update, row: _Row, record: Record, code: str | None, job: Job) -> None:
    """Decide what is to become of one record."""
    changes, now = update.changes, record.to_json()
    row.before = {name: now.get(name, "") for name in changes.names}
    if changes.percent is not None and await job.ledger.find(changes.step(row.id, row.before["rate"])):
        values = {**changes.values, "rate": row.before["rate"]}
        if all(_same(row.before[name], value) for name, value in values.items()):
            row.outcome = _SAME
            row.why = (
                f"its rate was changed by {changes.percent:+f}% within the last day; for more, give the rate itself"
            )
            return
    try:
        row.after = changes.of(now, code)
    except BadArguments as wrong:
        row.outcome, row.why = _REFUSED, wrong.sentences[0]
        return
    if all(_same(row.before[name], value) for name, value in row.after.items()):
        row.outcome, row.after = _SAME, {}
    elif not job.may(update.key(row), _about(record), row.before, row.after):
        row.outcome, row.why = _LEFT_OUT, CAME_SINCE


def _same(one: Any, other: Any) -> bool:
    return bool(one == other) or (one in _EMPTY and other in _EMPTY)


async def _carry_out(clientary: Clientary, update: _Update, job: Job) -> None:
    """Change the records, several at once; a failure stops no other, unless the others would meet it as well."""

    async def one(row: _Row) -> None:
        if any(isinstance(failure, STOPPING) for _, failure in update.failures):
            row.outcome = _NOT_TRIED
            return
        try:
            await _change(clientary, update.changes, row, job)
        except (BadArguments, NotFound, Refused) as refusal:
            row.outcome, row.why = _REFUSED, str(refusal)
        except ClientaryError as failure:
            row.outcome, row.why = (_UNKNOWN if failure.effect == "unknown" else _FAILED), str(failure)
            update.failures.append((row.number, failure))
        else:
            row.outcome = _DONE
            job.did(update.key(row), row.id)

    await gather((partial(one, row) for row in update.with_outcome(_TO_DO)), clientary.settings.concurrency)


async def _change(clientary: Clientary, changes: Changes, row: _Row, job: Job) -> None:
    args, function = changes.arguments(row.id, row.after), changes.tool.function
    if changes.percent is None:
        record = await function(clientary, args)
    else:  # noted, so that no later call takes the new rate for one that is still to be changed
        async with job.ledger.step(changes.step(row.id, row.after["rate"]), keep=True):
            record = await function(clientary, args)
    assert isinstance(record, Record)  # noqa: S101 - updates return one
    row.notice, shown, ids = record.notice, record.to_json(), {id_name(changes.tool): row.id}
    after = {name: shown.get(name) for name in row.before}
    job.changes.append(Change(changes.tool.name, name_of(record), ids, row.before, after))


def _name(update: _Update, number: int) -> str:
    """The record of a row, as a failure names it."""
    row = update.rows[number - 1]
    return f"{capital(update.key(row))}{f' ({label(row.record)})' if row.record else ''}"


def _nothing(update: _Update) -> Outcome:
    told = update.told() or "no record matches"
    return nothing_to_do(in_order(f"There is nothing to change: {told}.", update.remark), steps=update.to_json())

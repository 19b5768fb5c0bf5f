"""Changes many records at once, with the update tool of their kind: before and after for each, and each by itself."""

import re
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any, get_args

from clientary_mcp.accounting.money import rounded
from clientary_mcp.accounting.shares import WHOLE
from clientary_mcp.api.concurrency import gather
from clientary_mcp.api.session import Clientary
from clientary_mcp.api.streaming import rereads
from clientary_mcp.errors import BadArguments, ClientaryError, NotFound, PartiallyDone, Refused
from clientary_mcp.tools.decorators import jobs
from clientary_mcp.tools.job import CAME_SINCE, Job
from clientary_mcp.tools.support.formatting import label, name_of, plural_name
from clientary_mcp.tools.support.narrowing import narrowed
from clientary_mcp.tools.support.previews import done, nothing_to_do, preview
from clientary_mcp.tools.tool import Tool
from clientary_mcp.tools.toolsets import allowed
from clientary_mcp.tools.workflows.row_outcomes import STOPPING
from clientary_mcp.tools.workflows.turns import exclusive
from tool_schemas.base.models import Arguments, Record
from tool_schemas.base.pairs import as_object
from tool_schemas.base.parsing import as_json
from tool_schemas.base.results import Outcome
from tool_schemas.base.validation import nearest
from tool_schemas.workflows.bulk_update import MOST, BulkUpdate

_TO_DO, _DONE, _SAME, _LEFT_OUT = "to update", "updated", "already so", "left out"
_REFUSED, _FAILED, _UNKNOWN, _NOT_TRIED = "refused", "not updated", "not known whether updated", "not tried"
_NOT_TAKEN = ("limit", "offset", "order", "detail", "sort")
_ONE_BY_ONE = ("items", "number")
"""Fields that many records cannot share, or that the same call would add to once more."""
_RELATIVE = re.compile(r"([+-]\d{1,4}(?:\.\d{1,4})?) ?%", re.ASCII)


@dataclass(frozen=True)
class _Kind:
    """The tools of one kind of record: the one that changes it, the one that reads it, and those that list it."""

    changer: Tool
    reader: Tool
    lists: list[Tool]

    @property
    def own_id(self) -> str:
        """The argument that takes the id of the record."""
        (name,) = self.changer.arguments.addresses()
        return name

    @property
    def plural(self) -> str:
        return plural_name(self.changer.answer)


@dataclass
class _Change:
    """One record: what changes, and what became of it."""

    record_id: int
    record: Record | None
    outcome: str = _TO_DO
    why: str | None = None
    args: Arguments | None = None

    def before(self) -> dict[str, Any]:
        """The fields to be changed as they are."""
        return {name: as_json(getattr(self.record, name, None)) for name in self.after()}

    def after(self) -> dict[str, Any]:
        """The fields to be changed as they are to be."""
        if self.args is None:
            return {}
        args = type(self.args)
        names = [name for name in self.args.model_fields_set if not args.model_fields[name].exclude]
        cleared = dict.fromkeys(getattr(self.args, "clear", None) or ())
        return {name: as_json(getattr(self.args, name)) for name in names} | cleared

    def to_json(self) -> dict[str, Any]:
        shown: dict[str, Any] = {"id": self.record_id, "outcome": self.outcome}
        if self.record is not None:
            shown["name"] = name_of(self.record)
        if self.outcome in (_TO_DO, _DONE, _FAILED, _UNKNOWN, _NOT_TRIED, _REFUSED):
            shown |= {"before": self.before(), "after": self.after()}
        return shown | ({"why": self.why} if self.why else {})


def bulk_updating(tools: Collection[Tool]) -> Tool:
    """The tool that changes many records with those of these tools that are exposed."""

    async def planned(clientary: Clientary, args: BulkUpdate, job: Job) -> tuple[_Kind, list[_Change]]:
        kind = _kind(tools, args, clientary)
        return kind, await _plan(clientary, args, kind, job)

    async def show(clientary: Clientary, args: BulkUpdate, job: Job) -> Outcome:
        kind, changes = await planned(clientary, args, job)
        if not any(change.outcome == _TO_DO for change in changes):
            return _nothing(kind, changes)
        return preview(f"update {_counted(kind, changes, _TO_DO)}", steps=[change.to_json() for change in changes])

    @jobs("workflows", show, checked_with="list_changes")
    async def bulk_update(clientary: Clientary, args: BulkUpdate, job: Job) -> Outcome:
        """Change up to 200 records alike, with the update tool of their kind. Shows before and after for each; one that
        fails stops no other."""
        async with exclusive(clientary, job.ledger, f"bulk {args.tool}"):
            kind, changes = await planned(clientary, args, job)
            failures = await _carry_out(clientary, kind, changes, job)
        if failures:
            raise _stopped(changes, failures)
        if not any(change.outcome == _DONE for change in changes):
            return _nothing(kind, changes)
        return done(f"Updated {_counted(kind, changes, _DONE)}.", steps=[change.to_json() for change in changes])

    return bulk_update


def _kind(tools: Collection[Tool], args: BulkUpdate, clientary: Clientary) -> _Kind:
    """The tools of the kind that is to be changed; BadArguments for what is no update tool that is exposed."""
    exposed = {tool.name: tool for tool in allowed(tools, clientary.settings)}
    updates = {name: tool for name, tool in exposed.items() if name.startswith("update_")}
    if args.tool not in updates:
        valid = ", ".join(updates) or "none here"
        raise BadArguments(f"tool: {args.tool[:64]!r} is no update tool.{nearest(args.tool, updates)} Valid: {valid}.")
    changer = updates[args.tool]
    readers = {tool.name: tool for tool in tools if tool.effect.reads_only}
    lists = [tool for tool in readers.values() if tool.listing and get_args(tool.answer)[0] is changer.answer]
    return _Kind(changer, readers[changer.checked_with or ""], lists)


async def _plan(clientary: Clientary, args: BulkUpdate, kind: _Kind, job: Job) -> list[_Change]:
    """What is to become of each record; BadArguments where the changes are none that the tool takes."""
    given = as_object(args.changes)
    own = {*given} & {kind.own_id, "confirm", *_ONE_BY_ONE}
    if own:
        raise BadArguments(f"changes: {', '.join(sorted(own))} cannot be the same for several {kind.plural}.")
    kind.changer.check({kind.own_id: 1, **_for_record(given, None)})
    changes = await (_matching(clientary, args, kind) if args.ids is None else _with_ids(clientary, args.ids, kind))
    for change in changes:
        _decide(change, given, kind, job)
    job.check()
    return changes


def _decide(change: _Change, given: Mapping[str, Any], kind: _Kind, job: Job) -> None:
    """Find out what is to be changed in a record."""
    item = f"{kind.own_id.removesuffix('_id').replace('_', ' ')} {change.record_id}"
    if change.record is None:
        change.outcome, change.why = _LEFT_OUT, "it does not exist"
        return
    try:
        change.args = kind.changer.check({kind.own_id: change.record_id, **_for_record(given, change.record)})
    except BadArguments as wrong:
        change.outcome, change.why = _LEFT_OUT, str(wrong)
        return
    # By percent, what an earlier call with this preview did is seen by its result alone: it must not be added again.
    shown = (change.after(),) if _percent_of(given) else (change.before(), change.after())
    if job.was_shown(item, change.before()) or all(
        _equal(before, change.after()[name]) for name, before in change.before().items()
    ):
        change.outcome = _SAME
        job.settled(item)
    elif not job.may(item, *shown):
        change.outcome, change.why = _LEFT_OUT, CAME_SINCE


def _equal(before: Any, after: Any) -> bool:
    return before == after or (before in (None, "") and after in (None, ""))


def _for_record(given: Mapping[str, Any], record: Record | None) -> dict[str, Any]:
    """The changes of one record, with `+5%` as what it comes to; BadArguments where it has no rate."""
    percent = _percent_of(given)
    if percent is None:
        return dict(given)
    if record is None:
        return {**given, "rate": 1}
    rate = getattr(record, "rate", None)
    if not isinstance(rate, Decimal):
        raise BadArguments("it has no rate of its own")
    return {
        **given,
        "rate": rounded(rate * (WHOLE + percent) / WHOLE, getattr(record, "currency_code", None)),
    }


def _percent_of(given: Mapping[str, Any]) -> Decimal | None:
    """5 for a rate of `+5%`."""
    found = _RELATIVE.fullmatch(str(given.get("rate", "")).strip())
    return Decimal(found[1]) if found else None


async def _with_ids(clientary: Clientary, ids: list[int], kind: _Kind) -> list[_Change]:
    async def one(record_id: int) -> _Change:
        try:
            record = await kind.reader.function(clientary, kind.reader.check({kind.own_id: record_id}))
        except NotFound:
            return _Change(record_id, None)
        assert isinstance(record, Record)  # noqa: S101 - what an update is checked with reads the record
        return _Change(record_id, record)

    return await gather((partial(one, each) for each in dict.fromkeys(ids)), clientary.settings.concurrency)


async def _matching(clientary: Clientary, args: BulkUpdate, kind: _Kind) -> list[_Change]:
    """The records that the filters find; BadArguments where they are too many."""
    where = as_object(args.where)
    if paging := [name for name in _NOT_TAKEN if name in where]:
        raise BadArguments(f"where: takes no {', '.join(paging)}: all that match are updated.")
    takes = [tool for tool in kind.lists if where.keys() <= tool.arguments.model_fields.keys()]
    tool = next((each for each in takes if _required(each) <= where.keys()), kind.lists[0])
    given, found = tool.check(where), dict[int, Record]()

    @rereads
    async def read() -> None:
        found.clear()
        assert tool.listing is not None  # noqa: S101 - it was chosen for that
        async for record, _ in tool.listing(clientary, given).stream():
            found[record.id] = record
            if len(found) > MOST:
                raise BadArguments(f"where: more than {MOST} {kind.plural} match; at most {MOST} are updated at once.")

    with narrowed(tool.name, given, whole=True):
        await read()
    return [_Change(record_id, record) for record_id, record in found.items()]


def _required(tool: Tool) -> set[str]:
    return {name for name, field in tool.arguments.model_fields.items() if field.is_required()}


async def _carry_out(clientary: Clientary, kind: _Kind, changes: list[_Change], job: Job) -> list[ClientaryError]:
    """Update the records, several at once; returns the failures after which the same call has more to do."""
    failures: list[ClientaryError] = []

    async def one(change: _Change) -> None:
        if any(isinstance(failure, STOPPING) for failure in failures):
            change.outcome = _NOT_TRIED
            return
        try:
            updated = await kind.changer.function(clientary, change.args)
        except (BadArguments, NotFound, Refused) as refusal:
            change.outcome, change.why = _REFUSED, str(refusal)
        except ClientaryError as failure:
            change.outcome, change.why = (_UNKNOWN if failure.effect == "unknown" else _FAILED), str(failure)
            failures.append(failure)
        else:
            change.outcome, change.why = _DONE, getattr(updated, "notice", None)
            job.did(f"{kind.own_id.removesuffix('_id').replace('_', ' ')} {change.record_id}")

    due = [change for change in changes if change.outcome == _TO_DO]
    await gather((partial(one, change) for change in due), clientary.settings.concurrency)
    return failures


def _stopped(changes: list[_Change], failures: list[ClientaryError]) -> ClientaryError:
    if not any(change.outcome == _DONE for change in changes):
        return failures[0]
    return PartiallyDone(
        "Some records could not be updated.",
        *failures[0].sentences,
        f"So far: {'; '.join(_outcomes(changes))}.",
        "The same call continues from there.",
    )


def _outcomes(changes: list[_Change], but: str | None = None) -> list[str]:
    counts = Counter(change.outcome for change in changes if change.outcome != but)
    return [f"{count} {outcome}" for outcome, count in counts.items()]


def _counted(kind: _Kind, changes: list[_Change], outcome: str) -> str:
    """`12 of 14 projects (2 already so)`."""
    number = sum(change.outcome == outcome for change in changes)
    others = ", ".join(_outcomes(changes, outcome))
    first = next(change.record for change in changes if change.outcome == outcome)
    which = f": {label(first)}" if len(changes) == 1 and first else ""
    return f"{number} of {len(changes)} {kind.plural}{which}{f' ({others})' if others else ''}"


def _nothing(kind: _Kind, changes: list[_Change]) -> Outcome:
    told = ", ".join(_outcomes(changes)) or "none match"
    return nothing_to_do(
        f"There is nothing to update among these {kind.plural}: {told}.", steps=[each.to_json() for each in changes]
    )

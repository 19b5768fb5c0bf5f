"""Outcomes of gated calls: a preview before they act, and what was done afterwards."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from clientary_mcp.accounting.totals import totals_of
from clientary_mcp.api.concurrency import gather
from clientary_mcp.api.session import Clientary
from clientary_mcp.api.status_errors import not_found
from clientary_mcp.errors import NotAllowed, NotFound
from clientary_mcp.tools.support.formatting import name_of
from tool_schemas.base.models import Confirmed, Record
from tool_schemas.base.results import Outcome
from tool_schemas.base.sentences import Sentences, in_order

_NAMED = 10
_COUNTED = 1_000
_TO_PROCEED = "To go ahead, call again with confirm=true once the user agrees."
_WITH_ID = "To go ahead, call again with confirm=true and this preview_id once the user agrees."

RecordT = TypeVar("RecordT", bound=Record)

Lists = Mapping[str, tuple[type[Record], str]]


def preview(
    would: str,
    record: Record | None = None,
    *,
    remark: Sentences | None = None,
    goes_with_it: dict[str, Any] | None = None,
    steps: list[dict[str, Any]] | None = None,
    totals: list[dict[str, Any]] | None = None,
    not_visible: Sentences | None = None,
    alternative: Sentences | None = None,
) -> Outcome:
    """`would` completes "This would …"; a `remark` on it follows at once."""
    return Outcome(
        done=False,
        message=in_order(f"This would {would}.", remark),
        record=record.summarized() if record else None,
        goes_with_it=goes_with_it or None,
        steps=steps,
        totals=totals,
        not_visible=not_visible,
        alternative=alternative,
        to_proceed=_TO_PROCEED,
    )


def preview_delete(
    kind: type[RecordT], along: str = "", remarks: Callable[[RecordT], dict[str, Any]] = lambda _: {}
) -> Callable[[Clientary, Any], Awaitable[Outcome]]:
    """The preview of a delete that needs only the record itself: what is deleted `along` with it, and remarks on it."""

    async def show(clientary: Clientary, args: Confirmed) -> Outcome:
        (address,) = args.addresses()
        record = await clientary.get(kind, f"{kind.plural}/{getattr(args, address)}")
        noun = address.removesuffix("_id").replace("_", " ")
        return preview(f"delete {noun} {record.id} for good{along}", record, **remarks(record))

    return show


def confirmed_with(outcome: Outcome, preview_id: str) -> Outcome:
    """The preview of a job over several records, which is confirmed with its id."""
    return replace(outcome, preview_id=preview_id, to_proceed=_WITH_ID)


def nothing_to_do(
    why: Sentences,
    record: Record | None = None,
    steps: list[dict[str, Any]] | None = None,
    alternative: Sentences | None = None,
) -> Outcome:
    """The outcome of a call that has nothing to do, confirmed or not; it needs no approval."""
    brief = record.summarized() if record else None
    return Outcome(done=False, message=why, record=brief, steps=steps or None, alternative=alternative)


def done(
    message: Sentences,
    record: Record | None = None,
    *,
    steps: list[dict[str, Any]] | None = None,
    totals: list[dict[str, Any]] | None = None,
) -> Outcome:
    """The outcome of a confirmed call that was carried out."""
    brief = record.summarized() | ({"notice": record.notice} if record.notice else {}) if record else None
    return Outcome(done=True, message=message, record=brief, steps=steps, totals=totals)


async def count_dependents(clientary: Clientary, lists: Lists) -> dict[str, Any]:
    """For each list: the count, the first names, and the amounts per currency, or why it could not be read."""
    counted = await gather(
        (partial(_count, clientary, kind, path) for kind, path in lists.values()), clientary.settings.concurrency
    )
    return dict(zip(lists, counted, strict=True))


async def _count(clientary: Clientary, kind: type[Record], path: str) -> dict[str, Any]:
    try:
        page = await clientary.collect(kind, path, limit=_COUNTED)
    except NotAllowed:
        return {"not_visible": "the owner of the API token is not allowed to list them"}
    except NotFound:
        return {"not_visible": "Clientary has no such list"}
    counted: dict[str, Any] = {"count": len(page.records)}
    if not page.complete:
        counted["count_is_at_least"] = True
    if page.records:
        counted["first"] = [name_of(record) for record in page.records[:_NAMED]]
    totals = totals_of(page.records, clientary.today())
    if amounts := totals.to_json():
        counted["amounts"] = amounts
    if left_out := totals.left_out.to_json():
        counted["left_out"] = left_out
    return counted


def find_by_id(records: Iterable[RecordT], record_id: int, path: str) -> RecordT:
    """The record with that id; NotFound when the page does not contain it."""
    for record in records:
        if record.id == record_id:
            return record
    raise not_found(path)

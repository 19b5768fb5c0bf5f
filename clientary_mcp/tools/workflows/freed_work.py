"""What becomes of billed work when its invoice is cancelled, deleted, taken up again, or given another note."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

from clientary_mcp.api.concurrency import gather
from clientary_mcp.api.session import Clientary
from clientary_mcp.api.streaming import rereads
from clientary_mcp.errors import BadArguments, ClientaryError, NotFound
from clientary_mcp.state.billed import BilledRun
from clientary_mcp.tools.support.billed_work import Holder, Holders, is_marked, logged_on, read_holders
from clientary_mcp.tools.support.documents import invoice_name
from clientary_mcp.tools.support.lookups import expenses_between, projects_of
from clientary_mcp.tools.support.marks import Mark, mark_all
from clientary_mcp.tools.support.work_lists import KINDS, Work, counted, ids_of, references, referred_work, written
from clientary_mcp.tools.workflows.billable_work import read_hours
from clientary_mcp.tools.workflows.draft_invoices import estimates_in
from clientary_mcp.tools.workflows.turns import turn
from tool_schemas.base.sentences import join_sentences
from tool_schemas.expenses import Expense
from tool_schemas.hours import HourEntry
from tool_schemas.invoices import Invoice, UpdateInvoice

Send = Callable[[dict[str, Any]], Awaitable[Invoice]]

_FEW = 30
"""Entries that are looked up one by one because they are not where they were."""


async def updated(clientary: Clientary, args: UpdateInvoice, send: Send) -> Invoice:
    """Send the changes of an invoice; free what it bills if it is cancelled, and keep the list of it in its note."""
    body = args.body()
    runs = await clientary.memory.billed.runs(invoice_id=args.invoice_id)
    if args.status is None and "note" not in body:
        return await send(body)
    async with _turns(clientary, runs):
        before = await clientary.get(Invoice, f"invoices/{args.invoice_id}")
        holder = Holder.of(before, runs)
        remarks = _keep_references(before, body) if "note" in body else []
        if args.status == "cancelled":
            invoice = await send(body)
            remarks += await _freed(clientary, before, holder)
        elif args.status and holder.fate:
            works = await _check_not_billed_since(clientary, before, holder)
            invoice = await send(body)
            remarks += await _marked_again(clientary, holder, works)
        else:
            invoice = await send(body)
    invoice.notice = join_sentences([invoice.notice or "", *remarks]) or None
    return invoice


async def deleted(
    clientary: Clientary, invoice_id: int, delete: Callable[[], Awaitable[None]]
) -> tuple[Invoice, list[str]]:
    """Delete an invoice, and free what it bills; returns the invoice as it was, and sentences about what it billed."""
    runs = await clientary.memory.billed.runs(invoice_id=invoice_id)
    async with _turns(clientary, runs):
        before = await clientary.get(Invoice, f"invoices/{invoice_id}")
        await delete()
        return before, await _freed(clientary, before, Holder.of(before, runs))


async def billed_by(clientary: Clientary, invoice: Invoice) -> str | None:
    """`time entries 4711-4713 and expense 31`: what an invoice bills, as far as is known."""
    return _told(Holder.of(invoice, await clientary.memory.billed.runs(invoice_id=invoice.id)))


def _told(holder: Holder) -> str | None:
    counts = {kind: sum(map(len, runs)) for kind, runs in holder.ids.items() if runs}
    return (
        " and ".join(f"{KINDS[kind][count > 1]} {written(holder.ids[kind])}" for kind, count in counts.items()) or None
    )


@asynccontextmanager
async def _turns(clientary: Clientary, runs: Iterable[BilledRun]) -> AsyncIterator[None]:
    """Keep the projects of this work from being billed meanwhile."""
    async with AsyncExitStack() as stack:
        for project_id in sorted({run.project_id for run in runs if not run.freed}):
            await stack.enter_async_context(turn(clientary, f"bill project {project_id}"))
        yield


def _keep_references(before: Invoice, body: dict[str, Any]) -> list[str]:
    """Keep in the note that is sent what it would drop of billed work and estimates; returns a sentence about that."""
    there, meant = referred_work(before.note), referred_work(body["note"])
    lost = {
        kind: runs
        for kind, runs in there.items()
        if not all(any(run[0] in new and run[-1] in new for new in meant[kind]) for run in runs if run)
    }
    sources = estimates_in(before.note)
    kept = references(lost) + [sources[each] for each in sources.keys() - estimates_in(body["note"]).keys()]
    if not kept:
        return []
    body["note"] = "\n".join(filter(None, (body["note"], *kept)))
    return [f"The note keeps “{' '.join(kept)}”: without it, this could be billed twice."]


async def _check_not_billed_since(clientary: Clientary, before: Invoice, holder: Holder) -> list[Work]:
    """The work of a cancelled invoice that is to be taken up again; BadArguments if another one bills it by now."""
    if (told := _told(holder)) is None:
        return []
    works = await _work_of(clientary, before, holder)
    logged = [logged_on(work) for work in works]
    holders = await read_holders(clientary, logged, client_id=before.client_id)
    rivals = {
        other.id: invoice_name(other) for other in holders.every if other.fate is None and _overlap(other, holder)
    }
    marked = [work for work in works if is_marked(work) and holders.freed(type(work), work.id)]
    if rivals or marked:
        by = (
            " and ".join(rivals.values()) or f"another invoice, since Clientary shows {counted(marked)} as billed again"
        )
        raise BadArguments(
            f"The {invoice_name(before)} stays cancelled: what it billed ({told}) is billed by {by}. Cancel that first,"
            " or create a new invoice for the rest."
        )
    return works


async def _marked_again(clientary: Clientary, holder: Holder, works: list[Work]) -> list[str]:
    """Mark the work of an invoice that was taken up again as billed; returns sentences about it."""
    if (told := _told(holder)) is None:
        return []
    billed = f"It bills {told} again."
    try:
        for project_id in sorted({work.project_id or 0 for work in works}):
            own = ids_of(work for work in works if (work.project_id or 0) == project_id)
            await clientary.memory.billed.add(holder.id, project_id, {kind.plural: runs for kind, runs in own.items()})
        outcome = await mark_all(clientary, [Mark.billed(work, holder.id) for work in works if not is_marked(work)])
    except ClientaryError as failure:  # the invoice is taken up again, which is what was asked for
        return [billed, f"Not all of that could be marked as billed: {failure.sentences[0]}"]
    left = [*outcome.refused, *outcome.unread]
    return [billed, *([f"Clientary does not let the API mark {counted(left)} as billed."] if left else [])]


def _overlap(one: Holder, other: Holder) -> bool:
    pairs = ((run, ours) for kind in KINDS for run in one.ids[kind] for ours in other.ids[kind])
    return one.id != other.id and any(run.start < ours.stop and ours.start < run.stop for run, ours in pairs)


async def _freed(clientary: Clientary, invoice: Invoice, holder: Holder) -> list[str]:
    """Mark what a cancelled or deleted invoice billed as unbilled; returns sentences about what it billed."""
    if (told := _told(holder)) is None:
        return []
    billed, counts = f"It billed {told}.", "Jobs and reports of this server count that as unbilled."
    try:
        works = await _work_of(clientary, invoice, holder)
        holders = await read_holders(clientary, [logged_on(work) for work in works], client_id=invoice.client_id)
        shared = [work for work in works if _others(holders, work, holder)]
        alone = [work for work in works if not _others(holders, work, holder)]
        outcome = await mark_all(clientary, [Mark.unbilled(work) for work in alone if is_marked(work)])
        unmarked = [work for work in alone if not is_marked(work)]
        freed = ids_of([*unmarked, *outcome.shown])
        await clientary.memory.billed.free(holder.id, {kind.plural: runs for kind, runs in freed.items()})
    except ClientaryError as failure:  # the invoice is gone or cancelled, which is what was asked for
        return [billed, f"Not all of that could be marked as unbilled: {failure.sentences[0]}", counts]
    remarks = [billed]
    if shared:
        others = {each.id: invoice_name(each) for work in shared for each in _others(holders, work, holder)}
        stay = "stay" if len(shared) > 1 else "stays"
        remarks.append(f"{counted(shared)} {stay} billed by {' and '.join(others.values())}.")
    if outcome.refused or outcome.unread:
        left = counted([*outcome.refused, *outcome.unread])
        return [*remarks, f"Clientary does not let the API mark {left} as unbilled.", counts]
    several = sum(len(run) for runs in holder.ids.values() for run in runs) > 1
    return remarks if shared else [f"It billed {told}; {'they are' if several else 'it is'} unbilled again."]


def _others(holders: Holders, work: Work, holder: Holder) -> list[Holder]:
    return [other for other in holders.live(work) if other.id != holder.id]


async def _work_of(clientary: Clientary, invoice: Invoice, holder: Holder) -> list[Work]:
    """The work that an invoice bills or billed, as it is now, unless another invoice has it by Clientary's own word."""
    hours: list[HourEntry] = []
    for project_id in await _projects(clientary, invoice, holder):
        for billed in (True, False):
            hours += await read_hours(clientary, project_id, billed=billed)
    works: list[Work] = [entry for entry in hours if _is_in(entry.id, holder.ids[HourEntry])]
    works += await _moved(clientary, holder, {work.id for work in works})
    if holder.ids[Expense]:
        works += await _expenses_of(clientary, holder)
    return works


async def _moved(clientary: Clientary, holder: Holder, found: Collection[int]) -> list[HourEntry]:
    """The entries that belong to other projects by now; a note that lists very many others is not believed."""
    runs = holder.ids[HourEntry]
    if sum(map(len, runs)) - len(found) > _FEW:
        return []
    missing = [entry_id for run in runs for entry_id in run if entry_id not in found]
    read = await gather((partial(_entry, clientary, each) for each in missing), clientary.settings.concurrency)
    return [entry for entry in read if entry is not None]


async def _entry(clientary: Clientary, entry_id: int) -> HourEntry | None:
    try:
        return await clientary.get(HourEntry, f"hours/{entry_id}")
    except NotFound:
        return None


def _is_in(work_id: int, runs: Collection[range]) -> bool:
    return any(work_id in run for run in runs)


async def _projects(clientary: Clientary, invoice: Invoice, holder: Holder) -> list[int]:
    """The projects whose hours it may bill: those that the ledger names, else all of the client."""
    if not holder.ids[HourEntry]:
        return []
    if holder.project_ids or invoice.client_id is None:
        return sorted(holder.project_ids)
    projects = await projects_of(clientary, client_id=invoice.client_id)
    return [project.id for project in projects if project.worked_hours != 0]


@rereads
async def _expenses_of(clientary: Clientary, holder: Holder) -> list[Work]:
    """The expenses that it bills, but for those that Clientary shows on another invoice."""
    expenses, own = expenses_between(clientary, None, None), holder.ids[Expense]
    return [
        expense
        async for expense in expenses
        if _is_in(expense.id, own) and (expense.invoice_id == holder.id or not is_marked(expense))
    ]

"""What becomes of billed work when its invoice is cancelled, deleted, taken up again, or given another note."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from clientary_mcp.api.session import Clientary
from clientary_mcp.api.streaming import rereads
from clientary_mcp.api.write_tracker import STILL_AT_WORK
from clientary_mcp.errors import BadArguments, ClientaryError
from clientary_mcp.tools.support.billed_work import (
    KINDS,
    Holder,
    Holders,
    Work,
    counted,
    is_marked,
    logged_on,
    named,
    read_holders,
    references,
    referred_work,
    written,
)
from clientary_mcp.tools.support.lookups import expenses_between, projects_of
from clientary_mcp.tools.support.marks import Mark, mark_all
from clientary_mcp.tools.workflows.billable_work import read_hours
from tool_schemas.base.sentences import join_sentences
from tool_schemas.expenses import Expense
from tool_schemas.hours import HourEntry
from tool_schemas.invoices import Invoice, UpdateInvoice

Send = Callable[[dict[str, Any]], Awaitable[Invoice]]


async def updated(clientary: Clientary, args: UpdateInvoice, send: Send) -> Invoice:
    """Send the changes of an invoice; free what it bills if it is cancelled, and keep the list of it in its note."""
    body = args.body()
    runs = clientary.memory.billed.runs(invoice_id=args.invoice_id)
    if args.status is None and "note" not in body:
        return await send(body)
    async with _turns(clientary, {run.project_id for run in runs}):
        before = await clientary.get(Invoice, f"invoices/{args.invoice_id}")
        holder = Holder.of(before, runs)
        remarks = []
        if args.status == "cancelled":
            invoice = await send(body)
            remarks = await _freed(clientary, before, holder)
        else:
            if args.status and holder.fate:
                await _check_not_billed_since(clientary, before, holder)
            if "note" in body:
                remarks = _keep_references(before, body)
            invoice = await send(body)
    invoice.notice = join_sentences([invoice.notice or "", *remarks]) or None
    return invoice


async def deleted(
    clientary: Clientary, invoice_id: int, delete: Callable[[], Awaitable[None]]
) -> tuple[Invoice, list[str]]:
    """Delete an invoice, and free what it bills; returns the invoice as it was, and sentences about what it billed."""
    runs = clientary.memory.billed.runs(invoice_id=invoice_id)
    async with _turns(clientary, {run.project_id for run in runs}):
        before = await clientary.get(Invoice, f"invoices/{invoice_id}")
        await delete()
        return before, await _freed(clientary, before, Holder.of(before, runs))


def billed_by(clientary: Clientary, invoice: Invoice) -> str | None:
    """`time entries 4711-4713 and expenses 31`: what an invoice bills, as far as is known."""
    return _told(Holder.of(invoice, clientary.memory.billed.runs(invoice_id=invoice.id)))


def _told(holder: Holder) -> str | None:
    return " and ".join(f"{KINDS[kind][1]} {written(runs)}" for kind, runs in holder.ids.items() if runs) or None


@asynccontextmanager
async def _turns(clientary: Clientary, projects: set[int]) -> AsyncIterator[None]:
    """Keep these projects from being billed meanwhile."""
    async with AsyncExitStack() as stack:
        for project_id in sorted(projects):
            lease = clientary.settings.deadline + STILL_AT_WORK
            await stack.enter_async_context(
                clientary.memory.ledger.turn(f"bill project {project_id}", clientary.wait, lease)
            )
        yield


def _keep_references(before: Invoice, body: dict[str, Any]) -> list[str]:
    """Keep in the note that is sent the lists of billed work that it would drop; returns a sentence about that."""
    there, meant = referred_work(before.note), referred_work(body["note"])
    lost = {
        kind: runs
        for kind, runs in there.items()
        if not all(any(run[0] in new and run[-1] in new for new in meant[kind]) for run in runs if run)
    }
    if not lost:
        return []
    kept = references(lost)
    body["note"] = "\n".join(filter(None, (body["note"], *kept)))
    return [f"The note keeps “{' '.join(kept)}”: without it, this work could be billed twice."]


async def _check_not_billed_since(clientary: Clientary, before: Invoice, holder: Holder) -> None:
    """Refuse to take up a cancelled invoice again whose work another one bills by now."""
    holders = await read_holders(clientary, (), client_id=before.client_id)
    others = sorted({other.id for other in holders.every if other.fate is None and _overlap(other, holder)})
    if rivals := [named(other) for other in holders.every if other.id in others]:
        raise BadArguments(
            f"The {named(before)} stays cancelled: what it billed ({_told(holder)}) is billed by"
            f" {' and '.join(rivals)} since. Cancel that first, or create a new invoice for the rest."
        )


def _overlap(one: Holder, other: Holder) -> bool:
    pairs = ((run, ours) for kind in KINDS for run in one.ids[kind] for ours in other.ids[kind])
    return one.id != other.id and any(run.start < ours.stop and ours.start < run.stop for run, ours in pairs)


async def _freed(clientary: Clientary, invoice: Invoice, holder: Holder) -> list[str]:
    """Mark what a cancelled or deleted invoice billed as unbilled; returns sentences about what it billed."""
    if (told := _told(holder)) is None:
        return []
    billed, counts = f"It billed {told}.", "Jobs and reports of this server count that as unbilled."
    try:
        marked = await _marked_work(clientary, invoice, holder)
        holders = await read_holders(clientary, [logged_on(work) for work in marked], client_id=invoice.client_id)
        shared = [work for work in marked if _others(holders, work, holder)]
        alone = [work for work in marked if not _others(holders, work, holder)]
        outcome = await mark_all(clientary, (Mark.unbilled(work) for work in alone))
    except ClientaryError as failure:  # the invoice is gone or cancelled, which is what was asked for
        return [billed, f"Not all of that could be marked as unbilled: {failure.sentences[0]}", counts]
    remarks = [billed]
    if shared:
        others = {each.id: named(each) for work in shared for each in _others(holders, work, holder)}
        remarks.append(f"{counted(shared)} stay billed by {' and '.join(others.values())}.")
    if outcome.refused or outcome.unread:
        left = counted([*outcome.refused, *outcome.unread])
        return [*remarks, f"Clientary does not let the API mark {left} as unbilled.", counts]
    clientary.memory.billed.free(holder.id)
    return remarks if shared else [*remarks, "It is unbilled again."]


def _others(holders: Holders, work: Work, holder: Holder) -> list[Holder]:
    return [other for other in holders.live(work) if other.id != holder.id]


async def _marked_work(clientary: Clientary, invoice: Invoice, holder: Holder) -> list[Work]:
    """What Clientary shows as billed of the work that an invoice billed."""
    works: list[Work] = []
    for project_id in await _projects(clientary, invoice, holder):
        works += await read_hours(clientary, project_id, billed=True)
    if holder.ids[Expense]:
        works += await _expenses_of(clientary, holder)
    return [work for work in works if any(work.id in run for run in holder.ids[type(work)])]


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
    """The expenses that Clientary shows on this very invoice."""
    expenses = expenses_between(clientary, None, None)
    return [expense async for expense in expenses if is_marked(expense) and expense.invoice_id == holder.id]

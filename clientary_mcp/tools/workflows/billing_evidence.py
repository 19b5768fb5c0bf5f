"""What shows later that work was billed: the ledger, the invoice's note until all is marked, and a second look."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from clientary_mcp.api.session import Clientary
from clientary_mcp.errors import ClientaryError, NotRemembered
from clientary_mcp.tools.support.billed_work import Holder, read_holders
from clientary_mcp.tools.support.documents import Numbered, invoice_name
from clientary_mcp.tools.support.marks import Mark, Marked
from clientary_mcp.tools.support.work_lists import (
    KINDS,
    Ids,
    Work,
    counted,
    ids_of,
    listed,
    referred_work,
    without_references,
)
from clientary_mcp.tools.workflows.billable_work import Bill, Bills, read_hours
from tool_schemas.base.sentences import Mention
from tool_schemas.hours import HourEntry
from tool_schemas.invoices import Invoice


@dataclass
class Billing:
    """One run of the job: the bill, the invoice that was created for it, and what is known of both since."""

    bills: Bills
    invoice: Invoice | None = None
    """None where there was nothing new to bill."""
    marked: Marked = field(default_factory=Marked)
    remarks: list[str] = field(default_factory=list)
    note_may_go: bool = True
    """Whether the ledger has what the new invoice bills, and no other invoice was found to bill the same."""

    async def created(self, clientary: Clientary, invoice: Invoice) -> None:
        """Note in the ledger what the new invoice bills."""
        self.invoice = invoice
        for bill in self.bills.with_lines:
            self.note_may_go &= await _remember(clientary, bill, invoice.id, ids_of(bill.work))

    async def marking(self, clientary: Clientary) -> list[Mark]:
        """The marks to set. What is marked for an earlier invoice is noted as billed by it, for it may have been freed
        when that was cancelled before it was taken up again."""
        marks: list[Mark] = []
        for bill in self.bills.each:
            for holder_id in sorted({holder.id for _, holder in bill.held}):
                held = [work for work, holder in bill.held if holder.id == holder_id]
                await _remember(clientary, bill, holder_id, ids_of(held))
                marks += [Mark.billed(work, holder_id) for work in held]
        if self.invoice is not None:
            marks += [Mark.billed(work, self.invoice.id) for work in self.bills.work]
        return marks


async def look_again(clientary: Clientary, billing: Billing) -> None:
    """Look for other invoices that bill the same: somebody may have billed it at the same time, in another place."""
    bills = billing.bills
    ids = [bill.project.id for bill in bills.with_lines]
    try:
        own = ids[0] if len(ids) == 1 else None
        holders = await read_holders(clientary, (), client_id=bills.client_id, project_id=own)
        unbilled = {entry.id for each in ids for entry in await read_hours(clientary, each, billed=False)}
    except ClientaryError as failure:  # the invoice was created, and what it bills is still to be marked
        found = [f"Whether another invoice bills the same could not be checked: {failure.sentences[0]}"]
    else:
        voided = {work.id for work, _ in bills.voided if isinstance(work, HourEntry)}
        found = [*_rivals(billing, holders.live), *_marked_meanwhile(billing, unbilled | voided)]
    billing.remarks += found
    billing.note_may_go = billing.note_may_go and not found


def _rivals(billing: Billing, live: Callable[[Work], list[Holder]]) -> Iterator[str]:
    """The other invoices that bill the same work, with the offer to cancel the younger one."""
    assert billing.invoice is not None  # noqa: S101 - it is looked for others once there is one
    shared: dict[int, tuple[Holder, list[Work]]] = {}
    for work in billing.bills.work:
        for holder in live(work):
            if holder.id != billing.invoice.id:
                shared.setdefault(holder.id, (holder, []))[1].append(work)
    for holder, works in shared.values():
        yield f"Attention: {invoice_name(holder)} bills {counted(works)} of these as well: {_ids(works)}."
        younger: Numbered = holder if holder.id > billing.invoice.id else billing.invoice
        yield Mention(
            f"Cancel the younger one, {invoice_name(younger)}: update_invoice with invoice_id={younger.id},"
            " status=cancelled.",
            "update_invoice",
        )


def _marked_meanwhile(billing: Billing, unbilled: Collection[int]) -> Iterator[str]:
    """What somebody else marked since it was read, or deleted."""
    gone = [work for work in billing.bills.work if isinstance(work, HourEntry) and work.id not in unbilled]
    if gone:
        yield f"Attention: another invoice may bill {counted(gone)} that Clientary no longer shows: {_ids(gone)}."


async def settle_notes(clientary: Clientary, billing: Billing) -> None:
    """Take the lists of billed work out of the notes of drafts, which nobody has seen, where all of it is marked."""
    bills = billing.bills
    invoices = {holder.id for _, holder in bills.held}
    if billing.invoice is not None and billing.note_may_go:
        invoices.add(billing.invoice.id)
    known: dict[type[Work], set[int]] = {kind: set() for kind in KINDS}
    for work in billing.marked.shown:
        known[type(work)].add(work.id)
    if not any(known.values()):
        return
    try:
        for bill in bills.each:
            if bill.held:  # an earlier call marked some of it
                known[HourEntry] |= {entry.id for entry in await read_hours(clientary, bill.project.id, billed=True)}
        for invoice_id in sorted(invoices):
            await _clear_note(clientary, bills, invoice_id, known)
    except ClientaryError as failure:
        billing.remarks.append(f"The invoice's note still lists what it bills: {failure.sentences[0]}")


async def _clear_note(
    clientary: Clientary, bills: Bills, invoice_id: int, known: Mapping[type[Work], Collection[int]]
) -> None:
    """Take the lists of which all is `known` to be marked out of the note of a draft, and keep them in the ledger."""
    path = f"invoices/{invoice_id}"
    invoice = await clientary.get(Invoice, path)
    lists = {kind: runs for kind, runs in referred_work(invoice.note).items() if _all_in(runs, known[kind])}
    if invoice.status == "draft" and lists and await _remember_each(clientary, bills, invoice_id, lists):
        note = without_references(invoice.note, lists)
        await clientary.update(Invoice, path, {"note": note}, otherwise=f"invoice/{invoice_id}")


async def _remember_each(clientary: Clientary, bills: Bills, invoice_id: int, lists: Ids) -> bool:
    """Note in the ledger what an invoice bills of each project; whether all of it is kept there."""
    kept = [await _remember(clientary, bill, invoice_id, own) for bill, own in _by_project(bills, lists)]
    return all(kept)


def _by_project(bills: Bills, lists: Ids) -> list[tuple[Bill, Ids]]:
    """The listed work of each project: all of it where there is one."""
    if not bills.sectioned:
        return [(bills.each[0], lists)]
    found: list[tuple[Bill, Ids]] = []
    for bill in bills.each:
        works = [*bill.work, *(work for work, _ in bill.held)]
        own = ids_of(work for work in works if any(work.id in run for run in lists.get(type(work), ())))
        found += [(bill, own)] if own else []
    return found


def _all_in(runs: Collection[range], known: Collection[int]) -> bool:
    """Whether these are ids, and all known."""
    return bool(runs) and sum(map(len, runs)) <= len(known) and all(each in known for run in runs for each in run)


async def _remember(clientary: Clientary, bill: Bill, invoice_id: int, ids: Ids) -> bool:
    """Note in the ledger what an invoice bills; whether it is kept there beyond this process."""
    try:
        await clientary.memory.billed.add(
            invoice_id, bill.project.id, {kind.plural: runs for kind, runs in ids.items()}
        )
    except NotRemembered:  # then the note stays
        return False
    return clientary.memory.outlives_process


def _ids(works: Iterable[Work]) -> str:
    return "; ".join(listed(works).values())

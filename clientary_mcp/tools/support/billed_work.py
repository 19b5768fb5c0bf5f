"""Which invoices bill which work: as the ledger in the store says, or the list in an invoice's note."""

from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from itertools import accumulate
from typing import Any

from clientary_mcp.api.call import Query
from clientary_mcp.api.concurrency import gather
from clientary_mcp.api.session import Clientary
from clientary_mcp.api.streaming import rereads
from clientary_mcp.errors import NotFound, NotRemembered
from clientary_mcp.state.billed import BilledRun
from clientary_mcp.tools.support.rights import if_allowed
from clientary_mcp.tools.support.work_lists import KINDS, Ids, Work, joined, referred_work
from tool_schemas.expenses import Expense
from tool_schemas.hours import HourEntry
from tool_schemas.invoices import Invoice
from tool_schemas.projects import Project

_DAY = timedelta(days=1)
"""By how much a date may differ between Clientary's clock and ours."""
_UNSEEN = (
    "Invoices: not looked at, since the owner of the API token is not allowed to see them all; work counts as billed"
    " only where Clientary shows it as billed."
)
OUT_OF_REACH = (
    "This server's shared memory can't be reached: work that only its memory shows as billed counts as unbilled."
)
_FEW = 30
"""Invoices that are looked up one by one; for more, the list is read."""


@dataclass(frozen=True)
class Holder:
    """An invoice that bills work, reduced to what matters here: an account may have very many."""

    id: int
    number: str | None
    fate: str | None
    """`cancelled` or `deleted`; None for a live one, which alone bills its work."""
    ids: Ids
    client_id: int | None
    project_ids: frozenset[int]
    """The projects of its work, as far as the ledger knows them."""

    @classmethod
    def of(cls, invoice: Invoice, noted: Iterable[BilledRun], fate: str | None = None) -> "Holder":
        """An invoice with what it bills: what the ledger has `noted`, and what its note lists."""
        mine = list(noted)
        listed = referred_work(invoice.note)
        ids = {kind: joined([run.ids for run in mine if run.plural == kind.plural] + listed[kind]) for kind in KINDS}
        if invoice.status == "cancelled":
            fate = "cancelled"
        return cls(
            invoice.id,
            invoice.number,
            fate,
            ids,
            invoice.client_id,
            frozenset(run.project_id for run in mine if not run.freed),
        )

    def may_bill(self, project: Project) -> bool:
        """Whether it may bill work of a project: work can be moved to another one of its client."""
        return project.id in self.project_ids or project.client_id == self.client_id


class Holders:
    """All invoices that bill work, cancelled and deleted ones too."""

    def __init__(
        self, holders: Collection[Holder], noted: Iterable[BilledRun] = (), latest: Invoice | None = None
    ) -> None:
        self.every = holders
        self._noted = sorted(noted, key=lambda run: run.order)
        self.latest = latest
        """The latest invoice of those that were read."""
        self._runs, self._ends = {}, {}
        for kind in KINDS:
            runs = [(ids, holder) for holder in holders for ids in holder.ids[kind]]
            self._runs[kind] = sorted(runs, key=lambda run: (run[0].start, run[0].stop, run[1].id))
            self._ends[kind] = list(accumulate((ids.stop for ids, _ in self._runs[kind]), max))

    def of(self, kind: type[Work], work_id: int) -> list[Holder]:
        """The invoices that bill it or did, oldest first."""
        runs, ends = self._runs[kind], self._ends[kind]
        found: dict[int, Holder] = {}
        place = bisect_right(runs, work_id, key=lambda run: run[0].start)
        while place and ends[place - 1] > work_id:  # before that, all end before it
            place -= 1
            ids, holder = runs[place]
            if work_id in ids:
                found[holder.id] = holder
        return [found[holder_id] for holder_id in sorted(found)]

    def live(self, work: Work) -> list[Holder]:
        """The invoices that bill it, oldest first."""
        return [holder for holder in self.of(type(work), work.id) if holder.fate is None]

    def voided(self, work: Work) -> Holder | None:
        """The cancelled or deleted invoice for which Clientary still shows it as billed; None if that is not so."""
        every = self.of(type(work), work.id)
        if not is_marked(work) or not every or any(holder.fate is None for holder in every):
            return None
        if self.freed(type(work), work.id):
            return None  # somebody else marked it since
        if isinstance(work, Expense) and _is_other(work.invoice_id, every):
            return None  # another invoice bills it
        return every[-1]

    def bills(self, kind: type[Work], work_id: int, *, marked: bool, invoice_id: int | None = None) -> bool:
        """Whether a live invoice bills it, as far as is known.

        `marked` is whether Clientary shows it as billed, `invoice_id` on which invoice, where it tells that.
        """
        every = self.of(kind, work_id)
        if any(holder.fate is None for holder in every):
            return True
        return marked and (not every or self.freed(kind, work_id) or _is_other(invoice_id, every))

    def freed(self, kind: type[Work], work_id: int) -> bool:
        """Whether it was marked as unbilled again since one of our invoices billed it: a later mark is not ours."""
        noted = (run for run in reversed(self._noted) if run.plural == kind.plural and work_id in run.ids)
        return (last := next(noted, None)) is not None and last.freed

    def suspects(self, kind: type[Work]) -> list[Holder]:
        """The cancelled and deleted invoices of whose work Clientary may still show some as billed."""
        return [holder for holder in self.every if holder.fate and not self._is_settled(holder, kind)]

    def _is_settled(self, holder: Holder, kind: type[Work]) -> bool:
        freed: list[range] = []
        for run in self._noted:
            if run.invoice_id == holder.id and run.plural == kind.plural:
                freed = [*freed, run.ids] if run.freed else []
        whole = joined(freed)
        return all(any(run[0] in ids and run[-1] in ids for ids in whole) for run in holder.ids[kind])

    def unbilled(self, work: Work) -> bool:
        """Whether no live invoice bills it, as far as is known."""
        return not self.live(work) and (not is_marked(work) or self.voided(work) is not None)


def _is_other(invoice_id: int | None, holders: Collection[Holder]) -> bool:
    """Whether an invoice is none of these."""
    return invoice_id not in (None, *(holder.id for holder in holders))


async def visible_holders(
    clientary: Clientary,
    logged: Collection[date | None],
    *,
    client_id: int | None = None,
    project_id: int | None = None,
) -> tuple[Holders, str | None]:
    """The same as `read_holders`, with a remark where invoices may not be seen, or the ledger cannot be reached.

    For reports alone: a job that bills has to know.
    """
    runs: list[BilledRun] = []
    remark: str | None = OUT_OF_REACH
    with suppress(NotRemembered):
        runs, remark = await clientary.memory.billed.runs(), None
    read = partial(read_holders, clientary, logged, client_id=client_id, project_id=project_id, runs=runs)
    holders = await if_allowed(read)
    return (Holders(()), _UNSEEN) if holders is None else (holders, remark)


async def read_holders(
    clientary: Clientary,
    logged: Collection[date | None],
    *,
    client_id: int | None = None,
    project_id: int | None = None,
    runs: list[BilledRun] | None = None,
) -> Holders:
    """The invoices that may bill work which was `logged_on` these days, all of the client's, and those of the ledger.

    Besides the client's invoices, all since the work was logged are read: it may have belonged to another client.
    `runs` are what the ledger says, if that is known already.
    """
    if runs is None:
        runs = await clientary.memory.billed.runs()
    noted: dict[int, list[BilledRun]] = {}
    for run in runs:
        noted.setdefault(run.invoice_id, []).append(run)
    ours = {run.invoice_id for run in runs if not run.freed and project_id in (None, run.project_id)}
    places: list[tuple[str, Query | None]] = [] if client_id is None else [(f"clients/{client_id}/invoices", None)]
    if logged:
        since = None if None in logged else min(day for day in logged if day) - _DAY
        places.append(("invoices", {"updated_since": since and since.isoformat()}))
    read = await _read(clientary, places, noted)
    missing = sorted(ours - read.seen)
    if len(missing) > _FEW:
        read.merge(await _read_list(clientary, "invoices", None, noted))
        missing = sorted(ours - read.seen)
    looked_up = [partial(_look_up, clientary, invoice_id, noted[invoice_id]) for invoice_id in missing]
    for holder in await gather(looked_up, clientary.settings.concurrency):
        read.holders[holder.id] = holder
    return Holders(list(read.holders.values()), runs, read.latest)


@dataclass
class _Read:
    """What was read of the invoices: those that bill work, and the latest one."""

    seen: set[int]
    """Of those in the ledger."""
    holders: dict[int, Holder]
    latest: Invoice | None = None

    def merge(self, other: "_Read") -> None:
        """Add what another list had."""
        self.seen |= other.seen
        self.holders |= other.holders
        self.latest = self.latest or other.latest


async def _read(
    clientary: Clientary, places: Iterable[tuple[str, Query | None]], noted: Mapping[int, list[BilledRun]]
) -> _Read:
    found = _Read(set(), {})
    reads = (partial(_read_list, clientary, path, query, noted) for path, query in places)
    for each in await gather(reads, clientary.settings.concurrency):
        found.merge(each)
    return found


@rereads
async def _read_list(
    clientary: Clientary, path: str, query: Query | None, noted: Mapping[int, list[BilledRun]]
) -> _Read:
    found = _Read(set(), {})
    async for invoice in clientary.stream(Invoice, path, query):
        holder = Holder.of(invoice, noted.get(invoice.id, ()))
        if any(holder.ids.values()):
            found.holders[invoice.id] = holder
        if invoice.id in noted:
            found.seen.add(invoice.id)
        if holder.fate is None and (found.latest is None or _recency(invoice) > _recency(found.latest)):
            found.latest = invoice
    return found


async def _look_up(clientary: Clientary, invoice_id: int, noted: Iterable[BilledRun]) -> Holder:
    try:
        return Holder.of(await clientary.get(Invoice, f"invoices/{invoice_id}"), noted)
    except NotFound:
        return Holder.of(Invoice.read({"id": invoice_id}), noted, "deleted")


def is_marked(work: Work) -> bool:
    """Whether Clientary shows it as billed."""
    if isinstance(work, HourEntry):
        return bool(work.billed)
    return work.invoice_id is not None or work.invoice_item_id is not None


def _recency(invoice: Invoice) -> tuple[Any, ...]:
    return invoice.date or date.min, invoice.id


def logged_on(work: Work) -> date | None:
    """The earlier of its date and the day it was created: no invoice bills it before that."""
    own = work.date if isinstance(work, HourEntry) else work.incurred_on
    days = [own, work.created_at.date() if work.created_at else None]
    return min((day for day in days if day is not None), default=None)

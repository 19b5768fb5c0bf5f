"""Which work the invoices of our jobs bill: an account may not show it, once the invoice's note says nothing of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from clientary_mcp.durations import DAY
from clientary_mcp.state.store import Store

KEPT = 3650 * DAY
"""Ten years: longer than anybody asks what an invoice billed."""


@dataclass(frozen=True)
class BilledRun:
    """Consecutive ids of work of one project that one invoice bills."""

    invoice_id: int
    project_id: int
    plural: str
    """The kind of work: `hours` or `expenses`."""
    ids: range
    freed: bool
    """Whether this notes that the work is unbilled again, wherever it is by now: then `project_id` is 0."""
    order: int
    """Larger for what was noted later, by whatever process: clocks are set, and differ."""


class Billed(Protocol):
    """The billed work of one account."""

    async def add(self, invoice_id: int, project_id: int, work: Mapping[str, Iterable[range]]) -> None:
        """Note what an invoice bills from now on, by kind; NotRemembered where it cannot be kept."""

    async def free(self, invoice_id: int, work: Mapping[str, Iterable[range]]) -> None:
        """Note that the account shows this work of a cancelled or deleted invoice as unbilled again."""

    async def replaced(self, plural: str, old_id: int, new_id: int) -> None:
        """Note that work was made again under another id: what billed the old one bills the new one."""

    async def runs(self, *, invoice_id: int | None = None) -> list[BilledRun]:
        """All that is noted, or what one invoice bills."""


class StoredBilled:
    """The billed work in the store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def add(self, invoice_id: int, project_id: int, work: Mapping[str, Iterable[range]]) -> None:
        """Note what an invoice bills from now on, by kind; NotRemembered where it cannot be kept."""
        self._note(invoice_id, project_id, work, freed=False)

    async def free(self, invoice_id: int, work: Mapping[str, Iterable[range]]) -> None:
        """Note that the account shows this work of a cancelled or deleted invoice as unbilled again."""
        self._note(invoice_id, 0, work, freed=True)

    async def replaced(self, plural: str, old_id: int, new_id: int) -> None:
        """Note that work was made again under another id: what billed the old one bills the new one."""
        for run in sorted(await self.runs(), key=lambda run: run.order):
            if run.plural == plural and old_id in run.ids:
                work = {plural: [range(new_id, new_id + 1)]}
                self._note(run.invoice_id, run.project_id, work, freed=run.freed)

    def _note(self, invoice_id: int, project_id: int, work: Mapping[str, Iterable[range]], *, freed: bool) -> None:
        until = self._store.now() + KEPT
        rows = [
            (invoice_id, project_id, plural, run.start, run.stop, freed, until)
            for plural, ids in work.items()
            for run in ids
        ]
        with self._store.transaction(lasting=True) as db:
            db.executemany("INSERT OR REPLACE INTO billed VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

    async def runs(self, *, invoice_id: int | None = None) -> list[BilledRun]:
        """All that is noted, or what one invoice bills."""
        if not self._store.exists:
            return []
        query = (
            "SELECT invoice, project, kind, first, past, freed, rowid FROM billed WHERE until > ? AND ? IN (invoice, 0)"
        )
        rows = self._store.rows(query, self._store.now(), invoice_id or 0)
        return [
            BilledRun(invoice, project, plural, range(first, past), bool(freed), order)
            for invoice, project, plural, first, past, freed, order in rows
        ]

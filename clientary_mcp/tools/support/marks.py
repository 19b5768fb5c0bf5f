"""Marking work in Clientary as billed, or as unbilled again, as far as the account allows it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from anyio import CancelScope

from clientary_mcp.api.concurrency import gather
from clientary_mcp.api.reconcile import NOT_READ_BACK
from clientary_mcp.api.session import Clientary
from clientary_mcp.errors import NotAllowed, NotFound, Refused
from clientary_mcp.tools.support.work_lists import KINDS, Work
from tool_schemas.hours import HourEntry


@dataclass(frozen=True)
class Mark:
    """One write that marks work as billed, or takes the mark away."""

    work: Work
    body: dict[str, Any]
    shows: dict[str, Any]
    """What the record shows afterwards."""

    @classmethod
    def billed(cls, work: Work, invoice_id: int) -> "Mark":
        """The mark for an entry is a flag, for an expense the invoice that bills it."""
        body: dict[str, Any] = {"billed": True} if isinstance(work, HourEntry) else {"invoice_id": invoice_id}
        return cls(work, body, body)

    @classmethod
    def unbilled(cls, work: Work) -> "Mark":
        """Without its mark."""
        if isinstance(work, HourEntry):
            return cls(work, {"billed": False}, {"billed": False})
        return cls(work, {"invoice_id": ""}, {"invoice_id": None})

    async def apply(self, clientary: Clientary, on_done: Callable[[Work], None]) -> bool | None:
        """Whether Clientary shows it afterwards; None where that cannot be read. Once begun it is completed."""
        with CancelScope(shield=True):
            applied = await self._applied(clientary)
            if applied is not False:
                on_done(self.work)
        return applied

    async def _applied(self, clientary: Clientary) -> bool | None:
        kind = type(self.work)
        try:
            record = await clientary.update(kind, f"{kind.plural}/{self.work.id}", self.body, read_back=True)
        except (Refused, NotAllowed, NotFound):
            return False
        if record.notice == NOT_READ_BACK:
            return None
        return all(getattr(record, name) == value for name, value in self.shows.items())


@dataclass
class Marked:
    """What became of marks."""

    shown: list[Work] = field(default_factory=list)
    unread: list[Work] = field(default_factory=list)
    """Accepted, but it could not be read back."""
    refused: list[Work] = field(default_factory=list)
    """The account does not allow it."""


async def mark_all(
    clientary: Clientary, marks: Iterable[Mark], on_done: Callable[[Work], None] = lambda _: None
) -> Marked:
    """Set marks, and read each back. The first of a kind is tried alone: if it cannot be marked, none can."""
    every, outcome = list(marks), Marked()
    for kind in KINDS:
        own = [mark for mark in every if isinstance(mark.work, kind)]
        applied = [await mark.apply(clientary, on_done) for mark in own[:1]]
        if False not in applied:
            rest = (partial(mark.apply, clientary, on_done) for mark in own[1:])
            applied += await gather(rest, clientary.settings.concurrency)
        applied += [False] * (len(own) - len(applied))
        for mark, shown in zip(own, applied, strict=True):
            works = outcome.refused if shown is False else outcome.shown if shown else outcome.unread
            works.append(mark.work)
    return outcome

"""Tracks writes in flight, of all sessions: which lists they may change while pages are read, and for how long."""

import secrets
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from clientary_mcp.errors import NotRemembered, OutcomeUnknown
from clientary_mcp.state.settling import settling
from clientary_mcp.state.writes import Kind, SharedWrites

MOSTLY_OVER = 6.0
"""Seconds after which Clientary has usually finished what it was doing when a connection broke."""

STILL_AT_WORK = 120.0
"""Seconds for which Clientary may still be working on a request that timed out; no longer, since no list counts as
complete meanwhile. A dropped connection counts as the end of a write: what it still changes appears within
`MOSTLY_OVER`, or hardly ever.
"""


@dataclass(frozen=True)
class Snapshot:
    """The writes of this session that had ended at some time, and that time by the clock of the memory."""

    time: float | None
    """None where the shared memory could not be reached: then what other sessions wrote is not known."""
    ended: Counter[tuple[str, str]]


class WritesInFlight:
    """The writes in flight, and those that have ended.

    A list that gains one record and loses another keeps its count, so Clientary's responses do not show the change.
    """

    def __init__(self, now: Callable[[], float], shared: SharedWrites, deadline: float) -> None:
        self._now, self._shared = now, shared
        self._session = secrets.token_hex(8)
        self._at_most = deadline + STILL_AT_WORK
        self._begun: Counter[tuple[str, str]] = Counter()
        self._ended: Counter[tuple[str, str]] = Counter()
        self._lingering: deque[tuple[float, tuple[str, str]]] = deque()

    @asynccontextmanager
    async def writing(self, method: str, path: str) -> AsyncIterator[None]:
        """One write, from before it is sent until it has ended; one that may still happen lingers."""
        kind, lingers = (method, _list_of(path)), False
        write = await self._shared.begin(kind, self._at_most, self._session)
        self._begun[kind] += 1
        try:
            yield
        except OutcomeUnknown as lost:
            lingers = lost.may_still_happen
            raise
        finally:
            if lingers:
                self._lingering.append((self._now() + STILL_AT_WORK, kind))
            else:
                self._ended[kind] += 1
            with settling():
                await self._shared.end(write, STILL_AT_WORK if lingers else 0.0)

    async def snapshot(self) -> Snapshot:
        """The writes that have ended by now, for `changed_since`."""
        while self._lingering and self._lingering[0][0] <= self._now():
            self._ended[self._lingering.popleft()[1]] += 1
        time = None
        with suppress(NotRemembered):  # reading goes on without it
            time = await self._shared.now()
        return Snapshot(time, self._ended.copy())

    async def changed_since(self, snapshot: Snapshot, plural: str) -> bool | None:
        """Whether records of that kind may have both appeared and disappeared since the snapshot.

        None if this session did nothing of the kind, and what others did is not known.
        """
        of_others: list[Kind] | None = None
        if snapshot.time is not None:
            with suppress(NotRemembered):
                of_others = await self._shared.of_others_since(snapshot.time, self._session)
        under_way = self._begun - snapshot.ended + Counter(of_others or ())
        came, changed = under_way["POST", plural], under_way["PUT", plural]
        gone = sum(under_way["DELETE", deleted] for deleted in {plural, *_CASCADING})
        if changed > 1 or (came > 0) + (changed > 0) + (gone > 0) > 1:
            return True
        return None if of_others is None else False


_CASCADING = ("clients", "leads", "projects", "invoices")
"""Lists whose records are deleted together with records of other lists."""


def _list_of(path: str) -> str:
    """`payments` for `POST invoices/1/payments` and for `DELETE invoices/1/payments/2`."""
    parts = [part for part in path.split("/") if not part.isdigit()]
    return {"task": "tasks", "invoice": "invoices"}.get(parts[-1], parts[-1]) if parts else path

"""The ledger of jobs: what each step of them sent, so that no other call, in whatever process, does it again.

A job claims what it does (a project's hours, an estimate, a row's address, an invoice's reminder), not the call.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Literal, Protocol

import anyio

from clientary_mcp.durations import DAY
from clientary_mcp.errors import ClientaryError, NotRemembered, TakenOver, Unavailable
from clientary_mcp.state.owner import has_ended
from clientary_mcp.state.store import Store, digest

Wait = Callable[[float, str], Awaitable[bool]]
"""Waits that many seconds for a reason; False when the call's deadline comes first."""

Check = Callable[[], Awaitable[None]]
"""Raises TakenOver if another process has taken a turn, since it took this one to be dead."""

TAKEN = "Another process works on the same job."

BETWEEN_TRIES = 0.5
"""Seconds between two attempts to take the turn from another process."""


@dataclass(frozen=True)
class Step:
    """What is known of a step that was sent in the last day."""

    state: Literal["sent", "done"]
    since: float


class Ledger(Protocol):
    """The steps of all jobs of one account, and their turns."""

    def turn(self, job: str, wait: Wait, lease: float) -> AbstractAsyncContextManager[Check]:
        """Run calls for the same job one at a time, over all sessions; Unavailable if the turn comes too late.

        A process that stood still may lose its turn: await what is yielded before each write.
        """

    async def find(self, step: str) -> Step | None:
        """The step with that name, if it was sent in the last day and had an effect or may have had one."""

    def step(self, *steps: str, keep: bool = False) -> AbstractAsyncContextManager[None]:
        """One write of a job, under one or several names: noted before it is sent, and kept if its outcome is unknown,
        or with `keep`.
        """


class StoredLedger:
    """The ledger in the store. All sessions of a process that share the store share this, too: see `turn`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._locks: dict[str, anyio.Lock] = {}
        self._turns = 0
        """The turns that this process has taken and not yet ended."""

    @asynccontextmanager
    async def turn(self, job: str, wait: Wait, lease: float) -> AsyncIterator[Check]:
        """Run calls for the same job one at a time, over all processes; Unavailable if the turn comes too late."""
        lock = self._locks.setdefault(job, anyio.Lock())
        try:
            async with lock:
                while not self._take_turn(job, lease):
                    if not await wait(BETWEEN_TRIES, "another process works on the same job"):
                        raise Unavailable(TAKEN, "Try again in a minute.", effect="not sent")
                self._turns += 1
                try:
                    yield partial(self._check, job)
                finally:
                    self._turns -= 1
                    self._end_turn(job)
        finally:
            if not lock.statistics().tasks_waiting and not lock.locked():
                self._locks.pop(job, None)

    async def find(self, step: str) -> Step | None:
        """The step with that name, if it was sent in the last day and had an effect or may have had one."""
        if not self._store.exists:
            return None
        query = "SELECT state, since FROM ledger WHERE key = ? AND until > ?"
        row = self._store.row(query, digest(step), self._store.now())
        return row and Step(*row)

    @asynccontextmanager
    async def step(self, *steps: str, keep: bool = False) -> AsyncIterator[None]:
        """One write of a job: noted before it is sent, and kept if its outcome is unknown, or with `keep`."""
        now = self._store.now()
        with self._store.transaction(lasting=True) as db:
            query = "SELECT count(*) FROM turns WHERE owner = ?"
            if db.execute(query, (self._store.owner,)).fetchone()[0] < self._turns:
                raise TakenOver(TAKEN)  # this process stood still for so long that another one took its turn
            rows = [(digest(step), "sent", now, now + DAY) for step in steps]
            db.executemany("INSERT OR REPLACE INTO ledger VALUES (?, ?, ?, ?)", rows)
        try:
            yield
        except ClientaryError as failure:
            if failure.effect != "unknown":
                self._settle("DELETE FROM ledger WHERE key = ?", steps)
            raise
        self._settle(
            "UPDATE ledger SET state = 'done' WHERE key = ?" if keep else "DELETE FROM ledger WHERE key = ?", steps
        )

    def _take_turn(self, job: str, lease: float) -> bool:
        store = self._store
        with store.transaction() as db:
            there = db.execute("SELECT owner, until FROM turns WHERE key = ?", (digest(job),)).fetchone()
            if there and there[0] != store.owner and store.now() < there[1] and not has_ended(there[0]):
                return False
            row = (digest(job), store.owner, store.now() + lease)
            db.execute("INSERT OR REPLACE INTO turns VALUES (?, ?, ?)", row)
        return True

    async def _check(self, job: str) -> None:
        query = "SELECT 1 FROM turns WHERE key = ? AND owner = ?"
        if not self._store.row(query, digest(job), self._store.owner):
            raise TakenOver(TAKEN)

    def _end_turn(self, job: str) -> None:
        """Let the next one take its turn; if that cannot be noted, it does so when the lease lapses."""
        with suppress(NotRemembered), self._store.transaction() as db:
            db.execute("DELETE FROM turns WHERE key = ? AND owner = ?", (digest(job), self._store.owner))

    def _settle(self, statement: str, steps: Iterable[str]) -> None:
        """Note an outcome; if that fails, the steps stay as sent, which is the safe side."""
        with suppress(NotRemembered), self._store.transaction() as db:
            db.executemany(statement, [(digest(step),) for step in steps])

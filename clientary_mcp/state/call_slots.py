"""Call slots: how many calls of one caller run at the same time. The next ones wait their turn."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

import anyio

from clientary_mcp.errors import RateLimited


class CallSlots(Protocol):
    """The slots of each caller."""

    def taken(self, caller_id: str, deadline: float) -> AbstractAsyncContextManager[None]:
        """Hold one slot; RateLimited if none is free within so many seconds."""


class LocalCallSlots:
    """So many slots for each caller in this process, given in the order of arrival."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._queues: dict[str, _Queue] = {}

    @asynccontextmanager
    async def taken(self, caller_id: str, deadline: float) -> AsyncIterator[None]:
        """Hold one slot; RateLimited if none is free within so many seconds."""
        queue = self._queues.setdefault(caller_id, _Queue(anyio.Semaphore(self._most, fast_acquire=True)))
        queue.calls += 1
        try:
            try:
                with anyio.fail_after(deadline):
                    await queue.free.acquire()
            except TimeoutError:
                raise no_slot(self._most) from None
            try:
                yield
            finally:
                queue.free.release()
        finally:
            queue.calls -= 1
            if not queue.calls:
                del self._queues[caller_id]


@dataclass
class _Queue:
    free: anyio.Semaphore
    calls: int = 0


def no_slot(most: int) -> RateLimited:
    """The error for a call that had no turn."""
    why = f"Too many calls wait: this server runs {most} of one caller at a time, and none ended before the deadline."
    return RateLimited(why, "Make fewer calls at once.", effect="not sent")

"""One call of a tool: its deadline, its clock, its waits, and the writes that it sent.

Each request carries the `Call` it belongs to through `Retrying(Pacing(network))`.
"""

import math
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import httpx

from clientary_mcp.errors import DeadlineReached, RateLimited, TooManyPages
from clientary_mcp.observe import observer
from clientary_mcp.state.pace import WAITING_FOR_PLACE

_MANY_PAGES = 10
"""Pages that any account can be expected to send before a deadline; where it does not, the pages are not the reason."""

Sleep = Callable[[float], Awaitable[None]]
OnWait = Callable[[float | None, str], Awaitable[None]]
"""Called before a wait begins, with its length in seconds (None if not known yet) and the reason."""


@dataclass(frozen=True)
class Clock:
    """Time as the session sees it; tests pass their own, so that none of them waits."""

    now: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    sleep: Sleep = anyio.sleep


@dataclass(frozen=True)
class Earlier:
    """A write that was sent, by this process or another, and whose outcome is unknown."""

    since: float
    """The wall-clock time at which it was sent."""
    seen: frozenset[int] = frozenset()
    """`Call.seen` of that call."""


@dataclass
class Call:
    """One call of a tool, which may need many requests: its deadline, its waits, and what it read and wrote."""

    deadline: float
    on_wait: OnWait | None = None
    clock: Clock = field(default_factory=Clock)
    caller: str = ""
    """The id of the caller; "" for the single owner."""
    waited: float = 0.0
    retries: int = 0
    writes: list[dict[str, str | int]] = field(default_factory=list)
    """The writes that were sent: method, path and status, 0 where there was no response."""
    records: dict[str, Any] = field(default_factory=dict)
    """The single records it read, by path."""
    before: dict[str, Any] = field(default_factory=dict)
    """The record that it changes or deletes, as read beforehand; empty if it was not read."""
    read: set[bytes] | None = None
    """Digests of everything that was read, if a later comparison needs them."""
    earlier: Earlier | None = None
    """The same call, made earlier, whose outcome is unknown: its effect is looked for before anything is sent."""
    seen: set[int] = field(default_factory=set)
    """Ids of records that were there before the write, like which it makes one."""
    before_write: Callable[[str, str], Awaitable[None]] | None = None
    """Awaited right before each write is sent, with its method and path; the write is not sent if it raises."""
    turns: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    """Each is awaited before a write, and raises if the call has lost a turn that it was given: see `Ledger.turn`."""
    on_created: Callable[[str, int], Awaitable[None]] | None = None
    """Awaited with the list and the id of the record that it made, as soon as that is known."""
    latest: float = math.inf
    """The time by which it must end, however late its first request is sent."""
    lapses: float = math.inf
    """The wall-clock time from which another process may make the call, because it takes this one to be dead."""
    begun: float = field(init=False)
    """When it arrived."""
    pages_known: int = 0
    """How many pages the lists have that it reads, as far as is known."""
    pages_read: int = 0
    """How many of them it read, and of records one by one."""
    _until: float | None = None
    _waiting: int = 0
    _since: float = 0.0

    def __post_init__(self) -> None:
        self.begun = self.clock.now()

    @property
    def left(self) -> float:
        """Seconds until it must end: the deadline runs from the first request on and ends at `latest` or `lapses`."""
        if self._until is None:
            self._until = self.clock.now() + self.deadline
        return min(min(self._until, self.latest) - self.clock.now(), self.lapses - self.clock.wall())

    def unfinished(self) -> TooManyPages | None:
        """Why its lists could not be read before the deadline; None where they have few pages, as far as is known."""
        pages = max(self.pages_known, self.pages_read + 1)
        if pages < _MANY_PAGES:
            return None
        return TooManyPages(
            f"This needs at least {pages:,} pages of Clientary's lists and records, and {self.pages_read:,} of them"
            f" were read before the deadline ({self.deadline:g} s).",
            "Ask for less at a time; or whoever runs this server can raise CLIENTARY_DEADLINE.",
        )

    @contextmanager
    def reading_page(self) -> Iterator[None]:
        """Count a page or a record that is read; TooManyPages where there are more than the deadline allows."""
        try:
            yield
        except (DeadlineReached, RateLimited) as failure:
            raise self.unfinished() or failure from None
        self.pages_read += 1

    async def wait(self, seconds: float, why: str) -> bool:
        """Report the wait, then wait; False at once when the deadline comes first."""
        if seconds >= self.left:
            return False
        await self.report(seconds, why)
        with self.waiting(why):
            await self.clock.sleep(seconds)
        return True

    async def report(self, seconds: float | None, why: str) -> None:
        """Report that a wait begins."""
        if self.on_wait is not None:
            await self.on_wait(seconds, why)

    @contextmanager
    def waiting(self, why: str = WAITING_FOR_PLACE) -> Iterator[None]:
        """Count the time spent inside as waiting, once, however many requests of the call wait at the same time."""
        begun = self.clock.now()
        if not self._waiting:
            self._since = begun
        self._waiting += 1
        try:
            yield
        finally:
            observer().wait(self.clock.now() - begun, why)
            self._waiting -= 1
            if not self._waiting:
                self.waited += self.clock.now() - self._since


def call_of(request: httpx.Request) -> Call:
    """The call that `request` belongs to."""
    call = request.extensions["call"]
    assert isinstance(call, Call)  # noqa: S101 - the session attaches one to every request
    return call


Query = Mapping[str, Any]
Body = Mapping[str, Any]

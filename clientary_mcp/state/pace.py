"""How many requests of one account may be under way at once and how fast they follow, adapting to what Clientary
accepts. All sessions with the same memory share it."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from math import inf
from typing import Protocol
from weakref import WeakValueDictionary

import anyio

LONGEST_HOLD = 20.0
FIRST_GAP, LONGEST_GAP = 0.1, 2.0
"""Seconds between two requests after a first 429, and at most after many."""
RECOVERY = 0.7
"""The factor by which each answer shortens the gap. It outweighs the doubling unless a third of all answers are 429:
an account that refuses requests at random is not slowed down more and more."""
ANSWERS_PER_PLACE = 3
FEWEST_PLACES = 2
"""With two requests under way, the answer to one shows whether the 429 of the other concerned both."""

WAITING_FOR_PLACE = "too many requests at once"
NO_PLACE, NO_TURN = "no place before the deadline", "no turn before the deadline"

_LONGEST_HELD = 5.0
"""Seconds after which a request without an answer gives its place to the next; fewer if its call has little time."""

_LENDING = 0.25
"""Seconds between two looks for such requests. A timer for each would take longer than all else that is done here."""

_RECENTLY = 60.0


class _Clock(Protocol):
    @property
    def now(self) -> Callable[[], float]:
        """Monotonic time, in seconds."""


class Waiter(Protocol):
    """The call that a request belongs to, as far as it waits."""

    @property
    def clock(self) -> _Clock:
        """Its clock; that of all calls that share a pace."""

    @property
    def caller(self) -> str:
        """Whose it is."""

    @property
    def deadline(self) -> float:
        """How many seconds it had from its first request on."""

    @property
    def left(self) -> float:
        """Seconds until it must end."""

    async def report(self, seconds: float | None, why: str) -> None:
        """Report that a wait begins, and how long it will be, if known."""

    def waiting(self) -> AbstractContextManager[None]:
        """Count the time spent inside as waiting."""


class NoTurnInTime(Exception):
    """A request has no turn before the deadline of its call; `wait` is the seconds until its turn, if known."""

    def __init__(self, why: str, wait: float | None = None) -> None:
        super().__init__(why)
        self.wait = wait


@dataclass(eq=False, slots=True)
class Turn:
    """A request's place among those under way, and its time."""

    wait: float = 0.0
    """Seconds to wait before it is sent."""
    start: float = 0.0
    """When it is sent, by the clock of the pace."""
    member: str = ""
    """Its name in a store that replicas share; empty if it has none there."""


class Pace(Protocol):
    """Limits concurrent requests and requests per second of one account.

    In each process callers take turns, however many requests of each wait; those of one are first come, first served.
    Both limits adapt: a 429 halves the concurrency, doubles the gap between requests, and holds all requests back as
    long as it asks; every other response relaxes the limits a little. Of requests that were under way at the same time,
    only the first 429 counts, and a hold ends as soon as a later request is answered. A place that is held for too long
    is given to the next request, so one that hangs holds up no others.
    """

    async def begin(self, waiter: Waiter, *, writes: bool) -> Turn:
        """Wait for a place, which `done` gives back, and take a turn, whose `wait` is left to the caller.

        NoTurnInTime if that would take too long. NotRemembered if the request writes and cannot be counted.
        """

    async def done(self, turn: Turn, waiter: Waiter, accepted: bool | None, hold: float = 0.0) -> None:
        """Give the place back, and adapt: not `accepted` is a 429, which asks for a `hold` of so many seconds.

        None if there was no response. Raises nothing: what was sent was sent.
        """

    def limited(self, waiter: Waiter) -> bool:
        """Whether Clientary is limiting requests, as far as this process knows."""


class Lines:
    """A line for each caller: who is at its head may join the queue, at whose end the next of the same caller follows
    once the one before has a place. So those in the queue are of different callers."""

    def __init__(self) -> None:
        self._locks = WeakValueDictionary[str, anyio.Lock]()

    def of(self, caller: str) -> anyio.Lock:
        """Held by the head of a caller's line; the others wait for it."""
        return self._locks.setdefault(caller, anyio.Lock())


class LocalPace:
    """The pace of one process. `concurrency` and `per_second` are the owner's limits; 0 per second is no limit."""

    def __init__(self, concurrency: int, per_second: float) -> None:
        self._most, self._fewest = concurrency, min(FEWEST_PLACES, concurrency)
        self._places = anyio.CapacityLimiter(concurrency)
        self._lines = Lines()
        self._held: dict[Turn, float] = {}
        self._lending = False
        self._least_gap = least_gap(per_second)
        self._gap = self._least_gap
        self._next_start = self._hold = 0.0
        self._good_answers = 0
        self._refused_at = self._refused_start = -inf

    async def begin(self, waiter: Waiter, *, writes: bool) -> Turn:
        """Wait for a place, and take the next turn."""
        turn = Turn()
        try:
            self._places.acquire_on_behalf_of_nowait(turn)  # without a turn of the event loop, where one is free
        except anyio.WouldBlock:
            await self._wait_for_place(turn, waiter)
        try:
            self._reserve(turn, waiter)
        except NoTurnInTime:
            self._places.release_on_behalf_of(turn)
            raise
        self._held[turn] = asyncio.get_running_loop().time() + turn.wait + longest_held(waiter)
        return turn

    async def done(self, turn: Turn, waiter: Waiter, accepted: bool | None, hold: float = 0.0) -> None:
        """Give the place back, and adapt."""
        self._give_back(turn)
        if accepted is not None:
            self._adapt(turn, waiter.clock.now(), accepted, hold)

    def limited(self, waiter: Waiter) -> bool:
        """Whether a response within the last minute was a 429."""
        return is_recent(self._refused_at, waiter)

    async def _wait_for_place(self, turn: Turn, waiter: Waiter) -> None:
        with anyio.move_on_after(waiter.left) as scope:
            await waiter.report(None, WAITING_FOR_PLACE)
            with waiter.waiting():
                async with self._lines.of(waiter.caller):
                    self._lend()
                    await self._places.acquire_on_behalf_of(turn)
        if scope.cancelled_caught:
            raise NoTurnInTime(NO_PLACE) from None

    def _give_back(self, turn: Turn) -> None:
        """Release the place of a request, unless it was released before."""
        if self._held.pop(turn, None) is not None:
            self._places.release_on_behalf_of(turn)

    def _lend(self) -> None:
        """From now on, as long as requests wait, give them the places of those that have held theirs for too long."""
        if not self._lending:
            self._lending = True
            asyncio.get_running_loop().call_later(_LENDING, self._lend_overdue)

    def _lend_overdue(self) -> None:
        now = asyncio.get_running_loop().time()
        for turn in [turn for turn, until in self._held.items() if until <= now]:
            self._give_back(turn)
        self._lending = False
        if self._places.statistics().tasks_waiting:
            self._lend()

    def _reserve(self, turn: Turn, waiter: Waiter) -> None:
        """The next start: a gap after the one before, and while requests are held back, a gap after the hold."""
        now = waiter.clock.now()
        free = max(now, self._next_start)
        start = max(free, self._hold)
        if start > now and start - now >= waiter.left:  # one that gives up takes no turn from those that wait
            raise NoTurnInTime(NO_TURN, start - now)
        if start > free:
            self._hold = start + self._gap
        else:
            self._next_start = start + self._gap
        turn.start, turn.wait = start, start - now

    def _adapt(self, turn: Turn, now: float, accepted: bool, hold: float) -> None:
        if not accepted:
            self._hold = max(self._hold, now + min(hold, LONGEST_HOLD))
            if turn.start >= self._refused_at:
                self._good_answers = 0
                self._places.total_tokens = max(self._fewest, self._places.total_tokens // 2)
                self._gap = min(max(2 * self._gap, FIRST_GAP), LONGEST_GAP)
            self._refused_at, self._refused_start = now, turn.start
            return
        if turn.start > self._refused_start and not self._least_gap:
            self._hold = 0.0
        self._good_answers += 1
        if self._gap > self._least_gap:
            self._gap = max(self._least_gap, self._gap * RECOVERY if self._gap > FIRST_GAP / 10 else 0.0)
        if self._good_answers % ANSWERS_PER_PLACE == 0 and self._places.total_tokens < self._most:
            self._places.total_tokens += 1


def least_gap(per_second: float) -> float:
    """Seconds between two requests, where nothing was refused."""
    return 1 / per_second if per_second else 0.0


def longest_held(waiter: Waiter) -> float:
    """Seconds after which a request without an answer gives its place to the next."""
    return min(_LONGEST_HELD, waiter.deadline / 8)


def is_recent(refused_at: float, waiter: Waiter) -> bool:
    """Whether a 429 at that time, by the clock of the call, shows that Clientary is limiting requests now."""
    return waiter.clock.now() - refused_at < _RECENTLY

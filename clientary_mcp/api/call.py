"""What happens between a request and the network: pacing, waiting, retrying. It knows no Clientary.

`Retrying(Pacing(network))`: every try is paced. Each request carries the `Call` it belongs to, which holds the
deadline and is told of every wait.
"""

import math
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import httpx

Sleep = Callable[[float], Awaitable[None]]
OnWait = Callable[[float | None, str], Awaitable[None]]
"""Is told of a wait before it begins: its seconds, None where nobody knows them yet, and why."""


@dataclass(frozen=True)
class Clock:
    """Time as the session sees it; tests bring their own, so that none of them waits."""

    now: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    sleep: Sleep = anyio.sleep


@dataclass
class Call:
    """One call of a tool, which may need many requests: when it must be over, and how long it waited."""

    deadline: float
    on_wait: OnWait | None = None
    clock: Clock = field(default_factory=Clock)
    waited: float = 0.0
    retries: int = 0
    writes: list[dict[str, str | int]] = field(default_factory=list)
    """What left to change something: method, path and status, 0 where no answer came."""
    records: dict[str, Any] = field(default_factory=dict)
    """The single records that it read, by their paths."""
    before: dict[str, Any] = field(default_factory=dict)
    """The record that it changes or removes, as it was read before that; empty where it was not read."""
    read: set[bytes] | None = None
    """Digests of everything that was read, where somebody has to know later whether it is still the same."""
    latest: float = math.inf
    """The moment by which it must be over, however late its first request leaves."""
    begun: float = field(init=False)
    """When it arrived."""
    _until: float | None = None
    _waiting: int = 0
    _since: float = 0.0

    def __post_init__(self) -> None:
        self.begun = self.clock.now()

    @property
    def left(self) -> float:
        """Seconds until it must be over: the deadline runs from the first request on and ends at `latest`."""
        if self._until is None:
            self._until = self.clock.now() + self.deadline
        return min(self._until, self.latest) - self.clock.now()

    async def wait(self, seconds: float, why: str) -> bool:
        """Wait, and say so; False at once when the deadline comes first."""
        if seconds >= self.left:
            return False
        await self.tell(seconds, why)
        with self.waiting():
            await self.clock.sleep(seconds)
        return True

    async def tell(self, seconds: float | None, why: str) -> None:
        """Say that a wait begins."""
        if self.on_wait is not None:
            await self.on_wait(seconds, why)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """The time in here counts as waited: once, however many requests of the call wait side by side."""
        if not self._waiting:
            self._since = self.clock.now()
        self._waiting += 1
        try:
            yield
        finally:
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

"""Faults as data: what goes wrong, with which requests, and when; `fault_middleware.py` carries them out.

An account has none unless somebody gives it some, and they may be replaced or taken away (None) at any time:

    sandbox.faults = Faults([Fault("drop", "POST", "invoices/*/payments", nth=3, after=True)])
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, NamedTuple, get_args

import anyio

from clientary_mcp.sandbox.controls.patterns import matches

Kind = Literal[
    429, 500, 502, 503, 504, "redirect", "html", "drop", "late", "slow", "silent", "truncated", "half", "empty"
]
_GARBLING: frozenset[Kind] = frozenset({"truncated", "half", "empty"})


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong, with the requests that it is meant for.

    | Kind | What the client gets |
    | --- | --- |
    | 429, 503 | that status, with `retry_after` or without |
    | 500, 502, 504 | that status, with a page as web servers send it |
    | "redirect" | 302 to a login page |
    | "html" | a page in place of the answer, with its status when it took effect, else 200 |
    | "drop" | no answer: the connection is closed |
    | "late" | no answer: the connection is closed, and `seconds` later the request takes effect |
    | "slow" | the true answer, `seconds` later |
    | "silent" | nothing at all, until the client gives up |
    | "truncated" | the true answer, until the connection is closed in the middle of its body |
    | "half" | the first half of the true body as if it were all: JSON that breaks off |
    | "empty" | the true status without the body |

    `Fault("drop", "POST", "invoices/*/payments", nth=3, after=True)`: the third POST to a path like that takes effect
    and then drops the connection.
    """

    kind: Kind
    method: str | None = None
    """The method of the requests that it is meant for; None: all."""
    path: str | None = None
    """Their path without base and `.json`; `*` is one segment, a final `**` any number; None: all."""
    nth: int | None = None
    """The first such request that it strikes, counted from 1 with those that other faults struck; a fault that
    another one forestalls strikes the next. For scripts."""
    times: int | None = None
    """How often it strikes; None: once with `nth`, else always. For scripts."""
    after: bool = False
    """Whether the request takes effect first. A 429 never does; garbled answers ("truncated", "half", "empty")
    always do, since they are the true ones."""
    retry_after: int | timedelta | None = None
    """The Retry-After of a 429 or 503: seconds, or (a timedelta) the HTTP date that long from now."""
    seconds: float = 1.0
    """How much later a slow answer comes, or a late effect."""

    def __post_init__(self) -> None:
        """Turn away what could never strike, or not as it reads."""
        if self.kind not in get_args(Kind):
            raise ValueError(f"no such kind of fault: {self.kind!r}")
        if self.kind == 429 and self.after:
            raise ValueError("a 429 never takes effect")
        if self.kind == "late" and self.after:
            raise ValueError("what is late takes effect after the harm")
        if self.retry_after is not None and self.kind not in {429, 503}:
            raise ValueError(f"no Retry-After goes with {self.kind!r}")
        if any(count is not None and count < 1 for count in (self.nth, self.times)):
            raise ValueError("nth and times count from 1")

    def is_meant_for(self, method: str, path: str) -> bool:
        """Whether it may strike this request."""
        return self.method in {None, method} and matches(self.path, path)

    @property
    def takes_effect(self) -> bool:
        """Whether the request that it strikes is carried out, as far as the account allows it, before the harm."""
        return self.after or self.kind in _GARBLING


STORM = (
    Fault(429),
    Fault(429, retry_after=1),
    Fault(429, retry_after=timedelta(seconds=1)),
    Fault(502),
    Fault(502, after=True),
    Fault(503),
    Fault(503, retry_after=1),
    Fault(503, after=True),
    Fault("drop"),
    Fault("drop", after=True),
    Fault("slow"),
    Fault("truncated"),
    Fault("html"),
    Fault("html", after=True),
)
"""What strikes at random when nothing else is said: bad weather, nothing that never ends."""


class Struck(NamedTuple):
    """A request that a fault has struck."""

    fault: Fault
    method: str
    path: str


@dataclass(slots=True)
class _Scripted:
    """A fault of the script, and how far it is."""

    fault: Fault
    met: int = 0
    done: int = 0

    def meet(self, method: str, path: str) -> bool:
        """Count a request; whether the fault is due."""
        if not self.fault.is_meant_for(method, path):
            return False
        self.met += 1
        times = self.fault.times or (1 if self.fault.nth else None)
        return self.met >= (self.fault.nth or 1) and (times is None or self.done < times)


class Faults:
    """Decides for each request whether a fault strikes it, and which: at most one.

    First come those of the script, in its order. Of the other requests the `rate` (0 to 1) is struck by one of
    `kinds`, each as likely as another, among those meant for it: `Faults(rate=0.2)` is a storm, and
    `Faults(rate=0.5, kinds=[Fault(503, "GET", "invoices/**")])` makes half of the reads of invoices fail. The same
    requests in the same order meet the same faults for the same `seed`.

    `sleep` waits and `wall` returns the time (seconds since 1970, for dates in Retry-After); tests bring their own.
    """

    def __init__(
        self,
        script: Sequence[Fault] = (),
        *,
        rate: float = 0.0,
        kinds: Sequence[Fault] = STORM,
        seed: int = 1,
        sleep: Callable[[float], Awaitable[object]] = anyio.sleep,
        wall: Callable[[], float] = time.time,
    ) -> None:
        if not 0 <= rate <= 1:
            raise ValueError("a rate is between 0 and 1")
        if any(fault.nth or fault.times for fault in kinds):
            raise ValueError("what strikes at random does not count: nth and times belong in the script")
        self.struck: list[Struck] = []
        self.late: set[asyncio.Task[None]] = set()
        """The requests that are still to take effect."""
        self.sleep = sleep
        self.wall = wall
        self._script = [_Scripted(fault) for fault in script]
        self._rate = rate
        self._kinds = tuple(kinds)
        self._dice = random.Random(seed)  # noqa: S311 the same every time is what it is for

    def strike(self, method: str, path: str) -> Fault | None:
        """What goes wrong with this request, if anything; it is noted in `struck`."""
        fault = self._from_script(method, path) or self._by_chance(method, path)
        if fault is not None:
            self.struck.append(Struck(fault, method, path))
        return fault

    def _from_script(self, method: str, path: str) -> Fault | None:
        # Every one of them counts the request, whichever strikes.
        due = [scripted for scripted in self._script if scripted.meet(method, path)]
        if not due:
            return None
        due[0].done += 1
        return due[0].fault

    def _by_chance(self, method: str, path: str) -> Fault | None:
        if not self._rate or self._dice.random() >= self._rate:
            return None
        meant = [fault for fault in self._kinds if fault.is_meant_for(method, path)]
        return self._dice.choice(meant) if meant else None

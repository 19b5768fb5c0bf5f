"""Riders: scripts whose answer nobody waits for. They leave in the packet of whatever is asked next, ahead of it.

Those of one account leave together, as one script: what a call gives back and notes at its end costs one command. They
wait for each other a moment, unless something is asked of their account, which has to find what they did.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from redis.exceptions import NoScriptError, RedisError

from clientary_mcp.state.redis.scripts import Argument, Script, Scripts, account_of, joined

logger = logging.getLogger(__name__)

_FOR_OTHERS = 0.002
"""Seconds for which they wait for others of their account: nearly always the time from a response to the call's end."""

_WITHIN = 0.005
"""Seconds after which they leave by themselves."""

_MOST = 1_000
"""That many wait while Redis cannot be reached."""


@dataclass(frozen=True, slots=True)
class Rider:
    """A script with its keys and arguments. `lost` is what the log says if it does not arrive."""

    script: Script
    keys: Sequence[str]
    arguments: Sequence[Argument]
    since: float
    """When it began to wait."""
    lost: str = ""


@dataclass(frozen=True, slots=True)
class Party:
    """Riders of one account that leave together, and the command that runs them."""

    riders: Sequence[Rider]
    script: Scripts
    words: Sequence[Argument]


class Riders:
    """Those that wait, by the clock `now`. `leave` sends them with nothing else, and raises nothing."""

    def __init__(self, leave: Callable[[], Coroutine[Any, Any, None]], now: Callable[[], float]) -> None:
        self._leave, self._now = leave, now
        self._waiting: list[Rider] = []
        self._loaded = set[Script]()
        """What Redis need not be sent in full."""
        self._timer: asyncio.TimerHandle | None = None
        self._leaving: asyncio.Task[None] | None = None

    def __bool__(self) -> bool:
        """Whether any wait."""
        return bool(self._waiting)

    def wait(self, *riders: Rider) -> None:
        """Let them leave with what is asked next."""
        self._waiting += riders
        if len(self._waiting) > _MOST:
            self._lose(self._waiting[:-_MOST])
            del self._waiting[:-_MOST]
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_WITHIN, self._start)

    def board(self, account: str | None = None) -> list[Party]:
        """Those that leave now, who wait no more: of an account all, and of others who have waited long enough.

        Without an account, all of all. Who sends them says how they `arrived`, or that they `stay`.
        """
        if not self._waiting:
            return []
        due = self._now() - _FOR_OTHERS
        leaving, staying = defaultdict[str, list[Rider]](list), list[Rider]()
        for rider in self._waiting:
            own = account_of(rider.keys)
            leaves = account is None or own == account or own in leaving or rider.since <= due
            (leaving[own] if leaves else staying).append(rider)
        self._waiting = staying
        return [self._party(riders) for riders in leaving.values()]

    def stay(self, parties: Iterable[Party]) -> None:
        """Let them wait again, whom nobody knows to have arrived."""
        self.wait(*(rider for party in parties for rider in party.riders))

    def arrived(self, parties: Sequence[Party], answers: Sequence[Any]) -> None:
        """Look at what Redis answered: a script that it has forgotten is sent in full."""
        for party, answer in zip(parties, answers, strict=False):
            if isinstance(answer, NoScriptError):
                self._loaded.discard(party.script)
                self.stay([party])
            elif isinstance(answer, RedisError):
                self._lose(party.riders)
            else:
                self._loaded.add(party.script)

    async def aclose(self) -> None:
        """Send those that wait, and return when none is on its way any more."""
        if self._timer is not None:
            self._timer.cancel()
        if self._leaving is not None:
            await self._leaving
        await self._leave()
        self._lose(self._waiting)

    def _party(self, riders: Sequence[Rider]) -> Party:
        script = joined(frozenset(rider.script for rider in riders))
        name = ("EVALSHA", script.digest) if script in self._loaded else ("EVAL", script.source)
        runs = script.words((rider.script, rider.keys, rider.arguments) for rider in riders)
        return Party(riders, script, [*name, *runs])

    def _start(self) -> None:
        self._timer = None
        if not self._waiting:
            return
        left = self._waiting[0].since + _WITHIN - self._now()
        if left > 0:  # those that the timer was set for have left
            self._timer = asyncio.get_running_loop().call_later(left, self._start)
        elif self._leaving is None or self._leaving.done():
            self._leaving = asyncio.create_task(self._leave())

    def _lose(self, riders: Iterable[Rider]) -> None:
        for lost in dict.fromkeys(rider.lost for rider in riders if rider.lost):
            logger.warning("%s", lost)

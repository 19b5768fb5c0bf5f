"""Riders: scripts whose answer nobody waits for. They leave in the packet of whatever is asked next, ahead of it."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from redis.exceptions import NoScriptError, RedisError

from clientary_mcp.state.redis.scripts import Argument, Script

logger = logging.getLogger(__name__)

_WITHIN = 0.002
"""Seconds after which riders leave by themselves."""

_MOST = 1_000
"""That many wait while Redis cannot be reached."""


@dataclass(frozen=True, slots=True)
class Rider:
    """A script with its keys and arguments. `lost` is what the log says if it does not arrive."""

    script: Script
    keys: Sequence[str]
    arguments: Sequence[Argument]
    lost: str = ""
    by_source: bool = False

    @property
    def words(self) -> tuple[Argument, ...]:
        """The command that runs it."""
        script = ("EVAL", self.script.source) if self.by_source else ("EVALSHA", self.script.digest)
        return (*script, len(self.keys), *self.keys, *self.arguments)


class Riders:
    """Those that wait. `leave` sends them with nothing else, and raises nothing."""

    def __init__(self, leave: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._leave = leave
        self._waiting: list[Rider] = []
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

    def board(self) -> list[Rider]:
        """All that wait, who wait no more. Who sends them says how they `arrived`, or lets them `wait` again."""
        riders, self._waiting = self._waiting, []
        return riders

    def arrived(self, riders: Sequence[Rider], answers: Sequence[Any]) -> None:
        """Look at what Redis answered: a script that it has forgotten is sent in full."""
        for rider, answer in zip(riders, answers, strict=False):
            if isinstance(answer, NoScriptError) and not rider.by_source:
                self.wait(replace(rider, by_source=True))
            elif isinstance(answer, RedisError):
                self._lose([rider])

    async def aclose(self) -> None:
        """Send those that wait, and return when none is on its way any more."""
        if self._timer is not None:
            self._timer.cancel()
        if self._leaving is not None:
            await self._leaving
        await self._leave()
        self._lose(self._waiting)

    def _start(self) -> None:
        self._timer = None
        if self._waiting and (self._leaving is None or self._leaving.done()):
            self._leaving = asyncio.create_task(self._leave())

    def _lose(self, riders: Iterable[Rider]) -> None:
        for lost in dict.fromkeys(rider.lost for rider in riders if rider.lost):
            logger.warning("%s", lost)

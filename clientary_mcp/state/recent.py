"""What was done minutes ago: the same create, payment, charge or mail is told again instead of done again."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio

from tool_schemas.base.models import Arguments

Answer = dict[str, Any]

_MOST = 2_000
"""Calls remembered: far more than an hour of hard work, and little memory."""


class RecentResults:
    """Answers of calls that succeeded, for as long as the window is; in memory, for the life of the process."""

    def __init__(self, window: float, now: Callable[[], float]) -> None:
        self._window, self._now = window, now
        self._done: dict[str, tuple[float, Answer]] = {}
        self._turns: dict[str, anyio.Lock] = {}

    @asynccontextmanager
    async def lock(self, key: str) -> AsyncIterator[None]:
        """One at a time: the same call made twice at once must not slip through together."""
        lock = self._turns.setdefault(key, anyio.Lock())
        try:
            async with lock:
                yield
        finally:
            if not lock.statistics().tasks_waiting and not lock.locked():
                self._turns.pop(key, None)

    def get(self, key: str) -> Answer | None:
        """The answer of the same call within the window, and that it is one."""
        when, answer = self._done.get(key, (0.0, None))
        if answer is None or (age := self._now() - when) > self._window:
            return None
        minutes = "less than a minute" if age < 60 else f"{age / 60:.0f} minutes"
        said = f"Not done again: the same call succeeded {minutes} ago, and this is its answer."
        return {**answer, "notice": f"{said} allow_duplicate=true does it once more."}

    def put(self, key: str, answer: Answer) -> None:
        """This call has succeeded."""
        self._done.pop(key, None)
        self._done[key] = (self._now(), answer)
        while len(self._done) > _MOST or self._oldest_is_past():
            del self._done[next(iter(self._done))]

    def _oldest_is_past(self) -> bool:
        return bool(self._done) and self._now() - next(iter(self._done.values()))[0] > self._window


def key_of(tool: str, args: Arguments) -> str:
    """The same for calls that would do the same."""
    given = args.model_dump(mode="json", exclude_none=True, exclude={"allow_duplicate", "confirm"})
    addresses = {name: getattr(args, name) for name in args.addresses()}
    return json.dumps([tool, given, addresses], sort_keys=True)

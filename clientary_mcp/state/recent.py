"""Recent results: whole answers, which a duplicate call in this process gets; other processes get the id alone."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import date
from typing import Any

import anyio

from clientary_mcp.durations import in_minutes
from tool_schemas.base.addresses import mailbox
from tool_schemas.base.models import Arguments, Deduplicated
from tool_schemas.base.sentences import in_order, join_sentences

Answer = dict[str, Any]

_MOST = 2_000
"""Calls remembered: far more than a busy hour has, and little memory."""


class RecentResults:
    """Results of calls that succeeded within the last `window` seconds; in memory, for the life of the process."""

    def __init__(self, window: float, now: Callable[[], float]) -> None:
        self._window, self._now = window, now
        self._results: dict[str, tuple[float, Answer]] = {}
        self._locks: dict[str, anyio.Lock] = {}

    @asynccontextmanager
    async def lock(self, key: str) -> AsyncIterator[None]:
        """Hold the lock of a key: two identical calls made at once must not both run."""
        lock = self._locks.setdefault(key, anyio.Lock())
        try:
            async with lock:
                yield
        finally:
            if not lock.statistics().tasks_waiting and not lock.locked():
                self._locks.pop(key, None)

    def get(self, key: str) -> Answer | None:
        """The result of the same call within the window, with a notice that it is repeated."""
        when, answer = self._results.get(key, (0.0, None))
        if answer is None or (age := self._now() - when) > self._window:
            return None
        return with_notice(answer, skipped(age))

    def put(self, key: str, answer: Answer) -> None:
        """Remember the result of a call that succeeded."""
        self._results.pop(key, None)
        self._results[key] = (self._now(), answer)
        while len(self._results) > _MOST or self._oldest_has_expired():
            del self._results[next(iter(self._results))]

    def _oldest_has_expired(self) -> bool:
        return bool(self._results) and self._now() - next(iter(self._results.values()))[0] > self._window


def skipped(age: float) -> str:
    """The notice of a duplicate of a call that succeeded so many seconds ago."""
    return (
        f"Skipped as a duplicate: the same call succeeded {in_minutes(age)} ago; its result is repeated here."
        " Pass allow_duplicate=true to run it again."
    )


def not_made_again(age: float, made: str | None, *, by_another: bool) -> str:
    """The notice of a duplicate whose result is not at hand: the call succeeded so many seconds ago, and made this."""
    who = ", made by another person of this account" if by_another else ""
    record = f" ({made})" if made else ""
    return (
        f"The same call succeeded {in_minutes(age)} ago{who}{record}."
        " It was not made again: pass allow_duplicate=true to make it all the same."
    )


def with_notice(answer: Answer, notice: str) -> Answer:
    """The answer with one more remark: those that it has are as true when it is repeated."""
    return {**answer, "notice": join_sentences(in_order(notice, answer.get("notice")))}


def key_of(tool: str, args: Arguments, today: date) -> str:
    """A key that is equal for calls that would do the same, however their arguments are written.

    A date that is today's is left out like one that is not given, so that the same call after midnight is the same; so
    is any other value that is what is meant without one.
    """
    given = args.model_dump(mode="json", exclude_none=True, exclude={"allow_duplicate", "allow_unusual", "confirm"})
    for name in type(args).today_by_default:
        if given.get(name) == today.isoformat():
            del given[name]
    for name, value in args.usual if isinstance(args, Deduplicated) else ():
        if getattr(args, name) == value:
            given.pop(name, None)
    addresses = {name: getattr(args, name) for name in args.addresses()}
    return json.dumps([tool, _normalized(given), addresses], sort_keys=True)


def _normalized(value: Any, name: str = "") -> Any:
    """A value without what makes no difference: blanks, the form of addresses, their order, the spelling of numbers."""
    if isinstance(value, dict):
        return {key: _normalized(part, key) for key, part in value.items()}
    if isinstance(value, list):
        parts = [_normalized(part, name) for part in value]
        return sorted(set(map(mailbox, parts))) if name == "recipients" else parts
    if isinstance(value, str):
        return mailbox(value) if name == "email" else " ".join(value.split())
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else value

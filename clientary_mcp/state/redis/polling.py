"""Polling: how a process learns of what others free."""

import random
from collections.abc import Awaitable, Callable

import anyio


async def polled(attempt: Callable[[], Awaitable[bool]], shortest: float, longest: float) -> None:
    """Return when an attempt succeeds; the seconds between two are random, so that no process is always the first."""
    while not await attempt():  # noqa: ASYNC110 - no event reaches this process
        await anyio.sleep(random.uniform(shortest, longest))  # noqa: S311 - keeps no secret

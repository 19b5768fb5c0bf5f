"""Answers without the parts that the owner of the API token is not allowed to see."""

from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import TypeVar

from clientary_mcp.api.concurrency import gather
from clientary_mcp.errors import NotAllowed

UNSEEN_HOURS = "whose hours the owner of the API token is not allowed to see"
"""The remark on a project of which that holds."""

ResultT = TypeVar("ResultT")


def denied(part: str) -> str:
    """The remark on a part of an answer that is missing."""
    return f"{part}: not included, since the owner of the API token is not allowed to see that."


async def if_allowed(read: Callable[[], Awaitable[ResultT]]) -> ResultT | None:
    """What this reads; None for what the owner of the API token is not allowed to see."""
    try:
        return await read()
    except NotAllowed:
        return None


async def gather_allowed(reads: Iterable[Callable[[], Awaitable[ResultT]]], at_once: int) -> list[ResultT | None]:
    """What each of these reads, None for what is not allowed; NotAllowed where nothing of it is."""
    refusals: list[NotAllowed] = []

    async def one(read: Callable[[], Awaitable[ResultT]]) -> ResultT | None:
        try:
            return await read()
        except NotAllowed as refusal:
            refusals.append(refusal.with_traceback(None))  # whose frames have this list
            return None

    found = await gather((partial(one, read) for read in reads), at_once)
    if refusals and len(refusals) == len(found):
        raise refusals.pop(0)
    return found

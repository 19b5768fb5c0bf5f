"""Runs several requests concurrently, up to a limit."""

from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar, cast

import anyio

from clientary_mcp.errors import ClientaryError

ResultT = TypeVar("ResultT")
OneT = TypeVar("OneT")
OtherT = TypeVar("OtherT")


async def gather(jobs: Iterable[Callable[[], Awaitable[ResultT]]], at_once: int) -> list[ResultT]:
    """The results of the jobs, in order, with at most `at_once` of them running.

    The first failure cancels the others and is raised by itself, not as a group.
    """
    results: dict[int, ResultT] = {}
    failures: list[ClientaryError] = []
    places = anyio.CapacityLimiter(at_once)

    async def run(number: int, job: Callable[[], Awaitable[ResultT]]) -> None:
        try:
            async with places:
                results[number] = await job()
        except ClientaryError as failure:
            failures.append(failure)
            group.cancel_scope.cancel()

    async with anyio.create_task_group() as group:
        for number, job in enumerate(jobs):
            group.start_soon(run, number, job)
    if failures:
        raise failures[0]
    return [results[number] for number in sorted(results)]


async def gather_two(one: Callable[[], Awaitable[OneT]], other: Callable[[], Awaitable[OtherT]]) -> tuple[OneT, OtherT]:
    """The results of two different jobs, run concurrently."""
    jobs: list[Callable[[], Awaitable[OneT | OtherT]]] = [one, other]
    return cast("tuple[OneT, OtherT]", tuple(await gather(jobs, 2)))

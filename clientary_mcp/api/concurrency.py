"""Several requests at the same time."""

from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar, cast

import anyio

from clientary_mcp.errors import ClientaryError

ResultT = TypeVar("ResultT")
OneT = TypeVar("OneT")
OtherT = TypeVar("OtherT")

_AHEAD = 8
"""Results that may wait for an earlier one, for each job that may be under way."""


async def gather(jobs: Iterable[Callable[[], Awaitable[ResultT]]], at_once: int) -> list[ResultT]:
    """The results of the jobs, in their order, never more than `at_once` under way.

    The first failure ends the others and is raised as itself, not as a group.
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


async def gather_in_order(
    jobs: Iterable[Callable[[], Awaitable[ResultT]]], at_once: int, take: Callable[[ResultT], None]
) -> None:
    """Hand over the results of the jobs in their order, each as soon as it is its turn.

    Never more than `at_once` are under way, and few results wait for an earlier one. The first failure as above.
    """
    numbered = enumerate(jobs)
    done: dict[int, ResultT] = {}
    failures: list[ClientaryError] = []
    room = anyio.Semaphore(_AHEAD * at_once)  # given in the order in which it is asked for, so the next is never out
    turn = 0

    async def work() -> None:
        nonlocal turn
        try:
            for number, job in numbered:
                await room.acquire()
                done[number] = await job()
                while turn in done:
                    take(done.pop(turn))
                    turn += 1
                    room.release()
        except ClientaryError as failure:
            failures.append(failure)
            group.cancel_scope.cancel()

    async with anyio.create_task_group() as group:
        for _ in range(at_once):
            group.start_soon(work)
    if failures:
        raise failures[0]


async def gather_two(one: Callable[[], Awaitable[OneT]], other: Callable[[], Awaitable[OtherT]]) -> tuple[OneT, OtherT]:
    """The results of two different jobs, done at the same time."""
    jobs: list[Callable[[], Awaitable[OneT | OtherT]]] = [one, other]
    return cast("tuple[OneT, OtherT]", tuple(await gather(jobs, 2)))

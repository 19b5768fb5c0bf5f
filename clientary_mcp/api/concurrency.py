"""Runs several requests concurrently, up to a limit."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Generic, TypeVar, cast

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
            failures[:] = failures or [failure]
            group.cancel_scope.cancel()

    async with anyio.create_task_group() as group:
        for number, job in enumerate(jobs):
            group.start_soon(run, number, job)
    if failures:
        raise failures.pop()  # a frame of its own traceback that kept it would leave both to the garbage collector
    return [results[number] for number in sorted(results)]


class ReadAhead(Generic[ResultT]):
    """Numbered results, one after the other, of which the next are read meanwhile, at most `at_once` of them.

    Leaving the block cancels what is still under way. A task group would not do: a generator must not yield in one.
    """

    def __init__(self, read: Callable[[int], Awaitable[ResultT]], at_once: int) -> None:
        self._read, self._places = read, anyio.CapacityLimiter(at_once)
        self._tasks: dict[int, asyncio.Task[ResultT]] = {}

    async def __aenter__(self) -> "ReadAhead[ResultT]":
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def result(self, numbers: range) -> ResultT:
        """The result of the first number; those of the others are read from now on, for the calls to come."""
        for number in numbers:
            if number not in self._tasks:
                self._tasks[number] = asyncio.create_task(self._one(number))
        await asyncio.sleep(0)  # what is under way goes on, even if this result is there and the caller never waits
        return await self._tasks.pop(numbers[0])

    async def _one(self, number: int) -> ResultT:
        async with self._places:
            return await self._read(number)


async def gather_two(one: Callable[[], Awaitable[OneT]], other: Callable[[], Awaitable[OtherT]]) -> tuple[OneT, OtherT]:
    """The results of two different jobs, run concurrently."""
    jobs: list[Callable[[], Awaitable[OneT | OtherT]]] = [one, other]
    return cast("tuple[OneT, OtherT]", tuple(await gather(jobs, 2)))

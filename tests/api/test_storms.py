"""Under load: 429 at random and requests that hang, with many calls at once, in virtual time."""

import random
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import anyio
import httpx
import pytest

from clientary_mcp.api.call import Clock
from clientary_mcp.api.session import Clientary
from clientary_mcp.errors import ClientaryError, RateLimited, Unavailable
from clientary_mcp.settings import Settings
from tests.support.long import covering
from tests.support.virtual_time import VirtualLoop

CALLS = 20
Answer = Callable[[httpx.Request], Coroutine[None, None, httpx.Response]]
RECORD = {"id": 7, "name": "Acme"}


def in_virtual_time(run: Callable[[VirtualLoop], Awaitable[Any]]) -> Any:
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(run(loop))
    finally:
        loop.close()


def session(answer: Answer, loop: VirtualLoop, **settings: Any) -> Clientary:
    clock = Clock(now=loop.time, wall=lambda: 1e9 + loop.time(), sleep=anyio.sleep)
    chosen = Settings(subdomain="acme", api_token="t0ken-of-acme", **settings)
    return Clientary(chosen, httpx.MockTransport(answer), clock)


async def crowd(clientary: Clientary, requests: int, calls: int = CALLS) -> list[ClientaryError | None]:
    """How many calls at once end, each of so many requests: None, or the error."""
    ends: list[ClientaryError | None] = []

    async def one(method: str) -> None:
        view = clientary.within(clientary.new_call())
        try:
            for _ in range(requests):
                await view.request(method, "clients/7")
            ends.append(None)
        except ClientaryError as error:
            ends.append(error)

    async with anyio.create_task_group() as group:
        for number in range(calls):
            group.start_soon(one, ("GET", "PUT")[number % 2])
    return ends


def refusing(loop: VirtualLoop, share: float, seed: int, retry_after: str | None) -> Answer:
    """An account that answers that share of all requests with 429, at random."""
    chance = random.Random(seed)  # noqa: S311 - the same storm in every run

    async def answer(request: httpx.Request) -> httpx.Response:
        await anyio.sleep(chance.uniform(0.1, 0.5))
        if chance.random() >= share:
            return httpx.Response(200, json=RECORD)
        asked = retry_after == "some" and chance.random() < 0.5
        headers = {"Retry-After": "1"} if asked else {"Retry-After": retry_after or ""}
        return httpx.Response(429, headers=headers)

    return answer


@pytest.mark.parametrize(
    ("retry_after", "requests", "seed"),
    covering(
        (
            (asked, requests, seed)
            for asked in (None, "0", "1", "2.5", "some")
            for requests in (1, 3)
            for seed in range(9)
        ),
        lambda retry_after, requests, seed: (retry_after,),
    ),
)
def test_a_storm_of_429_ends_in_answers(retry_after: str | None, requests: int, seed: int) -> None:
    async def run(loop: VirtualLoop) -> list[ClientaryError | None]:
        return await crowd(session(refusing(loop, 0.3, seed, retry_after), loop, deadline=90), requests)

    assert in_virtual_time(run) == [None] * CALLS


@pytest.mark.parametrize("retry_after", [None, "8"])
def test_where_the_deadline_allows_no_answer_the_error_names_the_limit(retry_after: str | None) -> None:
    async def run(loop: VirtualLoop) -> list[ClientaryError | None]:
        return await crowd(session(refusing(loop, 1, 1, retry_after), loop, deadline=10), 1)

    ends = in_virtual_time(run)
    assert len(ends) == CALLS
    for error in ends:
        assert isinstance(error, RateLimited)
        assert "rate limit was reached" in str(error) or "Clientary is limiting requests" in str(error)
        assert "try again in" in str(error).lower()
        assert (error.retry_after or 0) <= 20
        assert error.effect in ("unchanged", "not sent")


def test_a_read_cut_off_by_the_deadline_in_a_storm_names_the_limit() -> None:
    async def run(loop: VirtualLoop) -> list[ClientaryError | None]:
        limited = False

        async def answer(request: httpx.Request) -> httpx.Response:
            nonlocal limited
            if limited:
                await anyio.sleep_forever()
            limited = True
            return httpx.Response(429)

        return await crowd(session(answer, loop, deadline=10), 1, calls=1)

    (error,) = in_virtual_time(run)
    assert isinstance(error, Unavailable)
    assert "did not answer before the deadline: it is limiting requests" in str(error)


@pytest.mark.parametrize(("concurrency", "hanging"), [(1, 1), (4, 4), (4, 12)])
@pytest.mark.parametrize("deadline", [5, 60])
def test_requests_that_hang_hold_up_others_for_a_part_of_the_deadline_alone(
    concurrency: int, hanging: int, deadline: float
) -> None:
    async def run(loop: VirtualLoop) -> tuple[list[ClientaryError | None], float]:
        async def answer(request: httpx.Request) -> httpx.Response:
            if request.url.path.endswith("/hours"):
                await anyio.sleep_forever()
            return httpx.Response(200, json=RECORD)

        clientary = session(answer, loop, concurrency=concurrency, deadline=deadline)
        async with anyio.create_task_group() as group:
            for _ in range(hanging):
                group.start_soon(clientary.fetch, "projects/1/hours")
            await anyio.sleep(0.1)
            begun = loop.time()
            ends = await crowd(clientary, 1)
            took = loop.time() - begun
            group.cancel_scope.cancel()
        return ends, took

    ends, took = in_virtual_time(run)
    assert ends == [None] * CALLS
    assert took <= deadline / 2


def test_one_that_hangs_in_a_storm_holds_up_no_others() -> None:
    async def run(loop: VirtualLoop) -> list[ClientaryError | None]:
        storm = refusing(loop, 0.3, 2, None)

        async def answer(request: httpx.Request) -> httpx.Response:
            if request.url.path.endswith("/hours"):
                await anyio.sleep_forever()
            return await storm(request)

        clientary = session(answer, loop)
        async with anyio.create_task_group() as group:
            group.start_soon(clientary.fetch, "projects/1/hours")
            await anyio.sleep(0.1)
            ends = await crowd(clientary, 1)
            group.cancel_scope.cancel()
        return ends

    assert in_virtual_time(run) == [None] * CALLS


def test_a_place_given_back_by_time_is_not_given_back_again() -> None:
    async def run(loop: VirtualLoop) -> int:
        under_way = most = 0

        async def answer(request: httpx.Request) -> httpx.Response:
            nonlocal under_way, most
            slow = request.url.path.endswith("/hours")
            under_way += not slow
            most = max(most, under_way)
            await anyio.sleep(30 if slow else 2)
            under_way -= not slow
            return httpx.Response(200, json=RECORD)

        clientary = session(answer, loop, concurrency=2)
        async with anyio.create_task_group() as group:
            for _ in range(2):
                group.start_soon(clientary.fetch, "projects/1/hours")
            await anyio.sleep(0.1)
            assert await crowd(clientary, 1, calls=40) == [None] * 40
        return most

    assert in_virtual_time(run) == 2

"""What happens between a request and the network: pacing, waiting, retrying. It knows no Clientary.

`Retrying(Pacing(network))`: every try is paced. Each request carries the `Call` it belongs to, which holds the
deadline and is told of every wait.
"""

import random
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any

import anyio
import httpx

MAX_TRIES = 6
_FIRST_WAIT = 0.5
_LONGEST_WAIT = 20.0
_FIRST_GAP = 0.1
_LONGEST_GAP = 2.0
_TROUBLED = (502, 503, 504)
# Nothing of the request reached anybody: as safe to repeat as if it had never been made.
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)

Sleep = Callable[[float], Awaitable[None]]
OnWait = Callable[[float | None, str], Awaitable[None]]
"""Is told of a wait before it begins: its seconds, None where nobody knows them yet, and why."""


@dataclass(frozen=True)
class Clock:
    """Time as the session sees it; tests bring their own, so that none of them waits."""

    now: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    sleep: Sleep = anyio.sleep


@dataclass
class Call:
    """One call of a tool, which may need many requests: when it must be over, and how long it waited."""

    deadline: float
    on_wait: OnWait | None = None
    clock: Clock = field(default_factory=Clock)
    waited: float = 0.0
    retries: int = 0
    writes: list[dict[str, str | int]] = field(default_factory=list)
    """What left to change something: method, path and status, 0 where no answer came."""
    records: dict[str, Any] = field(default_factory=dict)
    """The single records that it read, by their paths."""
    before: dict[str, Any] = field(default_factory=dict)
    """The record that it changes or removes, as it was read before that; empty where it was not read."""
    read: set[bytes] | None = None
    """Digests of everything that was read, where somebody has to know later whether it is still the same."""
    _until: float | None = None
    _waiting: int = 0
    _since: float = 0.0

    @property
    def left(self) -> float:
        """Seconds until it must be over; they run from the first request on."""
        if self._until is None:
            self._until = self.clock.now() + self.deadline
        return self._until - self.clock.now()

    async def wait(self, seconds: float, why: str) -> bool:
        """Wait, and say so; False at once when the deadline comes first."""
        if seconds >= self.left:
            return False
        await self.tell(seconds, why)
        with self.waiting():
            await self.clock.sleep(seconds)
        return True

    async def tell(self, seconds: float | None, why: str) -> None:
        """Say that a wait begins."""
        if self.on_wait is not None:
            await self.on_wait(seconds, why)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """The time in here counts as waited: once, however many requests of the call wait side by side."""
        if not self._waiting:
            self._since = self.clock.now()
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1
            if not self._waiting:
                self.waited += self.clock.now() - self._since


def call_of(request: httpx.Request) -> Call:
    """The call that `request` belongs to."""
    call = request.extensions["call"]
    assert isinstance(call, Call)  # noqa: S101 - the session attaches one to every request
    return call


class Pacing(httpx.AsyncBaseTransport):
    """At most so many requests at the same time and per second, over all calls of the process, in turn.

    Both adapt to what is borne: a 429 halves the places and doubles the gap between requests, and holds everybody
    back as long as it asks; every answer that is none gives a little of it back.
    """

    def __init__(self, network: httpx.AsyncBaseTransport, concurrency: int, per_second: float) -> None:
        self._network = network
        self._most = concurrency
        self._places = anyio.CapacityLimiter(concurrency)
        self._least_gap = 1 / per_second if per_second else 0.0
        self._gap = self._least_gap
        self._next_start = 0.0
        self._good_answers = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Wait for a place and for the pace, then send and read the whole answer."""
        call = call_of(request)
        if call.left <= 0:
            raise httpx.PoolTimeout("the deadline is past", request=request)
        try:
            self._places.acquire_on_behalf_of_nowait(request)  # without a turn of the event loop, where one is free
        except anyio.WouldBlock:
            with anyio.move_on_after(call.left) as scope:
                await call.tell(None, "every place for a request is taken")
                with call.waiting():
                    await self._places.acquire_on_behalf_of(request)
            if scope.cancelled_caught:
                raise httpx.PoolTimeout("no place before the deadline", request=request) from None
        try:
            await self._pace(call, request)
            response = await self._send(call, request)
        finally:
            self._places.release_on_behalf_of(request)
        self._adapt(response, call)
        return response

    async def _pace(self, call: Call, request: httpx.Request) -> None:
        now = call.clock.now()
        start = max(now, self._next_start)
        earlier, self._next_start = self._next_start, start + self._gap
        if start > now and not await call.wait(start - now, "keeping the pace that Clientary bears"):
            self._next_start = earlier  # who does not wait takes no turn from those who do
            raise httpx.PoolTimeout("not this side of the deadline", request=request)

    def _adapt(self, response: httpx.Response, call: Call) -> None:
        if response.status_code == 429:
            self._good_answers = 0
            self._places.total_tokens = max(1, self._places.total_tokens // 2)
            self._gap = min(max(2 * self._gap, _FIRST_GAP), _LONGEST_GAP)
            asked = retry_after(response, call.clock.wall()) or 0.0
            self._next_start = max(self._next_start, call.clock.now() + min(asked, _LONGEST_WAIT))
            return
        self._good_answers += 1
        if self._gap > self._least_gap:
            self._gap = max(self._least_gap, self._gap * 0.9 if self._gap > _FIRST_GAP / 10 else 0.0)
        if self._good_answers % 10 == 0 and self._places.total_tokens < self._most:
            self._places.total_tokens += 1

    async def _send(self, call: Call, request: httpx.Request) -> httpx.Response:
        """The answer with its body: a body that breaks off counts as a connection that broke."""
        with anyio.move_on_after(call.left) as sending:
            response = await self._network.handle_async_request(request)
            try:
                await response.aread()
            finally:
                await response.aclose()
            return response
        assert sending.cancelled_caught  # noqa: S101 - the only way here
        raise httpx.ReadTimeout("no answer before the deadline", request=request)

    async def aclose(self) -> None:
        """Close the network below."""
        await self._network.aclose()


class Retrying(httpx.AsyncBaseTransport):
    """Tries again what is safe to try again, as long as the call's deadline allows.

    | | GET | POST, PUT, DELETE |
    | --- | --- | --- |
    | 429 | again | again: it was refused |
    | 502, 503, 504, no JSON, connection lost, timeout | again | never: it may have taken effect |
    | no connection made | again | again: nothing was sent |
    """

    def __init__(self, below: httpx.AsyncBaseTransport) -> None:
        self._below = below

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The first answer that is final, or the last one or error when there is no time for more."""
        call = call_of(request)
        for tries in range(1, MAX_TRIES + 1):
            failure: httpx.TransportError | None = None
            response: httpx.Response | None = None
            try:
                response = await self._below.handle_async_request(request)
            except httpx.TransportError as error:
                failure = error
            again = _worth_another(request, response, failure)
            if not again or tries == MAX_TRIES or not await call.wait(_pause(tries, response, call), again):
                break
            call.retries += 1
        if response is None:
            assert failure is not None  # noqa: S101 - one of the two is there
            raise failure
        return response

    async def aclose(self) -> None:
        """Close what is below."""
        await self._below.aclose()


def _worth_another(
    request: httpx.Request, response: httpx.Response | None, failure: httpx.TransportError | None
) -> str:
    """Why another try is safe and may help; empty when it is not."""
    if failure is not None:
        safe = request.method == "GET" or isinstance(failure, NOT_SENT)
        return "Clientary could not be reached" if safe else ""
    if response is not None and response.status_code == 429:
        return "Clientary asked to slow down"
    if response is not None and response.status_code in _TROUBLED and request.method == "GET":
        return f"Clientary answered {response.status_code}"
    if response is not None and response.status_code == 200 and request.method == "GET" and not _looks_whole(response):
        return "Clientary's answer could not be read"
    return ""


def _looks_whole(response: httpx.Response) -> bool:
    """Whether a body begins and ends as JSON of the API does; a proxy's page and half an answer do not."""
    body = response.content.strip()
    return body[:1] + body[-1:] in (b"{}", b"[]")


def _pause(tries: int, response: httpx.Response | None, call: Call) -> float:
    """What Clientary asked for, else twice as long each time, with jitter so that calls spread out."""
    if response is not None and (asked := retry_after(response, call.clock.wall())) is not None:
        return asked
    longest: float = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** (tries - 1))
    return longest * random.uniform(0.5, 1)  # noqa: S311 - spreads load, keeps no secret


def retry_after(response: httpx.Response, now: float) -> float | None:
    """The seconds that a `Retry-After` header asks to wait: given as seconds, or as a date."""
    sent = response.headers.get("retry-after", "").strip()
    if sent.isascii() and sent.isdecimal():
        return float(sent)
    try:
        return max(0.0, parsedate_to_datetime(sent).timestamp() - now)
    except (ValueError, TypeError):
        return None

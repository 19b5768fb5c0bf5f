"""Limits how many requests are sent at once and how fast, adapting to what Clientary accepts."""

import asyncio
import re
from datetime import UTC
from email.utils import parsedate_to_datetime
from math import inf

import anyio
import httpx

from clientary_mcp.api.bodies import with_body
from clientary_mcp.api.call import Call, call_of

LONGEST_WAIT = 20.0
_FIRST_GAP = 0.1
_LONGEST_GAP = 2.0
_RECOVERY = 0.7
"""The factor by which each answer shortens the gap. It outweighs the doubling unless a third of all answers are 429:
an account that refuses requests at random is not slowed down more and more."""
_ANSWERS_PER_PLACE = 3
_FEWEST_PLACES = 2
"""With two requests under way, the answer to one shows whether the 429 of the other concerned both."""

_LONGEST_HELD = 5.0
"""Seconds after which a request without an answer gives its place to the next; fewer if its call has little time."""

_LENDING = 0.25
"""Seconds between two looks for such requests. A timer for each would take longer than all else that is done here."""

_RECENTLY = 60.0
_A_DAY = 86_400.0


class NoTurn(httpx.PoolTimeout):
    """A request that could not be sent before the deadline.

    `limited` if Clientary is limiting requests; `wait` is the number of seconds until its turn, if known.
    """

    def __init__(self, why: str, request: httpx.Request, *, limited: bool, wait: float | None = None) -> None:
        super().__init__(why, request=request)
        self.limited, self.wait = limited, wait


class NoAnswer(httpx.ReadTimeout):
    """A request that was sent and had no complete response before the deadline. `limited` as for `NoTurn`."""

    def __init__(self, why: str, request: httpx.Request, *, limited: bool) -> None:
        super().__init__(why, request=request)
        self.limited = limited


class Pacing(httpx.AsyncBaseTransport):
    """Limits concurrent requests and requests per second, over all calls of the process, first come, first served.

    Both limits adapt: a 429 halves the concurrency, doubles the gap between requests, and holds all requests back as
    long as it asks; every other response relaxes the limits a little. Of requests that were under way at the same time,
    only the first 429 counts, and a hold ends as soon as a later request is answered. A place that is held for too long
    is given to the next request, so one that hangs holds up no others.
    """

    def __init__(self, network: httpx.AsyncBaseTransport, concurrency: int, per_second: float) -> None:
        self._network = network
        self._most, self._fewest = concurrency, min(_FEWEST_PLACES, concurrency)
        self._places = anyio.CapacityLimiter(concurrency)
        self._held: dict[httpx.Request, float] = {}
        self._lending = False
        self._least_gap = 1 / per_second if per_second else 0.0
        self._gap = self._least_gap
        self._next_start = self._hold = 0.0
        self._good_answers = 0
        self._refused_at = self._refused_start = -inf

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Wait for a place and for the pace, then send the request and read the whole response."""
        call = call_of(request)
        if call.left <= 0:
            raise self._no_turn("the deadline is past", call, request)
        try:
            self._places.acquire_on_behalf_of_nowait(request)  # without a turn of the event loop, where one is free
        except anyio.WouldBlock:
            self._lend()
            with anyio.move_on_after(call.left) as scope:
                await call.report(None, "too many requests at once")
                with call.waiting():
                    await self._places.acquire_on_behalf_of(request)
            if scope.cancelled_caught:
                raise self._no_turn("no place before the deadline", call, request) from None
        self._held[request] = inf
        try:
            await self._pace(call, request)
            started = call.clock.now()
            held = min(_LONGEST_HELD, call.deadline / 8)
            self._held[request] = asyncio.get_running_loop().time() + held
            response = await self._send(call, request)
        finally:
            self._give_back(request)
        self._adapt(response, call, started)
        return response

    def _give_back(self, request: httpx.Request) -> None:
        """Release the place of a request, unless it was released before."""
        if self._held.pop(request, None) is not None:
            self._places.release_on_behalf_of(request)

    def _lend(self) -> None:
        """From now on, as long as requests wait, give them the places of those that have held theirs for too long."""
        if not self._lending:
            self._lending = True
            asyncio.get_running_loop().call_later(_LENDING, self._lend_overdue)

    def _lend_overdue(self) -> None:
        now = asyncio.get_running_loop().time()
        for request in [request for request, until in self._held.items() if until <= now]:
            self._give_back(request)
        self._lending = False
        if self._places.statistics().tasks_waiting:
            self._lend()

    def _no_turn(self, why: str, call: Call, request: httpx.Request, wait: float | None = None) -> NoTurn:
        return NoTurn(why, request, limited=self._limited(call), wait=wait)

    def _limited(self, call: Call) -> bool:
        """Whether Clientary is limiting requests."""
        return call.clock.now() - self._refused_at < _RECENTLY

    async def _pace(self, call: Call, request: httpx.Request) -> None:
        """Wait for the turn: a gap after the one before, and while requests are held back, a gap after the hold."""
        now = call.clock.now()
        turn = max(now, self._next_start)
        start = max(turn, self._hold)
        if start > now and start - now >= call.left:  # one that gives up takes no turn from those that wait
            raise self._no_turn("no turn before the deadline", call, request, start - now)
        if start > turn:
            self._hold = start + self._gap
        else:
            self._next_start = start + self._gap
        if start > now:
            await call.wait(start - now, "keeping to the rate that Clientary accepts")

    def _adapt(self, response: httpx.Response, call: Call, started: float) -> None:
        now = call.clock.now()
        if response.status_code == 429:
            asked = retry_after(response, call.clock.wall()) or 0.0
            self._hold = max(self._hold, now + min(asked, LONGEST_WAIT))
            if started >= self._refused_at:
                self._good_answers = 0
                self._places.total_tokens = max(self._fewest, self._places.total_tokens // 2)
                self._gap = min(max(2 * self._gap, _FIRST_GAP), _LONGEST_GAP)
            self._refused_at, self._refused_start = now, started
            return
        if started > self._refused_start and not self._least_gap:
            self._hold = 0.0
        self._good_answers += 1
        if self._gap > self._least_gap:
            self._gap = max(self._least_gap, self._gap * _RECOVERY if self._gap > _FIRST_GAP / 10 else 0.0)
        if self._good_answers % _ANSWERS_PER_PLACE == 0 and self._places.total_tokens < self._most:
            self._places.total_tokens += 1

    async def _send(self, call: Call, request: httpx.Request) -> httpx.Response:
        """The response with its body: a body that breaks off counts as a broken connection."""
        with anyio.move_on_after(call.left) as sending:
            return await with_body(await self._network.handle_async_request(request), request)
        assert sending.cancelled_caught  # noqa: S101 - the only other way out of the block
        raise NoAnswer("no response before the deadline", request, limited=self._limited(call))

    async def aclose(self) -> None:
        """Close the network below."""
        await self._network.aclose()


def retry_after(response: httpx.Response, now: float) -> float | None:
    """The seconds, at most a day, that a `Retry-After` header asks to wait: given as seconds, or as a date."""
    sent = response.headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d+(\.\d*)?", sent, re.ASCII):
        return min(float(sent), _A_DAY)
    date = http_date(sent)
    return None if date is None else min(max(0.0, date - now), _A_DAY)


def http_date(sent: str) -> float | None:
    """The time that a header states, in any of the three forms of HTTP, all of which are in GMT."""
    try:
        date = parsedate_to_datetime(sent)
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None

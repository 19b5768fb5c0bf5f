"""Limits how many requests are sent at once and how fast, adapting to what Clientary accepts."""

from email.utils import parsedate_to_datetime

import anyio
import httpx

from clientary_mcp.api.call import Call, call_of

LONGEST_WAIT = 20.0
_FIRST_GAP = 0.1
_LONGEST_GAP = 2.0


class Pacing(httpx.AsyncBaseTransport):
    """Limits concurrent requests and requests per second, over all calls of the process, first come, first served.

    Both limits adapt: a 429 halves the concurrency, doubles the gap between requests, and holds all requests back as
    long as it asks; every other response relaxes the limits a little.
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
        """Wait for a place and for the pace, then send the request and read the whole response."""
        call = call_of(request)
        if call.left <= 0:
            raise httpx.PoolTimeout("the deadline is past", request=request)
        try:
            self._places.acquire_on_behalf_of_nowait(request)  # without a turn of the event loop, where one is free
        except anyio.WouldBlock:
            with anyio.move_on_after(call.left) as scope:
                await call.report(None, "too many requests at once")
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
        if start > now and not await call.wait(start - now, "keeping to the rate that Clientary accepts"):
            self._next_start = earlier  # a request that gives up takes no turn from those that wait
            raise httpx.PoolTimeout("no turn before the deadline", request=request)

    def _adapt(self, response: httpx.Response, call: Call) -> None:
        if response.status_code == 429:
            self._good_answers = 0
            self._places.total_tokens = max(1, self._places.total_tokens // 2)
            self._gap = min(max(2 * self._gap, _FIRST_GAP), _LONGEST_GAP)
            asked = retry_after(response, call.clock.wall()) or 0.0
            self._next_start = max(self._next_start, call.clock.now() + min(asked, LONGEST_WAIT))
            return
        self._good_answers += 1
        if self._gap > self._least_gap:
            self._gap = max(self._least_gap, self._gap * 0.9 if self._gap > _FIRST_GAP / 10 else 0.0)
        if self._good_answers % 10 == 0 and self._places.total_tokens < self._most:
            self._places.total_tokens += 1

    async def _send(self, call: Call, request: httpx.Request) -> httpx.Response:
        """The response with its body: a body that breaks off counts as a broken connection."""
        with anyio.move_on_after(call.left) as sending:
            response = await self._network.handle_async_request(request)
            try:
                await response.aread()
            finally:
                await response.aclose()
            return response
        assert sending.cancelled_caught  # noqa: S101 - the only other way out of the block
        raise httpx.ReadTimeout("no response before the deadline", request=request)

    async def aclose(self) -> None:
        """Close the network below."""
        await self._network.aclose()


def retry_after(response: httpx.Response, now: float) -> float | None:
    """The seconds that a `Retry-After` header asks to wait: given as seconds, or as a date."""
    sent = response.headers.get("retry-after", "").strip()
    if sent.isascii() and sent.isdecimal():
        return float(sent)
    try:
        return max(0.0, parsedate_to_datetime(sent).timestamp() - now)
    except (ValueError, TypeError):
        return None

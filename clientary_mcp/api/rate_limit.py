"""Sends requests at the pace that Clientary accepts, and reads how long it asks to wait."""

import re
from datetime import UTC
from email.utils import parsedate_to_datetime

import anyio
import httpx

from clientary_mcp.api.bodies import with_body
from clientary_mcp.api.call import Call, call_of
from clientary_mcp.observe import observer
from clientary_mcp.state.pace import LONGEST_HOLD, NO_TURN, NoTurnInTime, Pace

LONGEST_WAIT = LONGEST_HOLD
"""Seconds for which a 429 may hold requests back, and between two tries."""

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
    """Sends each request when the account's pace allows it, and tells the pace what became of it."""

    def __init__(self, network: httpx.AsyncBaseTransport, pace: Pace) -> None:
        self._network, self._pace = network, pace

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Wait for a place and for the pace, then send the request and read the whole response."""
        call, pace = call_of(request), self._pace
        if call.left <= 0:
            raise NoTurn("the deadline is past", request, limited=pace.limited(call))
        try:
            turn = await pace.begin(call, writes=request.method != "GET")
        except NoTurnInTime as late:
            raise NoTurn(str(late), request, limited=pace.limited(call), wait=late.wait) from None
        accepted, hold = None, 0.0
        try:
            if turn.wait > 0 and not await call.wait(turn.wait, "keeping to the rate that Clientary accepts"):
                raise NoTurn(NO_TURN, request, limited=pace.limited(call), wait=turn.wait)
            if leaving := request.extensions.pop("leaving", None):
                await leaving()
            response = await self._send(call, request)
            accepted = response.status_code != 429
            hold = 0.0 if accepted else retry_after(response, call.clock.wall()) or 0.0
        finally:
            await pace.done(turn, call, accepted, hold)
        return response

    async def _send(self, call: Call, request: httpx.Request) -> httpx.Response:
        """The response with its body: a body that breaks off counts as a broken connection."""
        with anyio.move_on_after(call.left) as sending:
            with observer().sending(request.method, request.extensions.get("path", "")) as attempt:
                response = await with_body(await self._network.handle_async_request(request), request)
                attempt.ended(int(response.status_code))
                return response
        assert sending.cancelled_caught  # noqa: S101 - the only other way out of the block
        raise NoAnswer("no response before the deadline", request, limited=self._pace.limited(call))

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

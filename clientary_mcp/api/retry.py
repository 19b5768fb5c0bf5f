"""Which requests are safe to send again, and when."""

import random

import httpx

from clientary_mcp.api.call import Call, call_of
from clientary_mcp.api.rate_limit import LONGEST_WAIT, retry_after

MAX_TRIES = 6
_FIRST_WAIT = 0.5
_SERVER_ERRORS = (502, 503, 504)

# No part of the request reached Clientary, so it is safe to send again.
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class Retrying(httpx.AsyncBaseTransport):
    """Retries what is safe to retry, as long as the call's deadline allows.

    | | GET | POST, PUT, DELETE |
    | --- | --- | --- |
    | 429 | retried | retried: the request was rejected |
    | 502, 503, 504, no JSON, connection lost, timeout | retried | never: it may have succeeded |
    | no connection made | retried | retried: nothing was sent |
    """

    def __init__(self, below: httpx.AsyncBaseTransport) -> None:
        self._below = below

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The first response that is final, or the last response or error when there is no time for more."""
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
            assert failure is not None  # noqa: S101 - each try ends in one of the two
            raise failure
        return response

    async def aclose(self) -> None:
        """Close what is below."""
        await self._below.aclose()


def _worth_another(
    request: httpx.Request, response: httpx.Response | None, failure: httpx.TransportError | None
) -> str:
    """The reason to retry, for progress messages; empty when retrying is unsafe or pointless."""
    if failure is not None:
        safe = request.method == "GET" or isinstance(failure, NOT_SENT)
        return "Clientary could not be reached" if safe else ""
    if response is not None and response.status_code == 429:
        return "Clientary's rate limit was reached"
    if response is not None and response.status_code in _SERVER_ERRORS and request.method == "GET":
        return f"Clientary returned {response.status_code}"
    if response is not None and response.status_code == 200 and request.method == "GET" and not _looks_whole(response):
        return "Clientary's response could not be read"
    return ""


def _looks_whole(response: httpx.Response) -> bool:
    """Whether a body begins and ends as JSON of the API does; a proxy's page and half a response do not."""
    body = response.content.strip()
    return body[:1] + body[-1:] in (b"{}", b"[]")


def _pause(tries: int, response: httpx.Response | None, call: Call) -> float:
    """Seconds to wait: what Clientary asked for, or else exponential backoff with jitter."""
    if response is not None and (asked := retry_after(response, call.clock.wall())) is not None:
        return asked
    longest: float = min(LONGEST_WAIT, _FIRST_WAIT * 2 ** (tries - 1))
    return longest * random.uniform(0.5, 1)  # noqa: S311 - spreads load, keeps no secret

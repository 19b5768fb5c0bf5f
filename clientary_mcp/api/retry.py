"""Which requests are safe to send again, and when."""

import random
import ssl
from collections import Counter
from collections.abc import Callable
from math import inf
from typing import NamedTuple

import httpx

from clientary_mcp.api.bodies import UnreadableBody
from clientary_mcp.api.call import Call, call_of
from clientary_mcp.api.rate_limit import LONGEST_WAIT, NoTurn, retry_after
from clientary_mcp.observe import observer

MAX_TRIES = 6
"""How often a request is sent that gets no response at all."""

MAX_TRIES_IN_DOUBT = 3
"""How often a read is sent whose response may be the same each time."""

_FIRST_WAIT = 0.5
_SERVER_ERRORS = (502, 503, 504, *range(520, 525))
_DOUBTFUL = (408, 425, 500, 530)

# No part of the request reached Clientary, so it is safe to send again.
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)


class _Again(NamedTuple):
    why: str
    """The reason to retry, for progress messages."""
    most: float
    """How many responses or failures of this kind are accepted before it is final."""


class Retrying(httpx.AsyncBaseTransport):
    """Retries what is safe to retry, as long as the call's deadline allows.

    | | GET | POST, PUT, DELETE |
    | --- | --- | --- |
    | 429 | until the deadline | until the deadline: the request was rejected |
    | 502, 503, 504, 520 to 524 | until the deadline | never: it may have succeeded |
    | 408, 425, 500, 530; a body that breaks off, cannot be unpacked or is no JSON | 3 times | never |
    | connection lost, timeout | 6 times | never: it may have succeeded |
    | no connection made | 6 times | 6 times: nothing was sent |
    | untrusted certificate, refused by a proxy, no turn before the deadline | once | once |

    `legible` says whether the body of a successful response can be read.
    """

    def __init__(
        self, below: httpx.AsyncBaseTransport, legible: Callable[[httpx.Request, httpx.Response], bool]
    ) -> None:
        self._below, self._legible = below, legible

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The first response that is final, or the last response or error when there is no time for more."""
        call, tries, met = call_of(request), 0, Counter[float]()
        response: httpx.Response | None = None
        failure: httpx.RequestError | None = None
        while True:
            try:
                response, failure = await self._below.handle_async_request(request), None
            except NoTurn as error:
                failure = failure or error  # what came before says more
                break
            except httpx.RequestError as error:
                response, failure = None, error
            again = self._worth_another(request, response, failure)
            if again is None:
                break
            tries += 1
            met[again.most] += 1
            if met[again.most] >= again.most or not await call.wait(_pause(tries, response, call), again.why):
                break
            call.retries += 1
            observer().count("clientary.retries")
        if response is None:
            assert failure is not None  # noqa: S101 - each try ends in one of the two
            raise failure
        return response

    def _worth_another(
        self, request: httpx.Request, response: httpx.Response | None, failure: httpx.RequestError | None
    ) -> _Again | None:
        """Why and how often to retry; None when retrying is unsafe or pointless."""
        if response is not None and response.status_code == 429:
            return _Again("Clientary's rate limit was reached", inf)
        if failure is not None and (untrusted_certificate(failure) or refused_by_proxy(failure)):
            return None
        if isinstance(failure, NOT_SENT):
            return _Again("Clientary could not be reached", MAX_TRIES)
        if request.method != "GET":
            return None
        if isinstance(failure, UnreadableBody):
            return _Again("Clientary's response could not be read", MAX_TRIES_IN_DOUBT)
        if isinstance(failure, httpx.TransportError):
            return _Again("Clientary could not be reached", MAX_TRIES)
        return None if response is None else self._read_again(request, response)

    def _read_again(self, request: httpx.Request, response: httpx.Response) -> _Again | None:
        """Why and how often to retry a read that has a response."""
        status = response.status_code
        if status in _SERVER_ERRORS:
            return _Again(f"Clientary returned {status}", inf)
        if status in _DOUBTFUL:
            return _Again(f"Clientary returned {status}", MAX_TRIES_IN_DOUBT)
        if response.is_success and status != httpx.codes.NO_CONTENT and not self._legible(request, response):
            return _Again("Clientary's response could not be read", MAX_TRIES_IN_DOUBT)
        return None

    async def aclose(self) -> None:
        """Close what is below."""
        await self._below.aclose()


def untrusted_certificate(failure: BaseException | None) -> str:
    """What is wrong with the certificate that made a connection fail, in OpenSSL's words; empty if nothing is."""
    while failure is not None:
        if isinstance(failure, ssl.SSLCertVerificationError):
            return failure.verify_message
        failure = failure.__cause__ or failure.__context__
    return ""


def refused_by_proxy(failure: BaseException) -> int | None:
    """The status with which a proxy refused a connection for good; None if it did not."""
    status = str(failure)[:3]
    return int(status) if isinstance(failure, httpx.ProxyError) and status.isdecimal() and status[0] == "4" else None


def _pause(tries: int, response: httpx.Response | None, call: Call) -> float:
    """Seconds to wait: what Clientary asks for, or else exponential backoff with jitter, shorter near the deadline.

    A server that keeps asking for no wait, or a short one, is not asked again and again at that speed.
    """
    asked = None if response is None else retry_after(response, call.clock.wall())
    if asked is not None and tries < MAX_TRIES_IN_DOUBT:
        return asked
    longest: float = min(LONGEST_WAIT, _FIRST_WAIT * 2 ** min(tries - 1, 10))
    pause = longest * random.uniform(0.5, 1)  # noqa: S311 - spreads load, keeps no secret
    return max(asked or 0.0, min(pause, max(_FIRST_WAIT, call.left / 2)))

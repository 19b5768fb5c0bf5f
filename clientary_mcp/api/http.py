"""Sends one request and reads its response: parses JSON, and turns network errors into `ClientaryError`s.

It knows nothing of records. Quotas are spent here, whichever tool sends the request.
"""

import json
from base64 import b64encode
from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from importlib.metadata import version
from typing import Any

import httpx

from clientary_mcp.api.bodies import ENCODINGS, MOST_BYTES, BodyTooLarge
from clientary_mcp.api.call import Body, Call, Clock, Query
from clientary_mcp.api.network import new_network
from clientary_mcp.api.rate_limit import NoAnswer, NoTurn, Pacing, http_date, retry_after
from clientary_mcp.api.retry import NOT_SENT, Retrying, refused_by_proxy, untrusted_certificate
from clientary_mcp.api.status_errors import error_for_status, error_in_body, in_time, unknown_outcome, unreadable
from clientary_mcp.api.write_tracker import WritesInFlight
from clientary_mcp.errors import (
    ClientaryError,
    DeadlineReached,
    MalformedResponse,
    OutcomeUnknown,
    RateLimited,
    TokenRejected,
    Unavailable,
)
from clientary_mcp.observe import observer
from clientary_mcp.redaction import Secrets
from clientary_mcp.settings import Settings
from clientary_mcp.state.memory import Memory

Settle = Callable[[OutcomeUnknown], Awaitable[Any]]
OnRejected = Callable[[TokenRejected], None]

_KNOWN_CLOCK, _UNKNOWN_CLOCK = timedelta(seconds=2), timedelta(minutes=5)
_LATER = "Try again in a minute."
_TIMEOUT = {"connect": 10, "read": 30, "write": 30, "pool": None}  # seconds; Pacing limits the connections


class HttpSession:
    """The connections to one account, and what their responses revealed: its clock and its secrets."""

    def __init__(
        self, settings: Settings, network: httpx.AsyncBaseTransport | None, clock: Clock, memory: Memory
    ) -> None:
        self._settings, self._clock = settings, clock
        self._api_url = settings.api_url
        credentials = b64encode(f"{settings.api_token}:{settings.api_token}".encode()).decode()
        self._headers = httpx.Headers(
            {
                "Accept": "application/json",
                "Accept-Encoding": ENCODINGS,
                "User-Agent": f"clientary-mcp/{version('clientary-mcp')}",
                "Authorization": f"Basic {credentials}",
            }
        )
        self.writes_in_flight = WritesInFlight(clock.now, memory.writes, settings.deadline)
        self._quotas = memory.quotas
        self._ahead: float | None = None
        self.secrets = Secrets(settings)
        self.on_rejected: OnRejected | None = None
        self._connections = Retrying(Pacing(network or new_network(settings), memory.pace), self._parse)
        self._closed = False

    async def aclose(self) -> None:
        """Close the connections."""
        self._closed = True
        await self._connections.aclose()

    def time_there(self, wall: float) -> tuple[datetime, timedelta]:
        """Our wall-clock time by Clientary's clock, and the uncertainty of the conversion."""
        doubt = _UNKNOWN_CLOCK if self._ahead is None else _KNOWN_CLOCK
        return datetime.fromtimestamp(wall + (self._ahead or 0.0), UTC), doubt

    async def send(
        self,
        call: Call,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: Body | None = None,
        settle: Settle | None = None,
    ) -> Any:
        """The JSON of the response, None where it has none; raises subclasses of `ClientaryError`.

        `settle` determines the outcome of a write whose response is lost, while the write still counts as in flight.
        """
        if method == "GET":
            return await self._answer(call, method, path, query, body)
        kind = _counts_as(method, path, query, body)
        async with self._quotas.spend(kind), self.writes_in_flight.writing(method, path):
            try:
                return await self._answer(call, method, path, query, body)
            except OutcomeUnknown as lost:
                lost.may_still_happen |= kind == "money"  # the card processor may go on after our connection is lost
                if settle is None:
                    raise
                return await settle(lost)

    async def _answer(self, call: Call, method: str, path: str, query: Query | None, body: Body | None) -> Any:
        waited, retries = call.waited, call.retries
        with observer().request(method, path) as request:
            response = await self._response(call, method, path, query, body)
            request.ended(int(response.status_code), waited=call.waited - waited, retries=call.retries - retries)
        if call.read is not None:
            # Error pages differ each time: they contain the time or a request id.
            shown = response.content if response.is_success else f"{path} {response.status_code}".encode()
            call.read.add(sha256(shown).digest())
        return self._read(response, method, path)

    async def _response(
        self, call: Call, method: str, path: str, query: Query | None, body: Body | None
    ) -> httpx.Response:
        if self._closed:
            raise RuntimeError("the session is closed")
        write: dict[str, str | int] = {"method": method, "path": path, "status": 0}

        async def leaving() -> None:
            """Called once, when the request has its turn: one that waits for it was not sent, whatever happens."""
            for check in call.turns:
                await check()
            if call.before_write is not None:
                await call.before_write(method, path)
            call.writes.append(write)

        request = httpx.Request(
            method,
            self._api_url + path,
            params={name: value for name, value in (query or {}).items() if value is not None} or None,
            headers=self._headers,
            json=body,
            extensions={
                "call": call,
                "path": path,
                "sent": (query, body),
                "timeout": _TIMEOUT,
                "leaving": None if method == "GET" else leaving,
            },
        )
        try:
            response = await self._connections.handle_async_request(request)
        except httpx.RequestError as failure:
            raise self._error_for_failure(failure, method, path) from None
        response.request = request
        write["status"] = response.status_code
        self._note_time(response.headers.get("date"))
        return response

    def _error_for_failure(self, failure: httpx.RequestError, method: str, path: str) -> ClientaryError:
        """The error for a request without a response."""
        if isinstance(failure, NOT_SENT):
            return self._not_sent(failure)
        if isinstance(failure, BodyTooLarge):
            why = f"Clientary's response to {method} {path} is larger than {MOST_BYTES >> 20} MB."
            return MalformedResponse(why, "Request less at a time.") if method == "GET" else unknown_outcome(why)
        if method == "GET":
            if not isinstance(failure, NoAnswer):
                return Unavailable("The connection to Clientary failed.", _LATER)
            why = "Clientary did not answer before the deadline"
            return DeadlineReached(f"{why}: it is limiting requests." if failure.limited else f"{why}.", _LATER)
        timed_out = isinstance(failure, httpx.TimeoutException)
        why = "did not arrive in time" if timed_out else "was lost: the connection failed"
        lost = f"The response to {method} {path} {why}."
        return unknown_outcome(lost, may_still_happen=timed_out, answered=False)

    def _not_sent(self, failure: httpx.RequestError) -> ClientaryError:
        """The error for a request that did not leave."""
        if isinstance(failure, NoTurn) and failure.limited:
            why = "Clientary is limiting requests, and this one had no turn before the deadline."
            return RateLimited(why, f"Try again {in_time(failure.wait)}.", retry_after=failure.wait, effect="not sent")
        if isinstance(failure, httpx.PoolTimeout):
            return RateLimited("Too many requests are waiting their turn.", _LATER, effect="not sent")
        if problem := untrusted_certificate(failure):
            return Unavailable(
                f"The certificate presented for {self._settings.address} is not trusted: {problem.rstrip('.')}.",
                "If a proxy in between replaces certificates, set SSL_CERT_FILE to a file with those that you trust.",
                effect="not sent",
            )
        if status := refused_by_proxy(failure):
            return Unavailable(
                f"The proxy refused the connection to Clientary ({status}).",
                "Check CLIENTARY_PROXY, or HTTPS_PROXY and NO_PROXY: the address, and the user name and password.",
                effect="not sent",
            )
        through = " through the proxy" if self._settings.proxy else ""
        return Unavailable(f"Clientary could not be reached{through}.", _LATER, effect="not sent")

    def _note_time(self, date: str | None) -> None:
        """Record how far Clientary's clock is ahead of ours, according to a response's Date header."""
        if (there := http_date(date or "")) is not None:
            self._ahead = there - self._clock.wall()

    def _parse(self, request: httpx.Request, response: httpx.Response) -> bool:
        """Add a response's JSON, without secrets, to its extensions; whether it is an object or array, as it should.

        None if the body is empty. NaN is not a JSON number, and is shown as text.
        """
        content = self.secrets.incoming(response.content, request.extensions["sent"])
        try:
            sent = json.loads(content, parse_float=Decimal, parse_constant=str) if content.strip() else None
        except (ValueError, RecursionError):
            return False
        response.extensions["json"] = sent
        return isinstance(sent, dict | list)

    def _read(self, response: httpx.Response, method: str, path: str) -> Any:
        """The JSON of a response, without secrets; or the error for its status or form."""
        if not response.is_success:
            content = self.secrets.incoming(response.content, response.request.extensions["sent"])
            failure = error_for_status(
                response.status_code,
                method,
                path,
                content.decode(errors="replace"),
                retry_after(response, self._clock.wall()),
                response.headers.get("content-type", ""),
            )
            if isinstance(failure, TokenRejected) and self.on_rejected:
                self.on_rejected(failure)
            raise failure
        if "json" not in response.extensions:  # a write's, or no JSON
            self._parse(response.request, response)
        if "json" not in response.extensions:
            raise unreadable(method, path, response.text)
        sent = response.extensions["json"]
        if (error := error_in_body(method, response.status_code, sent)) is not None:
            raise error
        return sent


def _counts_as(method: str, path: str, query: Query | None, body: Body | None) -> str | None:
    """The quota that a request counts towards, judged by the request itself, whichever tool sends it."""
    resource = path.rpartition("/")[2]
    if method == "DELETE":
        return "delete"
    if method == "POST" and resource == "messages":
        return "mail"
    if (
        method == "POST"
        and resource == "payments"
        and any("payment_profile_id" in name for name in _names([query, body]))
    ):
        return "money"
    return None


def _names(sent: Any) -> Iterator[str]:
    """The names of fields in a query or body, at any depth; `payment[amount]` in a query is one name."""
    if isinstance(sent, Mapping):
        yield from map(str, sent)
        sent = sent.values()
    elif not isinstance(sent, list | tuple):
        return
    for part in sent:
        yield from _names(part)

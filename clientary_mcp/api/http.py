"""Sends one request and reads its response: parses JSON, and turns network errors into `ClientaryError`s.

It knows nothing of records. Quotas are spent here, whichever tool sends the request.
"""

import json
import ssl
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import parsedate_to_datetime
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from typing import Any

import httpx

from clientary_mcp.api.call import Body, Call, Clock, Query
from clientary_mcp.api.rate_limit import Pacing, retry_after
from clientary_mcp.api.retry import NOT_SENT, Retrying
from clientary_mcp.api.status_errors import error_for_status, unknown_outcome
from clientary_mcp.api.write_tracker import WritesInFlight
from clientary_mcp.errors import (
    MalformedResponse,
    OutcomeUnknown,
    RateLimited,
    Unavailable,
)
from clientary_mcp.redaction import Secrets
from clientary_mcp.settings import Settings
from clientary_mcp.state.memory import Memory

Settle = Callable[[OutcomeUnknown], Awaitable[Any]]

_KNOWN_CLOCK, _UNKNOWN_CLOCK = timedelta(seconds=2), timedelta(minutes=5)
_LATER = "Try again in a minute."
_TIMEOUT = httpx.Timeout(connect=10, read=30, write=30, pool=None)  # Pacing limits the connections


class HttpSession:
    """The connections to one account, and what their responses revealed: its clock and its secrets."""

    def __init__(
        self, settings: Settings, network: httpx.AsyncBaseTransport | None, clock: Clock, memory: Memory
    ) -> None:
        self._settings, self._clock = settings, clock
        self.writes_in_flight = WritesInFlight(clock.now, memory.writes, settings.deadline)
        self._quotas = memory.quotas
        self._ahead: float | None = None
        self.secrets = Secrets(settings)
        pool = network or httpx.AsyncHTTPTransport(
            verify=_certificates(), limits=httpx.Limits(max_connections=settings.concurrency)
        )
        self._http = httpx.AsyncClient(
            auth=httpx.BasicAuth(settings.api_token, settings.api_token),
            headers={"Accept": "application/json", "User-Agent": f"clientary-mcp/{version('clientary-mcp')}"},
            timeout=_TIMEOUT,
            follow_redirects=False,  # a redirect would carry the token along
            transport=Retrying(Pacing(pool, settings.concurrency, settings.requests_per_second)),
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

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
        with self._quotas.spend(kind), self.writes_in_flight.writing(method, path):
            if call.before_write is not None:
                call.before_write(method, path)
            try:
                return await self._answer(call, method, path, query, body)
            except OutcomeUnknown as lost:
                lost.may_still_happen |= kind == "money"  # the card processor may go on after our connection is lost
                if settle is None:
                    raise
                return await settle(lost)

    async def _answer(self, call: Call, method: str, path: str, query: Query | None, body: Body | None) -> Any:
        response = await self._response(call, method, path, query, body)
        if call.read is not None:
            # Error pages differ each time: they contain the time or a request id.
            shown = response.content if response.is_success else f"{path} {response.status_code}".encode()
            call.read.add(sha256(shown).digest())
        return self._read(response, method, path, query, body)

    async def _response(
        self, call: Call, method: str, path: str, query: Query | None, body: Body | None
    ) -> httpx.Response:
        request = self._http.build_request(
            method,
            self._settings.api_url + path,
            params={name: value for name, value in (query or {}).items() if value is not None} or None,
            json=body,
            extensions={"call": call},
        )
        write: dict[str, str | int] = {"method": method, "path": path, "status": 0}
        if method != "GET":
            call.writes.append(write)
        try:
            response = await self._http.send(request)
        except httpx.PoolTimeout:
            raise RateLimited("Too many requests are waiting their turn.", _LATER, effect="not sent") from None
        except NOT_SENT:
            raise Unavailable("Clientary could not be reached.", _LATER, effect="not sent") from None
        except httpx.RequestError as error:
            if method == "GET":
                raise Unavailable("The connection to Clientary failed.", _LATER) from None
            timed_out = isinstance(error, httpx.TimeoutException)
            why = "did not arrive in time" if timed_out else "was lost: the connection failed"
            raise unknown_outcome(f"The response to {method} {path} {why}.", may_still_happen=timed_out) from None
        write["status"] = response.status_code
        self._note_time(response.headers.get("date"))
        return response

    def _note_time(self, date: str | None) -> None:
        """Record how far Clientary's clock is ahead of ours, according to a response's Date header."""
        with suppress(ValueError, TypeError):
            self._ahead = parsedate_to_datetime(date or "").timestamp() - self._clock.wall()

    def _read(self, response: httpx.Response, method: str, path: str, *sent: Query | Body | None) -> Any:
        """The JSON of a response, without secrets; or the error for its status or form."""
        content = self.secrets.incoming(response.content, sent)
        if not response.is_success:
            asked = retry_after(response, self._clock.wall())
            raise error_for_status(response.status_code, method, path, content.decode(errors="replace"), asked)
        try:
            # NaN is not a JSON number, and is shown as text
            return json.loads(content, parse_float=Decimal, parse_constant=str) if content.strip() else None
        except (ValueError, RecursionError):
            if method == "GET":
                raise MalformedResponse("Clientary's response could not be read: it is not valid JSON.") from None
            # It may not be Clientary's: a proxy may answer 200 with a page of its own without forwarding the request.
            raise unknown_outcome(f"The response to {method} {path} could not be read.") from None


@cache
def _certificates() -> ssl.SSLContext:
    """The trusted certificate authorities; loading them is the slowest part of a start, so it is done once."""
    return httpx.create_ssl_context()


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

"""Clientary: one session with one account, for the tools and for any Python program.

    async with Clientary(Settings(subdomain="acme", api_token="…")) as clientary:
        clients = await clientary.collect(Client, "clients", limit=None)

Paths are relative to `/api/v2/`. Every method raises children of `ClientaryError`, and nothing else.
"""

import json
import ssl
from base64 import b64encode
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from copy import copy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import parsedate_to_datetime
from functools import cache, partial
from hashlib import sha256
from importlib.metadata import version
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from clientary_mcp.errors import Busy, ClientaryError, NotFound, OutcomeUnknown, Unavailable, Unreadable
from clientary_mcp.explain import explain, not_done, unknown_outcome
from clientary_mcp.outcomes import holds, made_since
from clientary_mcp.pages import Joined, Listing, whole_list
from clientary_mcp.redact import HANDLES, redacted
from clientary_mcp.settings import Settings
from clientary_mcp.together import together
from clientary_mcp.transport import NOT_SENT, Call, Clock, OnWait, Pacing, Retrying, retry_after
from tool_schemas.answers import Page
from tool_schemas.base import Record

RecordT = TypeVar("RecordT", bound=Record)
ResultT = TypeVar("ResultT")
Query = Mapping[str, Any]
Body = Mapping[str, Any]

_LOST = "The answer was lost on the way; a look shows that it took effect, once."
_KNOWN_CLOCK, _UNKNOWN_CLOCK = timedelta(seconds=2), timedelta(minutes=5)
_TIMEOUT = httpx.Timeout(connect=10, read=30, write=30, pool=None)  # places are given by Pacing


class Clientary:
    """A session with one account.

    `network` is what requests leave through: a pool of connections, unless the sandbox or a test passes its
    own. Requests that belong together share a `Call`, and with it a deadline: see `within`.
    """

    def __init__(
        self, settings: Settings, network: httpx.AsyncBaseTransport | None = None, clock: Clock | None = None
    ) -> None:
        self.settings = settings
        self._call: Call | None = None
        self._api_url = settings.api_url
        self.clock = clock or Clock()
        self._shared = _Shared()
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

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    def new_call(self, on_wait: OnWait | None = None) -> Call:
        """What several requests that belong together share: a deadline, and the count of waits and writes."""
        return Call(self.settings.deadline, on_wait, self.clock)

    def within(self, call: Call) -> "Clientary":
        """This session, for the requests of that call."""
        view = copy(self)
        view._call = call
        return view

    async def get(self, kind: type[RecordT], path: str) -> RecordT:
        """One record."""
        return _record(kind, await self._send("GET", path))

    async def fetch(self, path: str, query: Query | None = None) -> Any:
        """The JSON of any GET, as Clientary sent it; decimals are `Decimal`."""
        return await self._send("GET", path, query=query)

    async def collect(
        self,
        kind: type[RecordT],
        path: str,
        *,
        limit: int | None = 50,
        page: int = 1,
        query: Query | None = None,
    ) -> Page[RecordT]:
        """The records of a list from `page` on: whole pages, until `limit` is reached; None is all of them.

        A page that cannot be read fails the call: a part of a list never looks like the whole.
        """

        async def read(number: int) -> Listing[RecordT]:
            return Listing.read(kind, await self._send("GET", path, query=_page(query, number)))

        first = await read(page if kind.paged else 1)
        if first.page_count is None:
            return whole_list(first, page, limit)
        if page > 1 and not kind.paged:
            first = await read(page)
        joined = await self._joined(page, first, read, limit)
        if joined.torn:  # records came or went while the pages were read: once more, and then it is said
            joined = await self._joined(page, await read(page), read, limit)
        return joined.page()

    async def _joined(
        self,
        page: int,
        first: Listing[RecordT],
        read: Callable[[int], Awaitable[Listing[RecordT]]],
        limit: int | None,
    ) -> Joined[RecordT]:
        joined = Joined(page, first)
        while missing := joined.missing(limit):
            for listing in await self.together(partial(read, number) for number in missing):
                joined.add(listing)
        return joined

    async def every(self, kind: type[RecordT], path: str, query: Query | None = None) -> list[RecordT]:
        """All records of a list; Unavailable when it changes so much that it can't be read whole."""
        page = await self.collect(kind, path, limit=None, query=query)
        if not page.complete:
            raise Unavailable(f"The list at {path} changes while it is read. Try again in a minute.")
        return page.records

    async def together(self, jobs: Iterable[Callable[[], Awaitable[ResultT]]]) -> list[ResultT]:
        """The results of several reads made at the same time, as far as the settings allow; in their order."""
        return await together(jobs, self.settings.concurrency)

    async def create(
        self,
        kind: type[RecordT],
        path: str,
        body: Body,
        *,
        otherwise: str | None = None,
        listed: Callable[[], Awaitable[list[RecordT]]] | None = None,
    ) -> RecordT:
        """Create a record and return it. Where `path` does not exist, `otherwise` is tried: it created nothing.

        When the answer is lost, the record is looked for among those that `listed` reads, by default at `path`.
        """
        since = self.clock.wall()
        try:
            sent = await self._write("POST", path, {kind.wrapper: body}, otherwise)
            record = _record(kind, sent)
        except OutcomeUnknown as lost:
            record = await self._made(kind, path, body, since, listed, lost)
        except Unreadable:
            accepted = OutcomeUnknown(
                f"Clientary accepted POST {path}, but does not show the new record. Look before repeating it.",
                may_still_happen=True,
                accepted=True,
            )
            record = await self._made(kind, path, body, since, listed, accepted)
        self._shared.made.add((kind.plural, record.id))
        return record

    async def _made(
        self,
        kind: type[RecordT],
        path: str,
        body: Body,
        since: float,
        listed: Callable[[], Awaitable[list[RecordT]]] | None,
        lost: OutcomeUnknown,
    ) -> RecordT:
        """The record that a create made whose answer was lost; NotDone when there is none, `lost` when in doubt."""
        try:
            there = await (listed() if listed else self.every(kind, path))
        except ClientaryError:
            raise lost from None
        began, doubt = self._shared.time_there(since)
        certain, doubtful = made_since(there, body, began, doubt, self._shared.made_here(kind))
        if len(certain) == 1:
            certain[0].notice = _LOST
            return certain[0]
        if certain or doubtful or lost.may_still_happen:
            raise lost
        raise not_done("POST", path)

    async def update(
        self,
        kind: type[RecordT],
        path: str,
        body: Body,
        *,
        otherwise: str | None = None,
        read_back: bool = False,
    ) -> RecordT:
        """Change the fields in `body` and return the record: as answered, or read back where PUT answers nothing."""
        since = self.clock.wall()
        try:
            sent = await self._write("PUT", path, {kind.wrapper: body}, otherwise)
        except OutcomeUnknown as lost:
            return await self._updated(kind, path, body, since, lost)
        if not read_back:
            try:
                return _record(kind, sent)
            except Unreadable:
                pass  # 204, or a body that shows no record: both are possible, and the change is made
        try:
            return await self.get(kind, path)
        except ClientaryError:  # the change is made: an error would make it look otherwise
            record = kind.read({"id": path.rpartition("/")[2]})
            record.notice = "The change was made; reading it back failed, so only the id is shown."
            return record

    async def _updated(self, kind: type[RecordT], path: str, body: Body, since: float, lost: OutcomeUnknown) -> RecordT:
        """The record after an update whose answer was lost; NotDone when it is unchanged, `lost` when in doubt."""
        try:
            record = await self.get(kind, path)
        except ClientaryError:
            raise lost from None
        changed = holds(record, body, *self._shared.time_there(since))
        if changed:
            record.notice = _LOST
            return record
        if changed is None or lost.may_still_happen:
            raise lost
        raise not_done("PUT", path)

    async def delete(self, path: str, there: Callable[[], Awaitable[object]] | None = None) -> None:
        """Delete a record, for good. `there` finds it or raises NotFound, for records that have no GET of their own."""
        try:
            await self._write("DELETE", path)
        except OutcomeUnknown as lost:
            try:
                await (there() if there else self._send("GET", path))
            except NotFound:
                return
            except ClientaryError:
                raise lost from None
            if lost.may_still_happen:
                raise
            raise not_done("DELETE", path) from None

    async def post(self, path: str, body: Body) -> Any:
        """Send `body` as it is, without a wrapper, and return the answer's JSON; None where there is none."""
        return await self._write("POST", path, body)

    async def _write(self, method: str, path: str, body: Body | None = None, otherwise: str | None = None) -> Any:
        try:
            return await self._send(method, path, body=body)
        except NotFound:
            if otherwise is None:
                raise
        try:
            return await self._send(method, otherwise, body=body)
        except NotFound:
            raise explain(404, method, path, "") from None

    async def _send(self, method: str, path: str, *, query: Query | None = None, body: Body | None = None) -> Any:
        """The JSON of the answer, None where it has none; the one place where errors of the network become ours."""
        call = self._call or self.new_call()
        request = self._http.build_request(
            method,
            self._api_url + path,
            params={name: value for name, value in (query or {}).items() if value is not None} or None,
            json=body,
            extensions={"call": call},
        )
        write: dict[str, str | int] = {"method": method, "path": path, "status": 0}
        if method != "GET":
            call.writes.append(write)
        try:
            response = await self._http.send(request)
            write["status"] = response.status_code
            self._shared.note_time(response.headers.get("date"), self.clock.wall())
        except httpx.PoolTimeout:
            raise Busy("Too many requests are waiting their turn; nothing was sent. Try again in a minute.") from None
        except NOT_SENT:
            raise Unavailable("Clientary could not be reached; nothing was sent. Try again in a minute.") from None
        except httpx.RequestError as error:
            if method == "GET":
                raise Unavailable("The connection to Clientary failed. Try again in a minute.") from None
            timed_out = isinstance(error, httpx.TimeoutException)
            why = "No answer came in time" if timed_out else "The connection failed before Clientary answered"
            raise unknown_outcome(method, path, why, may_still_happen=timed_out) from None
        if call.read is not None:
            call.read.add(sha256(response.content).digest())
        return self._read(response, method, path, body)

    def _read(self, response: httpx.Response, method: str, path: str, body: Body | None) -> Any:
        """The JSON of an answer, without secrets; the error that its status or its form stands for."""
        content = redacted(response.content, self._secrets(body))
        if not response.is_success:
            asked = retry_after(response, self.clock.wall())
            raise explain(response.status_code, method, path, content.decode(errors="replace"), asked)
        try:
            # NaN is no number, and is shown as text
            return json.loads(content, parse_float=Decimal, parse_constant=str) if content.strip() else None
        except (ValueError, RecursionError):
            if method == "GET":
                raise Unreadable("Clientary's answer could not be read: it is not the JSON it should be.") from None
            # Not necessarily Clientary's: a proxy answers 200 with a page of its own, and has passed nothing on.
            raise unknown_outcome(method, path, "Clientary's answer could not be read") from None

    def _secrets(self, body: Body | None) -> list[str]:
        """What no answer may repeat: the token, and the payment handles that were sent."""
        sent = next(iter(body.values()), None) if body else None
        handles = [str(sent[name]) for name in HANDLES if sent.get(name)] if isinstance(sent, dict) else []
        token = self.settings.api_token
        return [token, b64encode(f"{token}:{token}".encode()).decode(), *handles]


@dataclass
class _Shared:
    """What a session has learned, in all its calls: the records it made, and how Clientary's clock goes."""

    made: set[tuple[str, int]] = field(default_factory=set)
    _ahead: float | None = None
    """Seconds by which Clientary's clock is ahead of ours, by the dates of its answers."""

    def made_here(self, kind: type[Record]) -> set[int]:
        return {record_id for plural, record_id in self.made if plural == kind.plural}

    def note_time(self, date: str | None, wall: float) -> None:
        with suppress(ValueError, TypeError):
            self._ahead = parsedate_to_datetime(date or "").timestamp() - wall

    def time_there(self, wall: float) -> tuple[datetime, timedelta]:
        """What Clientary's clock showed then, and how far that may be off."""
        doubt = _UNKNOWN_CLOCK if self._ahead is None else _KNOWN_CLOCK
        return datetime.fromtimestamp(wall + (self._ahead or 0.0), UTC), doubt


@cache
def _certificates() -> ssl.SSLContext:
    """The authorities that are trusted; reading them takes longer than anything else at start, so it is done once."""
    return httpx.create_ssl_context()


def _record(kind: type[RecordT], sent: Any) -> RecordT:
    try:
        return kind.read(sent)
    except (TypeError, ValueError, AttributeError):
        raise Unreadable("Clientary's answer could not be read: it shows no record with an id.") from None


def _page(query: Query | None, number: int) -> Query:
    return {**(query or {}), "page": number if number > 1 else None}

"""Clientary: one session with one account, for the tools and for any Python program.

    async with Clientary(Settings(subdomain="acme", api_token="…")) as clientary:
        clients = await clientary.collect(Client, "clients", limit=None)

Paths are relative to `/api/v2/`. Every method raises children of `ClientaryError`, and nothing else.
"""

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from copy import copy
from decimal import Decimal
from functools import partial
from importlib.metadata import version
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from clientary_mcp.errors import Busy, ClientaryError, NotFound, Unavailable, Unreadable
from clientary_mcp.explain import explain, unknown_outcome
from clientary_mcp.pages import Joined, Listing, whole_list
from clientary_mcp.settings import Settings
from clientary_mcp.together import together
from clientary_mcp.transport import NOT_SENT, Call, Clock, OnWait, Pacing, Retrying, retry_after
from tool_schemas.answers import Page
from tool_schemas.base import Record

RecordT = TypeVar("RecordT", bound=Record)
ResultT = TypeVar("ResultT")
Query = Mapping[str, Any]
Body = Mapping[str, Any]

_TIMEOUT = httpx.Timeout(connect=10, read=30, write=30, pool=None)  # places are given by Pacing


class Clientary:
    """A session with one account.

    `network` is what requests leave through: a pool of connections, unless the sandbox or a test passes its
    own. The requests of one call share a deadline; `for_call` gives the view of the session that keeps it.
    """

    def __init__(
        self, settings: Settings, network: httpx.AsyncBaseTransport | None = None, clock: Clock | None = None
    ) -> None:
        self.settings = settings
        self.call: Call | None = None
        self._clock = clock or Clock()
        pool = network or httpx.AsyncHTTPTransport(limits=httpx.Limits(max_connections=settings.concurrency))
        self._http = httpx.AsyncClient(
            base_url=settings.api_url,
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

    def for_call(self, on_wait: OnWait | None = None) -> "Clientary":
        """This session, for one call of several requests: one deadline, and `call` counts waits and retries."""
        view = copy(self)
        view.call = self._new_call(on_wait)
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
        joined = Joined(page, first)
        while missing := joined.missing(limit):
            for listing in await self.together(partial(read, number) for number in missing):
                joined.add(listing)
        return joined.page()

    async def together(self, jobs: Iterable[Callable[[], Awaitable[ResultT]]]) -> list[ResultT]:
        """The results of several reads made at the same time, as far as the settings allow; in their order."""
        return await together(jobs, self.settings.concurrency)

    async def create(self, kind: type[RecordT], path: str, body: Body, *, otherwise: str | None = None) -> RecordT:
        """Create a record and return it. Where `path` does not exist, `otherwise` is tried: it created nothing."""
        sent = await self._write("POST", path, {kind.wrapper: body}, otherwise)
        try:
            return _record(kind, sent)
        except Unreadable:
            raise unknown_outcome("POST", path, "Clientary accepted it without showing the record") from None

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
        sent = await self._write("PUT", path, {kind.wrapper: body}, otherwise)
        if not read_back:
            try:
                return _record(kind, sent)
            except Unreadable:
                pass  # 204, or a body that shows no record: both are possible, and the change is made
        try:
            return await self.get(kind, path)
        except ClientaryError as failure:  # the change is made: an error would make it look otherwise
            record = kind.read({"id": path.rpartition("/")[2]})
            record.notice = f"The change was made, but reading it back failed: {failure}"
            return record

    async def delete(self, path: str) -> None:
        """Delete a record, for good."""
        await self._write("DELETE", path)

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
        request = self._http.build_request(
            method,
            path,
            params={name: value for name, value in (query or {}).items() if value is not None},
            json=body,
            extensions={"call": self.call or self._new_call()},
        )
        try:
            response = await self._http.send(request)
        except httpx.PoolTimeout:
            raise Busy("Too many requests are waiting their turn; nothing was sent. Try again in a minute.") from None
        except NOT_SENT:
            raise Unavailable("Clientary could not be reached; nothing was sent. Try again in a minute.") from None
        except httpx.RequestError:
            if method == "GET":
                raise Unavailable("The connection to Clientary failed. Try again in a minute.") from None
            raise unknown_outcome(method, path, "The connection failed before Clientary answered") from None
        if not response.is_success:
            asked = retry_after(response, self._clock.wall())
            raise explain(response.status_code, method, path, response.text, asked)
        return _json(response, method)

    def _new_call(self, on_wait: OnWait | None = None) -> Call:
        return Call(self._clock.now() + self.settings.deadline, on_wait, clock=self._clock)


def _json(response: httpx.Response, method: str) -> Any:
    if not response.content.strip():
        return None
    try:
        return json.loads(response.content, parse_float=Decimal)
    except (ValueError, RecursionError):
        if method == "GET":
            raise Unreadable("Clientary's answer could not be read: it is not the JSON it should be.") from None
        return None  # the status says that it took effect


def _record(kind: type[RecordT], sent: Any) -> RecordT:
    try:
        return kind.read(sent)
    except (TypeError, ValueError, AttributeError):
        raise Unreadable("Clientary's answer could not be read: it shows no record with an id.") from None


def _page(query: Query | None, number: int) -> Query:
    return {**(query or {}), "page": number if number > 1 else None}

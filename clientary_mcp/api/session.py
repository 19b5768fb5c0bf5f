"""Clientary: one session with one account, for the tools and for any Python program.

    async with Clientary(Settings(subdomain="acme", api_token="…")) as clientary:
        clients = await clientary.collect(Client, limit=None)

Paths are relative to `/api/v2/`. Every method raises children of `ClientaryError`, and nothing else.
"""

from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from copy import copy
from functools import partial
from types import TracebackType
from typing import Any, Self

import httpx

from clientary_mcp.accounting.days import Today
from clientary_mcp.api.call import Body, Call, Clock, OnWait, Query
from clientary_mcp.api.differences import difference_notice
from clientary_mcp.api.evidence import Before, Changed, Created, KnownIds
from clientary_mcp.api.http import HttpSession, OnRejected, Settle
from clientary_mcp.api.pagination import ListResponse
from clientary_mcp.api.reconcile import (
    NOT_READ_BACK,
    accepted,
    resolve_earlier,
    resolve_lost_write,
    sent_earlier,
    took_effect,
)
from clientary_mcp.api.status_errors import error_for_status
from clientary_mcp.api.streaming import RecordT, Stream, page_of, rereads
from clientary_mcp.errors import ClientaryError, ListChanged, MalformedResponse, NotFound, OutcomeUnknown
from clientary_mcp.redaction import Secrets
from clientary_mcp.settings import Settings
from clientary_mcp.state.memory import Memory, local_memory
from tool_schemas.base.results import Page


class Clientary:
    """A session with one account.

    `network` is what requests leave through: a pool of connections, or the caller's own; then `memory`, by default, is
    kept in this process alone. A memory that is passed in is closed by whoever made it. Requests that belong together
    share a `Call`, and with it a deadline: see `within`.
    """

    def __init__(
        self,
        settings: Settings,
        network: httpx.AsyncBaseTransport | None = None,
        clock: Clock | None = None,
        memory: Memory | None = None,
    ) -> None:
        self.settings = settings
        self.clock = clock or Clock()
        self._call: Call | None = None
        self.link_to: Callable[[str], str] | None = None
        """Makes a link by which people can download an export of that name, where there is a server that does so."""
        self._closes_memory = memory is None
        self.memory: Memory = memory or local_memory(settings, self.clock.wall, shared=network is None)
        self._http = HttpSession(settings, network, self.clock, self.memory)
        self._known = KnownIds(self.clock.now, self.memory.made)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections, and the memory unless it was passed in."""
        await self._http.aclose()
        if self._closes_memory:
            await self.memory.aclose()

    def on_rejected(self, told: OnRejected) -> None:
        """Have `told` called whenever Clientary rejects the API token; it may change what the error says to do."""
        self._http.on_rejected = told

    @property
    def secrets(self) -> Secrets:
        """The secrets, which no text that leaves the process may contain."""
        return self._http.secrets

    def new_call(self, on_wait: OnWait | None = None) -> Call:
        """A call for several requests that belong together: they share its deadline, waits and writes."""
        return Call(self.settings.deadline, on_wait, self.clock, self.memory.caller)

    @property
    def _current(self) -> Call:
        return self._call or self.new_call()

    def within(self, call: Call) -> "Clientary":
        """A view of this session whose requests belong to that call."""
        view = copy(self)
        view._call = call
        return view

    async def get(self, kind: type[RecordT], path: str, *, known: bool = False) -> RecordT:
        """One record; where it may be `known`, as this call has read it already, if it has."""
        if known and isinstance(record := self._current.records.get(path), kind):
            return record
        with self._current.reading_page():
            record = _record(kind, await self._send("GET", path))
        self._known.read([record], newest=False)
        self._current.records[path] = record
        return record

    async def fetch(self, path: str, query: Query | None = None) -> Any:
        """The JSON that any GET returns, as Clientary sent it; decimals are `Decimal`."""
        return await self._send("GET", path, query=query)

    async def collect(
        self,
        kind: type[RecordT],
        path: str | None = None,
        *,
        limit: int | None = 50,
        offset: int = 0,
        query: Query | None = None,
    ) -> Page[RecordT]:
        """Up to `limit` records of a list, from `offset` on; None is all of them. Path and query as for `stream`.

        A page that cannot be read fails the call: part of a list is never passed off as the whole. A list that keeps
        changing is returned as far as it was read, with a notice.
        """
        stream = self.stream(kind, path, query, offset=offset, limit=limit)
        records: list[RecordT] = []

        @rereads
        async def read() -> None:
            records.clear()
            async for record in stream:
                records.append(record)

        with suppress(ListChanged):
            await read()
        return page_of(stream, records, offset)

    def stream(
        self,
        kind: type[RecordT],
        path: str | None = None,
        query: Query | None = None,
        *,
        offset: int = 0,
        limit: int | None = None,
        read_ahead: bool = True,
    ) -> Stream[RecordT]:
        """The records of a list, one by one: `async for invoice in clientary.stream(Invoice)`.

        The list is that of all records of a kind, or the one at `path`. Pass `read_ahead=False` to stop early without
        having read more pages than needed.
        """
        if path is None:
            path, query = kind.plural, kind.query if query is None else query

        async def read(number: int) -> ListResponse[RecordT]:
            of_page = {**(query or {}), "page": number if number > 1 else None}
            page = ListResponse.read(kind, await self._send("GET", path, query=of_page))
            self._known.read(page.records)
            return page

        return Stream(
            kind,
            path,
            read,
            self._http.writes_in_flight,
            self._current,
            concurrency=self.settings.concurrency,
            page_size=(query or {}).get("page_size", kind.page_size),
            offset=offset,
            limit=limit,
            read_ahead=read_ahead,
        )

    @rereads
    async def list_all(self, kind: type[RecordT], path: str | None = None, query: Query | None = None) -> list[RecordT]:
        """What `stream` yields, as a list; ListChanged when the list changes too often to be read completely."""
        return [record async for record in self.stream(kind, path, query)]

    @property
    def turns(self) -> list[Callable[[], Awaitable[None]]]:
        """See `Call.turns`, of the call that this view belongs to."""
        return self._current.turns

    async def wait(self, seconds: float, why: str) -> bool:
        """Wait within the call that this view belongs to; False at once when its deadline comes first."""
        return await self._current.wait(seconds, why)

    def today(self) -> Today:
        """Today, in the owner's time zone."""
        return Today.at(self.clock.wall(), self.settings.time_zone)

    async def create(
        self,
        kind: type[RecordT],
        path: str,
        body: Body,
        *,
        otherwise: str | None = None,
        listed: Callable[[], Awaitable[list[RecordT]]] | None = None,
        there: Collection[int] | None = None,
        shows: Body | None = None,
        check: Callable[[], None] = lambda: None,
    ) -> RecordT:
        """Create a record and return it. If `path` does not exist, nothing was created, and `otherwise` is tried.

        If the response is lost, the record is searched for among those that `listed` reads, by default at `path`: one
        that `shows` what was sent and is new, that is not among `there`, if these are all that there were before.
        `check` may still refuse to send anything; where the same call created it earlier, it is not asked.
        """
        call = self._current
        trace = Created(kind, shows or body, listed or partial(self.list_all, kind, path), self._known, there)
        if call.earlier:
            before = Before(call.earlier.since, self._http.time_there, call.earlier.seen, complete=there is not None)
            charged = "payment_profile_id" in body  # the card processor's delays are unknown
            if record := await resolve_earlier(call, call.earlier, trace, before, again=False if charged else None):
                return await self._known.made(record, call)
        check()
        before = trace.before(self.clock.wall(), self._http.time_there)
        call.seen.update(before.old)
        try:
            sent = await self._write("POST", path, {kind.wrapper: body}, otherwise)
            return await self._known.made(_as_sent(kind, sent, body), call)
        except (OutcomeUnknown, MalformedResponse) as failure:
            lost = failure if isinstance(failure, OutcomeUnknown) else accepted(path)
            record = await resolve_lost_write(call, partial(trace.look, before, lost), "POST", path, lost)
        took_effect(record, body)
        return await self._known.made(record, call)

    async def update(
        self,
        kind: type[RecordT],
        path: str,
        body: Body,
        *,
        otherwise: str | None = None,
        read_back: bool = False,
    ) -> RecordT:
        """Change the fields in `body` and return the record: as PUT returns it, or read back if PUT returns none."""
        call, repeatable = self._current, not _adds_lines(body)
        trace = Changed(kind, body, partial(self._send, "GET", path), call.records.get(path))
        if trace.old and not call.writes:
            call.before = trace.old.to_json()
        if call.earlier:
            before = Before(call.earlier.since, self._http.time_there)
            if record := await resolve_earlier(call, call.earlier, trace, before, again=repeatable or None):
                return record
        before = Before(self.clock.wall(), self._http.time_there)
        try:
            sent = await self._write("PUT", path, {kind.wrapper: body}, otherwise)
        except OutcomeUnknown as lost:
            look = partial(trace.look, before, lost)
            record = await resolve_lost_write(call, look, "PUT", path, lost, repeatable=repeatable)
            took_effect(record, body)
            return record
        if not read_back:
            with suppress(MalformedResponse):  # 204, or a body without the record: both occur, and the change was made
                return _as_sent(kind, sent, body)
        try:
            return _as_sent(kind, await trace.shown(), body)
        except ClientaryError:  # the change was made, and an error would suggest otherwise
            record = kind.read({"id": path.rpartition("/")[2]})
            record.notice = NOT_READ_BACK
            return record

    async def delete(self, path: str, there: Callable[[], Awaitable[object]] | None = None) -> None:
        """Delete a record permanently. `there` reads it or raises NotFound, for records without a GET of their own."""

        async def gone() -> bool | None:
            try:
                await (there() if there else self._send("GET", path))
            except NotFound:
                return True
            return None

        settle = partial(resolve_lost_write, self._current, gone, "DELETE", path, repeatable=True)
        try:
            await self._send("DELETE", path, settle=settle)
        except NotFound:
            if self._current.earlier is None:
                raise
        *_, plural, record_id = path.split("/")
        await self.memory.claims.deleted(plural, int(record_id))

    async def post(self, path: str, body: Body) -> Any:
        """Send `body` without a wrapper, if it was not sent before; return the response's JSON, None if it has none."""
        self._check_not_sent_earlier()
        return await self._write("POST", path, body)

    async def request(self, method: str, path: str, query: Query | None = None, body: Body | None = None) -> Any:
        """Send any request as it is, and return the response's JSON; None if it has none."""
        if method == "POST":
            self._check_not_sent_earlier()
        return await self._send(method, path, query=query, body=body)

    def _check_not_sent_earlier(self) -> None:
        if earlier := self._current.earlier:
            raise sent_earlier(self._current, earlier)

    async def _write(self, method: str, path: str, body: Body | None = None, otherwise: str | None = None) -> Any:
        try:
            return await self._send(method, path, body=body)
        except NotFound:
            if otherwise is None:
                raise
        try:
            return await self._send(method, otherwise, body=body)
        except NotFound:
            raise error_for_status(404, method, path, "") from None

    async def _send(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: Body | None = None,
        settle: Settle | None = None,
    ) -> Any:
        return await self._http.send(self._current, method, path, query=query, body=body, settle=settle)


def _record(kind: type[RecordT], sent: Any) -> RecordT:
    try:
        return kind.read(sent)
    except (TypeError, ValueError, AttributeError):
        raise MalformedResponse("Clientary's response could not be read: it contains no record with an id.") from None


def _as_sent(kind: type[RecordT], shown: Any, body: Body) -> RecordT:
    """The record after an update, with a notice where it is not as it was sent."""
    record = _record(kind, shown)
    record.notice = difference_notice(record, body, shown)
    return record


def _adds_lines(body: Body) -> bool:
    """Whether the same body again would add its lines again."""
    lists = (part for key, part in body.items() if key.endswith("_items_attributes"))
    return any(not line.get("id") for lines in lists for line in lines)

"""Limits on what clients over HTTP may hold open: streams, and idle connections."""

import asyncio
import json
import re
from typing import Any

from anyio import CancelScope, current_time, move_on_after
from starlette.datastructures import QueryParams
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from clientary_mcp.observe import observer
from clientary_mcp.server.http.drain import Drain, read_message, request_id
from clientary_mcp.server.http.sessions import TOO_MANY, Session, gives_way, of_one_with_no_room

STREAMS = "/sse"

IDLE_SECONDS = 60
"""How long a connection may stay open without a complete request."""

_SESSION_ID = re.compile(rb"\?session_id=(\w+)")
_DATA = re.compile(rb"^data: (\{.*)", re.MULTILINE)


class BoundedStreams:
    """Limits how many event streams are open: an idle one gives way to a new one, or ends after some time."""

    def __init__(self, app: ASGIApp, most: int, idle_seconds: float, drain: Drain) -> None:
        self._app = app
        self._most, self._idle_seconds, self._drain = most, idle_seconds, drain
        self._open: set[_Stream] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Open a stream if the limit allows, or pass a message on to its stream's session."""
        if scope["type"] != "http" or scope["path"] != STREAMS:
            await self._message(scope, receive, send)
        elif scope["method"] != "GET":
            await PlainTextResponse("Method Not Allowed", 405, {"Allow": "GET"})(scope, receive, send)
        elif not self._has_room(scope):
            full = PlainTextResponse("Too many streams are open. Try again later.", 503)
            await (TOO_MANY if of_one_with_no_room(self._open, scope) else full)(scope, receive, send)
        else:
            stream = _Stream(scope, receive, send, self._idle_seconds, self._drain)
            self._open.add(stream)
            self._drain.streams.add(stream)
            try:
                await self._app(scope, stream.receive, stream.send)
            finally:
                self._open.discard(stream)
                self._drain.streams.discard(stream)
                stream.forget()

    def _has_room(self, scope: Scope) -> bool:
        """Whether one more stream may open; an idle one ends if it must."""
        own = of_one_with_no_room(self._open, scope)
        if not own and len(self._open) < self._most:
            return True
        last = gives_way(own or self._open)
        if last is None:
            return False
        self._open.remove(last)
        last.end()
        return True

    async def _message(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a message that a client posts; the answer to a request will go through the client's stream."""
        session = QueryParams(scope.get("query_string", b"")).get("session_id")
        stream = next((each for each in self._open if each.session == session), None)
        if stream is None or not stream.belongs_to(scope):
            await self._app(scope, receive, send)
            return
        stream.stay()
        message, receive = await read_message(receive)
        stream.asked(message)

        async def watch(sent: Message) -> None:
            if sent["type"] == "http.response.start" and sent["status"] >= 400:
                stream.answered(request_id(message))
            await send(sent)

        await self._app(stream.bind(scope), receive, watch)


class _Stream(Session):
    """An event stream, between the SDK and its client."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, idle_seconds: float, drain: Drain) -> None:
        super().__init__(scope)
        self._receive, self._send = receive, send
        self._idle_seconds, self._drain = idle_seconds, drain
        self._begun = False
        self._unanswered: set[str] = set()
        self.session = ""
        self._waiting = CancelScope()
        self._ended = False

    @property
    def busy(self) -> bool:
        return bool(self._unanswered)

    def stay(self) -> None:
        """Start counting the idle time again."""
        self.idle_since = current_time()

    def end(self) -> None:
        """Disconnect the client."""
        self._ended = True
        self._waiting.cancel()

    def asked(self, message: Any) -> None:
        """Expect an answer to a request, and none to a request that the client cancels."""
        if (request := request_id(message)) is not None:
            self._unanswered.add(str(request))
            self._drain.pending.add((self, str(request)))
        elif isinstance(message, dict) and message.get("method") == "notifications/cancelled":
            self.answered((message.get("params") or {}).get("requestId"))

    def answered(self, request: object) -> None:
        """Expect no answer to that request any more."""
        self._unanswered.discard(str(request))
        self._drain.pending.discard((self, str(request)))

    def forget(self) -> None:
        """Expect no answers any more: the client has disconnected."""
        for request in list(self._unanswered):
            self.answered(request)

    async def receive(self) -> Message:
        """What the client sends, or a disconnect once the stream has been idle for too long."""
        while not self._ended and (left := self.idle_since + self._idle_seconds - current_time()) > 0:
            with move_on_after(left) as self._waiting:
                return await self._receive()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Pass on one response only: when a stream has ended, the SDK starts another, which is dropped."""
        if message["type"] == "http.response.start":
            if self._begun:
                return
            self._begun = True
        elif not self.session and (named := _SESSION_ID.search(message.get("body", b""))):
            self.session = named[1].decode()
        await self._send(message)
        if self._unanswered and (event := _DATA.search(message.get("body", b""))):
            data = json.loads(event[1])
            if "method" not in data:
                self.answered(data.get("id"))


class IdleTimeoutProtocol(H11Protocol):
    """Closes a connection on which no complete request arrives for some time.

    uvicorn itself waits without a limit for the rest of a header or body.
    """

    patience: float = IDLE_SECONDS

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn declares it so
        """Start waiting for a request."""
        super().connection_made(transport)
        observer().change("clientary.connections", 1)
        self._since = self.loop.time()
        self._check_later()

    def _check_later(self) -> None:
        self._next_check = self.loop.call_later(self.patience, self._check)

    def _check(self) -> None:
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete and not cycle.more_body:
            self._since = self.loop.time()  # the request is complete: answering it may take long
        elif self.loop.time() - self._since >= self.patience:
            self.transport.close()
            return
        self._check_later()

    def on_response_complete(self) -> None:
        """Start waiting for the next request."""
        self._since = self.loop.time()
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._next_check.cancel()
        observer().change("clientary.connections", -1)
        super().connection_lost(exc)

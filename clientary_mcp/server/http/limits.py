"""Limits on what clients over HTTP may hold open: streams, and idle connections."""

import asyncio
import re

from anyio import current_time, move_on_after
from starlette.datastructures import QueryParams
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

STREAMS = "/sse"


_IDLE_SECONDS = 60


_SESSION_ID = re.compile(rb"\?session_id=(\w+)")


class BoundedStreams:
    """At most so many streams of events are open, and one ends to which no message came for so many seconds."""

    def __init__(self, app: ASGIApp, most: int, idle_seconds: float) -> None:
        self._app = app
        self._most, self._idle_seconds = most, idle_seconds
        self._open: set[_Stream] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Open a stream where there is room, and see which stream a message is for."""
        if scope["type"] != "http" or scope["path"] != STREAMS:
            session = QueryParams(scope.get("query_string", b"")).get("session_id")
            for stream in self._open:
                if stream.session == session:
                    stream.stay()
            await self._app(scope, receive, send)
        elif scope["method"] != "GET":
            await PlainTextResponse("Method Not Allowed", 405, {"Allow": "GET"})(scope, receive, send)
        elif len(self._open) >= self._most:
            await PlainTextResponse("Too many streams are open. Try again later.", 503)(scope, receive, send)
        else:
            stream = _Stream(receive, send, self._idle_seconds)
            self._open.add(stream)
            try:
                await self._app(scope, stream.receive, stream.send)
            finally:
                self._open.remove(stream)


class _Stream:
    """A stream of events, as the SDK is to see its client."""

    def __init__(self, receive: Receive, send: Send, idle_seconds: float) -> None:
        self._receive, self._send = receive, send
        self._idle_seconds = idle_seconds
        self._begun = False
        self.session = ""
        self.stay()

    def stay(self) -> None:
        """Count from now how long it is idle."""
        self._until = current_time() + self._idle_seconds

    async def receive(self) -> Message:
        """What the client does; when it was idle for too long, that it hung up."""
        while (left := self._until - current_time()) > 0:
            with move_on_after(left):
                return await self._receive()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Pass on a single answer: the SDK begins another one when a stream has ended, and the end of that ends it."""
        if message["type"] == "http.response.start":
            if self._begun:
                return
            self._begun = True
        elif not self.session and (told := _SESSION_ID.search(message.get("body", b""))):
            self.session = told[1].decode()
        await self._send(message)


class IdleTimeoutProtocol(H11Protocol):
    """A connection that ends when it has begun no request, or not finished one, for so many seconds.

    uvicorn itself waits for ever for the rest of a head or of a body.
    """

    patience: float = _IDLE_SECONDS

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Begin to wait."""
        super().connection_made(transport)
        self._since = self.loop.time()
        self._look_again()

    def _look_again(self) -> None:
        self._next_look = self.loop.call_later(self.patience, self._look)

    def _look(self) -> None:
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete and not cycle.more_body:
            self._since = self.loop.time()  # the request is whole: it may take its time
        elif self.loop.time() - self._since >= self.patience:
            self.transport.close()
            return
        self._look_again()

    def on_response_complete(self) -> None:
        """Begin to wait for the next request."""
        self._since = self.loop.time()
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._next_look.cancel()
        super().connection_lost(exc)

"""Graceful shutdown: new calls get 503, streams without one end, and running calls are answered before the end."""

import json
import signal
import socket
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, Protocol

import uvicorn
from anyio import CancelScope, move_on_after
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LAST_ANSWERS = 2
"""Seconds after the deadline of a call in which the resulting error can still be sent."""

_FORCED_END = 1.0
"""Seconds that the application has to end after a second signal."""

_SESSION_ID = "mcp-session-id"


class Stream(Protocol):
    """An event stream that a client keeps open."""

    @property
    def busy(self) -> bool:
        """Whether its client waits for an answer."""

    def end(self) -> None:
        """End it as if its client had left."""


class Drain:
    """Tracks which answers clients are waiting for, and whether the server is to stop once they are sent.

    For `seconds` after it has begun, everything is served as before: whoever sends requests here learns meanwhile that
    the server is not ready. Then new calls are refused, and those under way have until `deadline` seconds later.
    """

    def __init__(self, deadline: float, seconds: float = 0.0, now: Callable[[], float] = time.monotonic) -> None:
        self._deadline, self._seconds, self._now = deadline + _LAST_ANSWERS, seconds, now
        self._refuses_from: float | None = None
        self.pending: set[object] = set()
        self.streams: set[Stream] = set()

    def begin(self, *, at_once: bool = False) -> None:
        """Announce the end; refuse new calls after the time for that, or at once."""
        self._refuses_from = self._now() + (0.0 if at_once else self._seconds)

    @property
    def begun(self) -> bool:
        """Whether the end has been announced."""
        return self._refuses_from is not None

    @property
    def refuses(self) -> bool:
        """Whether new calls are refused."""
        return self._refuses_from is not None and self._now() >= self._refuses_from

    @property
    def over(self) -> bool:
        """Whether every answer has been sent, or the last call has reached its deadline."""
        if self._refuses_from is None or not self.refuses:
            return False
        return not self.pending or self._now() >= self._refuses_from + self._deadline

    def end_idle_streams(self) -> None:
        """End the streams of clients that wait for no answer, so that they connect elsewhere."""
        for stream in [stream for stream in self.streams if not stream.busy]:
            stream.end()


class AnswersFirst:
    """Tracks the requests being answered, and refuses new ones while the server shuts down."""

    def __init__(self, app: ASGIApp, drain: Drain) -> None:
        self._app = app
        self._drain = drain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request. Notifications and replies to the server's questions are accepted to the end."""
        if scope["type"] != "http" or scope["method"] == "DELETE":
            await self._app(scope, receive, send)
            return
        if self._drain.refuses:
            message, receive = await read_message(receive)
            if scope["method"] != "POST" or request_id(message) is not None:
                headers = {"Retry-After": "5", "Connection": "close"}
                refusal = PlainTextResponse("The server is shutting down. Try again later.", 503, headers)
                await refusal(scope, receive, send)
                return
        session = Headers(scope=scope).get(_SESSION_ID)
        if scope["method"] == "GET" and session is not None:
            await self._listened(_Listener(session, receive, self._drain), scope, send)
            return
        request = _Request(session)
        if scope["method"] == "POST":  # an open event stream alone waits for no answer
            self._drain.pending.add(request)
        try:
            await self._completed(scope, receive, send)
        finally:
            self._drain.pending.discard(request)

    async def _listened(self, listener: "_Listener", scope: Scope, send: Send) -> None:
        """Handle a request that opens the event stream of a session."""
        self._drain.streams.add(listener)
        try:
            await self._completed(scope, listener.receive, send)
        finally:
            self._drain.streams.discard(listener)

    async def _completed(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response with its final chunk, even if an event stream was cut: clients need it to see the end."""
        incomplete = False

        async def watch(message: Message) -> None:
            nonlocal incomplete
            incomplete = message["type"] == "http.response.start" or message.get("more_body", False)
            await send(message)

        await self._app(scope, receive, watch)
        if incomplete:
            await send({"type": "http.response.body", "body": b"", "more_body": False})


class _Request:
    """A request that is being answered, and the session that it belongs to."""

    def __init__(self, session: str | None) -> None:
        self.session = session


class _Listener:
    """The open event stream of a session of streamable HTTP; answers come through others."""

    def __init__(self, session: str, receive: Receive, drain: Drain) -> None:
        self._session, self._receive, self._drain = session, receive, drain
        self._waiting = CancelScope()
        self._ended = False

    @property
    def busy(self) -> bool:
        return any(isinstance(each, _Request) and each.session == self._session for each in self._drain.pending)

    def end(self) -> None:
        self._ended = True
        self._waiting.cancel()

    async def receive(self) -> Message:
        """What the client sends, or a disconnect once the stream is to end."""
        while not self._ended:
            with CancelScope() as self._waiting:
                return await self._receive()
        return {"type": "http.disconnect"}


class DrainingServer(uvicorn.Server):
    """A uvicorn server that drains on a signal before it closes; by itself it would cut event streams at once."""

    def __init__(self, config: uvicorn.Config, drain: Drain, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._drain, self._announce = drain, announce
        self.interrupted = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Announce that clients can connect."""
        await super().startup(sockets)
        self._announce()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Drain. A second signal ends what is under way, and Ctrl-C finds nobody who could send requests elsewhere."""
        self.interrupted = sig == signal.SIGINT
        if self._drain.begun:
            self.should_exit = self.force_exit = True
            self.config.timeout_graceful_shutdown = 0
        else:
            self._drain.begin(at_once=self.interrupted)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the application after a second signal, too: uvicorn would cut it off, and log that as its failure."""
        await super().shutdown(sockets)
        if self.force_exit:
            with move_on_after(_FORCED_END):
                await self.lifespan.shutdown()

    async def on_tick(self, counter: int) -> bool:
        """Stop once every answer has been sent."""
        if self._drain.refuses:
            self._drain.end_idle_streams()
        self.should_exit = self.should_exit or self._drain.over
        return await super().on_tick(counter)


async def read_message(receive: Receive) -> tuple[Any, Receive]:
    """The JSON in the body of a request, None if invalid, and a `receive` that returns the same body again."""
    body, received = b"", list[Message]()
    while len(body) < 4 * 1024 * 1024:
        received.append(await receive())
        body += received[-1].get("body", b"")
        if not received[-1].get("more_body", False):
            break
    received.reverse()

    async def again() -> Message:
        return received.pop() if received else await receive()

    try:
        return json.loads(body), again
    except (ValueError, RecursionError):
        return None, again


def request_id(message: Any) -> object:
    """The id of a JSON-RPC request; None for a reply, a notification, and everything else."""
    return message.get("id") if isinstance(message, dict) and "method" in message else None

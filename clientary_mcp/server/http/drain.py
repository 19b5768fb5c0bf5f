"""Graceful shutdown: running calls are answered before streams are closed, and new ones get 503."""

import json
import signal
import socket
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

import uvicorn
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from clientary_mcp.server.http.middleware import HEALTH

_LAST_ANSWERS = 2
"""Seconds after the deadline of a call in which the resulting error can still be sent."""


class Drain:
    """Tracks which answers clients are waiting for, and whether the server is to stop once they are sent."""

    def __init__(self, deadline: float) -> None:
        self._seconds = deadline + _LAST_ANSWERS
        self._until: float | None = None
        self.pending: set[object] = set()

    def begin(self) -> None:
        """Accept no new calls from now on."""
        self._until = time.monotonic() + self._seconds

    @property
    def begun(self) -> bool:
        """Whether new calls are refused."""
        return self._until is not None

    @property
    def over(self) -> bool:
        """Whether every answer has been sent, or the last call has reached its deadline."""
        return self._until is not None and (not self.pending or time.monotonic() >= self._until)


class AnswersFirst:
    """Tracks the requests being answered, and refuses new ones while the server shuts down."""

    def __init__(self, app: ASGIApp, drain: Drain) -> None:
        self._app = app
        self._drain = drain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request. During shutdown, notifications and replies to the server's questions are still accepted."""
        if scope["type"] != "http" or scope["path"] == HEALTH or scope["method"] == "DELETE":
            await self._app(scope, receive, send)
            return
        if self._drain.begun:
            message, receive = await read_message(receive)
            if scope["method"] != "POST" or request_id(message) is not None:
                headers = {"Retry-After": "5", "Connection": "close"}
                refusal = PlainTextResponse("The server is shutting down. Try again later.", 503, headers)
                await refusal(scope, receive, send)
                return
        request = object()
        if scope["method"] == "POST":  # an open event stream alone waits for no answer
            self._drain.pending.add(request)
        try:
            await self._completed(scope, receive, send)
        finally:
            self._drain.pending.discard(request)

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
        """Drain; a second signal closes streams without waiting for answers."""
        self.interrupted = sig == signal.SIGINT
        self.should_exit = self._drain.begun
        self._drain.begin()

    async def on_tick(self, counter: int) -> bool:
        """Stop once every answer has been sent."""
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

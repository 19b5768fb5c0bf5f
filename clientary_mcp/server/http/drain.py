"""Ending without losing an answer: calls under way are answered before streams are closed, new ones get 503."""

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
"""Seconds after the deadline of a call in which the answer that it was missed can still be sent."""


class Drain:
    """Which answers clients are still waiting for, and whether the server is to end once they have them."""

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
    """Counts the requests that are being answered, and refuses new ones once the server is to end."""

    def __init__(self, app: ASGIApp, drain: Drain) -> None:
        self._app = app
        self._drain = drain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """While the server ends, replies to its own questions and notifications are still accepted."""
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
        if scope["method"] == "POST":  # an open stream of events waits for nothing by itself
            self._drain.pending.add(request)
        try:
            await self._completed(scope, receive, send)
        finally:
            self._drain.pending.discard(request)

    async def _completed(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The response with its end, also for a stream of events that was cut: clients take less for a broken one."""
        incomplete = False

        async def watch(message: Message) -> None:
            nonlocal incomplete
            incomplete = message["type"] == "http.response.start" or message.get("more_body", False)
            await send(message)

        await self._app(scope, receive, watch)
        if incomplete:
            await send({"type": "http.response.body", "body": b"", "more_body": False})


class DrainingServer(uvicorn.Server):
    """uvicorn, which on a signal first drains and then closes: on its own it would cut streams of events at once."""

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
        """End once every answer has been sent."""
        self.should_exit = self.should_exit or self._drain.over
        return await super().on_tick(counter)


async def read_message(receive: Receive) -> tuple[Any, Receive]:
    """The JSON in the body of a request, None if it is none, and the same body for the application to read."""
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

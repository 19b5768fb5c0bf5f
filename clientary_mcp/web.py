"""Serving over HTTP: where the server may listen, who may ask, and the web server itself."""

import asyncio
import hmac
import re
import socket
from collections.abc import Callable, Sequence
from typing import Literal

import uvicorn
from anyio import current_time, move_on_after
from mcp.server.transport_security import TransportSecurityMiddleware, TransportSecuritySettings
from starlette.applications import Starlette
from starlette.datastructures import Headers, QueryParams
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from clientary_mcp.errors import SettingsError
from clientary_mcp.server import ClientaryServer
from clientary_mcp.settings import Settings, is_loopback

HttpTransport = Literal["sse", "streamable-http"]
HEALTH = "/health"
STREAMS = "/sse"
_MOST_CONNECTIONS = 1_000
_IDLE_SECONDS = 60
_MOST_SESSIONS = 500
_SESSION_IDLE_SECONDS = 1_800
_MOST_BYTES = 4 * 1024 * 1024
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_SESSION_ID = re.compile(rb"\?session_id=(\w+)")


class BearerToken:
    """Answers 401 to whoever does not bring the token, but for the question whether the server is alive."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._expected = token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Compared in constant time, so that the answer's delay tells nothing of the token."""
        if scope["type"] == "http" and scope["path"] != HEALTH:
            scheme, _, brought = Headers(scope=scope).get("authorization", "").partition(" ")
            if scheme.lower() != "bearer" or not hmac.compare_digest(brought.encode(), self._expected):
                refusal = PlainTextResponse("A bearer token is needed.", 401, {"WWW-Authenticate": "Bearer"})
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)


class KnownNames:
    """Answers 421 or 403 to whoever uses a strange host name or comes from a strange page, whatever they ask for."""

    def __init__(self, app: ASGIApp, security: TransportSecuritySettings) -> None:
        self._app = app
        self._check = TransportSecurityMiddleware(security)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Before anything else sees the request: the SDK checks SSE as well, but ends a refusal with an exception."""
        if scope["type"] == "http" and (refusal := await self._check.validate_request(Request(scope))):
            await refusal(scope, receive, send)
            return
        await self._app(scope, receive, send)


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


class Impatient(H11Protocol):
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


def application(
    server: ClientaryServer,
    settings: Settings,
    transport: HttpTransport,
    host: str,
    allowed_hosts: Sequence[str] = (),
) -> Starlette:
    """The ASGI application, which checks Host and Origin on every address.

    SettingsError for an address other machines reach, unless the owner named the hosts and set a token.
    """
    if not is_loopback(host) and not (settings.mcp_token and allowed_hosts):
        raise SettingsError(
            f"--host {host} can be reached from other machines, so it needs CLIENTARY_MCP_TOKEN (a long random text of"
            " your own, which clients send as a bearer token) and --allowed-host (the name they reach it by)."
        )
    hosts = [*_LOOPBACK, *allowed_hosts]
    security = TransportSecuritySettings(
        allowed_hosts=[*hosts, *(f"{name}:*" for name in hosts)],
        allowed_origins=[
            f"{scheme}://{name}{port}" for scheme in ("http", "https") for name in hosts for port in ("", ":*")
        ],
    )
    if transport == "sse":
        app = server.sse_app(transport_security=security, host=host, max_request_body_size=_MOST_BYTES)
        # No stream ends while a call runs, or while a person is asked.
        idle_seconds = max(_SESSION_IDLE_SECONDS, settings.deadline + settings.ask_timeout)
        app.add_middleware(BoundedStreams, most=_MOST_SESSIONS, idle_seconds=idle_seconds)
    else:
        app = server.streamable_http_app(
            transport_security=security,
            host=host,
            max_request_body_size=_MOST_BYTES,
            max_sessions=_MOST_SESSIONS,
            session_idle_timeout=_SESSION_IDLE_SECONDS,
        )

    async def alive(_: Request) -> Response:
        return PlainTextResponse("alive\n")

    app.routes.append(Route(HEALTH, alive))
    app.add_middleware(KnownNames, security=security)
    if settings.mcp_token:
        app.add_middleware(BearerToken, token=settings.mcp_token)
    return app


async def serve(
    app: ASGIApp, host: str, port: int, log_level: str, announce: Callable[[], None] = lambda: None
) -> None:
    """Listen, announce it, and serve until a signal ends it; SettingsError when the port is taken."""
    config = uvicorn.Config(
        app,
        log_level=log_level.lower(),
        access_log=False,
        server_header=False,
        date_header=False,  # the embedded account tells its own day
        limit_concurrency=_MOST_CONNECTIONS,
        timeout_keep_alive=_IDLE_SECONDS,
        http=Impatient,
    )
    with _listening(host, port) as listening:
        announce()
        await uvicorn.Server(config).serve(sockets=[listening])


def _listening(host: str, port: int) -> socket.socket:
    # The protocol is named because asyncio sends small answers at once (TCP_NODELAY) only where it is.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise SettingsError(f"--port {port} on {host} can't be listened on: {error.strerror}.") from None
    return listening

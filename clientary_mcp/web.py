"""Serving over HTTP: where the server may listen, who may ask, and the web server itself."""

import hmac
import socket
from collections.abc import Callable, Sequence
from typing import Literal

import uvicorn
from mcp.server.transport_security import TransportSecurityMiddleware, TransportSecuritySettings
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from clientary_mcp.errors import SettingsError
from clientary_mcp.server import ClientaryServer
from clientary_mcp.settings import Settings, is_loopback

HttpTransport = Literal["sse", "streamable-http"]
HEALTH = "/health"
_MOST_CONNECTIONS = 1_000
_IDLE_SECONDS = 60
_MOST_SESSIONS = 500
_SESSION_IDLE_SECONDS = 1_800
_MOST_BYTES = 4 * 1024 * 1024
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


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
    else:
        app = server.streamable_http_app(
            transport_security=security,
            host=host,
            max_request_body_size=_MOST_BYTES,
            max_sessions=_MOST_SESSIONS,
            session_idle_timeout=_SESSION_IDLE_SECONDS,
        )
    guard = TransportSecurityMiddleware(security)

    async def alive(request: Request) -> Response:
        return await guard.validate_request(request) or PlainTextResponse("alive\n")

    app.routes.append(Route(HEALTH, alive))
    if settings.mcp_token:
        app.user_middleware.insert(0, Middleware(BearerToken, token=settings.mcp_token))
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

"""Serving over HTTP: where the server may listen, who may ask, and the web server itself."""

import socket
from collections.abc import Callable, Sequence
from typing import Literal

import uvicorn
from mcp.server.transport_security import TransportSecuritySettings
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from clientary_mcp.errors import SettingsError
from clientary_mcp.server.app import ClientaryServer
from clientary_mcp.server.http.limits import _IDLE_SECONDS, BoundedStreams, IdleTimeoutProtocol
from clientary_mcp.server.http.middleware import HEALTH, BearerToken, HostCheck
from clientary_mcp.settings import Settings, is_loopback

HttpTransport = Literal["sse", "streamable-http"]
_MOST_CONNECTIONS = 1_000
_MOST_SESSIONS = 500
_SESSION_IDLE_SECONDS = 1_800
_MOST_BYTES = 4 * 1024 * 1024
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


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
    security = _security(settings, host, allowed_hosts)
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
    app.add_middleware(HostCheck, security=security)
    if settings.mcp_token:
        app.add_middleware(BearerToken, token=settings.mcp_token)
    return app


def _security(settings: Settings, host: str, allowed_hosts: Sequence[str]) -> TransportSecuritySettings:
    """The names and origins by which the server may be reached; SettingsError as above."""
    if not is_loopback(host) and not (settings.mcp_token and allowed_hosts):
        raise SettingsError(
            f"--host {host} can be reached from other machines, so it needs CLIENTARY_MCP_TOKEN (a long random text of"
            " your own, which clients send as a bearer token) and --allowed-host (the name they reach it by)."
        )
    hosts = [*_LOOPBACK, *allowed_hosts]
    return TransportSecuritySettings(
        allowed_hosts=[*hosts, *(f"{name}:*" for name in hosts)],
        allowed_origins=[
            f"{scheme}://{name}{port}" for scheme in ("http", "https") for name in hosts for port in ("", ":*")
        ],
    )


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
        http=IdleTimeoutProtocol,
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

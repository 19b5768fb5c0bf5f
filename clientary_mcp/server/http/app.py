"""Serving over HTTP: the application, the addresses it may listen on, and the web server."""

import socket
from collections.abc import Callable, Sequence
from typing import Literal

import uvicorn
from mcp.server.transport_security import TransportSecuritySettings
from starlette.applications import Starlette
from starlette.types import ASGIApp

from clientary_mcp.errors import SettingsError
from clientary_mcp.server.app import ClientaryServer
from clientary_mcp.server.http.drain import AnswersFirst, Drain, DrainingServer
from clientary_mcp.server.http.health import Probes, Readiness, exports_to, readiness
from clientary_mcp.server.http.limits import IDLE_SECONDS, BoundedStreams, IdleTimeoutProtocol
from clientary_mcp.server.http.middleware import BearerToken, HostCheck, PathPrefix
from clientary_mcp.server.http.sessions import BoundedSessions
from clientary_mcp.settings import Settings
from clientary_mcp.settings.address import is_loopback

HttpTransport = Literal["sse", "streamable-http"]
_MOST_CONNECTIONS = 1_000
_MOST_SESSIONS = 500
_SESSION_IDLE_SECONDS = 1_800
_CLOSING_SECONDS = 5
"""How long connections may take to close once every answer has been sent."""
_MOST_BYTES = 4 * 1024 * 1024
PROXIES = "127.0.0.1,::1"
"""Which proxies are believed by default: those on the same machine."""
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


def application(
    server: ClientaryServer,
    settings: Settings,
    transport: HttpTransport,
    host: str,
    allowed_hosts: Sequence[str] = (),
    drain: Drain | None = None,
    root_path: str = "",
) -> Starlette:
    """The ASGI application for one owner, which checks the Host and Origin headers whatever address it listens on.

    `root_path` is the path under which a proxy publishes it. SettingsError for an address that other machines can
    reach, unless host names are allowed and a token is set.
    """
    if not is_loopback(host) and not (settings.mcp_token and allowed_hosts):
        raise SettingsError(
            f"Other machines can connect to --host {host}, so CLIENTARY_MCP_TOKEN (a long random text of your choice,"
            " which clients send as a bearer token) and --allowed-host (the host name that clients use) are required."
        )
    drain, security = drain or Drain(settings.deadline), security_of(allowed_hosts)
    app = wire(server, settings, transport, host, security, drain)
    app.add_middleware(HostCheck, security=security)
    if settings.mcp_token:
        app.add_middleware(BearerToken, token=settings.mcp_token)
    return published(app, readiness(drain, exports_to(settings.export_dir)), root_path)


def wire(
    server: ClientaryServer,
    settings: Settings,
    transport: HttpTransport,
    host: str,
    security: TransportSecuritySettings,
    drain: Drain,
) -> Starlette:
    """The server over a transport, with bounds on what clients may hold open, and an orderly end."""
    if transport == "sse":
        app = server.sse_app(transport_security=security, host=host, max_request_body_size=_MOST_BYTES)
        # No stream ends during a call, or while the user is asked.
        idle_seconds = max(_SESSION_IDLE_SECONDS, settings.deadline + settings.ask_timeout)
        app.add_middleware(BoundedStreams, most=_MOST_SESSIONS, idle_seconds=idle_seconds, drain=drain)
    else:
        app = server.streamable_http_app(
            transport_security=security,
            host=host,
            max_request_body_size=_MOST_BYTES,
            max_sessions=_MOST_SESSIONS,
            session_idle_timeout=_SESSION_IDLE_SECONDS,
        )
        app.add_middleware(BoundedSessions, most=_MOST_SESSIONS, idle_seconds=_SESSION_IDLE_SECONDS)
    app.add_middleware(AnswersFirst, drain=drain)
    return app


def published(app: Starlette, ready: Readiness, root_path: str) -> Starlette:
    """The application with what comes before everything else: probes, and the path that a proxy adds."""
    app.add_middleware(Probes, problem=ready)
    if root_path:
        app.add_middleware(PathPrefix, prefix=root_path)
    return app


def security_of(allowed_hosts: Sequence[str]) -> TransportSecuritySettings:
    """The host names and origins that clients may use."""
    hosts = [*_LOOPBACK, *allowed_hosts]
    return TransportSecuritySettings(
        allowed_hosts=[*hosts, *(f"{name}:*" for name in hosts)],
        allowed_origins=[
            f"{scheme}://{name}{port}" for scheme in ("http", "https") for name in hosts for port in ("", ":*")
        ],
    )


async def serve(
    app: ASGIApp,
    host: str,
    port: int,
    log_level: str,
    drain: Drain,
    announce: Callable[[], None] = lambda: None,
    proxies: str = PROXIES,
) -> None:
    """Listen, announce it, and serve until a signal arrives; SettingsError if the port cannot be used.

    `proxies` are the addresses, by comma, whose X-Forwarded-For and X-Forwarded-Proto are believed.
    """
    config = uvicorn.Config(
        app,
        log_level=log_level.lower(),
        log_config=None,  # its loggers write where all others do
        access_log=False,
        server_header=False,
        date_header=False,  # the sandbox has a date of its own
        forwarded_allow_ips=proxies,
        limit_concurrency=_MOST_CONNECTIONS,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=_CLOSING_SECONDS,
        http=IdleTimeoutProtocol,
    )
    server = DrainingServer(config, drain, announce)
    with _listening(host, port) as listening:
        await server.serve(sockets=[listening])
    if server.interrupted:
        raise KeyboardInterrupt


def _listening(host: str, port: int) -> socket.socket:
    # Naming the protocol makes asyncio send small responses at once (TCP_NODELAY).
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise SettingsError(f"Port {port} on {host} cannot be used: {error.strerror}.") from None
    return listening

"""The application for callers: doors in front of MCP, and the pages of signing in beside it."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.applications import Starlette

from clientary_mcp.errors import SettingsError
from clientary_mcp.server.callers.assembly import Assembly
from clientary_mcp.server.callers.doors import Doors
from clientary_mcp.server.http.app import HttpTransport, published, security_of, wire
from clientary_mcp.server.http.drain import Drain
from clientary_mcp.server.http.health import exports_to, readiness
from clientary_mcp.server.http.middleware import HostCheck
from clientary_mcp.settings.address import is_loopback


def application(
    assembly: Assembly,
    transport: HttpTransport,
    host: str,
    allowed_hosts: Sequence[str],
    drain: Drain,
    root_path: str = "",
) -> Starlette:
    """The ASGI application. SettingsError for an address that other machines can reach, without their name for it, and
    for a door that the transport does not have."""
    serving, settings = assembly.serving, assembly.settings
    if transport == "sse" and (others := serving.callers - {"tokens"}):
        raise SettingsError(
            f"CLIENTARY_CALLERS contains {' and '.join(sorted(others))}: use --transport http for that."
        )
    names = [*allowed_hosts, *([urlsplit(serving.public_url).netloc] if serving.public_url else [])]
    if not is_loopback(host) and not names:
        raise SettingsError(
            f"Other machines can connect to --host {host}, so CLIENTARY_PUBLIC_URL or --allowed-host (the host name"
            " that clients use) is required."
        )
    if root_path and "sign-in" in serving.callers:
        raise SettingsError(
            "--root-path has no effect on signing in, which clients look for at the root of CLIENTARY_PUBLIC_URL."
            " Leave it out, or publish the server under a host name of its own."
        )
    security = security_of(names)
    app = wire(assembly.server, settings, transport, host, security, drain)
    app.add_middleware(Doors, serving=serving, identities=assembly.identities)
    app.routes.extend(assembly.routes)
    app.add_middleware(HostCheck, security=security, open_to_browsers=[route.path for route in assembly.routes])
    return published(app, readiness(drain, assembly.backend.problem, exports_to(settings.export_dir)), root_path)

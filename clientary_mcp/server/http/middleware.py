"""What happens before either transport: the path behind a proxy, the bearer token, the Host and Origin headers."""

import hmac
from collections.abc import Collection
from urllib.parse import quote

from mcp.server.transport_security import TransportSecurityMiddleware, TransportSecuritySettings
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send


class PathPrefix:
    """Takes off the path under which a proxy publishes the server, unless the proxy has done so itself.

    It stays known as the root path, with which SSE clients are told where to post messages.
    """

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self._app = app
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a request as if it had come without the prefix."""
        if scope["type"] == "http":
            path = scope["path"]
            if path.startswith(f"{self._prefix}/"):
                path = path[len(self._prefix) :]
            # With the slash, since a router would take the prefix /mcp for that of /mcp itself.
            scope = dict(scope) | {"path": path, "raw_path": quote(path).encode(), "root_path": f"{self._prefix}/"}
        await self._app(scope, receive, send)


class BearerToken:
    """Answers 401 to requests without the token."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._expected = token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Compare the token in constant time, so that response times reveal nothing about it."""
        if scope["type"] == "http":
            scheme, _, given = Headers(scope=scope).get("authorization", "").partition(" ")
            if scheme.lower() != "bearer" or not hmac.compare_digest(given.encode(), self._expected):
                refusal = PlainTextResponse("Missing or invalid bearer token.", 401, {"WWW-Authenticate": "Bearer"})
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)


class HostCheck:
    """Answers 421 or 403 to requests with a host name or an origin that is not allowed, whatever their path.

    Paths that are `open_to_browsers` may be asked from any origin, since they guard themselves.
    """

    def __init__(
        self, app: ASGIApp, security: TransportSecuritySettings, open_to_browsers: Collection[str] = ()
    ) -> None:
        self._app, self._open = app, {*open_to_browsers}
        self._check = TransportSecurityMiddleware(security)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check the request before the SDK does, which ends a refused SSE request with an exception."""
        if scope["type"] == "http" and (refusal := await self._check.validate_request(self._checked(scope))):
            await refusal(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _checked(self, scope: Scope) -> Request:
        if scope["path"] in self._open:
            scope = {**scope, "headers": [(name, value) for name, value in scope["headers"] if name != b"origin"]}
        return Request(scope)

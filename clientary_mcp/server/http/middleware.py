"""Checks before either transport: the bearer token, and the Host and Origin headers."""

import hmac

from mcp.server.transport_security import TransportSecurityMiddleware, TransportSecuritySettings
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

HEALTH = "/health"


class BearerToken:
    """Answers 401 to requests without the token, other than health checks."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._expected = token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Compare the token in constant time, so that response times reveal nothing about it."""
        if scope["type"] == "http" and scope["path"] != HEALTH:
            scheme, _, given = Headers(scope=scope).get("authorization", "").partition(" ")
            if scheme.lower() != "bearer" or not hmac.compare_digest(given.encode(), self._expected):
                refusal = PlainTextResponse("Missing or invalid bearer token.", 401, {"WWW-Authenticate": "Bearer"})
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)


class HostCheck:
    """Answers 421 or 403 to requests with a host name or an origin that is not allowed, whatever their path."""

    def __init__(self, app: ASGIApp, security: TransportSecuritySettings) -> None:
        self._app = app
        self._check = TransportSecurityMiddleware(security)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check the request before the SDK does, which ends a refused SSE request with an exception."""
        if scope["type"] == "http" and (refusal := await self._check.validate_request(Request(scope))):
            await refusal(scope, receive, send)
            return
        await self._app(scope, receive, send)

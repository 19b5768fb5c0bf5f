"""Checks before either transport: the bearer token, and the Host and Origin headers."""

import hmac

from mcp.server.transport_security import TransportSecurityMiddleware, TransportSecuritySettings
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

HEALTH = "/health"


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


class HostCheck:
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

"""Who sends a request: the browser, which a cookie recognizes during a sign-in, and its address."""

from starlette.requests import Request
from starlette.responses import Response

from clientary_mcp.server.callers.sign_in.pending import PENDING_FOR

_SECRET = 43
"""Characters of a cookie."""


class Browser:
    """The cookie that recognizes a browser between `/authorize` and the page; nothing else is known of it."""

    def __init__(self, issuer: str) -> None:
        self._secure = issuer.startswith("https://")
        self.name = "__Host-signin" if self._secure else "signin"

    def secret_of(self, request: Request) -> str:
        """The secret of the browser; empty without one."""
        secret = request.cookies.get(self.name, "")
        return secret if len(secret) == _SECRET and secret.isascii() else ""

    def remember(self, response: Response, secret: str) -> None:
        """Let the browser send the secret along, for as long as a sign-in may take."""
        response.set_cookie(
            self.name, secret, max_age=int(PENDING_FOR), secure=self._secure, httponly=True, samesite="lax"
        )


def address_of(request: Request) -> str:
    """The client's address, as the web server tells it."""
    return request.client.host if request.client else "unknown"

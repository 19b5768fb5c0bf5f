"""Doors: ASGI middleware that finds out who sends a request, or answers it with 400, 401, 403, 429 or 503.

`/mcp`, `/sse` and `/messages/` ask for a token that this server gave; `/direct/mcp` for the server's own token and for
the caller's credentials, with each request. What is behind finds a `CallerUser` in `scope["user"]`, and no credentials.
"""

import hmac
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import ceil

import anyio
from mcp.server.auth.middleware.auth_context import AuthContextMiddleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from clientary_mcp.errors import NotRemembered
from clientary_mcp.server.callers.caller import Caller
from clientary_mcp.server.callers.identities import Identities
from clientary_mcp.server.callers.request_headers import (
    CREDENTIALS,
    Refusal,
    bearer_of,
    credentials_of,
    headers_of,
    narrowing_of,
    without_ours,
)
from clientary_mcp.server.callers.user import CallerUser
from clientary_mcp.settings.serving import Serving

DIRECT = "/direct/mcp"
_MCP = "/mcp"
_PER_MINUTE = 600
"""Requests of one caller, in one process."""
_MOST_OPEN = 250
"""Requests of one caller that may be open at the same time, of the 1,000 connections of a process."""


@dataclass(frozen=True)
class _Visit:
    """A request that may pass: whose it is, where it goes, and the token to check again, if it has one."""

    user: CallerUser
    path: str
    token: str | None = field(repr=False)


class Doors:
    """Lets callers in, at most 600 requests a minute of each."""

    def __init__(
        self, app: ASGIApp, serving: Serving, identities: Identities, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._app = AuthContextMiddleware(app)
        self._serving, self._identities = serving, identities
        self._issuer = serving.public_url or "clientary-mcp"
        self._rate = _Rate(now)
        self._requests = Counter[str]()
        self._open: defaultdict[str, set[anyio.CancelScope]] = defaultdict(set)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request of a caller, pass on what needs none, and refuse the rest."""
        if scope["type"] == "lifespan":
            async with anyio.create_task_group() as group:
                group.start_soon(self._end_those_of_removed_callers)
                await self._app(scope, receive, send)
                group.cancel_scope.cancel()
            return
        if scope["type"] == "http" and _may_pass_for_another(scope["path"]):
            await PlainTextResponse("Not Found", 404)(scope, receive, send)
            return
        if scope["type"] != "http" or not self._guards(scope["path"]):
            await self._app(scope, receive, send)
            return
        try:
            visit = await self._visit(scope)
            self._rate.count(visit.user.caller.id)
            with self._present(visit.user.caller.id):
                await self._serve(visit, scope, receive, send)
        except Refusal as refusal:
            await PlainTextResponse(refusal.why, refusal.status, refusal.headers)(scope, receive, send)

    @contextmanager
    def _present(self, caller_id: str) -> Iterator[None]:
        """Count a request while it is open; Refusal where so many of one caller would leave no room for others."""
        if self._requests[caller_id] >= _MOST_OPEN:
            why = f"{_MOST_OPEN} requests of this caller are open. Wait until some of them are answered."
            raise Refusal(429, why, {"Retry-After": "5"})
        self._requests[caller_id] += 1
        try:
            yield
        finally:
            self._requests[caller_id] -= 1
            if not self._requests[caller_id]:
                del self._requests[caller_id]

    async def _serve(self, visit: _Visit, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request that was let in."""
        behind = {**without_ours(scope), "user": visit.user, "path": visit.path, "raw_path": visit.path.encode()}
        if visit.token is None:
            await self._app(behind, receive, send)
        else:
            await self._serve_while_it_holds(visit.token, behind, receive, send)

    def _guards(self, path: str) -> bool:
        if path == DIRECT:
            return "headers" in self._serving.callers
        return path in (_MCP, "/sse") or path.startswith("/messages")

    async def _visit(self, scope: Scope) -> _Visit:
        """Whose request it is; Refusal if nobody's, or not valid."""
        given = headers_of(scope)
        try:
            if scope["path"] == DIRECT:
                return await self._with_credentials(given)
            return await self._with_token(given, scope["path"])
        except NotRemembered:  # never 401, which makes clients sign in again
            why = "This server's store cannot be reached. Try again in a minute."
            raise Refusal(503, why, {"Retry-After": "5"}) from None

    async def _with_token(self, given: dict[str, str], path: str) -> _Visit:
        """The visit of somebody with a token of ours."""
        if sent := [name for name in CREDENTIALS if name in given]:
            direct = f" Send it to {DIRECT}." if "headers" in self._serving.callers else ""
            raise Refusal(400, f"{sent[0].title()} is not used at this address, which asks for a token.{direct}")
        token = bearer_of(given)
        identity = await self._identities.of(token) if token else None
        if token is None or identity is None:
            raise Refusal(401, "Missing or invalid bearer token.", {"WWW-Authenticate": self._challenge(given)})
        narrowed_by = (identity.narrowed_by, narrowing_of(given))
        user = CallerUser(identity.caller, identity.client_id, self._issuer, narrowed_by)
        return _Visit(user, path, token)

    def _challenge(self, given: dict[str, str]) -> str:
        """What a request without a valid token is told, with where to sign in if people can."""
        parts = ['error="invalid_token"'] if given.get("authorization") else []
        if "sign-in" in self._serving.callers:
            metadata = f"{self._serving.public_url}/.well-known/oauth-protected-resource{_MCP}"
            parts += [f'resource_metadata="{metadata}"', 'scope="clientary"']
        return f"Bearer {', '.join(parts)}".strip()

    async def _with_credentials(self, given: dict[str, str]) -> _Visit:
        """The visit of somebody who passes the gate and brings credentials along."""
        gate, accounts = self._serving.bounds["mcp_token"], self._serving.accounts
        plain = {"WWW-Authenticate": "Bearer"}
        if not hmac.compare_digest((bearer_of(given) or "").encode(), str(gate).encode()):
            raise Refusal(401, "Missing or invalid bearer token.", plain)
        credentials = credentials_of(given, accounts) if accounts else None
        if credentials is None:
            why = "X-Clientary-Token is needed, and X-Clientary-Subdomain or X-Clientary-Host."
            raise Refusal(401, why, plain)
        account, api_token = credentials.account, credentials.api_token
        caller_id = await self._identities.caller_id(account, api_token)
        if self._identities.rejected(caller_id):
            raise Refusal(401, "Clientary rejected this X-Clientary-Token less than a minute ago.", plain)
        caller = Caller(caller_id, credentials.name, account, api_token, via="headers")
        return _Visit(CallerUser(caller, "headers", self._issuer, (narrowing_of(given),)), _MCP, None)

    async def _serve_while_it_holds(self, token: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, which ends with its caller's removal."""
        begun = False

        async def watch(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        with anyio.CancelScope() as serving:
            self._open[token].add(serving)
            try:
                await self._app(scope, receive, watch)
            finally:
                self._open[token].discard(serving)
                if not self._open[token]:
                    del self._open[token]
        if not serving.cancelled_caught:
            return
        if begun:
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        else:
            refusal = PlainTextResponse("This caller was removed.", 401, {"WWW-Authenticate": "Bearer"})
            await refusal(scope, receive, send)

    async def _end_those_of_removed_callers(self) -> None:
        while True:
            await anyio.sleep(self._identities.kept)
            for token in list(self._open):
                if not await self._identities.holds(token):
                    for serving in self._open.get(token, ()):
                        serving.cancel()


def _may_pass_for_another(path: str) -> bool:
    """Whether a router may take a path for one that is guarded: it drops a root path, and a line feed at the end."""
    return "//" in path or not path.isprintable()


class _Rate:
    """How many requests each caller sent in this minute."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._minute = now()
        self._sent: Counter[str] = Counter()

    def count(self, caller_id: str) -> None:
        """Count a request; Refusal if there were too many."""
        if (over := self._now() - self._minute) >= 60:
            self._minute, over = self._now(), 0
            self._sent.clear()
        self._sent[caller_id] += 1
        if self._sent[caller_id] > _PER_MINUTE:
            why = f"More than {_PER_MINUTE} requests in a minute. Try again later."
            raise Refusal(429, why, {"Retry-After": str(ceil(60 - over))})

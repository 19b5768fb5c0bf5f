"""How many sessions of the older protocols are open: when there is no room, an idle one gives way to a new one.

Each caller has room for some, and all of them together; without callers, the address of a client stands for them.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from anyio import current_time
from mcp.server.auth.middleware.bearer_auth import authorization_context
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from clientary_mcp.server.callers.user import CallerUser
from clientary_mcp.server.http.drain import read_message

_SESSION_ID, _PROTOCOL = "mcp-session-id", "mcp-protocol-version"
_OLDER = HANDSHAKE_PROTOCOL_VERSIONS
"""The protocols that have sessions; without a version, a request is in one of them."""


TOO_MANY = PlainTextResponse("Too many sessions are open. Try again later.", 429, {"Retry-After": "60"})
"""For a caller whose own sessions are all busy. After 503, a proxy might take the server away from everybody."""
MOST_OF_ONE = 20
"""Sessions that one caller may have; one more ends the longest idle of their own."""


class Session:
    """A session of a client: who opened it, and since when it has been idle."""

    def __init__(self, scope: Scope) -> None:
        self.opened_by = scope
        self.holder = holder(scope)
        self.idle_since = current_time()

    @property
    def busy(self) -> bool:
        """Whether its client waits for an answer."""
        return False

    def belongs_to(self, scope: Scope) -> bool:
        """Whether a request comes from whoever opened it; the SDK tells anybody else that there is none."""
        opener, user = self.opened_by.get("user"), scope.get("user")
        if isinstance(opener, CallerUser) and isinstance(user, CallerUser):
            return authorization_context(opener) == authorization_context(user)
        return True

    def bind(self, scope: Scope) -> Scope:
        """A later request of the session, which may do no more than the one that opened it."""
        opener, user = self.opened_by.get("user"), scope.get("user")
        if isinstance(opener, CallerUser) and isinstance(user, CallerUser):
            return {**scope, "user": user.also_narrowed_by(opener)}
        return scope


SessionT = TypeVar("SessionT", bound=Session)


def gives_way(sessions: Iterable[SessionT]) -> SessionT | None:
    """The longest idle session of the holder who has most of them; None if all of these are busy."""
    held = list(sessions)
    count = Counter(session.holder for session in held)
    most = max(count.values(), default=0)
    idle = [session for session in held if count[session.holder] == most and not session.busy]
    return min(idle, key=lambda session: session.idle_since, default=None)


def holder(scope: Scope) -> str:
    """Whose sessions are counted together: those of a caller, or of a client's address."""
    if isinstance(user := scope.get("user"), CallerUser):
        return user.caller.id
    return scope["client"][0] if scope.get("client") else ""


def of_one_with_no_room(sessions: Iterable[SessionT], scope: Scope) -> list[SessionT]:
    """The sessions of a caller who may not open another one before one of these has ended; else none."""
    if not isinstance(scope.get("user"), CallerUser):
        return []
    own = [session for session in sessions if session.holder == holder(scope)]
    return own if len(own) >= MOST_OF_ONE else []


class BoundedSessions:
    """Makes room for a new session of streamable HTTP, which the SDK would refuse."""

    def __init__(self, app: ASGIApp, most: int, idle_seconds: float) -> None:
        self._app = app
        self._most, self._idle_seconds = most, idle_seconds
        self._open: dict[str, _HttpSession] = {}
        self._opening: set[_HttpSession] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request of a session, or one that may open one."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif Headers(scope=scope).get(_PROTOCOL, _OLDER[0]) not in _OLDER:
            await self._app(scope, receive, send)  # newer protocols have no sessions
        elif given := Headers(scope=scope).get(_SESSION_ID):
            await self._continue(given, scope, receive, send)
        else:
            await self._begin(scope, receive, send)

    async def _begin(self, scope: Scope, receive: Receive, send: Send) -> None:
        session = _HttpSession(scope)

        async def watch(sent: Message) -> None:
            accepted = sent["type"] == "http.response.start" and sent["status"] < 400
            if accepted and (opened := Headers(raw=sent["headers"]).get(_SESSION_ID)):
                self._opening.discard(session)
                self._open[opened] = session
            await send(sent)

        with session.serving("POST"):
            own = of_one_with_no_room([*self._open.values(), *self._opening], scope)
            self._opening.add(session)
            try:
                if own or len(self._open) >= self._most:
                    message, receive = await read_message(receive)
                    if isinstance(message, dict) and message.get("method") == "initialize":
                        if own and not await self._give_way(own):
                            await TOO_MANY(scope, receive, send)
                            return
                        await self._make_room()
                await self._app(scope, receive, watch)
            finally:
                self._opening.discard(session)

    async def _continue(self, given: str, scope: Scope, receive: Receive, send: Send) -> None:
        session = self._open.get(given)
        if session is None or not session.belongs_to(scope):
            await self._app(scope, receive, send)
            return

        async def watch(sent: Message) -> None:
            if sent["type"] == "http.response.start":
                ended = sent["status"] < 400 if scope["method"] == "DELETE" else sent["status"] == 404
                if ended:
                    self._open.pop(given, None)
            await send(sent)

        with session.serving(scope["method"]):
            await self._app(session.bind(scope), receive, watch)

    async def _make_room(self) -> None:
        """End sessions until one more fits, unless those that would have to give way are busy."""
        for name in [name for name, session in self._open.items() if session.unused_for(self._idle_seconds)]:
            del self._open[name]  # the SDK has ended it
        while len(self._open) >= self._most and await self._give_way(self._open.values()):
            pass

    async def _give_way(self, sessions: Iterable["_HttpSession"]) -> bool:
        """End one of these sessions; False if all that might end are busy."""
        last = gives_way(sessions)
        if last is None:
            return False
        name = next(name for name, session in self._open.items() if session is last)
        del self._open[name]
        await self._end(name, last)
        return True

    async def _end(self, name: str, session: Session) -> None:
        """End a session as its client would."""
        scope = dict(session.opened_by) | {"method": "DELETE", "headers": list(session.opened_by["headers"])}
        MutableHeaders(scope=scope)[_SESSION_ID] = name

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def drop(_: Message) -> None:
            pass

        await self._app(scope, receive, drop)


class _HttpSession(Session):
    """A session of streamable HTTP. An open event stream keeps it from ending by itself, but not from giving way."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope)
        self._calls = 0
        self._streams = 0
        self._unused_since = self.idle_since

    @property
    def busy(self) -> bool:
        return self._calls > 0

    @contextmanager
    def serving(self, method: str) -> Iterator[None]:
        """Count a request while it is served."""
        calls = method == "POST"
        self._calls, self._streams = self._calls + calls, self._streams + (not calls)
        try:
            yield
        finally:
            self._calls, self._streams = self._calls - calls, self._streams - (not calls)
            self._unused_since = current_time()
            if calls:
                self.idle_since = self._unused_since

    def unused_for(self, seconds: float) -> bool:
        """Whether it has had no request at all for so long."""
        return not self._calls and not self._streams and current_time() - self._unused_since >= seconds

"""A Clientary account on loopback that several people use, each with an API token of their own."""

import base64
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anyio
import uvicorn
from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope, Send

from clientary_mcp.sandbox import Sandbox
from tests.support.held_account import HeldAccount
from tests.support.processes import PATIENCE, free_port

_START = 100


@dataclass(eq=False)
class Arrival:
    """One request, as the account saw it; times are of `time.monotonic`."""

    method: str
    path: str
    """Without base, `.json` and query."""
    credential: str
    """The API token that came with it."""
    query: str
    began: float
    body: bytes = b""
    status: int = 0
    """0 if there was no answer."""
    start: bytes = b""
    """How the answer begins."""
    whole: bool = False
    """Whether the answer left completely."""
    ended: float = 0.0


class Upstream:
    """One account. Whoever comes with one of `tokens` is let in."""

    def __init__(self, *tokens: str, sandbox: Sandbox | None = None) -> None:
        self.sandbox = sandbox or Sandbox()
        self.held = HeldAccount(self.sandbox)
        """What requests go through, so that single ones can be held back."""
        self.tokens = set(tokens)
        self.port = free_port()
        self.watch: Callable[[Arrival], None] = lambda arrival: None
        """Is told of every request that is over."""
        self.before: Callable[[Arrival], Awaitable[None]] = _at_once
        """What every request waits for before the account handles it."""
        self.arrivals: deque[Arrival] = deque(maxlen=10_000)
        self._under_way = set[Arrival]()
        self.most_at_once = 0
        began = time.monotonic()
        self.sandbox.store.seconds = lambda: time.monotonic() - began
        self._own = "Basic " + base64.b64encode(f"{self.sandbox.token}:{self.sandbox.token}".encode()).decode()

    def reset(self) -> None:
        """Forget what happened so far, and what was to go wrong; the records stay."""
        self.before = _at_once
        self.arrivals.clear()
        self.most_at_once = len(self._under_way)
        self.sandbox.faults = None
        self.sandbox.ledger.clear()
        self.sandbox.sent_messages.clear()

    @property
    def host(self) -> str:
        """Its name in `CLIENTARY_ACCOUNTS`."""
        return f"127.0.0.1:{self.port}"

    @property
    def address(self) -> str:
        """The address of the account."""
        return f"http://{self.host}"

    def of(self, method: str, path: str) -> list[Arrival]:
        """The requests of that method for exactly that path."""
        return [arrival for arrival in self.arrivals if (arrival.method, arrival.path) == (method, path)]

    def credentials(self) -> Counter[str]:
        """How many requests came with each API token."""
        return Counter(arrival.credential for arrival in self.arrivals)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Return when that holds of the account, which is looked at again after each hundredth of a second."""
        with anyio.fail_after(PATIENCE):
            while not holds():  # noqa: ASYNC110 - other processes bring it about
                await anyio.sleep(0.01)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Note the request, and let the account answer it."""
        path = scope["path"].removeprefix("/api/v2/").removesuffix(".json")
        arrival = Arrival(scope["method"], path, _credential(scope), scope["query_string"].decode(), time.monotonic())
        self.arrivals.append(arrival)
        self._under_way.add(arrival)

        async def answer(message: Message) -> None:
            self._under_way.discard(arrival)  # before it leaves: whoever gets it may send the next request at once
            await send(message)

        self.most_at_once = max(self.most_at_once, len(self._under_way))
        try:
            await self.before(arrival)
            await self.held(self._admitted(scope, arrival.credential), _heard(receive, arrival), _seen(answer, arrival))
        finally:
            self._under_way.discard(arrival)
            arrival.ended = time.monotonic()
            self.watch(arrival)

    def _admitted(self, scope: Scope, credential: str) -> Scope:
        """The request with the only token that the account knows, if it came with one of ours."""
        if credential not in self.tokens:
            return scope
        others = [(name, value) for name, value in scope["headers"] if name != b"authorization"]
        return {**scope, "headers": [*others, (b"authorization", self._own.encode())]}

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["Upstream"]:
        """Serve until the block ends."""
        config = uvicorn.Config(self, port=self.port, log_level="critical", lifespan="off", date_header=False)
        server = uvicorn.Server(config)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(server.serve)
            try:
                await self.until(lambda: server.started)
                yield self
            finally:
                server.should_exit = server.force_exit = True


async def _at_once(_: Arrival) -> None:
    """Nothing to wait for."""


def slow(seconds: float, method: str | None = None) -> Callable[[Arrival], Awaitable[None]]:
    """What makes requests take so long, all of them or those of a method."""

    async def wait(arrival: Arrival) -> None:
        if method in (None, arrival.method):
            await anyio.sleep(seconds)

    return wait


def _credential(scope: Scope) -> str:
    scheme, _, given = Headers(scope=scope).get("authorization", "").partition(" ")
    return base64.b64decode(given).decode().partition(":")[0] if scheme.lower() == "basic" else ""


def _heard(receive: Receive, arrival: Arrival) -> Receive:
    async def hear() -> Message:
        message = await receive()
        arrival.body += message.get("body", b"")
        return message

    return hear


def _seen(send: Send, arrival: Arrival) -> Send:
    async def see(message: Message) -> None:
        await send(message)
        if message["type"] == "http.response.start":
            arrival.status = message["status"]
        else:
            arrival.start = (arrival.start + message.get("body", b""))[:_START]
            arrival.whole = not message.get("more_body", False)

    return see

"""An account on loopback for several processes, which holds requests back until the test lets them go."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Literal

import anyio
import uvicorn
from starlette.types import Message, Receive, Scope, Send

from clientary_mcp.sandbox import Sandbox
from clientary_mcp.sandbox.controls.fault_middleware import Answer
from clientary_mcp.sandbox.controls.patterns import matches
from tests.support.processes import free_port

When = Literal["before", "after"]
"""Whether a held request has yet to take effect, or only its answer is held back."""


class Hold:
    """The next request of one kind, held until it is released; a `lost` one never takes effect."""

    def __init__(self, method: str, path: str, when: When, query: bytes) -> None:
        self._method, self._path, self._query, self.when = method, path, query, when
        self._taken = self.lost = False
        self.arrived, self.released, self.over = anyio.Event(), anyio.Event(), anyio.Event()

    def takes(self, method: str, path: str, query: bytes) -> bool:
        """Whether this is the request that it holds."""
        if self._taken or method != self._method or not matches(self._path, path) or self._query not in query:
            return False
        self._taken = True
        return True

    async def wait(self) -> None:
        """Hold the request."""
        self.arrived.set()
        await self.released.wait()

    async def release(self) -> None:
        """Let it go, and wait until it has had its effect."""
        self.released.set()
        await self.over.wait()


class HeldAccount:
    """The account, over HTTP."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.port = free_port()
        self._holds: list[Hold] = []

    def hold(self, method: str, path: str, when: When = "before", query: bytes = b"") -> Hold:
        """Hold back the next such request."""
        hold = Hold(method, path, when, query)
        self._holds.append(hold)
        return hold

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, which goes its way even if whoever sent it has been killed meanwhile."""
        method, path = scope["method"], scope["path"].removeprefix("/api/v2/")
        hold = next((hold for hold in self._holds if hold.takes(method, path, scope["query_string"])), None)
        if hold is None:
            await self.sandbox.app(scope, receive, send)
            return
        answer = Answer()
        if hold.when == "before":
            body = [await receive()]  # now, since nothing can be read from a process that was killed
            while body[-1].get("more_body"):
                body.append(await receive())
            await hold.wait()
            if hold.lost:
                hold.over.set()
                return
            await self.sandbox.app(scope, _replay(body), answer.take)
        else:
            await self.sandbox.app(scope, receive, answer.take)
            await hold.wait()
        hold.over.set()
        await answer.give(send)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Serve until the block ends; then nothing is held any more."""
        config = uvicorn.Config(self, port=self.port, log_level="error", lifespan="off", date_header=False)
        server = uvicorn.Server(config)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(server.serve)
            try:
                yield
            finally:
                for hold in self._holds:
                    hold.released.set()
                server.should_exit = True


def _replay(messages: Iterable[Message]) -> Receive:
    left = iter(messages)

    async def receive() -> Message:
        message = next(left, None)
        if message is None:
            await anyio.sleep_forever()
        assert message is not None
        return message

    return receive

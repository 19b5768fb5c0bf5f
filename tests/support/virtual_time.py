"""An event loop whose time passes only when every task waits: hours of storm in seconds, without races.

For code within one process only: events from sockets or threads do not move its clock.
"""

import asyncio
import selectors
from datetime import datetime

import anyio

from clientary_mcp.api.call import Clock
from clientary_mcp.api.session import Clientary
from clientary_mcp.sandbox import Sandbox
from clientary_mcp.sandbox.network import Network
from clientary_mcp.settings import Settings

_PATIENCE = 10.0


class _Jumping(selectors.SelectSelector):
    """A selector that advances the loop's clock instead of waiting."""

    loop: "VirtualLoop"

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is not None:
            self.loop.now += timeout
            return []
        ready = super().select(_PATIENCE)  # a thread that ends, if there is any
        if not ready:
            raise RuntimeError("everybody waits for somebody else")
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop with its own clock."""

    def __init__(self) -> None:
        self.now = 1_000.0
        selector = _Jumping()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        return self.now


def follow_loop(sandbox: Sandbox) -> None:
    """Let the account's time pass with the running loop's, from now on."""
    start = anyio.current_time()
    sandbox.store.seconds = lambda: anyio.current_time() - start


def clock_of(sandbox: Sandbox, behind: float = 0) -> Clock:
    """The running loop's clock for a session; the wall clock is the account's, or that many seconds behind it."""

    def wall() -> float:
        return datetime.fromisoformat(sandbox.store.latest).timestamp() - behind

    return Clock(now=asyncio.get_running_loop().time, wall=wall, sleep=anyio.sleep)


def session_on(sandbox: Sandbox, network: Network | None = None, deadline: float = 60, behind: float = 0) -> Clientary:
    """A session with that account, on the running loop's clock."""
    settings = Settings(base_url="http://localhost", api_token=sandbox.token, deadline=deadline, time_zone="UTC")
    return Clientary(settings, network or Network(sandbox), clock_of(sandbox, behind))

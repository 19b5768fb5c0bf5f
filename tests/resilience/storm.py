"""The storm: many agents work at once through one server while a fifth of Clientary's answers fail.

With lateness, some of the writes whose connection breaks take effect afterwards, up to so many seconds later. A
colleague overwrites some of what was updated. In several processes each call of an agent goes to any of them; they
are sessions of one process, in order to share its virtual time, each with its own name in the store: `test_killed.py`
has real ones.

Afterwards the account's ledger is compared with the reported outcomes. Time is virtual, and the same seed reproduces
the same storm; `benchmarks/storm.py` runs it in full, `test_storm.py` in short.
"""

import os
import random
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import anyio
import mcp_types
from mcp import Client

from clientary_mcp.api.session import Clientary
from clientary_mcp.sandbox import Fault, Faults, Sandbox
from clientary_mcp.sandbox.controls.faults import STORM
from clientary_mcp.server.app import ClientaryServer
from clientary_mcp.settings import Settings
from clientary_mcp.state.memory import local_memory
from clientary_mcp.state.store import path_of
from tests.conftest import agency
from tests.resilience.checker import Checker, Report, WriteRecorder
from tests.resilience.storm_agents import Worker
from tests.support.agent import Agent, Era
from tests.support.virtual_time import VirtualLoop, clock_of, follow_loop

RATE = 0.2
_FIRST_LATE = 0.3
"""Seconds after which the earliest of the late effects comes."""


@dataclass(frozen=True)
class Weather:
    """What the storm is like."""

    seed: int
    lateness: float = 0.0
    rate: float = RATE
    """The share of the requests that are struck."""
    processes: int = 1

    def kinds(self) -> list[Fault]:
        """The kinds of fault: the usual ones, with lateness also late effects; a third are 429 if much is struck."""
        kinds = [*STORM]
        if self.lateness:
            late = (_FIRST_LATE, self.lateness / 10, self.lateness / 3, self.lateness)
            kinds += [Fault("late", seconds=seconds) for seconds in late]
        busy, others = ([fault for fault in kinds if (fault.kind == 429) is busy] for busy in (True, False))
        if self.rate <= RATE:
            return kinds
        return others + [fault for fault, _ in zip(cycle(busy), range(len(others) // 2), strict=False)]


class Roaming(Agent):
    """An agent whose calls go to any of several processes."""

    def __init__(self, clients: list[Client], dice: random.Random) -> None:
        super().__init__(clients[0])
        self._clients, self._dice = clients, dice

    async def call(self, tool: str, arguments: dict[str, Any]) -> mcp_types.CallToolResult:
        """The unmodified result."""
        return await self._dice.choice(self._clients).call_tool(tool, arguments)


def storm(calls: int, agents: int, weather: Weather) -> Report:
    """Run a storm of that many calls by that many agents."""
    random.seed(weather.seed)  # the jitter of retries; everything else has its own random generator
    with _state_directory():
        return anyio.run(_run, calls, agents, weather, backend_options={"loop_factory": VirtualLoop})


@contextmanager
def _state_directory() -> Iterator[None]:
    """A store that knows nothing of other storms, and is not the user's own."""
    before = os.environ.get("XDG_STATE_HOME", "")
    with tempfile.TemporaryDirectory() as directory:
        os.environ["XDG_STATE_HOME"] = directory
        path_of.cache_clear()
        try:
            yield
        finally:
            os.environ["XDG_STATE_HOME"] = before
            path_of.cache_clear()


@asynccontextmanager
async def _servers(sandbox: Sandbox, recorder: WriteRecorder, weather: Weather) -> AsyncIterator[list[ClientaryServer]]:
    """A server for each process, with one store for all."""
    clock = clock_of(sandbox)
    settings = Settings(
        base_url="http://localhost",
        api_token=sandbox.token,
        deletes_per_hour=10_000,
        mails_per_hour=10_000,
        charges_per_hour=10_000,
        undo_hours=1,
    )
    async with AsyncExitStack() as stack:
        servers = []
        for _ in range(weather.processes):
            shared = weather.processes > 1
            memory = await stack.enter_async_context(aclosing(local_memory(settings, clock.wall, shared=shared)))
            clientary = Clientary(settings, recorder, clock, memory)
            servers.append(ClientaryServer(await stack.enter_async_context(clientary)))
        yield servers


async def _run(calls: int, agents: int, weather: Weather) -> Report:
    """No faults until every agent has a client, project, invoice and card; then faults until all calls are made."""
    sandbox = agency()
    follow_loop(sandbox)
    recorder, clock = WriteRecorder(sandbox, colleague=weather.seed), clock_of(sandbox)
    checker = Checker(sandbox, recorder, calls)
    began, settled, faults_started = clock.now(), iter(range(1, agents)), anyio.Event()

    async def run_agent(servers: list[ClientaryServer], number: int) -> None:
        dice = random.Random(f"{weather.seed}/{number}")  # noqa: S311 - repeatable
        mode: Era = "legacy" if number % 2 else "auto"
        async with AsyncExitStack() as stack:
            clients = [await stack.enter_async_context(Client(server, mode=mode)) for server in servers]
            worker = Worker(checker, Roaming(clients, dice), dice, number)
            await worker.create_base()
            if next(settled, None) is None:
                sandbox.faults = Faults(
                    rate=weather.rate, kinds=weather.kinds(), seed=weather.seed, sleep=anyio.sleep, wall=clock.wall
                )
                faults_started.set()
            await faults_started.wait()
            await worker.work()

    async with _servers(sandbox, recorder, weather) as servers, anyio.create_task_group() as group:
        for number in range(agents):
            group.start_soon(run_agent, servers, number)
    await anyio.sleep(weather.lateness + 1)  # every late effect has happened by now
    checker.report.seconds = clock.now() - began
    return checker.close()

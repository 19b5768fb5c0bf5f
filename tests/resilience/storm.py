"""The storm: many agents work at once through one server while a fifth of Clientary's answers fail.

With lateness, some of the writes whose connection breaks take effect afterwards, up to so many seconds later. A
colleague overwrites some of what was updated.

Afterwards the account's ledger is compared with the reported outcomes. Time is virtual, and the same seed reproduces
the same storm; `benchmarks/storm.py` runs it in full, `test_storm.py` in short.
"""

import random

import anyio
from mcp import Client

from clientary_mcp.api.session import Clientary
from clientary_mcp.sandbox import Fault, Faults
from clientary_mcp.sandbox.controls.faults import STORM
from clientary_mcp.server.app import ClientaryServer
from clientary_mcp.settings import Settings
from tests.conftest import agency
from tests.resilience.checker import Checker, Report, WriteRecorder
from tests.resilience.storm_agents import Worker
from tests.support.agent import Agent
from tests.support.virtual_time import VirtualLoop, clock_of

RATE = 0.2


def storm(calls: int, agents: int, seed: int, lateness: float = 0.0) -> Report:
    """Run a storm of that many calls by that many agents."""
    random.seed(seed)  # the jitter of retries; everything else has its own random generator
    return anyio.run(_run, calls, agents, seed, lateness, backend_options={"loop_factory": VirtualLoop})


def _kinds(lateness: float) -> list[Fault]:
    """The kinds of fault: the usual ones, and with lateness also effects that are a little, more or very late."""
    late = [Fault("late", seconds=lateness * third / 3) for third in (1, 2, 3)]
    return [*STORM, *late] if lateness else [*STORM]


async def _run(calls: int, agents: int, seed: int, lateness: float) -> Report:
    """No faults until every agent has a client, project, invoice and card; then faults until all calls are made."""
    sandbox = agency()
    recorder, clock = WriteRecorder(sandbox, colleague=seed), clock_of(sandbox)
    checker = Checker(sandbox, recorder, calls)
    settings = Settings(
        base_url="http://localhost",
        api_token=sandbox.token,
        deletes_per_hour=10_000,
        mails_per_hour=10_000,
        charges_per_hour=10_000,
    )
    began, clientary = clock.now(), Clientary(settings, recorder, clock)
    server, settled, faults_started = ClientaryServer(clientary), iter(range(1, agents)), anyio.Event()

    async def run_agent(number: int) -> None:
        async with Client(server, mode="legacy" if number % 2 else "auto") as client:
            worker = Worker(checker, Agent(client), random.Random(f"{seed}/{number}"), number)  # noqa: S311 repeatable
            await worker.create_base()
            if next(settled, None) is None:
                sandbox.faults = Faults(
                    rate=RATE, kinds=_kinds(lateness), seed=seed, sleep=anyio.sleep, wall=clock.wall
                )
                faults_started.set()
            await faults_started.wait()
            await worker.work()

    async with clientary, anyio.create_task_group() as group:
        for number in range(agents):
            group.start_soon(run_agent, number)
    await anyio.sleep(lateness + 1)  # every late effect has happened by now
    checker.report.seconds = clock.now() - began
    return checker.close()

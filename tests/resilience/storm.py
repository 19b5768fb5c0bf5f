"""The storm: many agents work at once through one server while a fifth of Clientary's answers fail.

With lateness, some of the writes whose connection breaks take effect afterwards, up to so many seconds later.

Afterwards the account's ledger is compared with what the agents were told. Time is virtual, and the same seed is the
same storm; `benchmarks/storm.py` runs it in full, `test_storm.py` in short.
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
from tests.resilience.judge import Judge, Report, Witness
from tests.resilience.storm_agents import Worker
from tests.support.agent import Agent
from tests.support.virtual_time import VirtualLoop, clock_of

RATE = 0.2


def storm(calls: int, agents: int, seed: int, lateness: float = 0.0) -> Report:
    """What so many calls by so many agents come to."""
    random.seed(seed)  # the jitter of retries; everything else has dice of its own
    return anyio.run(_rage, calls, agents, seed, lateness, backend_options={"loop_factory": VirtualLoop})


def _kinds(lateness: float) -> list[Fault]:
    """What strikes: bad weather, and with lateness effects that come soon, later and last of all."""
    late = [Fault("late", seconds=lateness * third / 3) for third in (1, 2, 3)]
    return [*STORM, *late] if lateness else [*STORM]


async def _rage(calls: int, agents: int, seed: int, lateness: float) -> Report:
    """Calm until everybody has a client, a project, an invoice and a card; then the storm, until all calls are made."""
    sandbox = agency()
    witness, clock = Witness(sandbox), clock_of(sandbox)
    judge = Judge(sandbox, witness, calls)
    settings = Settings(
        base_url="http://localhost",
        api_token=sandbox.token,
        deletes_per_hour=10_000,
        mails_per_hour=10_000,
        charges_per_hour=10_000,
    )
    began, clientary = clock.now(), Clientary(settings, witness, clock)
    server, settled, calm_is_over = ClientaryServer(clientary), iter(range(1, agents)), anyio.Event()

    async def employ(number: int) -> None:
        async with Client(server, mode="legacy" if number % 2 else "auto") as client:
            worker = Worker(judge, Agent(client), random.Random(f"{seed}/{number}"), number)  # noqa: S311 repeatable
            await worker.settle_in()
            if next(settled, None) is None:
                sandbox.faults = Faults(
                    rate=RATE, kinds=_kinds(lateness), seed=seed, sleep=anyio.sleep, wall=clock.wall
                )
                calm_is_over.set()
            await calm_is_over.wait()
            await worker.work()

    async with clientary, anyio.create_task_group() as group:
        for number in range(agents):
            group.start_soon(employ, number)
    await anyio.sleep(lateness + 1)  # what was to come has come
    judge.report.seconds = clock.now() - began
    return judge.close()

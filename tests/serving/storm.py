"""The storm over replicas: agents work while requests fail, replicas are killed, and Redis is restarted.

It is the storm of `tests/resilience`, with real processes and in real time: a call whose replica was killed is of
unknown outcome to its agent, who makes it again if it is one that is not made twice. Afterwards the account's ledger
is compared with what was reported.
"""

import math
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import anyio
import anyio.to_thread
import mcp_types
from mcp import MCPError
from mcp_types import CallToolResult, TextContent

from clientary_mcp.errors import OF_THIS_CALL_ALONE
from clientary_mcp.sandbox import Faults
from clientary_mcp.sandbox.controls.faults import STORM
from tests.resilience.checker import RULES, Checker, Report, key_of
from tests.resilience.outcomes import Answer
from tests.resilience.outcomes import Outcome as Verdict
from tests.resilience.storm_agents import Worker
from tests.support.agent import Agent, Era
from tests.support.processes import PATIENCE
from tests.support.redis_server import RedisServer
from tests.support.serving.deployment import Deployment, deployed
from tests.support.serving.replica import Ended, Replica
from tests.support.serving.upstream import Arrival, Upstream

_CUT = "It is unknown whether Clientary got it: the server was gone before it answered."
"""What an agent makes of a connection that broke."""
_REDIS_DOWN = 1.5
"""Seconds for which Redis is down at a restart."""
_SHAKEN = 10.0
"""Seconds after a restart of Redis in which calls end that could not settle their claims meanwhile."""
_AGENTS_OF_ONE_CALLER = 2
_GENEROUS = {f"CLIENTARY_{kind}_PER_HOUR": "10000" for kind in ("DELETES", "MAILS", "CHARGES")}


@dataclass(frozen=True)
class Trouble:
    """What the storm is like."""

    seed: int = 1
    rate: float = 0.3
    """The share of the requests to the account that are struck."""
    kill_every: float = 4.0
    """Seconds from one replica's return to the next kill."""
    redis_restarts: int = 2
    replicas: int = 3
    accounts: int = 2


@dataclass
class Outcome:
    """What was found in each account, and what the processes went through."""

    reports: list[Report]
    kills: int = 0
    restarts: int = 0
    cuts: int = 0
    """Calls whose replica was gone before it answered."""
    told: Counter[str] = field(default_factory=Counter)
    """The same calls, made again: what was told."""
    seconds: float = 0.0

    @property
    def violations(self) -> dict[str, list[str]]:
        """Those of all accounts, by rule."""
        return {rule: [what for report in self.reports for what in report.violations[rule]] for rule in RULES}

    def total(self, what: Literal["calls", "outcomes", "lists", "struck"]) -> Counter[str]:
        """A figure of all accounts together."""
        return sum((getattr(report, what) for report in self.reports), Counter[str]())

    @property
    def requests(self) -> int:
        """Those that reached the accounts."""
        return sum(report.requests for report in self.reports)

    @property
    def effects(self) -> int:
        """The writes that took effect."""
        return sum(report.effects for report in self.reports)


class Requests:
    """The requests that reached the account, and the writes whose outcome no answer tells."""

    def __init__(self) -> None:
        self.open: set[str] = set()
        self.arrived: Counter[str] = Counter()
        """How often each write arrived so far, by key."""
        self.requests = 0

    def note(self, arrival: Arrival) -> None:
        """Note a request that is over."""
        self.requests += 1
        if arrival.method == "GET":
            return
        key = key_of(arrival.method, arrival.path, arrival.body)
        self.arrived[key] += 1
        refused = 400 <= arrival.status < 500
        succeeded = 200 <= arrival.status < 300 and not arrival.start.startswith(b"<")
        if not arrival.whole or not (refused or succeeded):
            self.open.add(key)
        elif arrival.status != 429:
            self.open.discard(key)


class Register(Checker):
    """Checks outcomes, knowing that what was cut off may have happened, and that Redis was down."""

    def __init__(self, account: Upstream, calls: int) -> None:
        self._requests = Requests()
        super().__init__(account.sandbox, self._requests, calls)
        account.watch = self._requests.note
        self._cut: set[str] = set()
        self._unsettled: set[str] = set()
        self._arrived_before: Counter[str] = Counter()
        """How often each write had arrived when the last answer was given that left its outcome open."""
        self.told: Counter[str] = Counter()
        self.shaken_until = 0.0

    def record_outcome(self, tool: str, key: str, answer: Answer) -> None:
        """Check it. Of a call that was cut off its agent knows nothing; of one while Redis was down, the claim may."""
        if key in self._cut and _CUT not in answer.text:
            sent = answer.outcome != "unknown" or key in self._requests.arrived
            self.told[answer.outcome if sent else "unknown, and not sent"] += 1
        self._allow_for({key}, answer)
        super().record_outcome(tool, key, answer)
        if answer.outcome == "unknown":
            self._arrived_before[key] = self._requests.arrived[key]

    def _is_of_an_earlier_call(self, key: str, answer: Answer) -> bool:
        """Whether it could not look that up, and a call of unknown outcome was the last that the account got."""
        arrived, before = self._requests.arrived[key], self._arrived_before[key]
        # That of a call that was cut off may arrive at any later time.
        return OF_THIS_CALL_ALONE in answer.text and (key in self._cut or 0 < before == arrived)

    def record_job(self, tool: str, keys: set[str], answer: Answer) -> None:
        """Check it, in the same way."""
        self._allow_for(keys, answer)
        super().record_job(tool, keys, answer)

    def record_writes(self, tool: str, told: Mapping[str, Verdict], answer: Answer) -> None:
        """Check each write, in the same way."""
        self._allow_for({*told}, answer)
        super().record_writes(tool, told, answer)

    def record_undo(self, key: str, before: int, answer: Answer) -> None:
        """Check an undo, in the same way."""
        self._allow_for({key}, answer)
        super().record_undo(key, before, answer)

    def _allow_for(self, keys: set[str], answer: Answer) -> None:
        """What may be of unknown outcome without a fault of the account."""
        if _CUT in answer.text:
            self._cut |= keys
        if time.monotonic() < self.shaken_until:
            self._unsettled |= keys
        self._requests.open |= keys & (self._cut | self._unsettled)


class Tenacious(Worker):
    """An agent that makes every call again of which it does not know the outcome."""

    persistent = 1.0
    later = (0.0, 0.5)


class Reconnecting(Agent):
    """An agent whose client connects again when its server is gone."""

    def __init__(self, deployment: Deployment, token: str, era: Era) -> None:
        self._deployment, self._token, self._era = deployment, token, era
        self._connected, self._broken = anyio.Event(), anyio.Event()
        self.cuts = 0

    async def stay_connected(self) -> None:
        """Connect again whenever the connection broke. Clients are entered and left in this task."""
        while True:
            self._broken = anyio.Event()
            try:
                async with self._deployment.host(self._token, self._era) as agent:
                    await agent.client.list_tools()
                    self.client = agent.client
                    self._connected.set()
                    await self._broken.wait()
            except Exception:  # noqa: BLE001 - whatever the SDK makes of a server that is gone
                await anyio.sleep(0.1)

    async def call(self, tool: str, arguments: dict[str, Any]) -> mcp_types.CallToolResult:
        """The result; if the connection broke, that nobody knows it."""
        while True:
            with anyio.fail_after(PATIENCE):
                await self._connected.wait()
            try:
                return await self.client.call_tool(tool, arguments)
            except MCPError as error:
                if self._era == "legacy":  # its session is gone; newer clients have none
                    self._connected = anyio.Event()
                    self._broken.set()
                if not error.message.startswith("Session "):  # terminated, or not found: then nothing was done
                    self.cuts += 1
                    return CallToolResult(content=[TextContent(text=_CUT)], is_error=True)


@asynccontextmanager
async def _agent(deployment: Deployment, token: str, era: Era) -> AsyncIterator[Reconnecting]:
    agent = Reconnecting(deployment, token, era)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(agent.stay_connected)
        yield agent
        tasks.cancel_scope.cancel()


async def storm(directory: Path, redis: RedisServer, calls: int, agents: int, trouble: Trouble) -> Outcome:
    """Run a storm of that many calls by that many agents, who are spread over the accounts."""
    people = [f"agent-{number}" for number in range(0, agents, _AGENTS_OF_ONE_CALLER)]
    accounts = [Upstream(*people) for _ in range(trouble.accounts)]
    registers = [Register(account, calls // len(accounts)) for account in accounts]
    outcome, began = Outcome([register.report for register in registers]), time.monotonic()
    async with deployed(directory, accounts, redis, _GENEROUS, replicas=trouble.replicas) as deployment:
        settled, begun = iter(range(1, agents)), anyio.Event()

        async def run_agent(number: int) -> None:
            account, register = accounts[number % len(accounts)], registers[number % len(accounts)]
            token = await deployment.token(people[number // _AGENTS_OF_ONE_CALLER], account)
            dice = random.Random(f"{trouble.seed}/{number}")  # noqa: S311 - repeatable
            era: Era = "legacy" if number % _AGENTS_OF_ONE_CALLER else "auto"
            async with _agent(deployment, token, era) as agent:
                worker = Tenacious(register, agent, dice, number)
                await worker.create_base()
                if next(settled, None) is None:
                    for each in accounts:
                        each.sandbox.faults = Faults(rate=trouble.rate, kinds=STORM, seed=trouble.seed)
                    begun.set()
                await begun.wait()
                await worker.work()
                outcome.cuts += agent.cuts

        async with anyio.create_task_group() as troubles:
            troubles.start_soon(_kill, deployment, begun, trouble, outcome)
            troubles.start_soon(_restart, redis, begun, registers, calls, trouble, outcome)
            async with anyio.create_task_group() as work:
                for number in range(agents):
                    work.start_soon(run_agent, number)
            troubles.cancel_scope.cancel()
    for register in registers:
        outcome.told += register.told
        register.close()
    outcome.seconds = time.monotonic() - began
    return outcome


async def _kill(deployment: Deployment, begun: anyio.Event, trouble: Trouble, outcome: Outcome) -> None:
    """Kill one replica after another, and start it again."""
    await begun.wait()
    while True:
        for replica in deployment.replicas:
            await anyio.sleep(trouble.kill_every)
            replica.kill()  # in whatever it does
            outcome.kills += 1
            await _return(replica)


async def _return(replica: Replica) -> None:
    """Start it until it stays: without Redis it ends at once, and whoever supervises it starts it again."""
    while True:
        replica.start()
        try:
            await replica.ready()
        except Ended:
            await anyio.sleep(0.1)
        else:
            return


async def _restart(
    redis: RedisServer,
    begun: anyio.Event,
    registers: list[Register],
    calls: int,
    trouble: Trouble,
    outcome: Outcome,
) -> None:
    """Restart Redis, at equal parts of the way."""
    await begun.wait()
    for number in range(1, trouble.redis_restarts + 1):
        due = calls * number / (trouble.redis_restarts + 1)
        while sum(register.made for register in registers) < due:  # noqa: ASYNC110 - agents bring it about
            await anyio.sleep(0.05)
        _shaken(registers, math.inf)
        await anyio.to_thread.run_sync(redis.stop)
        await anyio.sleep(_REDIS_DOWN)
        await anyio.to_thread.run_sync(redis.start)
        _shaken(registers, time.monotonic() + _SHAKEN)
        outcome.restarts += 1


def _shaken(registers: list[Register], until: float) -> None:
    for register in registers:
        register.shaken_until = until

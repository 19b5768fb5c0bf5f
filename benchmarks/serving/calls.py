"""What a call costs the server and Redis: two servers take turns, one with its store in memory, one on Redis."""

from asyncio.subprocess import Process
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median, quantiles

from redis import Redis

from benchmarks.serving.callers import Call, Caller, read, rounds
from benchmarks.serving.processes import cpu, proxy

EACH = 20
"""Calls of each caller in a round; there is one caller for each account, so that none waits for a place."""
_ALONE = 20
"""Calls of a round made one at a time."""


@dataclass(frozen=True)
class Served:
    """A server that is measured."""

    process: Process
    port: int


@dataclass
class Costs:
    """Microseconds of CPU of the server for each call, and until its answer, of one kind of call."""

    cpu: list[float] = field(default_factory=list)
    alone: list[float] = field(default_factory=list)
    redis_cpu: list[float] = field(default_factory=list)
    scripts: list[float] = field(default_factory=list)
    packets: list[float] = field(default_factory=list)

    @property
    def usual(self) -> float:
        """The CPU in a round that other processes disturb little."""
        return lower_quartile(self.cpu)

    @property
    def latency(self) -> float:
        """The median of calls made one at a time."""
        return median(self.alone)


def lower_quartile(values: Sequence[float]) -> float:
    """What three quarters of the values exceed: other processes slow a round down, and nothing speeds it up."""
    return quantiles(values, n=4)[0]


async def compare(
    servers: dict[str, Served], ports: Sequence[int], redis: tuple[Process, str], call: Call, number: int
) -> dict[str, Costs]:
    """The costs on each server, after so many rounds in which they take turns."""
    costs: dict[str, Costs] = defaultdict(Costs)
    with Redis.from_url(redis[1], decode_responses=True) as administrator:
        for _ in range(number):
            for name, served in servers.items():
                callers = [Caller(served.port, port) for port in ports]
                await rounds(callers, 2, call)  # opens their offices and connections
                administrator.config_resetstat()
                before, redis_before = cpu(served.process.pid), cpu(redis[0].pid)
                calls = len(await rounds(callers, EACH, call))
                of = costs[name]
                of.cpu.append((cpu(served.process.pid) - before) / calls * 1e6)
                of.redis_cpu.append((cpu(redis[0].pid) - redis_before) / calls * 1e6)
                stats = administrator.info("commandstats")
                scripts = sum(stats.get(f"cmdstat_{name}", {"calls": 0})["calls"] for name in ("evalsha", "eval"))
                of.scripts.append(scripts / calls)
                of.packets.append(administrator.info("stats")["total_reads_processed"] / calls)
                of.alone += [seconds * 1e6 for seconds in await rounds(callers[:1], _ALONE, call)]
                for caller in callers:
                    caller.close()
    return costs


async def proxied(served: Served, ports: Sequence[int], number: int) -> float:
    """Microseconds of nginx for each read, over so many rounds."""
    spent = []
    async with proxy(served.port) as (process, port):
        for _ in range(number):
            callers = [Caller(port, account) for account in ports]
            await rounds(callers, 2, read)
            before = cpu(process.pid)
            calls = len(await rounds(callers, EACH, read))
            spent.append((cpu(process.pid) - before) / calls * 1e6)
            for caller in callers:
                caller.close()
    return lower_quartile(spent)

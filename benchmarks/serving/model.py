"""A model of what few cores cannot show: how many calls a second some replicas bear that share one Redis.

It is no measurement. Each replica, each proxy and Redis has a core of its own, and a call takes as much of them as was
measured on this machine; memory, caches and the network are as if free. Agents that never pause make calls, which are
played event by event. CPU times vary as exponential ones do: more than they really vary.

`python -m benchmarks.serving.model SERVER PROXY REDIS PACKETS` prints the table: microseconds a call, packets a call.
"""

import heapq
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

REPLICAS = (1, 2, 4, 8, 16, 24)
PER_PROXY = 8
"""Replicas behind one core of the proxy."""

_CLIENTARY = 100_000.0
"""Microseconds for which a call waits for Clientary."""
_AGENTS = 150
"""For each replica: enough that it always has something to do."""
_SECONDS = 5


@dataclass(frozen=True)
class Call:
    """Microseconds of CPU that one call takes of the server, the proxy and Redis, and its packets to Redis."""

    server: float
    proxy: float
    redis: float
    packets: int


class Core:
    """Works on one thing after the other, in the order of arrival."""

    def __init__(self) -> None:
        self._free_at = self.worked = 0.0

    def work(self, now: float, microseconds: float) -> float:
        """When it has done so much more."""
        self._free_at = max(now, self._free_at) + microseconds
        self.worked += microseconds
        return self._free_at


def growth(call: Call, replicas: int) -> tuple[float, float]:
    """Calls a second of so many replicas, and the share of its core that Redis works."""
    chance, order = random.Random(1), count()  # noqa: S311 - keeps no secret
    redis, proxies = Core(), [Core() for _ in range(0, replicas, PER_PROXY)]
    servers = [Core() for _ in range(replicas)]

    def stages(server: Core, proxy: Core) -> Iterator[tuple[Core | None, float]]:
        yield proxy, call.proxy / 2
        for _ in range(call.packets):
            yield server, call.server / (call.packets + 1)
            yield redis, call.redis / call.packets
        yield None, _CLIENTARY
        yield server, call.server / (call.packets + 1)
        yield proxy, call.proxy / 2

    agents = [(servers[number % replicas], proxies[number % len(proxies)]) for number in range(_AGENTS * replicas)]
    events = [(chance.uniform(0, _CLIENTARY), next(order), agent, stages(*agent)) for agent in agents]
    heapq.heapify(events)
    done = 0
    while events[0][0] < _SECONDS * 1e6:
        now, _, agent, left = heapq.heappop(events)
        stage = next(left, None)
        if stage is None:
            done, left = done + 1, stages(*agent)
            heapq.heappush(events, (now, next(order), agent, left))
            continue
        core, mean = stage
        ends = now + mean if core is None else core.work(now, chance.expovariate(1 / mean) if mean else 0.0)
        heapq.heappush(events, (ends, next(order), agent, left))
    return done / _SECONDS, min(1.0, redis.worked / (_SECONDS * 1e6))


def table(call: Call) -> str:
    """The growth, as Markdown."""
    lines = ["| replicas (model) | calls /s | against one | Redis' core |", "| ---: | ---: | ---: | ---: |"]
    one = growth(call, 1)[0]
    for replicas in REPLICAS:
        rate, share = growth(call, replicas)
        lines.append(f"| {replicas} | {rate:,.0f} | {rate / one:.2f} | {share:.0%} |")
    return "\n".join(lines)


if __name__ == "__main__":
    server, proxy, redis, packets = map(float, sys.argv[1:5])
    print(table(Call(server, proxy, redis, round(packets))))

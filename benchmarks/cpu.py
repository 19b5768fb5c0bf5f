"""`python -m benchmarks.cpu [calls]`: the CPU time of a call over streamable HTTP, in both eras of the protocol.

Unlike calls per second, it is hardly disturbed by what else the machine does. Linux only.
"""

import asyncio
import json
import sys
import time
from asyncio.subprocess import Process
from contextlib import AsyncExitStack
from typing import Any

from benchmarks.agents import Agent, OverHttp
from benchmarks.measures import calls_per_second
from benchmarks.processes import BARE, OURS, trail, upstream

ROUNDS = 8
AT_ONCE = (1, 8, 50)
_ABOUT = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "benchmarks", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}


class Modern:
    """An agent of revision 2026-07-28, beside that of an older session with the same server: it has no session."""

    def __init__(self, beside: OverHttp) -> None:
        self.process, self._beside = beside.process, beside

    async def ask(self, method: str, params: dict[str, Any]) -> Any:
        """The result of one request; the answer is JSON, or an event stream with one message."""
        headers = {"Mcp-Protocol-Version": "2026-07-28", "Mcp-Method": method}
        if "name" in params:
            headers["Mcp-Name"] = params["name"]
        message = {"id": 1, "method": method, "params": params | {"_meta": _ABOUT}}
        body = await self._beside.post(message, "".join(f"{name}: {value}\r\n" for name, value in headers.items()))
        return json.loads(body[body.index(b"{") :])["result"]


async def measure(calls: int) -> None:
    """Print a table: the least of all rounds, in which the servers take turns."""
    print("| | clientary-mcp | bare | rate against bare |\n| --- | ---: | ---: | ---: |")
    async with upstream() as port, AsyncExitStack() as stack:
        older = [await stack.enter_async_context(OverHttp.session(server, port)) for server in (OURS, BARE)]
        eras: dict[str, list[Agent]] = {"2026-07-28": [Modern(agent) for agent in older], "2025-11-25": [*older]}
        for era, agents in eras.items():
            for at_once in AT_ONCE:
                rounds = [[await _cost(agent, calls, at_once) for agent in agents] for _ in range(ROUNDS)]
                ours, bare = (min(costs) for costs in zip(*rounds, strict=True))
                print(
                    f"| {era}, {at_once} at a time | {ours:,.0f} µs | {bare:,.0f} µs | {bare / ours:.2f} |", flush=True
                )


async def _cost(agent: Agent, calls: int, at_once: int) -> float:
    before = _cpu(agent.process)
    await calls_per_second(agent, calls, at_once)
    return (_cpu(agent.process) - before) / calls * 1e6


def _cpu(process: Process) -> float:
    """Seconds that the process has computed, itself and in the kernel."""
    return time.clock_gettime(~process.pid << 3 | 2)  # what clock_getcpuclockid(3) returns; /proc counts in 10 ms


if __name__ == "__main__":
    with trail():
        asyncio.run(measure(int(sys.argv[1]) if sys.argv[1:] else 1_000))

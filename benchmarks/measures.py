"""The measurements: both servers alternate, round by round; each figure is a median."""

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median
from typing import Any

import httpx

from benchmarks.agents import Agent, OverStdio
from benchmarks.processes import BARE, OURS
from benchmarks.upstream import PAGES, RECORDS


@dataclass(frozen=True)
class Effort:
    """How long to measure."""

    starts: int
    rounds: int
    calls: int
    """Calls of one round, one at a time; three times as many when 50 are made at the same time."""
    lists: int


@dataclass(frozen=True)
class Row:
    """One row of the table: one or two numbers and their limit."""

    what: str
    unit: str
    ours: float
    against: float | None
    limit: str
    kept: bool

    @classmethod
    def ratio(cls, what: str, unit: str, ours: float, against: float, limit: float, *, at_least: bool = False) -> "Row":
        """A row whose limit is on `ours / against`."""
        share = ours / against
        kept = share >= limit if at_least else share <= limit
        return cls(what, unit, ours, against, f"{'≥' if at_least else '≤'} {limit:g}", kept)


async def starts(upstream: int, effort: Effort) -> Row:
    """From the start of the process until `tools/list` is answered."""
    seconds: dict[str, list[float]] = {OURS.name: [], BARE.name: []}
    for number in range(effort.starts + 1):
        for server in (OURS, BARE):
            began = time.perf_counter()
            async with OverStdio.session(server, upstream) as agent:
                await agent.ask("tools/list", {})
                took = time.perf_counter() - began
            if number > 0:  # the first start may compile
                seconds[server.name].append(took)
    ours, bare = median(seconds[OURS.name]), median(seconds[BARE.name])
    return Row.ratio("start until tools/list is answered", "s", ours, bare, 1.3)


async def rates(over: str, ours: Agent, bare: Agent, effort: Effort) -> list[Row]:
    """Tool calls per second, one at a time and 50 at a time."""
    rows = []
    for at_once, calls in ((1, effort.calls), (50, 3 * effort.calls)):
        per_second: tuple[list[float], list[float]] = ([], [])
        for number in range(effort.rounds + 1):
            for series, agent in zip(per_second, (ours, bare), strict=True):
                rate = await calls_per_second(agent, calls, at_once)
                if number > 0:  # the first round opens connections
                    series.append(rate)
        what = f"calls over {over}, {at_once} at a time"
        rows.append(Row.ratio(what, "/s", median(per_second[0]), median(per_second[1]), 0.8, at_least=True))
    return rows


async def calls_per_second(agent: Agent, calls: int, at_once: int) -> float:
    """Calls per second of so many tasks, each of which makes one call after the other."""
    numbers = iter(range(1, calls + 1))
    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(_call(agent, numbers))
    return calls / (time.perf_counter() - began)


async def _call(agent: Agent, numbers: Iterator[int]) -> None:
    for number in numbers:
        result = await agent.ask("tools/call", {"name": "get_client", "arguments": {"client_id": number}})
        assert result["structuredContent"]["id"] == number


async def lists(ours: Agent, upstream: int, effort: Effort) -> Row:
    """All pages of a list in one call, against reading them one after the other."""
    joined, one_by_one = [], []
    for _ in range(effort.lists):
        began = time.perf_counter()
        await _read_one_by_one(upstream)
        one_by_one.append(time.perf_counter() - began)
        began = time.perf_counter()
        result = await ours.ask("tools/call", {"name": "list_clients", "arguments": {"limit": RECORDS}})
        joined.append(time.perf_counter() - began)
        assert result["structuredContent"]["returned"] == RECORDS
    what = f"{RECORDS:,} records on {PAGES} pages, against page after page"
    return Row.ratio(what, "s", median(joined), median(one_by_one), 0.3)


async def _read_one_by_one(upstream: int) -> None:
    async with httpx.AsyncClient(auth=("bench", "bench"), headers={"Accept": "application/json"}) as http:
        found = 0
        for page in range(1, PAGES + 1):
            response = await http.get(f"http://127.0.0.1:{upstream}/api/v2/clients", params={"page": page})
            found += len(response.json()["clients"])
    assert found == RECORDS


async def sizes(ours: Agent) -> list[Row]:
    """The size of `tools/list` for an agent: names, descriptions and input schemas; and the whole answer."""
    answer = await ours.ask("tools/list", {})
    tools = answer["tools"]
    text = sum(len(tool["name"] + tool["description"] + _compact(tool["inputSchema"])) for tool in tools)
    unit, average = "characters", text / len(tools)
    return [
        Row(f"name, description and input schema of {len(tools)} tools", unit, text, None, "", kept=True),
        Row("the same per tool", unit, average, None, "≤ 850", average <= 850),
        Row("the whole answer, with output schemas", unit, len(_compact(answer)), None, "", kept=True),
    ]


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

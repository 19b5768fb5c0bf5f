"""`python -m benchmarks [--quick]`: compares the server with a bare one in a table; exits with 1 if a limit is missed.

The measured server writes its audit trail to a temporary file; all other settings are the defaults.
"""

import argparse
import asyncio
import os
import platform
import sys

from benchmarks import measures
from benchmarks.agents import Agent, OverHttp, OverStdio
from benchmarks.measures import Effort, Row
from benchmarks.processes import BARE, OURS, peak_memory, trail, upstream

FULL = Effort(starts=11, rounds=31, calls=80, lists=3)
QUICK = Effort(starts=3, rounds=7, calls=60, lists=1)
LONGEST = 900
"""Seconds after which it gives up."""


async def measure(effort: Effort) -> list[Row]:
    """Measure all rows. Memory is that of the processes that did the preceding work."""
    async with asyncio.timeout(LONGEST), upstream() as port:
        rows = [await measures.starts(port, effort)]
        async with OverStdio.session(OURS, port) as ours, OverStdio.session(BARE, port) as bare:
            sizes = await measures.sizes(ours)
            rows += await measures.rates("stdio", ours, bare, effort)
            rows.append(await measures.lists(ours, port, effort))
            memory = [_memory("stdio", ours, bare)]
        async with OverHttp.session(OURS, port) as ours_http, OverHttp.session(BARE, port) as bare_http:
            await measures.sizes(ours_http)
            rows += await measures.rates("streamable HTTP", ours_http, bare_http, effort)
            await measures.lists(ours_http, port, QUICK)
            memory.append(_memory("streamable HTTP", ours_http, bare_http))
    return [*rows, *memory, *sizes]


def _memory(over: str, ours: Agent, bare: Agent) -> Row:
    what = f"peak memory after all that, {over}"
    return Row.ratio(what, "MB", peak_memory(ours.process), peak_memory(bare.process), 1.4)


def table(rows: list[Row]) -> str:
    """The rows as Markdown."""
    lines = ["| | clientary-mcp | against | ratio | limit | |", "| --- | ---: | ---: | ---: | --- | --- |"]
    for row in rows:
        ours = _number(row.ours, row.unit)
        against = "" if row.against is None else _number(row.against, row.unit)
        ratio = "" if row.against is None else f"{row.ours / row.against:.2f}"
        verdict = "" if not row.limit else "kept" if row.kept else "**MISSED**"
        lines.append(f"| {row.what} | {ours} | {against} | {ratio} | {row.limit} | {verdict} |")
    return "\n".join(lines)


def _number(value: float, unit: str) -> str:
    return f"{value:.3f} {unit}" if unit == "s" else f"{value:,.0f} {unit}"


def main() -> None:
    """Measure and print; the exit status is 0 if every limit is kept."""
    parser = argparse.ArgumentParser("benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds: about 40 seconds")
    effort = QUICK if parser.parse_args().quick else FULL
    with trail() as path:
        rows = asyncio.run(measure(effort))
        lines = path.read_bytes().count(b"\n")
    print(table(rows))
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}"
    print(f"\n{machine}; audit trail on ({lines:,} lines), pacing at its defaults")
    sys.exit(not all(row.kept for row in rows))


if __name__ == "__main__":
    main()

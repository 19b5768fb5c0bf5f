"""`python -m benchmarks.serving [--quick]`: the figures of serving a team, with and without Redis.

Needs redis-server; Linux only. The exit status is 1 when a limit is missed.
"""

import argparse
import asyncio
import os
import platform
import sys
from statistics import median

from benchmarks.__main__ import table
from benchmarks.measures import Row
from benchmarks.serving import parts
from benchmarks.serving.callers import capped_write, read, write
from benchmarks.serving.calls import Costs, Served, compare, lower_quartile, proxied
from benchmarks.serving.processes import accounts, redis_server, server

_ACCOUNTS = 8
_CALLERS = 2_000
_KINDS = (
    ("read", read, 1.10, 1_000, 2),
    ("write", write, 1.35, 4_000, None),
    ("capped write", capped_write, 1.35, 4_000, 8),
)


async def measure(number: int, warm_callers: int) -> list[Row]:
    """Measure all rows, with so many rounds for each kind of call, and so many callers with warm connections."""
    rows: list[Row] = []
    async with redis_server() as redis:
        async with accounts(_ACCOUNTS) as ports, server("memory", ports) as alone, server(redis[1], ports) as shared:
            servers = {"memory": Served(*alone), "redis": Served(*shared)}
            for kind, call, ratio, latency, scripts in _KINDS:
                costs = await compare(servers, ports, redis, call, number)
                rows += _of_calls(kind, costs["redis"], costs["memory"], ratio, latency, scripts)
            of_proxy = await proxied(servers["redis"], ports, number)
        known, asked = await parts.token_check(redis[1])
    made = await parts.office_made()
    idle, warm = await parts.idle_callers(600)
    held, measured = await parts.warm_callers(_CALLERS, warm_callers)
    lost, _ = await parts.drain(200)
    return [
        *rows,
        _at_most("a token's check, known in the process", "µs", known, 10),
        _at_most("the same, asked of the vault on Redis", "µs", asked, 100),
        _at_most("an office made", "µs", made, 5_000),
        _at_most("an idle caller", "KiB", idle, 40),
        Row("an idle caller with a connection to Clientary, no TLS", "KiB", warm, None, "", kept=True),
        _at_most(_warm(measured), "MiB", held, 600),
        Row("CPU of nginx per read", "µs", of_proxy, None, "", kept=True),
        _at_most("calls lost of 200 under way at SIGTERM", "", lost, 0),
    ]


def _of_calls(
    kind: str, on_redis: Costs, alone: Costs, ratio: float, latency: float, most_scripts: int | None
) -> list[Row]:
    scripts, limit = round(median(on_redis.scripts)), "" if most_scripts is None else f"≤ {most_scripts}"
    added = on_redis.latency - alone.latency
    rows = [
        Row.ratio(f"CPU per {kind}, on Redis against in memory", "µs", on_redis.usual, alone.usual, ratio),
        Row(
            f"latency of a {kind}, on Redis against in memory",
            "µs",
            on_redis.latency,
            alone.latency,
            f"+ {latency:,.0f} µs",
            added <= latency,
        ),
        Row(f"CPU of Redis per {kind}", "µs", lower_quartile(on_redis.redis_cpu), None, "", kept=True),
        Row(f"scripts per {kind}", "", scripts, None, limit, most_scripts is None or scripts <= most_scripts),
        Row(f"packets to Redis per {kind}", "", median(on_redis.packets), None, "", kept=True),
    ]
    if kind == "read":
        rate = 1e6 / alone.usual
        rows.append(Row("reads per core-second, in memory", "", rate, None, "≥ 650", rate >= 650))
    return rows


def _warm(measured: int) -> str:
    scaled = "" if measured == _CALLERS else f", scaled up from {measured:,}"
    return f"a replica of {_CALLERS:,} callers with four TLS connections each{scaled}"


def _at_most(what: str, unit: str, value: float, limit: float) -> Row:
    return Row(what, unit, value, None, f"≤ {limit:g}", value <= limit)


def main() -> None:
    """Measure and print; the exit status is 0 if every limit is kept."""
    parser = argparse.ArgumentParser("benchmarks.serving", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds and callers")
    quick = parser.parse_args().quick
    rows = asyncio.run(measure(8, 250) if quick else measure(25, _CALLERS))
    print(table(rows))
    print(f"\n{os.cpu_count()} cores, Python {platform.python_version()}; lower quartiles of CPU, medians of latency")
    sys.exit(not all(row.kept for row in rows))


if __name__ == "__main__":
    main()

"""The storm in full: `python -m benchmarks.storm [calls] [agents] [seed] [lateness] [processes] [rate]`.

Without arguments 10,000 calls by 20 agents, in 4 processes that share one store, with late effects of 0.3 s to 60 s,
and 30 % of all requests struck, a third of these with 429. Exits with 1 if anything was lost, duplicated or
misreported, or if memory grew. The storm itself is `tests/resilience/storm.py`.
"""

import sys
import time

from tests.resilience.checker import Report
from tests.resilience.storm import Weather, storm

DEFAULTS = ("10000", "20", "1", "60", "4", "0.3")
MOST_GROWTH = 20.0
"""Megabytes from the first tenth of the calls to the last."""


def main() -> int:
    """Run it and print the results."""
    calls, agents, seed, lateness, processes, rate = (*sys.argv[1:], *DEFAULTS[len(sys.argv) - 1 :])
    weather = Weather(int(seed), float(lateness), float(rate), int(processes))
    began = time.perf_counter()
    report = storm(int(calls), int(agents), weather)
    kept = show(report, int(agents), weather, time.perf_counter() - began)
    return 0 if kept else 1


def show(report: Report, agents: int, weather: Weather, seconds: float) -> bool:
    """Print the table; return whether every rule held."""
    growth, struck = report.late - report.early, sum(report.struck.values())
    broken = {rule: found for rule, found in report.violations.items() if found}
    late = f"up to {weather.lateness:g} s late" if weather.lateness else "nothing late"
    what = f"{agents} agents, {weather.processes} processes, seed {weather.seed}, {late}"
    rows: list[tuple[str, str, str]] = [
        ("calls", f"{sum(report.calls.values()):,} of {len(report.calls)} tools", what),
        ("requests", f"{report.requests:,}", f"{struck:,} struck, {weather.rate:.0%} meant"),
        ("writes that took effect", f"{report.effects:,}", ""),
        (
            "reported outcomes",
            ", ".join(f"{count:,} {outcome}" for outcome, count in report.outcomes.most_common()),
            "",
        ),
        ("lists", ", ".join(f"{count:,} {how}" for how, count in report.lists.most_common()), ""),
        *((rule, f"{len(found):,}", "broken" if found else "kept") for rule, found in report.violations.items()),
        ("memory growth", f"{growth:.1f} MB", "kept" if growth < MOST_GROWTH else "broken"),
        ("time", f"{seconds:.0f} s", f"{report.seconds:,.0f} s of the agents' own"),
    ]
    for row in rows:
        print(f"{row[0]:36} {row[1]:52} {row[2]}")
    print("struck by", ", ".join(f"{kind} {count:,}" for kind, count in report.struck.most_common()))
    for rule, found in broken.items():
        print(f"\n{rule}:")
        print(*(f"  {what}" for what in found[:10]), sep="\n")
    return not broken and growth < MOST_GROWTH


if __name__ == "__main__":
    sys.exit(main())

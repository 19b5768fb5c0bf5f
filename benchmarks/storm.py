"""The storm in full: `python -m benchmarks.storm [calls] [agents] [seed]`; 10,000 calls by 20 agents when not said.

Ends with 1 when anything was lost, done twice or told wrong, or when memory grew.
`tests/resilience/storm.py` is the storm.
"""

import sys
import time

from tests.resilience.judge import Report
from tests.resilience.storm import RATE, storm

MOST_GROWTH = 20.0
"""Megabytes from the first tenth of the calls to the last."""


def main() -> int:
    """Run it, and say what it came to."""
    calls, agents, seed = (int(given) for given in (*sys.argv[1:4], *("10000", "20", "1")[len(sys.argv) - 1 :]))
    began = time.perf_counter()
    report = storm(calls, agents, seed)
    kept = show(report, agents, seed, time.perf_counter() - began)
    return 0 if kept else 1


def show(report: Report, agents: int, seed: int, seconds: float) -> bool:
    """Print the table; whether everything held."""
    growth, struck = report.late - report.early, sum(report.struck.values())
    broken = {rule: found for rule, found in report.violations.items() if found}
    rows: list[tuple[str, str, str]] = [
        ("calls", f"{sum(report.calls.values()):,} of {len(report.calls)} tools", f"{agents} agents, seed {seed}"),
        ("requests", f"{report.requests:,}", f"{struck:,} struck, {RATE:.0%} meant"),
        ("writes that took effect", f"{report.effects:,}", ""),
        ("writes told", ", ".join(f"{count:,} {told}" for told, count in report.told.most_common()), ""),
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

"""The storm over replicas: `python -m benchmarks.serving_storm [calls] [agents] [seed] [rate] [kill_every] [accounts]`.

Without arguments 10,000 calls by 20 agents on four accounts, through three real replicas behind nginx, of which one is
killed every 20 s, with 30 % of all requests to the accounts struck, and Redis restarted twice. Exits with 1 if anything
was lost, duplicated or misreported. Needs redis-server and nginx; the storm itself is `tests/serving/storm.py`.
"""

import logging
import sys
import tempfile
from collections import Counter
from contextlib import redirect_stdout
from pathlib import Path

import anyio

from tests.serving.storm import Outcome, Trouble, storm
from tests.support.redis_server import RedisServer

DEFAULTS = ("10000", "20", "1", "0.3", "20", "4")


def main() -> int:
    """Run it and print the results."""
    logging.getLogger("mcp").setLevel(logging.ERROR)  # clients that lose their server, again and again
    calls, agents, seed, rate, kill_every, accounts = (*sys.argv[1:], *DEFAULTS[len(sys.argv) - 1 :])
    trouble = Trouble(int(seed), float(rate), float(kill_every), accounts=int(accounts))
    with tempfile.TemporaryDirectory() as directory:
        redis = RedisServer(Path(directory))
        redis.start()
        try:
            with redirect_stdout(sys.stderr):  # what the replicas print
                outcome = anyio.run(storm, Path(directory), redis, int(calls), int(agents), trouble)
        finally:
            redis.stop()
    return 0 if show(outcome, int(agents), trouble) else 1


def show(outcome: Outcome, agents: int, trouble: Trouble) -> bool:
    """Print the table; return whether every rule held."""
    calls, struck = outcome.total("calls"), outcome.total("struck")
    rows: list[tuple[str, str, str]] = [
        ("calls", f"{calls.total():,} of {len(calls)} tools", f"{agents} agents, seed {trouble.seed}"),
        ("requests", f"{outcome.requests:,}", f"{struck.total():,} struck, {trouble.rate:.0%} meant"),
        ("writes that took effect", f"{outcome.effects:,}", f"{trouble.accounts} accounts"),
        ("kills", f"{outcome.kills:,} of {trouble.replicas} replicas", f"every {trouble.kill_every:g} s"),
        ("restarts of Redis", f"{outcome.restarts:,}", ""),
        ("calls cut off", f"{outcome.cuts:,}", f"made again: {_listed(outcome.told)}"),
        ("reported outcomes", _listed(outcome.total("outcomes")), ""),
        ("lists", _listed(outcome.total("lists")), ""),
        *((rule, f"{len(found):,}", "broken" if found else "kept") for rule, found in outcome.violations.items()),
        ("time", f"{outcome.seconds:,.0f} s", ""),
    ]
    for row in rows:
        print(f"{row[0]:36} {row[1]:52} {row[2]}")
    print("struck by", _listed(struck))
    broken = {rule: found for rule, found in outcome.violations.items() if found}
    for rule, found in broken.items():
        print(f"\n{rule}:")
        print(*(f"  {what}" for what in found[:10]), sep="\n")
    return not broken


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{count:,} {what}" for what, count in counts.most_common())


if __name__ == "__main__":
    sys.exit(main())

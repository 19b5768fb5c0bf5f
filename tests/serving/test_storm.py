"""A short storm over replicas: kills, faults and restarts of Redis; `benchmarks/serving_storm.py` has the full one."""

from pathlib import Path

import pytest

from tests.resilience.checker import RULES
from tests.serving.storm import Trouble, storm
from tests.support.redis_server import RedisServer
from tests.support.serving import nginx

pytestmark = [pytest.mark.anyio, pytest.mark.long, pytest.mark.timeout(600)]


async def test_nothing_is_lost_doubled_or_misreported_while_replicas_are_killed(
    own_redis: RedisServer, tmp_path: Path
) -> None:
    nginx.installed()
    outcome = await storm(tmp_path, own_redis, 400, 20, Trouble())
    assert outcome.violations == {rule: [] for rule in RULES}
    assert outcome.kills >= 2
    assert outcome.restarts == 2
    assert outcome.cuts > 0
    assert outcome.total("struck").total() > 0.1 * outcome.requests
    assert {"done", "not done"} <= set(outcome.total("outcomes"))

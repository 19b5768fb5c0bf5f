"""Where the local date differs from UTC's: today is the local date, and the dated tests pass there too."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import anyio
import pytest

from clientary_mcp.api.call import Clock
from clientary_mcp.api.session import Clientary
from clientary_mcp.sandbox.network import Network
from clientary_mcp.settings import Settings
from tests.conftest import agency
from tests.support.agent import agent_of

AHEAD = "Pacific/Auckland"
DATED = ("accounting", "scenarios", "tools/reports", "tools/workflows", "tools/support/test_filters.py")


@pytest.fixture
def in_auckland(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The local time of a place that is thirteen hours ahead of UTC in November."""
    monkeypatch.setenv("TZ", AHEAD)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.anyio
async def test_today_is_the_servers_local_date(in_auckland: None) -> None:
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp()
    sandbox = agency()
    settings = Settings(base_url="http://localhost", api_token=sandbox.token)
    clock = Clock(now=time.monotonic, wall=lambda: noon, sleep=anyio.sleep)
    async with agent_of(Clientary(settings, Network(sandbox), clock)) as agent:
        assert (await agent.answer("receivables_report"))["as_of"] == "2026-11-21"


@pytest.mark.long
@pytest.mark.timeout(1_200)
def test_the_dated_tests_hold_in_auckland() -> None:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-x",
        "-p",
        "no:cacheprovider",
        *(f"tests/{name}" for name in DATED),
    ]
    run = subprocess.run(command, env=os.environ | {"TZ": AHEAD}, capture_output=True, text=True, check=False)  # noqa: S603 our own tests
    assert run.returncode == 0, run.stdout[-3_000:]

"""The account for the scenarios, and the cost of each, printed at the end."""

from collections.abc import AsyncIterator

import pytest

from clientary_mcp.sandbox import Sandbox
from tests.scenarios.account import account_with_traps
from tests.scenarios.playing import COMPARED, Play, play_on


@pytest.fixture
def account() -> Sandbox:
    """The agency's account with all traps."""
    return account_with_traps()


@pytest.fixture
async def play(account: Sandbox) -> AsyncIterator[Play]:
    """An agent on that account."""
    async with play_on(account) as play:
        yield play


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the cost of each job beside its cost with one tool per endpoint."""
    if not COMPARED:
        return
    terminalreporter.section("what the jobs took (calls, characters read), and with one tool per endpoint")
    width = max(len(compared.job) for compared in COMPARED)
    for compared in COMPARED:
        ours, alone = compared.ours, compared.alone
        terminalreporter.write_line(
            f"{compared.job:{width}}  {ours.calls:3} {ours.characters:8,}   {alone.calls:3} {alone.characters:8,}"
        )

"""An account that contains only its owner, for tests that fill it themselves."""

from collections.abc import AsyncIterator

import pytest

from clientary_mcp.sandbox import Sandbox
from tests.conftest import TODAY, session_with
from tests.support.agent import Agent, agent_of


@pytest.fixture
def books() -> Sandbox:
    """An account that contains only its owner."""
    return Sandbox(TODAY, filled=False)


@pytest.fixture
async def seeker(books: Sandbox) -> AsyncIterator[Agent]:
    """An agent on that account."""
    async with agent_of(session_with(books)) as agent:
        yield agent

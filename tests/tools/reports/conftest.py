"""The account that tests of reports read: one that contains only its owner, unless a module has its own `books`."""

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
async def reader(books: Sandbox) -> AsyncIterator[Agent]:
    """An agent on that account."""
    books.requests.clear()  # a module may share its account
    async with agent_of(session_with(books)) as agent:
        yield agent

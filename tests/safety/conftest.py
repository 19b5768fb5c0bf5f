"""An account of its own for each test that loses answers, and two servers on it: a clerk's and a colleague's."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from clientary_mcp.sandbox import Sandbox
from tests.agent import Agent, agent_of
from tests.conftest import TODAY
from tests.safety.virtual_time import session_on


@pytest.fixture(scope="session")
def filled() -> Sandbox:
    """The agency's books, made once and copied for each test."""
    return Sandbox(TODAY)


@pytest.fixture
def books(filled: Sandbox) -> Sandbox:
    """An account with a copy of the agency's books."""
    sandbox = Sandbox(TODAY, filled=False)
    filled.connection.backup(sandbox.connection)
    return sandbox


@pytest.fixture
async def clerk(books: Sandbox) -> AsyncIterator[Agent]:
    """An agent on that account."""
    async with agent_of(session_on(books)) as agent:
        yield agent


@pytest.fixture
async def colleague(books: Sandbox) -> AsyncIterator[Agent]:
    """Another one, through a server of its own, of whom the clerk's knows nothing."""
    async with agent_of(session_on(books)) as agent:
        yield agent


@pytest.fixture
def found(books: Sandbox) -> Callable[..., list[Any]]:
    """What the account's tables hold."""
    return lambda statement, *values: books.connection.execute(statement, values).fetchall()

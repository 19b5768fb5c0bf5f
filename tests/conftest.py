"""What tests share: an account that respx plays request by request, the sandbox, and an agent for each."""

from collections.abc import AsyncIterator, Callable, Iterator
from datetime import date
from functools import cache
from typing import Any

import hypothesis
import pytest
import respx

from clientary_mcp.api.session import Clientary
from clientary_mcp.sandbox import Sandbox
from clientary_mcp.sandbox.network import Network
from clientary_mcp.settings import Settings
from tests.support.agent import ERAS, Agent, Era, agent_of
from tests.support.clock import FakeTime
from tests.support.virtual_time import session_on

# The same examples in every run, and no limit of time: nothing may depend on how fast a machine is.
STEADY: dict[str, Any] = {"deadline": None, "derandomize": True, "database": None}
hypothesis.settings.register_profile("short", max_examples=20, **STEADY)
hypothesis.settings.register_profile("long", max_examples=200, **STEADY)  # by --hypothesis-profile
hypothesis.settings.load_profile("short")

TODAY = date(2026, 11, 20)
SETTINGS = Settings(subdomain="acme", api_token="t0ken-of-acme")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=ERAS)
def era(request: pytest.FixtureRequest) -> Era:
    """Both protocol eras, for the tests that ask for it."""
    era: Era = request.param
    return era


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def account() -> Iterator[respx.MockRouter]:
    """Clientary, played by respx: a request that no route expects fails the test."""
    with respx.mock(base_url="https://acme.clientary.com/api/v2/", assert_all_called=False) as router:
        yield router


@pytest.fixture
def clientary(account: respx.MockRouter, time: FakeTime) -> Clientary:
    """A session with the played account."""
    return Clientary(SETTINGS, clock=time.clock)


@pytest.fixture
async def agent(clientary: Clientary) -> AsyncIterator[Agent]:
    """An agent on the played account."""
    async with agent_of(clientary) as agent:
        yield agent


_filled = cache(Sandbox)


def agency(**settings: Any) -> Sandbox:
    """The embedded account, always of the same day; its books are copied, which is faster than making them."""
    sandbox = Sandbox(TODAY, filled=False, **settings)
    _filled(TODAY).connection.backup(sandbox.connection)
    return sandbox


@pytest.fixture
def sandbox() -> Sandbox:
    """An account of its own for each test."""
    return agency()


def session_with(sandbox: Sandbox, **settings: Any) -> Clientary:
    """A session with an embedded account, on its day."""
    chosen = Settings(base_url="http://localhost", api_token=sandbox.token, **settings)
    return Clientary(chosen, Network(sandbox), FakeTime(sandbox.today).clock)


@pytest.fixture
async def sandbox_agent(sandbox: Sandbox) -> AsyncIterator[Agent]:
    """An agent on the embedded account."""
    async with agent_of(session_with(sandbox)) as agent:
        yield agent


@pytest.fixture
def books() -> Sandbox:
    """An account of its own for each test, of which several agents' sessions know."""
    return agency()


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

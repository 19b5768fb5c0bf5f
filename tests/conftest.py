"""Shared fixtures: an account mocked by respx request by request, the sandbox, and an agent for each."""

import gc
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import hypothesis
import pytest
import respx

from clientary_mcp.api.session import Clientary
from clientary_mcp.sandbox import Sandbox
from clientary_mcp.sandbox.network import Network
from clientary_mcp.settings import Settings
from clientary_mcp.state.store import path_of
from tests.support.agent import ERAS, Agent, Era, agent_of
from tests.support.clock import FakeTime
from tests.support.virtual_time import session_on

# The same examples in every run and no deadline: no result may depend on the speed of the machine.
STEADY: dict[str, Any] = {"deadline": None, "derandomize": True, "database": None}
hypothesis.settings.register_profile("short", max_examples=20, **STEADY)
hypothesis.settings.register_profile("long", max_examples=200, **STEADY)  # by --hypothesis-profile
hypothesis.settings.load_profile("short")

respx.mocks.HTTPCoreMocker.add_targets("httpcore2.AsyncConnectionPool")  # what our connections are made by


def pytest_collection_finish() -> None:
    """Count none of the collected tests as garbage to look for.

    Among the objects of thousands of tests, the collector of garbage would wait for as many of what ended tests leave
    in cycles: the accounts of hundreds, some of megabytes.
    """
    gc.collect()
    gc.freeze()
    gc.collect()  # the collector waits for a quarter of what the last collection left


TODAY = date(2026, 11, 20)
SETTINGS = Settings(subdomain="acme", api_token="t0ken-of-acme", time_zone="UTC")


@pytest.fixture(autouse=True)
def state_directory(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state directory for each test, which is only made if the test stores something in a file."""
    directory = tmp_path_factory.getbasetemp() / f"state-{uuid4().hex}"
    monkeypatch.setenv("XDG_STATE_HOME", str(directory))
    path_of.cache_clear()
    return directory


@pytest.fixture(autouse=True)
def collector() -> Iterator[None]:
    """Each test leaves the garbage collector on: what all later tests leave would wait for it, gigabytes in a run."""
    yield
    on = gc.isenabled()
    gc.enable()
    assert on


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=ERAS)
def era(request: pytest.FixtureRequest) -> Era:
    """Both protocol eras, for the tests that request this fixture."""
    era: Era = request.param
    return era


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def account() -> Iterator[respx.MockRouter]:
    """Clientary, mocked by respx: a request that no route expects fails the test."""
    with respx.mock(base_url="https://acme.clientary.com/api/v2/", assert_all_called=False) as router:
        yield router


@pytest.fixture
def clientary(account: respx.MockRouter, time: FakeTime) -> Clientary:
    """A session with the mocked account, without undo: with it, an update reads the record first."""
    return Clientary(replace(SETTINGS, exclude_tools=frozenset({"undo"})), clock=time.clock)


@pytest.fixture
async def agent(clientary: Clientary) -> AsyncIterator[Agent]:
    """An agent on the mocked account."""
    async with agent_of(clientary) as agent:
        yield agent


_filled = cache(Sandbox)


def agency(**settings: Any) -> Sandbox:
    """The sandbox, always on the same date; its tables are copied, which is faster than generating them."""
    sandbox = Sandbox(TODAY, filled=False, **settings)
    _filled(TODAY).connection.backup(sandbox.connection)
    return sandbox


@pytest.fixture
def sandbox() -> Sandbox:
    """A separate account for each test."""
    return agency()


def session_with(sandbox: Sandbox, **settings: Any) -> Clientary:
    """A session with a sandbox account, on its date."""
    chosen = Settings(**{"base_url": "http://localhost", "api_token": sandbox.token, "time_zone": "UTC", **settings})
    return Clientary(chosen, Network(sandbox), FakeTime(sandbox.today).clock)


@pytest.fixture
async def sandbox_agent(sandbox: Sandbox) -> AsyncIterator[Agent]:
    """An agent on the sandbox account."""
    async with agent_of(session_with(sandbox)) as agent:
        yield agent


@pytest.fixture
def books() -> Sandbox:
    """A separate account for each test, shared by several agents' sessions."""
    return agency()


@pytest.fixture
async def clerk(books: Sandbox) -> AsyncIterator[Agent]:
    """An agent on that account."""
    async with agent_of(session_on(books)) as agent:
        yield agent


@pytest.fixture
async def colleague(books: Sandbox) -> AsyncIterator[Agent]:
    """Another agent, through a separate server that is unknown to the clerk's."""
    async with agent_of(session_on(books)) as agent:
        yield agent


@pytest.fixture
def found(books: Sandbox) -> Callable[..., list[Any]]:
    """The contents of the account's tables."""
    return lambda statement, *values: books.connection.execute(statement, values).fetchall()

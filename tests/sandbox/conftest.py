"""An empty and a filled account for the tests, and a way to reach them that needs no network."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import date

import httpx
import pytest

from clientary_mcp.sandbox import Sandbox
from clientary_mcp.sandbox.network import Network

TODAY = date(2026, 3, 17)


@pytest.fixture
def account() -> Sandbox:
    """An account with nothing but its owner."""
    return Sandbox(TODAY, filled=False)


@pytest.fixture(scope="session")
def agency() -> Sandbox:
    """The default account, for tests that only read it."""
    return Sandbox(TODAY)


@pytest.fixture
async def reach() -> AsyncIterator[Callable[[Sandbox], httpx.AsyncClient]]:
    """Opens HTTP clients that speak to an account."""
    async with AsyncExitStack() as stack:
        opened: list[httpx.AsyncClient] = []

        def client(sandbox: Sandbox) -> httpx.AsyncClient:
            opened.append(
                httpx.AsyncClient(
                    transport=Network(sandbox),
                    base_url="https://sandbox.test/api/v2/",
                    auth=(sandbox.token, sandbox.token),
                    headers={"Accept": "application/json"},
                )
            )
            stack.push_async_callback(opened[-1].aclose)
            return opened[-1]

        yield client


@pytest.fixture
def wire(account: Sandbox, reach: Callable[[Sandbox], httpx.AsyncClient]) -> httpx.AsyncClient:
    """A client of the empty account."""
    return reach(account)

"""The pace of one account over all replicas, as the account sees it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import anyio
import pytest

from clientary_mcp.sandbox import Fault, Faults
from tests.support.agent import Agent
from tests.support.redis_server import RedisServer
from tests.support.serving import nginx
from tests.support.serving.deployment import ADA, BOB, Deployment, deployed
from tests.support.serving.upstream import Arrival, Upstream, slow

pytestmark = [pytest.mark.anyio, pytest.mark.long]

PLACES, PER_SECOND, ASKED = 4, 5, 3
ROUNDED = 0.01
SLACK = 1.0
"""Seconds by which the first request may arrive late, on a busy machine."""


@pytest.fixture(scope="module")
async def paced(redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Deployment]:
    nginx.installed()
    account, directory = Upstream(ADA, BOB), tmp_path_factory.mktemp("paced")
    given = {"CLIENTARY_CONCURRENCY": str(PLACES), "CLIENTARY_REQUESTS_PER_SECOND": str(PER_SECOND)}
    async with deployed(directory, [account], redis_server, given) as deployment:
        yield deployment


async def _read(agent: Agent, clients: list[int]) -> None:
    for client in clients:
        await agent.answer("get_client", client_id=client)


async def _read_at_once(deployment: Deployment, each: int) -> list[Arrival]:
    """The requests of two people who read at once at every replica, `each` time so many records."""
    (account,) = deployment.accounts
    tokens = [await deployment.token(person) for person in (ADA, BOB)]
    rows = account.sandbox.connection.execute("SELECT id FROM clients ORDER BY id").fetchall()
    async with AsyncExitStack() as stack:
        agents = [
            await stack.enter_async_context(deployment.host(token, at=replica))
            for replica in deployment.replicas
            for token in tokens
        ]
        account.reset()
        account.before = slow(1.0)  # so long that the places are what limits
        async with anyio.create_task_group() as tasks:
            for agent in agents:
                tasks.start_soon(_read, agent, [row["id"] for row in rows[:each]])
    return sorted(account.arrivals, key=lambda arrival: arrival.began)


async def test_places_and_requests_per_second_are_those_of_all_replicas_together(paced: Deployment) -> None:
    (account,) = paced.accounts
    arrivals = await _read_at_once(paced, 4)
    assert len(arrivals) == 24
    assert 1 < account.most_at_once <= PLACES
    assert arrivals[-1].began - arrivals[0].began > (len(arrivals) - 1) / PER_SECOND - SLACK


async def test_one_that_is_told_to_wait_keeps_all_of_them_quiet(paced: Deployment) -> None:
    (account,) = paced.accounts
    token = await paced.token()
    async with AsyncExitStack() as stack:
        agents = [await stack.enter_async_context(paced.host(token, at=replica)) for replica in paced.replicas]
        account.reset()
        account.sandbox.faults = Faults([Fault(429, nth=1, retry_after=ASKED)])
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_read, agents[0], [1201])
            await account.until(lambda: any(arrival.status for arrival in account.arrivals))
            for agent in agents:
                tasks.start_soon(_read, agent, [1202])
    refused, *others = sorted(account.arrivals, key=lambda arrival: arrival.began)
    assert refused.status == 429
    assert len(others) == 4
    assert min(other.began for other in others) - refused.began > ASKED - ROUNDED

"""A list that another replica changes while this one reads its pages: its count stays, so Clientary shows nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.support.agent import Agent
from tests.support.serving.deployment import EVE, Deployment, unguessable
from tests.support.serving.upstream import Arrival, Upstream

pytestmark = [pytest.mark.anyio, pytest.mark.long]

EVERY_CLIENT = {"limit": 1000, "detail": "summary"}
READINGS = 2
"""How often a list is read that is torn each time."""


@asynccontextmanager
async def torn_by(writer: Agent, account: Upstream, times: int) -> AsyncIterator[None]:
    """So many readings of the clients' second page wait until the writer has created one client and deleted another."""
    victims = [(await writer.answer("create_client", name=unguessable()))["id"] for _ in range(times)]
    account.reset()

    async def tear(arrival: Arrival) -> None:
        if (arrival.method, arrival.path, arrival.query) == ("GET", "clients", "page=2") and victims:
            await writer.answer("create_client", name=unguessable())
            await writer.answer("delete_client", client_id=victims.pop(), confirm=True)

    account.before = tear
    yield
    assert not victims


async def test_a_list_that_another_replica_tears_whenever_it_is_read_is_not_called_complete(
    deployment: Deployment, beta: Upstream
) -> None:
    token = await deployment.token(EVE, beta)
    first, second, _ = deployment.replicas
    async with deployment.host(token, at=first) as reader, deployment.host(token, at=second) as writer:
        async with torn_by(writer, beta, READINGS):
            torn = await reader.answer("list_clients", **EVERY_CLIENT)
        whole = await reader.answer("list_clients", **EVERY_CLIENT)
    assert not torn["complete"]
    assert "Records were added and removed while the pages were read" in torn["notice"]
    assert whole["complete"]
    assert whole["returned"] == torn["total_count"]

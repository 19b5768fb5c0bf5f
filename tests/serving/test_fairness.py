"""One caller with very many calls at once leaves room for the others."""

import time
from contextlib import AsyncExitStack
from statistics import median

import anyio
import pytest

from tests.support.agent import Agent
from tests.support.serving.deployment import ADA, BOB, EVE, Deployment
from tests.support.serving.upstream import Upstream, slow
from tests.support.users import some

pytestmark = [pytest.mark.anyio, pytest.mark.long]

FLOOD, CALLS, AT_ONCE, PLACES = 200, 7, 8, 4
TAKES = 0.3
"""Seconds that each request takes, much longer than what a busy machine adds to it."""


async def seconds(agent: Agent, client: int) -> float:
    """The median of some calls, one after the other."""
    times = []
    for _ in range(CALLS):
        began = time.monotonic()
        await agent.answer("get_client", client_id=client)
        times.append(time.monotonic() - began)
    return median(times)


async def test_others_wait_at_most_twice_as_long(deployment: Deployment, acme: Upstream, beta: Upstream) -> None:
    (client,) = some(acme.sandbox, "clients")
    async with AsyncExitStack() as stack:
        ada, eve, bob = [
            await stack.enter_async_context(deployment.host(await deployment.token(person, account)))
            for person, account in ((ADA, acme), (EVE, beta), (BOB, acme))
        ]
        acme.before = beta.before = slow(TAKES)
        alone = await seconds(eve, client)
        async with anyio.create_task_group() as flood:
            for _ in range(FLOOD):
                flood.start_soon(ada.call, "get_client", {"client_id": client})
            await acme.until(lambda: len(acme.arrivals) > AT_ONCE)
            beside = await seconds(eve, client)
            await seconds(bob, client)  # in the same account, whose places the flood fills: in turn
            at_once = acme.most_at_once
            acme.reset()  # the rest of the flood is answered at once
    assert beside < 2 * alone
    assert at_once == PLACES

"""Deployments: the one that the tests share, and the parts of those that a test has for itself."""

from collections.abc import AsyncIterator

import pytest

from tests.support.redis_server import RedisServer, own_redis, redis_server
from tests.support.serving import nginx
from tests.support.serving.deployment import ADA, BOB, EVE, Deployment, deployed
from tests.support.serving.upstream import Upstream

__all__ = ["own_redis", "redis_server"]


@pytest.fixture(scope="package")
def anyio_backend() -> str:
    """For the whole package, since deployments outlive a test."""
    return "asyncio"


# Not of the session: while it is up, all tests of the process run on its event loop, also those of virtual time.
@pytest.fixture(scope="package")
async def _shared(redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Deployment]:
    nginx.installed()
    accounts = Upstream(ADA, BOB), Upstream(EVE)
    directory = tmp_path_factory.mktemp("deployment")
    async with deployed(directory, accounts, redis_server, {"CLIENTARY_DELETES_PER_HOUR": "2"}) as deployment:
        yield deployment


@pytest.fixture
def deployment(_shared: Deployment) -> Deployment:
    """Three replicas for the accounts of Ada and Bob, and of Eve, who may delete two records an hour in each."""
    for account in _shared.accounts:
        account.reset()
    return _shared


@pytest.fixture
def acme(deployment: Deployment) -> Upstream:
    """The account of Ada and Bob."""
    return deployment.accounts[0]


@pytest.fixture
def beta(deployment: Deployment) -> Upstream:
    """The account of Eve."""
    return deployment.accounts[1]

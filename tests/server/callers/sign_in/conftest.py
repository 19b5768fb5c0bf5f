"""A server that people sign in to, a person, and a client that knows the protocol by heart."""

import pytest
from starlette.applications import Starlette

from clientary_mcp.server.callers.vault import Vault
from tests.server.callers.sign_in.served import Person, Raw, application


@pytest.fixture
def app(vault: Vault) -> Starlette:
    return application(vault)


@pytest.fixture
def anna(app: Starlette) -> Person:
    return Person(app)


@pytest.fixture
async def client(app: Starlette) -> Raw:
    """A registered client."""
    raw = Raw(app)
    assert (await raw.register()).status_code == 201
    return raw

"""`clientary-mcp store` and `check --store` for a server with callers, and for a single owner on Redis."""

import re
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from clientary_mcp.cli.store import report
from clientary_mcp.server.callers.vault import Vault
from clientary_mcp.settings import Settings
from clientary_mcp.state.backend import Backend
from clientary_mcp.state.backends import backend_for
from clientary_mcp.state.memory import Memory
from tests.support.redis_server import RedisServer, own_redis

__all__ = ["own_redis"]

pytestmark = pytest.mark.anyio

KEY = "k" * 32
ACME = Settings(subdomain="acme", api_token="t0ken-of-acme")
BETA = Settings(subdomain="beta", api_token="t0ken-of-beta")
CALLERS = {"CLIENTARY_CALLERS": "tokens", "CLIENTARY_ACCOUNTS": "acme, beta", "CLIENTARY_KEYS": KEY}
OWNER = {"CLIENTARY_SUBDOMAIN": "acme", "CLIENTARY_API_TOKEN": "t0ken-of-acme", "CLIENTARY_KEYS": KEY}


async def told(variables: dict[str, str], store: str, *, forgets: bool = False) -> str:
    """What the command prints."""
    return "".join([f"{line}\n" async for line in report(variables | {"CLIENTARY_STORE": store}, forgets=forgets)])


@pytest.fixture(params=["file", "redis"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a server keeps what it must not forget."""
    if request.param == "file":
        return f"file:{tmp_path}/vault"
    server: RedisServer = request.getfixturevalue("own_redis")
    return server.url


@pytest.fixture
async def server(store: str) -> AsyncIterator[Backend]:
    """The backend of a server that runs."""
    backend = backend_for(store, (KEY,), time.time)
    await backend.open()
    yield backend
    await backend.aclose()


async def remember(memory: Memory) -> None:
    """Some of each kind."""
    assert await memory.claims.take("sent", 120, None)
    await memory.claims.sent("sent", (), 120)
    await memory.claims.done("sent", 600, None)
    await memory.made.add("clients", 7)
    await memory.made.add("clients", 8)
    async with memory.quotas.spend("mail"):
        pass
    await memory.billed.add(1, 2, {"hours": [range(3, 5)]})
    assert await memory.answered.first("a question", 60)


async def test_what_is_remembered_is_counted_by_account_and_forgotten_but_callers_stay(
    server: Backend, store: str
) -> None:
    vault = Vault(server.values, server.ring, time.time)
    caller = await vault.enroll(name="Ana", account=ACME.address, api_token="t0ken", via="tokens")
    token = await vault.new_static_token(caller.id)
    await remember(server.memory(ACME))
    await remember(server.memory(BETA))
    text = await told(CALLERS, store)
    assert text.startswith(f"{server.describe()}: 1 caller, 1 token\n")
    assert len(re.findall(r"^account [0-9a-f]{16} \((.*)\)$", text, re.MULTILINE)) == 2
    assert f"({ACME.address})" in text
    assert "(of no caller any more)" in text
    for line in (
        "     1  calls that must not be made twice",
        "     2  records created in the last hour",
        "     1  deletes, e-mails and charges of the last hour",
        "     1  runs of work that invoices bill",
        "     1  questions that users answered",
    ):
        assert text.count(line) == 2
    assert (await told(CALLERS, store, forgets=True)).count("nothing is remembered any more") == 2
    assert await server.memory(ACME).made.ids("clients") == set()
    assert await server.memory(ACME).claims.find("sent") is None
    assert await server.memory(BETA).billed.runs() == []
    assert await vault.grant(token, ("static",))


async def test_what_a_living_server_is_sending_is_not_forgotten(server: Backend, store: str) -> None:
    memory = server.memory(ACME)
    await remember(memory)
    assert await memory.claims.take("a call", 120, None)
    assert "nothing is remembered any more, except what is being sent now" in await told(CALLERS, store, forgets=True)
    await memory.claims.sent("a call", (), 120)
    await memory.claims.done("a call", 600, None)
    assert "any more\n" in await told(CALLERS, store, forgets=True)


async def test_what_an_ended_server_left_is_forgotten(own_redis: RedisServer) -> None:
    ended = backend_for(own_redis.url, (KEY,), time.time)
    await ended.open()
    assert await ended.memory(ACME).claims.take("a call", 120, None)
    await ended.aclose()
    assert "any more\n" in await told(CALLERS, own_redis.url, forgets=True)
    with own_redis.administrator() as redis:
        assert list(redis.scan_iter("*:claim:*")) == []


async def test_a_single_owner_sees_the_own_account_on_redis_alone(own_redis: RedisServer) -> None:
    backend = backend_for(own_redis.url, (KEY,), time.time)
    await backend.open()
    for settings in (ACME, BETA):
        await remember(backend.memory(settings))
    await backend.aclose()
    text = await told(OWNER, own_redis.url)
    assert text.startswith(f"redis://127.0.0.1:{own_redis.port}/0, account ")
    assert text.count("records created in the last hour") == 1
    assert "nothing is remembered any more" in await told(OWNER, own_redis.url, forgets=True)
    assert "nothing is remembered yet" in await told(OWNER, own_redis.url)
    beta = OWNER | {"CLIENTARY_SUBDOMAIN": "beta"}
    assert "     2  records created" in await told(beta, own_redis.url)


async def test_memory_of_a_server_with_callers_cannot_be_seen() -> None:
    assert "nothing can be seen of it from here" in await told(CALLERS, "memory")

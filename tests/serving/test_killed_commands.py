"""SIGKILL of `clientary-mcp callers` before each of its writes: the vault is whole, and the same command finishes."""

import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from clientary_mcp.server.callers.vault import Profile, Vault
from clientary_mcp.settings.privileges import ALL_ALLOWED
from clientary_mcp.state.backends import backend_for
from tests.support.processes import COMMAND, environment
from tests.support.redis_server import RedisServer
from tests.support.serving.deployment import ADA, BOB, KEYS, enrolled
from tests.support.serving.upstream import Upstream

pytestmark = [pytest.mark.anyio, pytest.mark.long]

KILLED = (sys.executable, "-m", "tests.support.serving.killed_command")
NONE = 0
"""The number of a write that there is not."""


class Operator:
    """Whoever works on the vault with commands."""

    def __init__(self, account: Upstream, store: str) -> None:
        self._settings = {
            "CLIENTARY_CALLERS": "tokens",
            "CLIENTARY_ACCOUNTS": account.host,
            "CLIENTARY_KEYS": KEYS,
            "CLIENTARY_STORE": store,
        }
        self._account, self._store = account, store

    async def run(self, write: int, *arguments: str, typed: str = "") -> subprocess.CompletedProcess[bytes]:
        """Run a command that is killed before that write, if it comes to that."""
        command = COMMAND if write == NONE else (*KILLED, str(write))
        ran = await anyio.run_process(
            [*command, "callers", *arguments], input=typed.encode(), env=environment(**self._settings), check=False
        )
        assert ran.returncode in (0, -signal.SIGKILL), ran.stderr.decode()
        return ran

    async def kills(self, *arguments: str, typed: str = "") -> AsyncIterator[int]:
        """Run a command again and again, killed before its first write, its second and so on, until there is none."""
        write = 1
        while (await self.run(write, *arguments, typed=typed)).returncode:
            async with self.vault() as vault:  # who changed a profile is forgotten after half a minute
                await vault.values.delete(*await vault.values.keys("changing:"))
            yield write
            write += 1

    async def adds(self, api_token: str) -> str:
        """A token of the caller with that API token."""
        return await enrolled(self._store, self._account.address, api_token)

    async def finish(self, *arguments: str, typed: str = "") -> str:
        """What the command says that is not killed."""
        return (await self.run(NONE, *arguments, typed=typed)).stdout.decode()

    @asynccontextmanager
    async def vault(self) -> AsyncIterator[Vault]:
        """The vault, as a server would open it."""
        backend = backend_for(self._store, (KEYS,), time.time)
        await backend.open()
        try:
            yield Vault(backend.values, backend.ring, backend.wall)
        finally:
            await backend.aclose()

    async def profiles(self) -> list[Profile]:
        async with self.vault() as vault:
            return await vault.profiles()

    async def accepts(self, *tokens: str) -> bool:
        async with self.vault() as vault:
            return all([await vault.grant(token, ("static",)) is not None for token in tokens])


def token_in(printed: str) -> str:
    return next(word for word in printed.split() if word.startswith("cmk_"))


@pytest.fixture(params=["file", "redis"])
async def operator(request: pytest.FixtureRequest, own_redis: RedisServer, tmp_path: Path) -> AsyncIterator[Operator]:
    account = Upstream(ADA, BOB)
    async with account.listening():
        yield Operator(account, own_redis.url if request.param == "redis" else f"file:{tmp_path / 'vault'}")


async def test_add(operator: Operator) -> None:
    before = await operator.adds(BOB)
    listed = list[bool]()
    async for _ in operator.kills("add", "Ada", "--read-only", typed=ADA):
        ours = [profile for profile in await operator.profiles() if profile.name == "Ada"]
        assert all(profile.privileges.read_only for profile in ours)
        listed.append(bool(ours))
        token = token_in(await operator.finish("add", "Ada", "--read-only", typed=ADA))
        assert await operator.accepts(before, token)
        async with operator.vault() as vault:
            assert await vault.remove(token.split("_")[1])
        assert not await operator.accepts(token)
    assert listed == [False, False, True, True]


async def test_limit(operator: Operator) -> None:
    token = await operator.adds(ADA)
    caller_id, limited = token.split("_")[1], list[bool]()
    async for _ in operator.kills("limit", caller_id, "--read-only"):
        limited += [profile.privileges.read_only for profile in await operator.profiles()]
        await operator.finish("limit", caller_id, "--read-only")
        assert [profile.privileges.read_only for profile in await operator.profiles()] == [True]
        assert await operator.accepts(token)
        async with operator.vault() as vault:
            assert await vault.limit(caller_id, ALL_ALLOWED)
    assert limited == [False, False, True]


async def test_remove(operator: Operator) -> None:
    token = await operator.adds(ADA)
    caller_id, there = token.split("_")[1], list[tuple[bool, bool]]()
    async for _ in operator.kills("remove", caller_id):
        listed = bool(await operator.profiles())
        there.append((listed, await operator.accepts(token)))
        if listed:
            await operator.finish("remove", caller_id)
        assert await operator.profiles() == []
        assert not await operator.accepts(token)
        token = await operator.adds(ADA)
    # Their tokens go first, so that whoever is listed no more has none.
    assert there == [(True, True), (True, True), (True, False), (False, False)]

"""A whole deployment: accounts, Redis, replicas and their proxy, with callers who have tokens."""

import secrets
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import anyio
import httpx

from clientary_mcp.server.callers.vault import Vault
from clientary_mcp.settings.privileges import ALL_ALLOWED, Privileges
from clientary_mcp.state.backends import backend_for
from clientary_mcp.state.key_values import KeyValues, StoredKeyValues
from clientary_mcp.state.sealing import KeyRing
from tests.support.agent import Agent, Era
from tests.support.redis_server import RedisServer
from tests.support.serving.hosts import host_of, http_of
from tests.support.serving.nginx import Nginx
from tests.support.serving.replica import Replica
from tests.support.serving.upstream import Upstream

KEYS = "keys-of-a-deployment-under-test-0123456789"
ADA, BOB, EVE = "ada-at-acme-0001", "bob-at-acme-0002", "eve-at-beta-0003"
"""The API tokens of two people of one account, and of one of another."""


class Deployment:
    """Replicas with the same settings, behind one proxy. Nothing of it is sticky unless asked for."""

    def __init__(self, accounts: Sequence[Upstream], store: str, replicas: Sequence[Replica], nginx: Nginx) -> None:
        self.accounts, self.store, self.replicas, self.nginx = accounts, store, replicas, nginx
        self._secrets: list[str] = [KEYS, ADA, BOB, EVE]

    async def token(
        self, api_token: str = ADA, account: Upstream | None = None, privileges: Privileges = ALL_ALLOWED
    ) -> str:
        """A static token of a caller with that API token, as an operator would make one."""
        account = account or self.accounts[0]
        token = await enrolled(self.store, account.address, api_token, privileges)
        self._secrets.append(token)
        return token

    def host(
        self, token: str, era: Era = "auto", at: Replica | Nginx | None = None, **how: Any
    ) -> AbstractAsyncContextManager[Agent]:
        """An agent: through the proxy, to its own replica in the older era; or straight to one replica."""
        behind = self.nginx.url if era == "auto" else self.nginx.sticky_url
        return host_of(at.url if at else behind, token, era, **how)

    def http(self, token: str, at: Replica | None = None) -> httpx.AsyncClient:
        """A plain client through the proxy, or of one replica."""
        return http_of((at or self.nginx).url, token)

    async def until_ready(self, replicas: Iterable[Replica] = ()) -> None:
        """Return once these replicas, or all of them, would get traffic."""
        async with anyio.create_task_group() as tasks:
            for replica in replicas or self.replicas:
                tasks.start_soon(replica.ready)

    def stop(self) -> None:
        """End all processes, and show what the replicas printed, which pytest does if the test fails."""
        self.nginx.stop()
        for replica in self.replicas:
            replica.terminate()
        for replica in self.replicas:
            replica.stop()
        print(self.output)  # noqa: T201 - see above

    @property
    def output(self) -> str:
        """What all replicas printed."""
        return "".join(f"--- {replica.name}\n{replica.output}" for replica in self.replicas)

    def check_output(self) -> None:
        """Nothing that replicas print holds a secret, or tells of a defect."""
        printed = self.output
        assert not [secret for secret in self._secrets if secret in printed], "a secret was printed"
        assert "Traceback" not in printed


def _replica(number: int, directory: Path, settings: Mapping[str, str], ahead: float) -> Replica:
    name = f"replica-{number}"
    return Replica(name, directory, ahead=ahead, **{"CLIENTARY_REPLICA": name, **settings})


@asynccontextmanager
async def deployed(
    directory: Path,
    accounts: Sequence[Upstream],
    redis: RedisServer,
    settings: Mapping[str, str] = MappingProxyType({}),
    *,
    replicas: int = 3,
    proxied: bool = True,
    own: Mapping[int, Mapping[str, str]] = MappingProxyType({}),
    ahead: Mapping[int, float] = MappingProxyType({}),
) -> AsyncIterator[Deployment]:
    """A deployment that is ready; `own` settings and clocks that are `ahead` are those of single replicas."""
    given = {
        "CLIENTARY_CALLERS": "tokens",
        "CLIENTARY_ACCOUNTS": ",".join(account.host for account in accounts),
        "CLIENTARY_KEYS": KEYS,
        "CLIENTARY_STORE": redis.url,
        "CLIENTARY_DRAIN_SECONDS": "0",
        "CLIENTARY_TIME_ZONE": "UTC",
        **settings,
    }
    processes = [
        _replica(number, directory, {**given, **own.get(number, {})}, ahead.get(number, 0.0))
        for number in range(replicas)
    ]
    nginx = Nginx(directory, [process.port for process in processes])
    deployment = Deployment(accounts, redis.url, processes, nginx)
    async with AsyncExitStack() as stack:
        for account in accounts:
            await stack.enter_async_context(account.listening())
        stack.callback(deployment.stop)
        for process in processes:
            process.start()
        if proxied:
            nginx.start()
        await deployment.until_ready()
        yield deployment
    deployment.check_output()


async def enrolled(
    store: str, address: str, api_token: str, privileges: Privileges = ALL_ALLOWED, keys: str = KEYS
) -> str:
    """A static token of a new caller of that account, also while servers use the store."""
    async with AsyncExitStack() as stack:
        values: KeyValues
        if store.startswith("file:"):
            file = StoredKeyValues(Path(store.removeprefix("file:")), time.time)
            stack.callback(file.close)
            values = file
        else:
            backend = backend_for(store, (keys,), time.time)
            await backend.open()
            stack.push_async_callback(backend.aclose)
            values = backend.values
        vault = Vault(values, KeyRing((keys,)), time.time)
        caller = await vault.enroll(
            name=api_token.partition("-")[0], account=address, api_token=api_token, privileges=privileges, via="tokens"
        )
        return await vault.new_static_token(caller.id)


def unguessable() -> str:
    """A text that appears nowhere else."""
    return secrets.token_hex(8)

"""A server with callers in this process, put together from its environment as the command does, at a real address."""

import socket
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import MappingProxyType
from typing import Any

import anyio
import httpx
import httpx2
import uvicorn
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from clientary_mcp.server.callers.assembly import Assembly, assembled
from clientary_mcp.server.callers.caller import Caller
from clientary_mcp.server.callers.identities import KEPT
from clientary_mcp.server.callers.vault import Vault
from clientary_mcp.server.http.drain import Drain
from clientary_mcp.server.http.for_callers import application
from clientary_mcp.settings import read_serving
from clientary_mcp.settings.privileges import ALL_ALLOWED, Privileges
from clientary_mcp.settings.serving import Door
from clientary_mcp.state.backends import backend_for
from tests.server.callers.sign_in.served import documents_at
from tests.support.agent import Agent, Era
from tests.support.processes import COMMAND, PATIENCE, environment
from tests.support.serving.deployment import KEYS
from tests.support.serving.upstream import Upstream

GATE = "gate-of-a-server-under-test"
_ACCEPT = {"Accept": "application/json, text/event-stream"}


def bearer(token: str, /, **more: str) -> dict[str, str]:
    """The header with a token; `read_only="true"` becomes X-Clientary-Read-Only."""
    ours = {f"X-Clientary-{name.replace('_', '-').title()}": value for name, value in more.items()}
    return {"Authorization": f"Bearer {token}"} | ours


class Assembled:
    """The server, at `url`, and the vault of its callers."""

    def __init__(
        self, url: str, assembly: Assembly, accounts: Sequence[Upstream], environment: Mapping[str, str]
    ) -> None:
        self.url, self.assembly, self.accounts, self.environment = url, assembly, accounts, environment
        self.vault = Vault(assembly.backend.values, assembly.backend.ring, assembly.backend.wall)

    async def enroll(
        self,
        api_token: str,
        account: Upstream | None = None,
        privileges: Privileges = ALL_ALLOWED,
        via: Door = "tokens",
        name: str = "",
    ) -> tuple[Caller, str]:
        """Somebody with that API token, of the first account if of no other, and a static token of theirs."""
        address = (account or self.accounts[0]).address
        caller = await self.vault.enroll(
            name=name or api_token, account=address, api_token=api_token, privileges=privileges, via=via
        )
        return caller, await self.vault.new_static_token(caller.id)

    async def command(self, *arguments: str, typed: str = "") -> str:
        """What a command prints that works on the same store, in a process of its own."""
        ran = await anyio.run_process(
            [*COMMAND, *arguments], input=typed.encode(), env=environment(**self.environment), check=False
        )
        assert ran.returncode == 0, ran.stderr.decode()
        return ran.stdout.decode()

    def agent(
        self, headers: Mapping[str, str], era: Era = "auto", path: str = "/mcp", **how: Any
    ) -> AbstractAsyncContextManager[Agent]:
        """An agent that sends these headers with each request; `how` goes to the SDK's client."""
        return agent_at(f"{self.url}{path}", headers, era, **how)

    def http(self, headers: Mapping[str, str] | None = None) -> httpx.AsyncClient:
        """A plain client, for what the SDK's does not show."""
        return httpx.AsyncClient(
            base_url=self.url, headers=_ACCEPT | dict(headers or {}), timeout=PATIENCE, trust_env=False
        )


@asynccontextmanager
async def agent_at(address: str, headers: Mapping[str, str], era: Era = "auto", **how: Any) -> AsyncIterator[Agent]:
    """An agent of the server at that address, with headers of its own."""
    http = httpx2.AsyncClient(headers=dict(headers), timeout=PATIENCE, trust_env=False)
    async with http, Client(streamable_http_client(address, http_client=http), mode=era, **how) as client:
        yield Agent(client)


@asynccontextmanager
async def serving(
    accounts: Sequence[Upstream],
    doors: str = "tokens",
    settings: Mapping[str, str] = MappingProxyType({}),
    *,
    wall: Callable[[], float] = time.time,
    kept: float = KEPT,
    pages: Mapping[str, object] = MappingProxyType({}),
) -> AsyncIterator[Assembled]:
    """A server that listens, with these doors, for accounts that do; `pages` are documents of clients."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        given = {**_given(url, accounts, doors), **settings}
        chosen = read_serving(given)
        assert chosen is not None
        backend = backend_for(chosen.bounds["store"], chosen.bounds["keys"], wall)
        await backend.open()
        documents = documents_at(Vault(backend.values, backend.ring, backend.wall), pages)
        try:
            async with assembled(chosen, backend, kept=kept, documents=documents) as assembly:
                drain = Drain(assembly.settings.deadline, 0)
                app = application(assembly, "streamable-http", "127.0.0.1", (), drain)
                async with _web_server(app, listening):
                    yield Assembled(url, assembly, accounts, given)
        finally:
            await backend.aclose()


def _given(url: str, accounts: Sequence[Upstream], doors: str) -> dict[str, str]:
    """The environment of a server, as far as nothing else is asked for."""
    given = {
        "CLIENTARY_CALLERS": doors,
        "CLIENTARY_ACCOUNTS": ",".join(account.host for account in accounts),
        "CLIENTARY_KEYS": KEYS,
        "CLIENTARY_STORE": "memory",
        "CLIENTARY_PUBLIC_URL": url,
        "CLIENTARY_TIME_ZONE": "UTC",
    }
    return given | ({"CLIENTARY_MCP_TOKEN": GATE} if "headers" in doors else {})


@asynccontextmanager
async def _web_server(app: Any, listening: socket.socket) -> AsyncIterator[None]:
    """Serve there until the block ends."""
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=1))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(server.serve, [listening])
        try:
            with anyio.fail_after(PATIENCE):
                while not server.started:  # noqa: ASYNC110 - it cannot signal that it listens
                    await anyio.sleep(0.01)
            yield
        finally:
            server.should_exit = True

"""A server with callers, on sandbox accounts in this process: its doors, offices and vault, and clients of it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import anyio
import httpx2
from mcp import Client
from mcp.client.session import ElicitationFnT
from mcp.client.streamable_http import streamable_http_client
from starlette.types import ASGIApp, Message

from clientary_mcp.api.call import Clock
from clientary_mcp.api.session import Clientary
from clientary_mcp.errors import NotRemembered
from clientary_mcp.sandbox import Sandbox
from clientary_mcp.sandbox.network import Network
from clientary_mcp.server.app import ClientaryServer
from clientary_mcp.server.callers.caller import Caller
from clientary_mcp.server.callers.doors import Doors
from clientary_mcp.server.callers.identities import Identities
from clientary_mcp.server.callers.offices import CallerOffices
from clientary_mcp.server.callers.vault import Grant, Vault, new_family
from clientary_mcp.server.http.sessions import BoundedSessions
from clientary_mcp.settings import Serving, Settings
from clientary_mcp.settings.accounts import read_accounts
from clientary_mcp.settings.privileges import ALL_ALLOWED, Privileges
from clientary_mcp.settings.serving import Door
from clientary_mcp.state.backend import LocalBackend
from clientary_mcp.state.memory import Memory
from clientary_mcp.state.sealing import KeyRing
from tests.support.agent import Agent, Era

KEYS = ("k" * 32,)
GATE = "the-gate-of-this-server"
PUBLIC = "https://mcp.example.com"
LOCAL = "http://127.0.0.1:8000"
ACCEPT = {"Accept": "application/json, text/event-stream"}


class Values:
    """Key-values in a dictionary, without expiry, which can be out of reach."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}
        self.down = False
        self.asked = 0

    def _reach(self) -> None:
        self.asked += 1
        if self.down:
            raise NotRemembered("out of reach")

    async def get(self, key: str) -> str | None:
        self._reach()
        return self.kept.get(key)

    async def get_all(self, *keys: str) -> list[str | None]:
        self._reach()
        return [self.kept.get(key) for key in keys]

    async def put(self, key: str, value: str, seconds: float | None = None, *, only_new: bool = False) -> bool:
        self._reach()
        if only_new and key in self.kept:
            return False
        self.kept[key] = value
        return True

    async def take(self, key: str) -> str | None:
        self._reach()
        return self.kept.pop(key, None)

    async def delete(self, *keys: str) -> None:
        self._reach()
        for key in keys:
            self.kept.pop(key, None)

    async def count(self, key: str, seconds: float) -> int:
        self._reach()
        self.kept[key] = str(int(self.kept.get(key, "0")) + 1)
        return int(self.kept[key])

    async def keys(self, prefix: str) -> list[str]:
        self._reach()
        return sorted(key for key in self.kept if key.startswith(prefix))


class Ticking:
    """Monotonic time that the test moves."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Team:
    """Accounts by subdomain, callers of a vault, and the ASGI application that serves them."""

    def __init__(self, accounts: Mapping[str, Sandbox], *doors: Door, clock: Clock | None = None, **more: Any) -> None:
        doors = doors or ("tokens", "headers")
        bounds = {"keys": KEYS, "store": "memory", "time_zone": "UTC"}
        bounds |= {"mcp_token": GATE} if "headers" in doors else {}
        chosen = {name: more.pop(name) for name in ("public_url", "calls_at_once") if name in more}
        allowed = read_accounts(",".join(accounts))
        self.serving = Serving(frozenset(doors), accounts=allowed, bounds=bounds | more, **chosen)
        self.accounts, self.clock, self.time = accounts, clock or Clock(), Ticking()
        self.values = Values()
        self.vault = Vault(self.values, KeyRing(KEYS), self.time)
        self.identities = Identities(self.vault, self.serving, self.time, self.time)
        self.backend = LocalBackend(None, KeyRing(KEYS), self.clock.wall)
        self.offices = self.new_offices()
        self.server = ClientaryServer(self.offices)

    def new_offices(self) -> CallerOffices:
        """Offices over its backend, of which 10 stay open."""
        return CallerOffices(
            self.serving, self.backend, self.identities, connect=self._connect, clock=self.clock, most=10
        )

    def _connect(self, settings: Settings, memory: Memory) -> Clientary:
        subdomain = settings.address.removeprefix("https://").partition(".")[0]
        return Clientary(settings, Network(self.accounts[subdomain]), self.clock, memory)

    async def enroll(
        self, account: str = "acme", name: str = "Ada", privileges: Privileges = ALL_ALLOWED, via: Door = "tokens"
    ) -> tuple[Caller, str]:
        """A new caller, and a static token of theirs."""
        caller = await self.vault.enroll(
            name=name,
            account=f"https://{account}.clientary.com",
            api_token=self.accounts[account].token,
            privileges=privileges,
            via=via,
        )
        return caller, await self.vault.new_static_token(caller.id)

    async def access_token(
        self,
        caller: Caller,
        seconds: float = 3_600,
        resource: str | None = f"{PUBLIC}/mcp",
        privileges: Privileges = ALL_ALLOWED,
    ) -> str:
        """A token as a sign-in gives it."""
        grant = Grant(caller.id, "access", "host", resource, privileges=privileges, family=new_family())
        return await self.vault.issue(grant, seconds)

    @asynccontextmanager
    async def serves(self, most: int = 500) -> AsyncIterator[ASGIApp]:
        """The application, while it runs, with room for so many older sessions."""
        inner = self.server.streamable_http_app(max_sessions=most, session_idle_timeout=1_800)
        app = Doors(BoundedSessions(inner, most, 1_800), self.serving, self.identities, self.time)
        async with self.offices, living(app):
            yield app


@asynccontextmanager
async def living(app: ASGIApp) -> AsyncIterator[None]:
    """An application between its start and its end, as a web server has it."""
    ends, started, ended = anyio.Event(), anyio.Event(), anyio.Event()

    async def receive() -> Message:
        if not started.is_set():
            return {"type": "lifespan.startup"}
        await ends.wait()
        return {"type": "lifespan.shutdown"}

    async def send(message: Message) -> None:
        assert not message["type"].endswith("failed"), message
        (ended if started.is_set() else started).set()

    async def live() -> None:
        await app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, receive, send)

    async with anyio.create_task_group() as group:
        group.start_soon(live)
        await started.wait()
        try:
            yield
        finally:
            ends.set()
            with anyio.CancelScope(shield=True):
                await ended.wait()


@asynccontextmanager
async def agent_at(
    app: ASGIApp,
    headers: Mapping[str, str],
    era: Era = "auto",
    path: str = "/mcp",
    user: ElicitationFnT | None = None,
) -> AsyncIterator[Agent]:
    """An agent over HTTP, in memory, which sends these headers with each request."""
    http = httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=LOCAL, headers=dict(headers))
    way = streamable_http_client(f"{LOCAL}{path}", http_client=http)
    async with http, Client(way, mode=era, elicitation_callback=user) as client:
        yield Agent(client)

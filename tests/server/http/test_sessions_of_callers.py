"""How many sessions of the older protocols each caller may have, whatever address they come from. Time is virtual."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any

import anyio
import httpx
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from clientary_mcp.api.call import Clock
from clientary_mcp.sandbox import Fault, Faults, Sandbox
from clientary_mcp.server.app import ClientaryServer
from clientary_mcp.server.callers.user import CallerUser
from clientary_mcp.server.http.drain import Drain
from clientary_mcp.server.http.limits import BoundedStreams
from tests.conftest import session_with
from tests.server.http.test_app import ACCEPTED, LOCAL
from tests.server.http.test_full_sessions import those_left
from tests.server.http.test_idle_sessions import ENDED, HALF_AN_HOUR, Visitor
from tests.server.http.test_open_http import listeners
from tests.support.team import Team
from tests.support.users import some
from tests.support.virtual_time import VirtualLoop

pytestmark = pytest.mark.anyio

MOST = 20
TOO_MANY_OF_ONE = 429


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": VirtualLoop}


class Guests:
    """Clients of several callers, all at one address, each a second after the one before it."""

    def __init__(self, team: Team, app: ASGIApp, stack: AsyncExitStack) -> None:
        self._team, self._app, self._stack = team, app, stack
        self._tokens: dict[str, str] = {}

    async def visitor(self, name: str) -> Visitor:
        """A client of the caller with that name."""
        if name not in self._tokens:
            self._team.accounts["acme"].token = name
            _, self._tokens[name] = await self._team.enroll(name=name)
        http = httpx.AsyncClient(
            transport=httpx.ASGITransport(self._app),
            base_url=LOCAL,
            headers={"Authorization": f"Bearer {self._tokens[name]}"},
        )
        return Visitor(await self._stack.enter_async_context(http))

    async def come_in(self, *names: str) -> list[Visitor]:
        """Clients with a session."""
        visitors = []
        for name in names:
            visitors.append(visitor := await self.visitor(name))
            assert await visitor.come_in() == ACCEPTED
            await anyio.sleep(1)
        return visitors


@asynccontextmanager
async def room_for(most: int, sandbox: Sandbox) -> AsyncIterator[Guests]:
    team = Team({"acme": sandbox}, clock=Clock(now=anyio.current_time, sleep=anyio.sleep))
    async with AsyncExitStack() as stack:
        app = await stack.enter_async_context(team.serves(most))
        yield Guests(team, app, stack)


async def test_one_session_too_many_ends_the_longest_idle_one_of_the_same_caller(sandbox: Sandbox) -> None:
    async with room_for(500, sandbox) as guests:
        (other,) = await guests.come_in("Bob")
        visitors = await guests.come_in(*["Ada"] * MOST)
        assert await visitors[0].ping() == ACCEPTED
        visitors += await guests.come_in("Ada")
        assert await those_left([other, *visitors]) == [True, True, False, *[True] * (MOST - 1)]


async def test_sessions_opened_at_the_same_time_are_counted_too(sandbox: Sandbox) -> None:
    async with room_for(500, sandbox) as guests, anyio.create_task_group() as group:
        (other,) = await guests.come_in("Bob")
        crowd = [await guests.visitor("Ada") for _ in range(3 * MOST)]
        for visitor in crowd:
            group.start_soon(visitor.come_in)
        await anyio.sleep(1)
        assert sum(await those_left(crowd)) <= MOST
        assert await other.ping() == ACCEPTED


async def test_a_session_counts_until_it_has_really_ended(sandbox: Sandbox) -> None:
    async with room_for(500, sandbox) as guests:
        visitors = await guests.come_in(*["Ada"] * MOST)
        for visitor in visitors:
            assert await visitor.leave("2026-07-28") == 405  # there is nothing to leave in this protocol
        visitors += await guests.come_in("Ada")
        assert await those_left(visitors) == [False, *[True] * MOST]


async def test_nobody_else_ends_or_keeps_a_session(sandbox: Sandbox) -> None:
    async with room_for(500, sandbox) as guests:
        visitors = await guests.come_in(*["Ada"] * MOST)
        (other,) = await guests.come_in("Bob")
        for visitor in visitors:
            other.take_over(visitor)
            assert await other.ping() == await other.leave() == ENDED
        visitors += await guests.come_in("Ada")
        assert await those_left(visitors) == [False, *[True] * MOST]


async def test_a_caller_whose_sessions_are_all_busy_opens_no_other(sandbox: Sandbox) -> None:
    async with room_for(500, sandbox) as guests, anyio.create_task_group() as group:
        (other,) = await guests.come_in("Bob")
        busy = await guests.come_in(*["Ada"] * MOST)
        (client,) = some(sandbox, "clients")
        call = {"name": "get_client", "arguments": {"client_id": client}}
        sandbox.faults = Faults([Fault("slow", "GET", seconds=5)])
        for visitor in busy:
            group.start_soon(lambda each: each.send(id=3, method="tools/call", params=call), visitor)
        await anyio.sleep(1)
        assert await (await guests.visitor("Ada")).come_in() == TOO_MANY_OF_ONE
        assert await those_left([other, *await guests.come_in("Bob")]) == [True, True]
        await anyio.sleep(60)
        assert await those_left(await guests.come_in("Ada")) == [True]


async def test_where_all_are_taken_the_caller_who_holds_most_gives_way(sandbox: Sandbox) -> None:
    async with room_for(5, sandbox) as guests:
        visitors = await guests.come_in("Bob", "Ada", "Ada", "Bob", "Ada", "Cyd")
        assert await those_left(visitors) == [True, False, True, True, True, True]


async def test_event_streams_are_counted_by_caller(sandbox: Sandbox) -> None:
    team = Team({"acme": sandbox})
    ada, _ = await team.enroll()

    async def let_in(scope: Scope, receive: Receive, send: Send) -> None:
        """Who is at the address 10.0.0.N is the caller with that number."""
        caller = replace(ada, id=scope["client"][0])
        await streams({**scope, "user": CallerUser(caller, "client", "issuer")}, receive, send)

    async with session_with(sandbox) as clientary:
        drain = Drain(60)
        streams = BoundedStreams(ClientaryServer(clientary).sse_app(), 500, HALF_AN_HOUR, drain)
        async with listeners(let_in) as opened:
            other = await opened("10.0.0.2")
            own = []
            for _ in range(MOST + 1):
                own.append(await opened("10.0.0.1"))
                await anyio.sleep(1)
            assert not other.has_ended()
            assert [stream.has_ended() for stream in own] == [True, *[False] * MOST]

"""When every session of the older protocols is taken, an idle one gives way to a new one. Time is virtual."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import anyio
import httpx
import pytest
from starlette.types import ASGIApp

from clientary_mcp.sandbox import Fault, Faults, Sandbox
from clientary_mcp.server.app import ClientaryServer
from clientary_mcp.server.http.drain import Drain
from clientary_mcp.server.http.limits import BoundedStreams
from clientary_mcp.server.http.sessions import BoundedSessions
from tests.conftest import session_with
from tests.server.http.test_app import ACCEPTED, HELLO, LOCAL, served
from tests.server.http.test_idle_sessions import HALF_AN_HOUR, Visitor
from tests.server.http.test_open_http import listeners
from tests.support.users import some
from tests.support.virtual_time import VirtualLoop

pytestmark = pytest.mark.anyio

ONE, TWO, THREE = "10.0.0.1", "10.0.0.2", "10.0.0.3"
FULL, MODERN = 503, {"Mcp-Protocol-Version": "2026-07-28"}


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": VirtualLoop}


class Guests:
    """Clients of one server at different addresses, each a second after the one before it."""

    def __init__(self, app: ASGIApp, stack: AsyncExitStack) -> None:
        self._app, self._stack = app, stack

    async def http(self, address: str) -> httpx.AsyncClient:
        """An HTTP client at that address."""
        transport = httpx.ASGITransport(self._app, client=(address, 4711))
        return await self._stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url=LOCAL))

    async def come_in(self, *addresses: str) -> list[Visitor]:
        """Clients with a session at each of these addresses."""
        visitors = []
        for address in addresses:
            visitors.append(visitor := Visitor(await self.http(address)))
            assert await visitor.come_in() == ACCEPTED
            await anyio.sleep(1)
        return visitors


@asynccontextmanager
async def room_for(most: int, sandbox: Sandbox) -> AsyncIterator[Guests]:
    """A server of streamable HTTP with so many sessions, which the SDK would all refuse beyond."""
    async with session_with(sandbox) as clientary, AsyncExitStack() as stack:
        inner = ClientaryServer(clientary).streamable_http_app(max_sessions=most, session_idle_timeout=HALF_AN_HOUR)
        await stack.enter_async_context(inner.router.lifespan_context(inner))
        yield Guests(BoundedSessions(inner, most, HALF_AN_HOUR), stack)


async def those_left(visitors: list[Visitor]) -> list[bool]:
    """Which of them still have their session."""
    return [await visitor.ping() == ACCEPTED for visitor in visitors]


@pytest.mark.parametrize("newcomer", [ONE, TWO, THREE])
async def test_the_longest_idle_session_of_the_address_that_holds_most_gives_way(
    sandbox: Sandbox, newcomer: str
) -> None:
    async with room_for(5, sandbox) as guests:
        visitors = await guests.come_in(TWO, ONE, ONE, TWO, ONE)
        assert await visitors[1].ping() == ACCEPTED  # so that the third of them is idle for longest
        await anyio.sleep(1)
        await guests.come_in(newcomer)
        assert await those_left(visitors) == [True, True, False, True, True]


async def test_addresses_that_hold_as_many_give_way_by_idle_time(sandbox: Sandbox) -> None:
    async with room_for(4, sandbox) as guests:
        visitors = await guests.come_in(ONE, TWO, ONE, TWO)
        await visitors[0].ping()
        await guests.come_in(THREE)
        assert await those_left(visitors) == [True, False, True, True]


async def test_a_flood_from_one_address_ends_no_session_of_another(sandbox: Sandbox) -> None:
    async with room_for(6, sandbox) as guests:
        quiet = await guests.come_in(ONE, TWO)
        await guests.come_in(*[THREE] * 20)
        assert await those_left(quiet) == [True, True]


async def test_a_session_with_an_open_call_stays_and_a_newcomer_is_refused_if_no_other_may_end(
    sandbox: Sandbox,
) -> None:
    (client,) = some(sandbox, "clients")
    sandbox.faults = Faults([Fault("slow", "PUT", seconds=20)])
    call = {"name": "update_client", "arguments": {"client_id": client, "city": "Bath"}}
    answers: list[httpx.Response] = []

    async def work(visitor: Visitor) -> None:
        answers.append(await visitor.send(id=3, method="tools/call", params=call))

    async with room_for(3, sandbox) as guests, anyio.create_task_group() as group:
        other, *busy = await guests.come_in(TWO, ONE, ONE)
        for visitor in busy:
            group.start_soon(work, visitor)
        await anyio.sleep(1)
        assert await Visitor(await guests.http(THREE)).come_in() == FULL
        assert await other.ping() == ACCEPTED
        await anyio.sleep(60)
        assert await those_left(await guests.come_in(THREE)) == [True]
    assert [response.status_code for response in answers] == [ACCEPTED] * 2
    assert all('"city":"Bath"' in response.text.replace("\\", "") for response in answers)


async def test_only_a_client_that_opens_a_session_ends_another(sandbox: Sandbox) -> None:
    accept = {"Accept": "application/json, text/event-stream"}
    async with room_for(2, sandbox) as guests:
        visitors = await guests.come_in(ONE, ONE)
        http = await guests.http(TWO)
        for body in (b"", b"[]", b'{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}'):
            await http.post("/mcp", content=body, headers=accept | {"Content-Type": "application/json"})
        await http.post("/mcp", json=HELLO, headers=accept | MODERN)
        await http.post("/mcp", json=HELLO, headers=accept | {"Mcp-Session-Id": "unknown"})
        await http.get("/mcp", headers=accept)
        assert await those_left(visitors) == [True, True]


async def test_a_session_that_ended_leaves_its_place(sandbox: Sandbox) -> None:
    async with room_for(3, sandbox) as guests:
        left, *others = await guests.come_in(ONE, ONE, TWO)
        await left.leave()
        assert await those_left([*others, *await guests.come_in(ONE)]) == [True] * 3
        await anyio.sleep(HALF_AN_HOUR - 10)
        assert await others[1].ping() == ACCEPTED
        await anyio.sleep(11)  # and two have ended by themselves
        assert await those_left([others[1], *await guests.come_in(ONE, ONE)]) == [True] * 3


async def test_there_is_room_for_500_sessions(sandbox: Sandbox) -> None:
    async with served(sandbox) as app, AsyncExitStack() as stack:
        guests = Guests(app, stack)
        quiet = await guests.come_in(ONE, ONE)
        http = await guests.http(TWO)
        crowd = [Visitor(http) for _ in range(498)]
        for visitor in crowd:
            await visitor.come_in()
            await anyio.sleep(0.001)
        await guests.come_in(THREE)
        assert await those_left([*quiet, *crowd[:2], crowd[-1]]) == [True, True, False, True, True]


# Event streams


async def test_the_longest_idle_stream_of_the_address_that_holds_most_gives_way(sandbox: Sandbox) -> None:
    async with session_with(sandbox) as clientary:
        inner = ClientaryServer(clientary).sse_app()
        app = BoundedStreams(inner, most=3, idle_seconds=HALF_AN_HOUR, drain=Drain(60))
        async with listeners(app) as opened:
            streams = []
            for address in (TWO, ONE, ONE, THREE):
                streams.append(await opened(address))
                await anyio.sleep(1)
            assert [stream.has_ended() for stream in streams] == [False, True, False, False]
            assert {stream.status for stream in streams} == {ACCEPTED}

"""Idle sessions over streamable HTTP end; those with an open question to the user stay. Time is virtual."""

from typing import Any

import anyio
import httpx
import pytest

from clientary_mcp.api.session import Clientary
from clientary_mcp.sandbox import Sandbox
from clientary_mcp.sandbox.network import Network
from clientary_mcp.server.app import ClientaryServer
from clientary_mcp.server.http.app import application
from clientary_mcp.settings import Settings
from tests.server.http.test_app import ACCEPTED, served, visitor_of
from tests.support.users import some, writes
from tests.support.virtual_time import VirtualLoop, clock_of

pytestmark = pytest.mark.anyio

HALF_AN_HOUR = 1_800
ENDED = 404


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": VirtualLoop}


class Visitor:
    """A client with its own session, which declares that it can ask its user."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self._headers = {"Accept": "application/json, text/event-stream"}

    async def send(self, **message: Any) -> httpx.Response:
        """Send one message; return the response."""
        return await self._http.post("/mcp", json={"jsonrpc": "2.0", **message}, headers=self._headers)

    async def come_in(self) -> int:
        """Open the session."""
        about = {"name": "test", "version": "1"}
        can = {"protocolVersion": "2025-06-18", "capabilities": {"elicitation": {}}, "clientInfo": about}
        opened = await self.send(id=1, method="initialize", params=can)
        if opened.status_code != ACCEPTED:
            return opened.status_code
        self._headers |= {"Mcp-Session-Id": opened.headers["mcp-session-id"], "Mcp-Protocol-Version": "2025-06-18"}
        await self.send(method="notifications/initialized")
        return opened.status_code

    async def leave(self, protocol: str = "2025-06-18") -> int:
        """Close the session."""
        headers = self._headers | {"Mcp-Protocol-Version": protocol}
        return (await self._http.delete("/mcp", headers=headers)).status_code

    async def ping(self) -> int:
        """Whether the session exists."""
        return (await self.send(id=2, method="ping")).status_code

    def take_over(self, other: "Visitor") -> None:
        """Send everything in the session of somebody else from now on."""
        self._headers = other._headers


async def test_only_sessions_idle_for_half_an_hour_are_closed(
    sandbox: Sandbox,
) -> None:
    async with served(sandbox) as app, visitor_of(app) as http:
        used, idle = Visitor(http), Visitor(http)
        await used.come_in()
        await idle.come_in()
        for _ in range(3):
            await anyio.sleep(HALF_AN_HOUR - 1)
            assert await used.ping() == ACCEPTED
        assert await idle.ping() == ENDED
        await anyio.sleep(HALF_AN_HOUR + 1)
        assert await used.ping() == ENDED


async def test_a_session_with_an_open_question_stays_until_the_user_had_time_to_answer(sandbox: Sandbox) -> None:
    (lead,) = some(sandbox, "leads")
    call = {"name": "delete_lead", "arguments": {"lead_id": lead, "confirm": True}}
    settings = Settings(base_url="http://localhost", api_token=sandbox.token, ask_timeout=2 * HALF_AN_HOUR)
    clientary = Clientary(settings, Network(sandbox), clock_of(sandbox))
    app = application(ClientaryServer(clientary), settings, "streamable-http", "127.0.0.1")
    answers: list[httpx.Response] = []
    async with clientary, app.router.lifespan_context(app), visitor_of(app) as http:
        visitor = Visitor(http)
        await visitor.come_in()

        async def ask() -> None:
            answers.append(await visitor.send(id=3, method="tools/call", params=call))

        async with anyio.create_task_group() as group:
            group.start_soon(ask)
            await anyio.sleep(2 * HALF_AN_HOUR - 1)
            assert not answers
        assert await visitor.ping() == ACCEPTED
    assert "did not answer in time" in answers[0].text
    assert not writes(sandbox)

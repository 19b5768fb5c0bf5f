"""How access ends: callers are removed, or Clientary rejects their credential. Time is virtual."""

from typing import Any

import anyio
import httpx
import pytest
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from clientary_mcp.api.call import Clock
from clientary_mcp.sandbox import Fault, Faults, Sandbox
from clientary_mcp.settings.serving import Door
from tests.server.http.test_app import HELLO
from tests.support.agent import Era
from tests.support.team import ACCEPT, GATE, LOCAL, PUBLIC, Team, agent_at
from tests.support.users import some
from tests.support.virtual_time import VirtualLoop

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": VirtualLoop}


@pytest.fixture
async def team(sandbox: Sandbox) -> Team:
    return Team({"acme": sandbox}, clock=Clock(now=anyio.current_time, sleep=anyio.sleep))


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def post(app: ASGIApp, headers: dict[str, str], body: Any = HELLO, path: str = "/mcp") -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=LOCAL) as http:
        return await http.post(path, json=body, headers=ACCEPT | headers)


class Listener:
    """The event stream of an older session, as a web server sees it."""

    def __init__(self, app: ASGIApp, headers: dict[str, str]) -> None:
        self._app = app
        self._headers = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        self.sent: list[Message] = []

    async def __call__(self) -> None:
        scope = {"type": "http", "method": "GET", "path": "/mcp", "query_string": b"", "headers": self._headers}
        await self._app(scope, self._receive, self._send)

    async def _receive(self) -> Message:
        await anyio.sleep_forever()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        self.sent.append(message)

    def has_ended(self) -> bool:
        """Whether it ended as a response should."""
        return len(self.sent) > 1 and not self.sent[-1].get("more_body", False)


async def test_the_open_stream_of_a_removed_caller_ends_within_half_a_minute(team: Team) -> None:
    caller, token = await team.enroll()
    async with team.serves() as app, anyio.create_task_group() as group:
        opened = await post(app, bearer(token))
        session = {"Mcp-Session-Id": opened.headers["mcp-session-id"], "Mcp-Protocol-Version": "2025-06-18"}
        stream = Listener(app, ACCEPT | bearer(token) | session)
        group.start_soon(stream)
        await anyio.sleep(100)
        team.values.down = True  # which ends nobody's stream
        await anyio.sleep(100)
        assert not stream.has_ended()
        team.values.down = False
        await team.vault.remove(caller.id)
        await anyio.sleep(30)
        assert stream.has_ended()
        assert len([message for message in stream.sent if "status" in message]) == 1


async def test_an_open_call_of_a_removed_caller_ends_within_half_a_minute(team: Team, sandbox: Sandbox) -> None:
    caller, token = await team.enroll()
    sandbox.faults = Faults([Fault("slow", "GET", seconds=25)])
    (client,) = some(sandbox, "clients")
    modern = {"Mcp-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": "get_client"}
    about = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    call = {"name": "get_client", "arguments": {"client_id": client}, "_meta": about}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    async with team.serves() as app, anyio.create_task_group() as group:
        await anyio.sleep(10)

        async def work() -> None:
            answers.append(await post(app, bearer(token) | modern, message))

        answers: list[httpx.Response] = []
        group.start_soon(work)
        await anyio.sleep(1)
        await team.vault.remove(caller.id)
        await anyio.sleep(21)
        assert len(answers) == 1
        assert "result" not in answers[0].text


DOORS: list[Door] = ["tokens", "sign-in"]


async def token_of(team: Team, door: Door) -> str:
    """A token by which somebody comes through a door."""
    caller, static = await team.enroll(via=door)
    if door == "tokens":
        return static
    return await team.access_token(caller)


@pytest.mark.parametrize("door", DOORS)
async def test_a_caller_whose_credential_is_rejected_is_told_and_then_let_in_no_more_until_renewed(
    sandbox: Sandbox, door: Door, era: Era
) -> None:
    team = Team({"acme": sandbox}, "tokens", "sign-in", public_url=PUBLIC)
    token = await token_of(team, door)
    async with team.serves() as app:
        async with agent_at(app, bearer(token), era) as agent:
            await agent.answer("list_clients", limit=1)
            (caller,) = await team.vault.profiles()
            sandbox.token = "generated-anew"
            told = await agent.refusal("list_clients")
        assert told.startswith("Clientary rejected the API token.")
        assert ("sign in to this server again" if door == "sign-in" else "clientary-mcp callers add") in told
        assert "CLIENTARY_API_TOKEN" not in told
        assert (await post(app, bearer(token))).status_code == 401
        assert [profile.dead for profile in await team.vault.profiles()] == [True]
        renewed = await token_of(team, door)
        async with agent_at(app, bearer(renewed), era) as agent:
            assert (await agent.answer("list_clients", limit=1))["records"]
        assert (await post(app, bearer(token))).status_code == 401
        assert caller.id in {profile.id for profile in await team.vault.profiles()}


async def test_who_sends_the_credential_along_may_send_another_one(team: Team, sandbox: Sandbox, era: Era) -> None:
    given = {"Authorization": f"Bearer {GATE}", "X-Clientary-Subdomain": "acme", "X-Clientary-Token": "sandbox"}
    async with team.serves() as app:
        async with agent_at(app, given, era, "/direct/mcp") as agent:
            sandbox.token = "generated-anew"
            assert "sent as X-Clientary-Token" in await agent.refusal("list_clients")
        refused = await post(app, given, path="/direct/mcp")
        assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
        assert refused.text.startswith("Clientary rejected this X-Clientary-Token")
        async with agent_at(app, given | {"X-Clientary-Token": sandbox.token}, era, "/direct/mcp") as agent:
            assert (await agent.answer("list_clients", limit=1))["records"]
        team.time.now += 61
        assert (await post(app, given, path="/direct/mcp")).status_code == 200


async def test_one_list_that_rejects_the_credential_ends_no_access(team: Team, sandbox: Sandbox) -> None:
    account = sandbox.app

    async def strict(scope: Scope, receive: Receive, send: Send) -> None:
        refused = Response("", 401) if scope["path"].endswith("/invoices") else account
        await refused(scope, receive, send)

    sandbox.app = strict  # type: ignore[assignment]  # an application all the same
    _, token = await team.enroll()
    async with team.serves() as app, agent_at(app, bearer(token)) as agent:
        assert "rejected the API token" in await agent.refusal("list_invoices")
        assert (await agent.answer("list_clients", limit=1))["records"]
        assert not (await team.vault.profiles())[0].dead

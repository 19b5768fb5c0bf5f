"""What belongs to one caller is of no use to another: sessions, questions, and credentials in the log."""

import logging
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
from mcp_types import TextResourceContents
from starlette.types import Receive, Scope, Send

from clientary_mcp.sandbox import Sandbox
from clientary_mcp.server.callers.doors import Doors
from clientary_mcp.server.http.drain import Drain
from clientary_mcp.server.http.limits import BoundedStreams
from tests.server.callers.test_doors import CREDENTIALS, DIRECT, NARROW, answer_to, bearer
from tests.server.http.test_app import HELLO
from tests.server.http.test_open_http import listeners
from tests.server.test_answers_to_questions import ask, bring, done
from tests.support.agent import Agent, Era
from tests.support.gated import record_for
from tests.support.team import GATE, Team, agent_at
from tests.support.users import User

pytestmark = pytest.mark.anyio

MAIL = "send_invoice_message"


async def trail_of(agent: Agent) -> str:
    """The end of the trail, as an agent reads it."""
    (content,) = (await agent.client.read_resource("clientary://audit/recent")).contents
    assert isinstance(content, TextResourceContents)
    return content.text


@pytest.fixture
def team(sandbox: Sandbox) -> Team:
    return Team({"acme": sandbox})


async def test_a_session_is_unknown_to_everybody_else(team: Team, sandbox: Sandbox) -> None:
    _, token = await team.enroll()
    sandbox.token = "another-person"
    _, other = await team.enroll()
    async with team.serves() as app:
        for opener, path, strangers in (
            (bearer(token), "/mcp", [(bearer(other), "/mcp"), (CREDENTIALS, DIRECT)]),
            (CREDENTIALS, DIRECT, [(CREDENTIALS | {"X-Clientary-Token": "changed"}, DIRECT), (bearer(token), "/mcp")]),
        ):
            opened = await answer_to(app, opener, path)
            session = {"Mcp-Session-Id": opened.headers["mcp-session-id"], "Mcp-Protocol-Version": "2025-06-18"}
            ping = {"jsonrpc": "2.0", "id": 2, "method": "ping"}
            assert (await answer_to(app, opener | session, path, ping)).status_code == 200
            for headers, at in strangers:
                assert (await answer_to(app, headers | session, at, ping)).status_code == 404


async def test_an_event_stream_is_its_callers_and_may_do_no_more_than_when_it_was_opened(
    team: Team, sandbox: Sandbox
) -> None:
    _, token = await team.enroll()
    sandbox.token = "another-person"
    _, other = await team.enroll()
    doors = Doors(BoundedStreams(team.server.sse_app(), 500, 1_800, Drain(60)), team.serving, team.identities)
    opener = [(name.lower().encode(), value.encode()) for name, value in (bearer(token) | NARROW).items()]

    async def with_headers(scope: Scope, receive: Receive, send: Send) -> None:
        await doors({**scope, "headers": [*scope["headers"], *opener]}, receive, send)

    async with team.offices, listeners(with_headers) as opened:
        stream = await opened()
        messages = [HELLO, {"jsonrpc": "2.0", "method": "notifications/initialized"}]
        messages.append({"jsonrpc": "2.0", "id": 2, "method": "tools/list"})
        for message in messages:
            assert (await answer_to(doors, bearer(token), stream.address, message)).status_code == 202
        assert (await answer_to(doors, bearer(other), stream.address, HELLO)).status_code == 404
        assert (await answer_to(doors, {}, stream.address, HELLO)).status_code == 401
        with anyio.fail_after(10):
            while '"id":2' not in stream.text:
                await anyio.lowlevel.checkpoint()
    assert '"list_clients"' in stream.text
    assert '"create_client"' not in stream.text


async def test_a_question_to_one_person_cannot_be_answered_by_another(team: Team, sandbox: Sandbox) -> None:
    _, token = await team.enroll()
    arguments, _ = record_for(sandbox, MAIL)
    arguments |= {"allow_duplicate": True}
    async with team.serves() as app:
        async with agent_at(app, bearer(token), user=User()) as agent:
            state = (await ask(agent.client, MAIL, **arguments)).request_state
        first, sandbox.token = sandbox.token, "another-person"
        _, other = await team.enroll()
        async with agent_at(app, bearer(other), user=User()) as agent:
            assert await bring(agent.client, MAIL, state, **arguments) is None
        sandbox.token = first
        async with agent_at(app, bearer(token), user=User()) as agent:
            assert done(await bring(agent.client, MAIL, state, **arguments))
    assert len(sandbox.sent_messages) == 1


async def test_no_credential_gets_into_the_log(
    team: Team, sandbox: Sandbox, era: Era, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    sandbox.token = "canary-of-an-api-token"
    _, token = await team.enroll()
    given = CREDENTIALS | {"X-Clientary-Token": sandbox.token, "X-Clientary-Caller": "canary-of-a-name"}
    async with team.serves() as app:
        async with agent_at(app, bearer(token), era) as agent:
            await agent.answer("list_clients", limit=1)
        async with agent_at(app, given, era, DIRECT) as agent:
            await agent.answer("list_clients", limit=1)
            await agent.refusal("get_client", client_id=1)
        for wrong in (given | {"X-Clientary-Tools": "nothing"}, given | {"X-Clientary-Subdomain": "gamma"}):
            await answer_to(app, wrong, DIRECT)
        await answer_to(app, bearer(token) | {"X-Clientary-Token": sandbox.token})
    texts = [record.getMessage() for record in caplog.records if record.name.partition(".")[0] not in OF_CLIENTS]
    assert texts
    for secret in (token, sandbox.token, GATE, "canary-of-a-name"):
        assert not [text for text in texts if secret in text]


OF_CLIENTS = ("httpx2", "httpcore2", "asyncio")
"""What logs in this process on behalf of the agents."""


async def test_the_trail_shows_a_colleague_what_was_done_but_no_values(sandbox: Sandbox, tmp_path: Path) -> None:
    team = Team({"acme": sandbox}, "tokens", audit_log=tmp_path / "trail.jsonl")
    _, token = await team.enroll(name="Ada")
    async with team.serves() as app, agent_at(app, bearer(token)) as ada:
        await ada.answer("create_client", name="Globex", description="a canary")
        assert "a canary" in await trail_of(ada)
        sandbox.token = "another-person"
        _, other = await team.enroll(name="Bob")
        for only in ({}, NARROW):
            async with agent_at(app, bearer(other) | only) as bob:
                shown = await trail_of(bob)
            assert ("create_client" in shown) == (not only)
            assert "a canary" not in shown

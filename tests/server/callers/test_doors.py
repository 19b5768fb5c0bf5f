"""The doors: who is let in, with which headers, and what everybody else is told."""

from typing import Any

import anyio
import httpx
import pytest
from mcp import MCPError
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from clientary_mcp.sandbox import Sandbox
from clientary_mcp.server.callers.doors import Doors
from clientary_mcp.settings.privileges import Privileges
from tests.server.http.test_app import HELLO
from tests.support.team import ACCEPT, GATE, LOCAL, PUBLIC, Team, agent_at

pytestmark = pytest.mark.anyio

DIRECT = "/direct/mcp"
CREDENTIALS = {"Authorization": f"Bearer {GATE}", "X-Clientary-Subdomain": "acme", "X-Clientary-Token": "sandbox"}
Headers = dict[str, str] | list[tuple[str, str]]


@pytest.fixture
def team(sandbox: Sandbox) -> Team:
    return Team({"acme": sandbox})


async def answer_to(app: ASGIApp, headers: Headers, path: str = "/mcp", body: Any = HELLO) -> httpx.Response:
    """The response to a first request."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=LOCAL) as http:
        given = httpx.Headers(headers)
        return await http.post(path, json=body, headers=[*ACCEPT.items(), *given.multi_items()])


def bearer(token: str, **more: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} | {name.replace("_", "-"): value for name, value in more.items()}


# Tokens


async def test_a_caller_with_a_token_works_on_their_account(team: Team, era: Any) -> None:
    _, token = await team.enroll()
    async with team.serves() as app, agent_at(app, bearer(token), era) as agent:
        assert (await agent.answer("list_clients", limit=1))["records"]


@pytest.mark.parametrize("path", ["/mcp", "/sse", "/messages/", "/messages/?session_id=0"])
@pytest.mark.parametrize("given", [{}, {"Authorization": "Bearer"}, {"Authorization": "Basic abc"}])
async def test_without_a_token_nobody_gets_in(team: Team, path: str, given: Headers) -> None:
    async with team.serves() as app:
        refused = await answer_to(app, given, path)
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    "path", ["/mcp%0A", "//mcp", "/x//mcp", "/%2Fmcp", "/direct/mcp%0A", "/sse%0A", "/messages/%0A"]
)
async def test_no_path_leads_past_the_doors(team: Team, path: str) -> None:
    _, token = await team.enroll()
    async with team.serves() as app:
        for given in ({}, bearer(token), CREDENTIALS):
            assert (await answer_to(app, given, path)).status_code == 404


@pytest.mark.parametrize("token", ["x", "cmk_0123456789abcdef_" + "x" * 43, "cmt_0123456789abcdef_" + "x" * 43, GATE])
async def test_an_unknown_token_is_told_to_be_invalid(team: Team, token: str) -> None:
    async with team.serves() as app:
        refused = await answer_to(app, bearer(token))
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, 'Bearer error="invalid_token"')
    assert token not in refused.text


async def test_where_people_sign_in_the_challenge_says_where(sandbox: Sandbox) -> None:
    where = f'resource_metadata="{PUBLIC}/.well-known/oauth-protected-resource/mcp", scope="clientary"'
    async with Team({"acme": sandbox}, "sign-in", public_url=PUBLIC).serves() as app:
        first, wrong = await answer_to(app, {}), await answer_to(app, bearer("x"))
    assert first.headers["www-authenticate"] == f"Bearer {where}"
    assert wrong.headers["www-authenticate"] == f'Bearer error="invalid_token", {where}'


@pytest.mark.parametrize(
    ("resource", "status"),
    [(f"{PUBLIC}/mcp", 200), (f"{PUBLIC}/mcp/", 200), ("https://other.example/mcp", 401), (None, 401)],
)
async def test_an_access_token_must_be_for_this_server(sandbox: Sandbox, resource: str | None, status: int) -> None:
    team = Team({"acme": sandbox}, "sign-in", public_url=PUBLIC)
    caller, static = await team.enroll(via="sign-in")
    token = await team.access_token(caller, resource=resource)
    async with team.serves() as app:
        assert (await answer_to(app, bearer(token))).status_code == status
        assert (await answer_to(app, bearer(static))).status_code == 401  # a door that is not open here


async def test_an_access_token_expires_while_it_is_known(sandbox: Sandbox) -> None:
    team = Team({"acme": sandbox}, "sign-in", public_url=PUBLIC)
    caller, _ = await team.enroll(via="sign-in")
    token = await team.access_token(caller, 20)
    async with team.serves() as app:
        assert (await answer_to(app, bearer(token))).status_code == 200
        team.time.now += 21
        assert (await answer_to(app, bearer(token))).status_code == 401


async def test_what_a_person_allowed_at_the_sign_in_narrows_their_privileges(sandbox: Sandbox) -> None:
    team = Team({"acme": sandbox}, "sign-in", public_url=PUBLIC)
    caller, _ = await team.enroll(via="sign-in")
    token = await team.access_token(caller, privileges=Privileges(read_only=True))
    async with team.serves() as app, agent_at(app, bearer(token)) as agent:
        assert "create_client" not in {tool.name for tool in (await agent.client.list_tools()).tools}


async def test_a_token_for_an_account_that_is_no_longer_served_opens_nothing(team: Team) -> None:
    caller = await team.vault.enroll(name="Ada", account="https://beta.clientary.com", api_token="t", via="tokens")
    token = await team.vault.new_static_token(caller.id)
    async with team.serves() as app:
        assert (await answer_to(app, bearer(token))).status_code == 401


async def test_an_identity_is_known_for_half_a_minute_and_then_asked_for_again(team: Team) -> None:
    caller, token = await team.enroll()
    async with team.serves() as app:
        assert (await answer_to(app, bearer(token))).status_code == 200
        await team.vault.remove(caller.id)
        asked = team.values.asked
        assert (await answer_to(app, bearer(token))).status_code == 200
        assert team.values.asked == asked
        team.time.now += 30
        assert (await answer_to(app, bearer(token))).status_code == 401


async def test_whose_a_token_is_takes_one_step_of_the_store(sandbox: Sandbox) -> None:
    team = Team({"acme": sandbox}, "sign-in", "tokens", public_url=PUBLIC)
    caller, static = await team.enroll()
    for token in (static, await team.access_token(caller)):
        assert await team.identities.of(token)  # notes that the caller was seen
        team.time.now += 30
        asked = team.values.asked
        assert await team.identities.of(token)
        assert team.values.asked == asked + 1


async def test_without_the_store_those_who_are_known_go_on_for_a_while_and_nobody_is_told_401(team: Team) -> None:
    (_, token), (_, other) = await team.enroll(), await team.enroll()
    async with team.serves() as app:
        assert (await answer_to(app, bearer(token))).status_code == 200
        team.values.down = True
        team.time.now += 59
        assert (await answer_to(app, bearer(token))).status_code == 200
        unknown = await answer_to(app, bearer(other))
        assert (unknown.status_code, unknown.headers["retry-after"]) == (503, "5")
        team.time.now += 1
        assert (await answer_to(app, bearer(token))).status_code == 503
        team.values.down = False
        assert (await answer_to(app, bearer(token))).status_code == 200


async def test_more_than_600_requests_a_minute_are_too_many_for_one_caller(team: Team, sandbox: Sandbox) -> None:
    _, token = await team.enroll()
    sandbox.token = "another-person"
    _, other = await team.enroll()
    async with team.serves() as app:
        statuses = [(await answer_to(app, bearer(token), body=[])).status_code for _ in range(600)]
        assert 429 not in statuses
        team.time.now += 20
        refused = await answer_to(app, bearer(token))
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "40")
        assert (await answer_to(app, bearer(other))).status_code == 200
        team.time.now += 40
        assert (await answer_to(app, bearer(token))).status_code == 200


async def test_very_many_open_requests_of_one_caller_leave_room_for_others(team: Team, sandbox: Sandbox) -> None:
    _, token = await team.enroll()
    sandbox.token = "another-person"
    _, other = await team.enroll()
    held, statuses = anyio.Event(), list[int]()

    async def hold(scope: Scope, receive: Receive, send: Send) -> None:
        await held.wait()
        await PlainTextResponse("done")(scope, receive, send)

    async def ask(given: str) -> None:
        statuses.append((await answer_to(doors, bearer(given))).status_code)

    doors = Doors(hold, team.serving, team.identities, team.time)
    async with anyio.create_task_group() as group:
        for _ in range(252):
            group.start_soon(ask, token)
        await anyio.wait_all_tasks_blocked()
        assert statuses == [429, 429]
        group.start_soon(ask, other)
        await anyio.wait_all_tasks_blocked()
        held.set()
    assert statuses.count(200) == 251


# Credentials in headers


async def test_a_caller_with_credentials_works_on_their_account(team: Team, era: Any) -> None:
    async with team.serves() as app, agent_at(app, CREDENTIALS, era, DIRECT) as agent:
        assert (await agent.answer("list_clients", limit=1))["records"]
    assert not [key for key in team.values.kept if key.startswith(("prof", "tok"))]


async def test_the_same_credential_is_the_same_caller_by_either_door(team: Team) -> None:
    caller, _ = await team.enroll()
    assert await team.identities.caller_id(caller.account, caller.api_token) == caller.id


@pytest.mark.parametrize("missing", ["Authorization", "X-Clientary-Subdomain", "X-Clientary-Token"])
async def test_gate_and_credentials_are_both_needed(team: Team, missing: str) -> None:
    async with team.serves() as app:
        refused = await answer_to(app, {k: v for k, v in CREDENTIALS.items() if k != missing}, DIRECT)
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")


async def test_a_token_of_a_caller_does_not_open_the_gate(team: Team) -> None:
    _, token = await team.enroll()
    async with team.serves() as app:
        assert (await answer_to(app, CREDENTIALS | bearer(token), DIRECT)).status_code == 401


async def test_without_the_door_its_path_does_not_exist(sandbox: Sandbox) -> None:
    async with Team({"acme": sandbox}, "tokens").serves() as app:
        assert (await answer_to(app, CREDENTIALS, DIRECT)).status_code == 404


REFUSED: list[tuple[Headers, int, str]] = [
    (CREDENTIALS | {"X-Clientary-Subdomain": "gamma"}, 403, "does not serve that account"),
    (CREDENTIALS | {"X-Clientary-Host": "acme.clientary.com"}, 400, "both sent"),
    (CREDENTIALS | {"X-Clientary-Token": "with a space"}, 400, "printable"),
    (CREDENTIALS | {"X-Clientary-Token": "x" * 201}, 400, "1 to 200"),
    (CREDENTIALS | {"X-Clientary-Caller": "x" * 65}, 400, "at most 64"),
    (CREDENTIALS | {"X-Clientary-Caller": "Ada\tLovelace"}, 400, "printable"),
    (CREDENTIALS | {"X-Clientary-Toolsets": "invoice"}, 400, "Did you mean invoices"),
    (CREDENTIALS | {"X-Clientary-Tools": "get_clientt"}, 400, "Did you mean get_client"),
    (CREDENTIALS | {"X-Clientary-Exclude-Tools": "nothing"}, 400, "Valid: "),
    (CREDENTIALS | {"X-Clientary-Read-Only": "perhaps"}, 400, "must be true or false"),
    (CREDENTIALS | {"X-Clientary-Readonly": "true"}, 400, "Valid: "),
    (CREDENTIALS | {"X_Clientary_Read_Only": "true"}, 400, "There is no header X_clientary_read_only"),
    ([*CREDENTIALS.items(), ("X-Clientary-Token", "other")], 400, "twice"),
    ([*CREDENTIALS.items(), ("Authorization", "Bearer other")], 400, "twice"),
    ([*CREDENTIALS.items(), ("X-Clientary-Read-Only", "true"), ("X-Clientary-Read-Only", "false")], 400, "twice"),
]


@pytest.mark.parametrize(("headers", "status", "why"), REFUSED)
async def test_headers_that_cannot_be_meant_are_refused(team: Team, headers: Headers, status: int, why: str) -> None:
    async with team.serves() as app:
        refused = await answer_to(app, headers, DIRECT)
    assert (refused.status_code, why in refused.text) == (status, True), refused.text


@pytest.mark.parametrize("name", ["Subdomain", "Host", "Token", "Caller"])
async def test_credentials_beside_a_token_are_refused_rather_than_ignored(team: Team, name: str) -> None:
    _, token = await team.enroll()
    async with team.serves() as app:
        refused = await answer_to(app, bearer(token) | {f"X-Clientary-{name}": "acme"})
    assert refused.status_code == 400
    assert DIRECT in refused.text


async def test_nothing_behind_the_doors_sees_a_credential(team: Team) -> None:
    _, token = await team.enroll()
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(repr(scope) + repr(scope["user"].access_token))
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    doors = Doors(app, team.serving, team.identities)
    assert (await answer_to(doors, bearer(token))).status_code == 204
    assert (await answer_to(doors, CREDENTIALS | {"X-Clientary-Token": "canary"}, DIRECT)).status_code == 204
    assert not [secret for secret in (token, GATE, "canary") if any(secret in text for text in seen)]


@pytest.mark.parametrize("path", ["/mcp", DIRECT])
async def test_no_representation_shows_a_credential(team: Team, path: str) -> None:
    _, token = await team.enroll()
    given = bearer(token) if path == "/mcp" else CREDENTIALS | {"X-Clientary-Token": "canary"}
    scope = {"path": path, "headers": [(name.lower().encode(), value.encode()) for name, value in given.items()]}
    visit = await Doors(team.server.streamable_http_app(), team.serving, team.identities)._visit(scope)
    assert not [secret for secret in (token, "canary", team.accounts["acme"].token) if secret in repr(visit)]


# What narrows


NARROW = {"X-Clientary-Read-Only": "true"}


async def names(agent: Any) -> set[str]:
    return {tool.name for tool in (await agent.client.list_tools()).tools}


async def test_headers_narrow_what_both_doors_offer(team: Team, era: Any) -> None:
    _, token = await team.enroll(privileges=Privileges(toolsets=frozenset({"clients", "invoices"})))
    only = {"X-Clientary-Toolsets": "invoices, projects", "X-Clientary-Exclude-Tools": "get_invoice"} | NARROW
    async with team.serves() as app:
        async with agent_at(app, bearer(token) | only, era) as agent:
            assert "list_invoices" in await names(agent)
            assert not {"get_invoice", "create_invoice", "list_clients", "list_projects"} & await names(agent)
            assert "There is no tool" in await agent.refusal("create_client", name="Globex")
        async with agent_at(app, CREDENTIALS | only, era, DIRECT) as agent:
            assert {"list_invoices", "list_projects"} <= await names(agent)
            assert not {"get_invoice", "create_invoice", "list_clients"} & await names(agent)


async def test_callers_read_the_pictures_of_their_tools_alone(team: Team, era: Any) -> None:
    _, token = await team.enroll(privileges=Privileges(tools=frozenset({"sales_report"})))
    async with team.serves() as app, agent_at(app, bearer(token), era) as agent:
        (page,) = (await agent.client.read_resource("ui://clientary/sales.html")).contents
        assert page.mime_type == "text/html;profile=mcp-app"
        with pytest.raises(MCPError, match="This resource does not exist"):
            await agent.client.read_resource("ui://clientary/receivables.html")


async def test_a_request_that_may_use_no_tool_is_told_so(team: Team) -> None:
    _, token = await team.enroll(privileges=Privileges(toolsets=frozenset({"clients"})))
    async with team.serves() as app:
        answer = await answer_to(app, bearer(token, X_Clientary_Toolsets="invoices"))
    assert "leave no tool to use" in answer.text


async def test_a_session_may_do_no_more_than_when_it_was_opened(team: Team) -> None:
    _, token = await team.enroll()
    async with team.serves() as app:
        opened = await answer_to(app, bearer(token) | NARROW)
        session = {"Mcp-Session-Id": opened.headers["mcp-session-id"], "Mcp-Protocol-Version": "2025-06-18"}
        await answer_to(app, bearer(token) | session, body={"jsonrpc": "2.0", "method": "notifications/initialized"})
        for more in ({}, NARROW | {"X-Clientary-Read-Only": "false"}, {"X-Clientary-Toolsets": "clients"}):
            listed = await answer_to(
                app, bearer(token) | session | more, body={"jsonrpc": "2.0", "id": 2, "method": "tools/list"}
            )
            assert '"list_clients"' in listed.text
            assert '"create_client"' not in listed.text
            assert ('"list_invoices"' in listed.text) == ("X-Clientary-Toolsets" not in more)

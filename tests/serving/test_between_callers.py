"""What one caller of an account did is nobody else's there; and what narrows a caller cannot be undone."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from mcp import MCPError
from mcp_types import INVALID_PARAMS, ElicitResult, InputRequiredResult

from clientary_mcp.settings.privileges import Privileges
from clientary_mcp.tools import ALL
from tests.conftest import agency
from tests.support.agent import Agent, Era
from tests.support.serving.assembled import GATE, Assembled, bearer, serving
from tests.support.serving.canaries import RAW, calls_of_every_tool, read
from tests.support.serving.deployment import ADA, BOB
from tests.support.serving.hosts import HELLO, LIST
from tests.support.serving.upstream import Upstream
from tests.support.users import QUESTION, YES, User, some, text_of, writes

pytestmark = pytest.mark.anyio

CANARY = "canaryofada"
WRITING = [tool.name for tool in ALL if not tool.effect.reads_only]


@pytest.fixture
async def account() -> AsyncIterator[Upstream]:
    """The account of Ada and of Bob."""
    async with Upstream(ADA, BOB, sandbox=agency()).listening() as account:
        yield account


@pytest.fixture
async def server(account: Upstream, tmp_path: Path) -> AsyncIterator[Assembled]:
    (tmp_path / "exports").mkdir()
    settings = {
        "CLIENTARY_EXPORT_DIR": str(tmp_path / "exports"),
        "CLIENTARY_AUDIT_LOG": str(tmp_path / "trail"),
        "CLIENTARY_TOOLSETS": RAW,
        "CLIENTARY_UNDO_HOURS": "1",
    }
    async with serving([account], "tokens,headers", settings) as server:
        yield server


async def token(server: Assembled, api_token: str, **limits: Any) -> str:
    return (await server.enroll(api_token, privileges=Privileges(**limits)))[1]


async def test_who_repeats_anothers_call_is_told_so_without_the_record(
    server: Assembled, account: Upstream, era: Era
) -> None:
    given = {"name": "Globex", "description": CANARY}
    async with server.agent(bearer(await token(server, ADA)), era) as ada:
        made = await ada.answer("create_client", **given)
    async with server.agent(bearer(await token(server, BOB)), era) as bob:
        told = await bob.call("create_client", given)
    assert "another person" in text_of(told)
    assert str(made["id"]) in text_of(told)
    assert CANARY not in told.model_dump_json()
    assert len(account.of("POST", "clients")) == 1


async def test_what_one_caller_may_confirm_undo_or_download_is_nobody_elses(
    server: Assembled, account: Upstream, era: Era
) -> None:
    reminders: dict[str, Any] = {"min_days_overdue": 1}
    (client,) = some(account.sandbox, "clients")
    async with (
        server.agent(bearer(await token(server, ADA)), era) as ada,
        server.agent(bearer(await token(server, BOB)), era) as bob,
    ):
        preview = (await ada.answer("send_payment_reminders", **reminders))["preview_id"]
        again = await bob.answer("send_payment_reminders", **reminders, confirm=True, preview_id=preview)
        assert "That preview_id is unknown" in again["message"]
        assert account.sandbox.sent_messages == []

        await ada.answer("update_client", client_id=client, description=CANARY)
        action = (await ada.answer("undo"))["steps"][0]["action_id"]
        listed = await bob.call("undo", {})
        told = [text_of(listed), await bob.refusal("undo", action_id=action)]
        assert "steps" not in (listed.structured_content or {})

        file = (await ada.answer("export_records", tool="list_clients"))["file"]
        told.append(await read(bob, f"clientary://exports/{file}"))
        assert told[-1].startswith("refused")
        trail = "clientary://audit/recent"
        told.append(await read(bob, trail))
        assert action in told[-1]  # he may do everything there, so he may see who did what, but not with which values
        async with server.agent(bearer(await token(server, BOB, read_only=True)), era) as reader:
            told.append(await read(reader, trail))
            assert action not in told[-1]
    assert not [each for each in told if CANARY in each]


async def test_a_session_or_a_question_of_one_caller_is_unknown_to_another(
    server: Assembled, account: Upstream
) -> None:
    tokens = [await token(server, ADA), await token(server, BOB)]
    async with server.http(bearer(tokens[0])) as ada, server.http(bearer(tokens[1])) as bob:
        session = {"Mcp-Session-Id": (await ada.post("/mcp", json=HELLO)).headers["mcp-session-id"]}
        for request in (bob.post("/mcp", json=LIST, headers=session), bob.get("/mcp", headers=session)):
            assert (await request).status_code == 404
    (client,) = some(account.sandbox, "clients")
    call: dict[str, Any] = {"name": "delete_client", "arguments": {"client_id": client, "confirm": True}}
    async with (
        server.agent(bearer(tokens[0]), elicitation_callback=User()) as one,
        server.agent(bearer(tokens[1]), elicitation_callback=User()) as other,
    ):
        asked = await one.client.session.call_tool(**call, allow_input_required=True)
        assert isinstance(asked, InputRequiredResult)
        reply: dict[str, Any] = {"request_state": asked.request_state, "input_responses": {QUESTION: YES}}
        with pytest.raises(MCPError) as refused:
            await other.client.session.call_tool(**call, **reply, allow_input_required=True)
        assert refused.value.error.code == INVALID_PARAMS
        assert account.of("DELETE", f"clients/{client}") == []
        await one.client.session.call_tool(**call, **reply, allow_input_required=True)
    assert len(account.of("DELETE", f"clients/{client}")) == 1


# Reading alone


async def tries_to_write(agent: Agent, account: Upstream) -> list[str]:
    """Every route by which something could be changed; returns the names of the tools that are offered."""
    for tool, arguments in calls_of_every_tool(account.sandbox):
        if tool in WRITING:
            assert (await agent.call(tool, arguments() | {"confirm": True})).is_error or tool == "undo"
    for method in ("POST", "PUT", "DELETE"):
        raw = {"method": method, "path": "clients/1201", "body": '{"client": {"city": "Bath"}}', "confirm": True}
        assert (await agent.call("api_request", raw)).is_error
    assert (await agent.call("export_records", {"tool": "create_client"})).is_error
    for prompt in (await agent.client.list_prompts()).prompts:
        filled = await agent.client.get_prompt(prompt.name, {each.name: "A" for each in prompt.arguments or ()})
        assert not [tool for tool in WRITING if f"`{tool}`" in filled.model_dump_json() and tool not in READING_FORMS]
    for address in ("clientary://client/1201", "clientary://account"):
        await read(agent, address)
    return [tool.name for tool in (await agent.client.list_tools()).tools]


READING_FORMS = {tool.name for tool in ALL if tool.reading}


@pytest.mark.long
@pytest.mark.parametrize("by", ["profile", "header of a token", "header beside credentials"])
async def test_who_may_only_read_writes_by_no_route(server: Assembled, account: Upstream, era: Era, by: str) -> None:
    if by == "profile":
        headers, path = bearer(await token(server, ADA, read_only=True)), "/mcp"
    elif by == "header of a token":
        headers, path = bearer(await token(server, ADA), read_only="true"), "/mcp"
    else:
        headers, path = bearer(GATE, host=account.host, token=ADA, read_only="true"), "/direct/mcp"
    async with server.agent(headers, era, path) as agent:
        offered = await tries_to_write(agent, account)
    assert {arrival.method for arrival in account.arrivals} == {"GET"}
    assert writes(account.sandbox) == []
    assert "list_clients" in offered
    assert not {*offered} & {*WRITING} - READING_FORMS


async def test_what_a_session_was_opened_with_cannot_be_widened_in_it(server: Assembled, account: Upstream) -> None:
    narrow = bearer(await token(server, ADA), read_only="true")
    create = {
        "jsonrpc": "2.0",
        "id": 3,
        "method": "tools/call",
        "params": {"name": "create_client", "arguments": {"name": "Globex"}},
    }
    async with server.http() as http:
        opened = await http.post("/mcp", json=HELLO, headers=narrow)
        session = {"Mcp-Session-Id": opened.headers["mcp-session-id"], "Authorization": narrow["Authorization"]}
        for later in ({}, {"X-Clientary-Read-Only": "false"}, {"X-Clientary-Tools": "create_client"}):
            answer = await http.post("/mcp", json=create, headers=session | later)
            assert 'isError":true' in answer.text.replace(" ", "") or "leave no tool" in answer.text
    assert account.of("POST", "clients") == []


@pytest.mark.parametrize("limits", [{"deletes_per_hour": 0}, {"exclude_tools": frozenset({"delete_task"})}])
async def test_what_a_user_approves_is_not_done_if_the_caller_was_limited_meanwhile(
    account: Upstream, era: Era, limits: dict[str, Any]
) -> None:
    (task,) = some(account.sandbox, "tasks")
    async with serving([account], kept=0) as server:
        caller, ours = await server.enroll(ADA)

        async def approve(*_: object) -> ElicitResult:
            await server.vault.limit(caller.id, Privileges(**limits))
            return YES

        async with server.agent(bearer(ours), era, elicitation_callback=approve) as agent:
            told = await agent.refusal("delete_task", task_id=task, confirm=True)
            again = await agent.refusal("delete_task", task_id=task, confirm=True)
    if era == "legacy":  # the call was open all the time
        assert told.startswith("What this caller may do was changed while the user was asked. Nothing was sent.")
    assert again.startswith(("The hourly limit of 0 deletes for this caller", "There is no tool 'delete_task'."))
    assert not writes(account.sandbox)

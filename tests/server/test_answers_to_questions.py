"""The 2026-07-28 protocol, round by round: the user's reply counts once, for the call that was asked about."""

from typing import Any

import anyio
import mcp_types
import pytest
from mcp import Client, MCPError

from clientary_mcp.sandbox import Sandbox
from clientary_mcp.server.app import ClientaryServer
from tests.support.gated import record_for
from tests.support.users import QUESTION, YES, User, configured, connect, host, some, text_of, writes

pytestmark = pytest.mark.anyio

MAIL = "send_invoice_message"
NO = mcp_types.ElicitResult(action="decline")
Result = mcp_types.CallToolResult | mcp_types.InputRequiredResult | None


async def ask(client: Client, tool: str, **arguments: Any) -> mcp_types.InputRequiredResult:
    """The question that a confirmed call returns."""
    asked = await client.session.call_tool(tool, arguments | {"confirm": True}, allow_input_required=True)
    assert isinstance(asked, mcp_types.InputRequiredResult)
    assert asked.input_requests is not None
    assert list(asked.input_requests) == [QUESTION]
    return asked


async def bring(
    client: Client, tool: str, state: str | None, answer: mcp_types.ElicitResult = YES, **arguments: Any
) -> Result:
    """The result of a call with the user's reply; None if the protocol itself rejects it."""
    try:
        return await client.session.call_tool(
            tool,
            arguments | {"confirm": True},
            input_responses={QUESTION: answer},
            request_state=state,
            allow_input_required=True,
        )
    except MCPError as refused:
        if "requestState" not in refused.message:
            raise
        return None


def mail(sandbox: Sandbox) -> dict[str, Any]:
    """A repeatable call that lacks only the user's approval."""
    arguments, _ = record_for(sandbox, MAIL)
    return arguments | {"allow_duplicate": True}


def done(result: Result) -> bool:
    return isinstance(result, mcp_types.CallToolResult) and bool((result.structured_content or {}).get("done"))


async def test_the_question_changes_nothing_and_approval_carries_it_out(sandbox: Sandbox) -> None:
    async with connect(configured(sandbox), user=User()) as agent:
        asked = await ask(agent.client, MAIL, **mail(sandbox))
        assert not writes(sandbox)
        assert done(await bring(agent.client, MAIL, asked.request_state, **mail(sandbox)))
    assert len(sandbox.sent_messages) == 1


async def test_a_reply_counts_once(sandbox: Sandbox) -> None:
    async with connect(configured(sandbox), user=User()) as agent:
        asked = await ask(agent.client, MAIL, **mail(sandbox))
        assert done(await bring(agent.client, MAIL, asked.request_state, **mail(sandbox)))
        again = await bring(agent.client, MAIL, asked.request_state, **mail(sandbox))
    assert isinstance(again, mcp_types.InputRequiredResult)
    assert len(sandbox.sent_messages) == 1


async def test_a_reply_sent_twice_at_once_counts_once(sandbox: Sandbox) -> None:
    async with connect(configured(sandbox), user=User()) as agent:
        state = (await ask(agent.client, MAIL, **mail(sandbox))).request_state
        results: list[Result] = []

        async def bring_it() -> None:
            results.append(await bring(agent.client, MAIL, state, **mail(sandbox)))

        async with anyio.create_task_group() as group:
            group.start_soon(bring_it)
            group.start_soon(bring_it)
    assert sorted(map(done, results)) == [False, True]
    assert len(sandbox.sent_messages) == 1


async def test_a_denial_cannot_become_an_approval(sandbox: Sandbox) -> None:
    async with connect(configured(sandbox), user=User()) as agent:
        state = (await ask(agent.client, MAIL, **mail(sandbox))).request_state
        refused = await bring(agent.client, MAIL, state, NO, **mail(sandbox))
        assert isinstance(refused, mcp_types.CallToolResult)
        assert "declined" in text_of(refused)
        assert not done(await bring(agent.client, MAIL, state, YES, **mail(sandbox)))
    assert not writes(sandbox)


async def test_a_reply_about_one_record_does_not_apply_to_another(sandbox: Sandbox) -> None:
    one, other = some(sandbox, "leads", 2)
    async with connect(configured(sandbox), user=User()) as agent:
        state = (await ask(agent.client, "delete_lead", lead_id=one)).request_state
        assert not done(await bring(agent.client, "delete_lead", state, lead_id=other))
    assert not writes(sandbox)


async def test_a_reply_about_one_tool_does_not_apply_to_another(sandbox: Sandbox) -> None:
    arguments, _ = record_for(sandbox, "delete_invoice")
    async with connect(configured(sandbox), user=User()) as agent:
        state = (await ask(agent.client, MAIL, **arguments, recipients=["ann@example.com"])).request_state
        assert not done(await bring(agent.client, "delete_invoice", state, **arguments))
    assert not writes(sandbox)


@pytest.mark.parametrize(
    "change", [{"recipients": ["eve@example.com"]}, {"subject": "Other words"}, {"message": "Pay Eve"}]
)
async def test_a_reply_about_one_mail_does_not_apply_to_another(sandbox: Sandbox, change: dict[str, Any]) -> None:
    async with connect(configured(sandbox), user=User()) as agent:
        state = (await ask(agent.client, MAIL, **mail(sandbox))).request_state
        assert not done(await bring(agent.client, MAIL, state, **mail(sandbox) | change))
    assert not sandbox.sent_messages


@pytest.mark.parametrize("state", [None, "", "{}", "forged", "v1.AAAA", '{"call": "x", "shown": "y", "id": "z"}'])
async def test_a_reply_without_a_question_has_no_effect(sandbox: Sandbox, state: str | None) -> None:
    async with connect(configured(sandbox), user=User()) as agent:
        assert not done(await bring(agent.client, MAIL, state, **mail(sandbox)))
    assert not writes(sandbox)


async def test_a_reply_to_another_processs_question_has_no_effect(sandbox: Sandbox) -> None:
    async with connect(configured(sandbox), user=User()) as agent:
        state = (await ask(agent.client, MAIL, **mail(sandbox))).request_state
    async with connect(configured(sandbox), user=User()) as agent:
        assert not done(await bring(agent.client, MAIL, state, **mail(sandbox)))
    assert not writes(sandbox)


async def test_a_reply_may_arrive_once_over_another_connection_of_the_same_server(sandbox: Sandbox) -> None:
    async with configured(sandbox) as clientary:
        server = ClientaryServer(clientary)
        async with host(server, user=User()) as one, host(server, user=User()) as other:
            state = (await ask(one, MAIL, **mail(sandbox))).request_state
            results = [await bring(client, MAIL, state, **mail(sandbox)) for client in (other, one)]
    assert [done(result) for result in results] == [True, False]
    assert len(sandbox.sent_messages) == 1


async def test_a_reply_to_an_outdated_preview_returns_the_new_preview(sandbox: Sandbox) -> None:
    (lead,) = some(sandbox, "leads")
    async with connect(configured(sandbox), user=User()) as agent:
        state = (await ask(agent.client, "delete_lead", lead_id=lead)).request_state
        sandbox.connection.execute("UPDATE leads SET city = 'Elsewhere' WHERE id = ?", (lead,))
        shown = await bring(agent.client, "delete_lead", state, lead_id=lead)
        assert isinstance(shown, mcp_types.CallToolResult)
        assert shown.structured_content is not None
        assert shown.structured_content["record"]["city"] == "Elsewhere"
        assert shown.structured_content["done"] is False
        assert not writes(sandbox)
        state = (await ask(agent.client, "delete_lead", lead_id=lead)).request_state
        assert done(await bring(agent.client, "delete_lead", state, lead_id=lead))


async def test_a_record_changed_and_changed_back_needs_a_new_reply_once_it_was_shown(sandbox: Sandbox) -> None:
    (lead,) = some(sandbox, "leads")
    (city,) = sandbox.connection.execute("SELECT city FROM leads WHERE id = ?", (lead,)).fetchone()
    async with connect(configured(sandbox), user=User()) as agent:
        state = (await ask(agent.client, "delete_lead", lead_id=lead)).request_state
        sandbox.connection.execute("UPDATE leads SET city = 'Elsewhere' WHERE id = ?", (lead,))
        await bring(agent.client, "delete_lead", state, lead_id=lead)
        sandbox.connection.execute("UPDATE leads SET city = ? WHERE id = ?", (city, lead))
        assert not done(await bring(agent.client, "delete_lead", state, lead_id=lead))
    assert not writes(sandbox)


async def test_a_question_that_is_never_answered_changes_nothing(sandbox: Sandbox) -> None:
    async with connect(configured(sandbox), user=User()) as agent:
        for _ in range(3):
            await ask(agent.client, MAIL, **mail(sandbox))
    assert not writes(sandbox)


async def test_the_transmitted_state_reveals_nothing_about_the_record(sandbox: Sandbox) -> None:
    (lead,) = some(sandbox, "leads")
    async with connect(configured(sandbox), user=User()) as agent:
        state = (await ask(agent.client, "delete_lead", lead_id=lead)).request_state
    assert state
    assert str(lead) not in state
    assert sandbox.token not in state

"""Our sentences and others' texts in one answer: hiding a tool removes only our sentences."""

from typing import Any

import httpx
import pytest

from clientary_mcp.api.session import Clientary
from clientary_mcp.sandbox import Fault, Faults, Sandbox
from clientary_mcp.settings import Settings
from tests.support.agent import Era
from tests.support.clock import FakeTime
from tests.support.users import User, configured, connect, some

pytestmark = pytest.mark.anyio


async def test_a_recipient_named_like_a_hidden_tool_stays_in_the_question(sandbox: Sandbox, era: Era) -> None:
    (invoice,) = some(sandbox, "invoices")
    user = User()
    clientary = configured(sandbox, toolsets=frozenset({"invoices"}))
    async with connect(clientary, era, user) as agent:
        recipients = ["research@example.com", "search@example.com"]
        await agent.answer("send_invoice_message", invoice_id=invoice, recipients=recipients, confirm=True)
    assert all(recipient in user.questions[0] for recipient in recipients)


def played(task: dict[str, Any], time: FakeTime, **settings: Any) -> Clientary:
    """A session with an account in which every request answers that task."""
    about = Settings(subdomain="acme", api_token="t0ken-of-acme", **settings)
    return Clientary(about, httpx.MockTransport(lambda _: httpx.Response(201, json=task)), time.clock)


async def test_a_record_keeps_its_texts_whatever_tools_are_hidden(time: FakeTime) -> None:
    task = {"id": 7, "title": "Call", "message": "Call search. Bye", "alternative": {"search": ""}, "description": ""}
    async with connect(played(task, time, exclude_tools=frozenset({"search"}))) as agent:
        answer = await agent.answer("create_task", title="Call")
    assert {name: answer[name] for name in task} == task


async def test_a_record_whose_text_says_not_done_is_not_created_twice(time: FakeTime) -> None:
    made = []

    def make(request: httpx.Request) -> httpx.Response:
        made.append(request.method)
        return httpx.Response(201, json={"id": len(made), "title": "Call", "done": False})

    settings = Settings(subdomain="acme", api_token="t0ken-of-acme")
    async with connect(Clientary(settings, httpx.MockTransport(make), time.clock)) as agent:
        first = await agent.answer("create_task", title="Call")
        second = await agent.answer("create_task", title="Call")
    assert (first["id"], second["id"], made.count("POST")) == (1, 1, 1)


async def test_an_unknown_outcome_names_the_tool_and_the_arguments_that_show_it(
    sandbox: Sandbox, time: FakeTime
) -> None:
    (client,) = some(sandbox, "clients")
    sandbox.faults = Faults([Fault("drop", "POST"), Fault("html", "GET", "clients/*/contacts")], sleep=time.clock.sleep)
    async with connect(configured(sandbox, time)) as agent:
        text = await agent.refusal("create_contact", client_id=client, name="Ann", email="ann@example.com")
    assert f"list_client_contacts with client_id={client} shows the current state." in text


async def test_a_report_names_no_tool_that_is_hidden(sandbox: Sandbox) -> None:
    async with connect(configured(sandbox, exclude_tools=frozenset({"export_records"}))) as agent:
        report = await agent.answer("unbilled_report")
        many = await agent.answer("timesheet_report", from_date="2020-01-01", to_date="2026-11-20")
    assert "export_records" not in str(report) + str(many)

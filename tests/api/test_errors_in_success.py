"""A success status whose body is an error is an error; a record with a field of that name is none."""

from typing import Any

import pytest
import respx

from clientary_mcp.api.session import Clientary
from clientary_mcp.errors import Refused
from tests.support.agent import Agent
from tests.support.long import covering
from tool_schemas.clients import Client

pytestmark = pytest.mark.anyio

PATH = "clients/7"

ERRORS: list[tuple[Any, dict[str, list[str]]]] = [
    ({"error": "Your card was declined"}, {"": ["Your card was declined"]}),
    ({"error": {"number": ["is taken"]}}, {"number": ["is taken"]}),
    ({"error": True, "message": "No"}, {"": ["No"]}),
    ({"errors": {"number": ["is taken"]}}, {"number": ["is taken"]}),
    ({"errors": ["Number is taken"]}, {"": ["Number is taken"]}),
    ({"errors": [{"id": 5, "field": "number", "message": "is taken"}]}, {"number": ["is taken"]}),
    ({"error": "No", "errors": None}, {"": ["No"]}),
    ({"success": False, "message": "Has payments"}, {"": ["Has payments"]}),
    ({"success": "false"}, {}),
    ({"ok": False, "error": "No"}, {"": ["No"]}),
    ({"status": "error", "message": "Has payments"}, {"": ["Has payments"]}),
    ({"status": "Failed", "code": 12, "base": ["Too many"]}, {"": ["Too many"]}),
    ({"clients": [], "error": "The account is suspended"}, {"": ["The account is suspended"]}),
    ({"client": None, "errors": {"name": ["can't be blank"]}}, {"name": ["can't be blank"]}),
]


@pytest.mark.parametrize(
    ("method", "status", "sent", "fields"),
    covering(
        (
            (method, status, *form)
            for method in ("GET", "POST", "PUT", "DELETE")
            for status in (200, 201, 202)
            for form in ERRORS
        ),
        lambda method, status, sent, fields: (method, status, str(sent)),
    ),
)
async def test_an_error_in_the_body_is_an_error_for_every_method(
    account: respx.MockRouter, clientary: Clientary, method: str, status: int, sent: Any, fields: dict[str, list[str]]
) -> None:
    route = account.request(method, PATH).respond(status, json=sent)
    with pytest.raises(Refused, match=rf"rejected this, although it returned {status}") as caught:
        await clientary.request(method, PATH)
    assert caught.value.effect == "unchanged"
    assert caught.value.fields.items() >= fields.items()
    assert all(message in str(caught.value) for messages in fields.values() for message in messages)
    assert route.call_count == 1


@pytest.mark.parametrize(
    "sent",
    [
        {"id": 7, "error": "kept as it is", "errors": ["a field of its own"]},
        {"id": 7, "status": "error"},
        {"client": {"id": 7}, "error": "the mail was not sent"},
        {"clients": [{"id": 7}], "errors": ["one was left out"]},
        {"clients": [], "error": None, "errors": []},
        {"clients": [], "errors": {}, "success": True, "status": "ok"},
        {"status": 0},
        {"success": True, "error": ""},
        {"success": None},
        {"errors": 0, "error": "none"},
        [{"error": "a row of its own"}],
        [],
    ],
)
async def test_anything_else_is_none(account: respx.MockRouter, clientary: Clientary, sent: Any) -> None:
    account.put(PATH).respond(200, json=sent)
    assert await clientary.request("PUT", PATH) == sent


@pytest.mark.parametrize(
    ("method", "sent"),
    [
        ("DELETE", {"id": 7, "name": "Acme", "error": "Has payments"}),
        ("DELETE", {"client": {"id": 7, "name": "Acme"}, "errors": ["Has payments"]}),
        ("DELETE", {"id": 7, "status": "failed", "message": "Has payments"}),
        ("DELETE", {"deleted": [{"id": 7}], "success": False, "error": "Has payments"}),
        ("PUT", {"client": {"id": 7, "name": "Acme"}, "success": False, "errors": {"base": ["Has payments"]}}),
        ("POST", {"id": 7, "name": "Acme", "ok": "false", "message": "Has payments"}),
    ],
)
async def test_a_record_beside_the_error_makes_no_success_of_it(
    account: respx.MockRouter, clientary: Clientary, method: str, sent: Any
) -> None:
    account.request(method, PATH).respond(200, json=sent)
    with pytest.raises(Refused, match="“Has payments”") as caught:
        await clientary.request(method, PATH)
    assert "Acme" not in str(caught.value)


async def test_a_record_with_such_a_field_is_read(account: respx.MockRouter, clientary: Clientary) -> None:
    account.get(PATH).respond(200, json={"id": 7, "name": "Acme", "error": "in the address"})
    assert (await clientary.get(Client, PATH)).name == "Acme"


@pytest.mark.parametrize(
    ("tool", "arguments", "method", "path"),
    [
        ("create_client", {"name": "Acme"}, "POST", "clients"),
        ("update_client", {"client_id": 7, "name": "Acme"}, "PUT", "clients/7"),
        ("delete_task", {"task_id": 7, "confirm": True}, "DELETE", "tasks/7"),
        ("get_client", {"client_id": 7}, "GET", "clients/7"),
        ("list_tasks", {}, "GET", "tasks"),
    ],
)
async def test_an_agent_learns_why_and_that_nothing_was_changed(
    account: respx.MockRouter, agent: Agent, tool: str, arguments: dict[str, Any], method: str, path: str
) -> None:
    account.request(method, path).respond(200, json={"errors": {"base": ["The account is suspended"]}})
    account.get(path__regex=".").respond(200, json={"id": 7, "title": "Call", "name": "Acme"})
    reply = await agent.refusal(tool, **arguments)
    assert "“The account is suspended”" in reply
    assert ("hanged" in reply) is (method != "GET")

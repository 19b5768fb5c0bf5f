"""The session on its own: malformed responses, and writes."""

import json
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import mcp_types
import pytest
import respx

from clientary_mcp.api.session import Clientary
from clientary_mcp.errors import ClientaryError, MalformedResponse, NotDone, NotFound, OutcomeUnknown
from clientary_mcp.settings import Settings
from tests.conftest import SETTINGS
from tests.support.agent import Agent, agent_of
from tests.support.clock import FakeTime
from tool_schemas.clients import Client
from tool_schemas.expenses import Expense

pytestmark = pytest.mark.anyio

Read = Callable[[Clientary], Awaitable[Any]]

HTML = b"<html><body>Log in</body></html>"
NOT_JSON: list[bytes] = [
    HTML,
    b'{"id": 7, "name": "Ac',
    b"\xff\xfe\x00",
    b'{"id": 7, "name": "\xff"}',
    b"[" * 100_000,
    b'{"id": ' + b"9" * 5_000 + b"}",
    b'{"id": 7,}',
    b"OK",
    b'{"id": 7} {"id": 8}',
]
NO_RECORD: list[Any] = [None, [], [{"id": 7}], 7, "7", True, {}, {"id": None}, {"id": "seven"}, {"id": 1.5}, {"id": []}]
NO_LIST: list[Any] = [
    None,
    7,
    "clients",
    "",
    True,
    {},
    {"id": 7},
    {"clients": None},
    {"clients": 7},
    {"clients": "none"},
    {"clients": ""},
    {"clients": {}},
    {"clients": {"7": {"id": 7}}},
    {"clients": [7]},
    {"clients": [None]},
    {"clients": [[{"id": 7}]]},
    {"clients": [{"name": "no id"}]},
    {"contacts": [{"id": 7}]},
    [7],
    ["clients"],
]
FOREIGN = ("Traceback", "httpx", "pydantic", "json", "Expecting", "codec", "recursion", "line 1", "NoneType", "<")


async def a_record(clientary: Clientary) -> Any:
    return await clientary.get(Client, "clients")


async def a_list(clientary: Clientary) -> Any:
    return await clientary.collect(Client, "clients")


def nested(depth: int) -> bytes:
    return b'{"id": 7, "name": "Acme", "deep": ' + b"[" * depth + b"]" * depth + b"}"


def text_of(result: mcp_types.CallToolResult) -> str:
    (content,) = result.content
    assert isinstance(content, mcp_types.TextContent)
    return content.text


async def unreadable(clientary: Clientary, read: Read) -> str:
    with pytest.raises(MalformedResponse) as caught:
        await read(clientary)
    message = str(caught.value)
    assert not [word for word in FOREIGN if word in message]
    return message


# Reads


@pytest.mark.parametrize("read", [a_record, a_list])
@pytest.mark.parametrize("body", [b"", b" \r\n", *NOT_JSON])
async def test_a_read_answered_with_anything_but_json_is_unreadable(
    account: respx.MockRouter, clientary: Clientary, read: Read, body: bytes
) -> None:
    account.get("clients").respond(200, content=body)
    await unreadable(clientary, read)


@pytest.mark.parametrize("sent", NO_RECORD)
async def test_a_record_of_the_wrong_shape_is_unreadable(
    account: respx.MockRouter, clientary: Clientary, sent: Any
) -> None:
    account.get("clients").respond(json=sent)
    assert "no record with an id" in await unreadable(clientary, a_record)


@pytest.mark.parametrize("sent", NO_LIST)
async def test_a_list_of_the_wrong_shape_is_unreadable_and_never_an_empty_list(
    account: respx.MockRouter, clientary: Clientary, sent: Any
) -> None:
    account.get("clients").respond(json=sent)
    assert "a list of clients" in await unreadable(clientary, a_list)


@pytest.mark.parametrize("depth", [10, 100, 300, 600, 900])
@pytest.mark.parametrize(("tool", "sent_in"), [("get_client", b"%s"), ("list_clients", b'{"clients": [%s]}')])
async def test_a_deeply_nested_record_is_returned_or_unreadable_but_never_an_internal_error(
    account: respx.MockRouter, agent: Agent, tool: str, sent_in: bytes, depth: int
) -> None:
    account.get(path__regex="clients").respond(content=sent_in % nested(depth))
    result = await agent.call(tool, {"client_id": 7} if tool == "get_client" else {"detail": "full"})
    text = text_of(result)
    assert "defect" not in text
    assert ("Acme" in text) or (result.is_error and "could not be read" in text)


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity", b"1e5000", b"-1e400", b"1e-5000"])
@pytest.mark.parametrize("key", [b"amount_outstanding", b"something_else"])
async def test_a_number_that_json_cannot_represent_does_not_reach_the_agent_as_a_number(
    account: respx.MockRouter, agent: Agent, key: bytes, number: bytes
) -> None:
    account.get("clients/7").respond(content=b'{"id": 7, "name": "Acme", "%s": %s}' % (key, number))
    result = await agent.call("get_client", {"client_id": 7})
    text = text_of(result)
    assert "defect" not in text
    assert len(text) < 1_000
    if not result.is_error:
        json.loads(text, parse_constant=pytest.fail)


async def test_text_with_a_lone_surrogate_reaches_the_agent_as_valid_unicode(
    account: respx.MockRouter, agent: Agent
) -> None:
    account.get("clients/7").respond(content=b'{"id": 7, "name": "Acme \\ud83d", "\\ude00": 1}')
    result = await agent.call("get_client", {"client_id": 7})
    assert "Acme" in text_of(result)
    text_of(result).encode()
    json.dumps(result.structured_content, ensure_ascii=False).encode()


async def test_a_decimal_keeps_every_digit(account: respx.MockRouter, clientary: Clientary) -> None:
    account.get("clients/7").respond(content=b'{"id": 7, "amount_outstanding": 1234567890123.45}')
    assert (await clientary.get(Client, "clients/7")).amount_outstanding == Decimal("1234567890123.45")


# Writes

NO_RECORD_TOLD = (b"", b"[]", b"null", b"{}")


@pytest.mark.parametrize("body", [b"", HTML, b'{"id": 7', b"[]", b"null", b"{}", b'"ok"'])
@pytest.mark.parametrize("status", [200, 201, 204])
async def test_an_update_whose_response_has_no_record_is_read_back(
    account: respx.MockRouter, clientary: Clientary, status: int, body: bytes
) -> None:
    put = account.put("clients/7").respond(status, content=body)
    account.get("clients/7").respond(json={"id": 7, "name": "Acme"})
    assert (await clientary.update(Client, "clients/7", {"name": "Acme"})).name == "Acme"
    assert json.loads(put.calls.last.request.content) == {"client": {"name": "Acme"}}


async def test_an_update_whose_response_has_the_record_is_not_read_back(
    account: respx.MockRouter, clientary: Clientary
) -> None:
    account.put("clients/7").respond(json={"id": 7, "name": "Acme"})
    assert (await clientary.update(Client, "clients/7", {"name": "Acme"})).name == "Acme"
    assert len(account.calls) == 1


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(401),
        httpx.Response(403),
        httpx.Response(404),
        httpx.Response(429),
        httpx.Response(500),
        httpx.Response(200, content=HTML),
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("slow"),
    ],
)
@pytest.mark.parametrize(
    ("tool", "path", "arguments"),
    [
        ("update_client", "clients/7", {"client_id": 7, "name": "Acme"}),
        ("update_task", "tasks/7", {"task_id": 7, "complete": True}),
        ("update_hour_entry", "hours/7", {"hour_entry_id": 7, "billed": True}),
    ],
)
async def test_an_update_that_cannot_be_read_back_is_reported_as_done(
    account: respx.MockRouter, agent: Agent, tool: str, path: str, arguments: dict[str, Any], answer: Any
) -> None:
    account.put(path).respond(204)
    account.get(path).mock(side_effect=[answer] * 40)
    shown = await agent.answer(tool, **arguments)
    assert shown["id"] == 7
    assert "change was made" in shown["notice"]
    for against in ("nothing was", "changed nothing", "still shows"):
        assert against not in shown["notice"]


@pytest.mark.parametrize(
    ("body", "error", "words"),
    [
        *((body, OutcomeUnknown, "accepted POST clients, but did not return") for body in NO_RECORD_TOLD),
        *((body, NotDone, "response to POST clients was lost") for body in (HTML, b'{"id": 7', b"[" * 5_000)),
    ],
)
async def test_a_record_neither_returned_nor_found_is_not_reported_as_created(
    account: respx.MockRouter, clientary: Clientary, body: bytes, error: type[Exception], words: str
) -> None:
    account.get("clients").respond(json={"clients": []})
    route = account.post("clients").respond(201, content=body)
    with pytest.raises(error, match=words) as caught:
        await clientary.create(Client, "clients", {"name": "Acme"})
    assert not [word for word in FOREIGN if word in str(caught.value)]
    assert route.call_count == 1


@pytest.mark.parametrize("body", [b"", HTML, b'{"id": 7', b"[]", b"null", b"{}"])
async def test_a_created_record_missing_from_the_response_is_found_in_its_list(
    account: respx.MockRouter, clientary: Clientary, time: FakeTime, body: bytes
) -> None:
    now = datetime.fromtimestamp(time.clock.wall(), UTC).isoformat()
    rows = [{"id": 6, "name": "Other", "created_at": now}, {"id": 7, "name": "Acme", "created_at": now}]
    account.get("clients").respond(json={"clients": rows})
    route = account.post("clients").respond(201, content=body)
    assert (await clientary.create(Client, "clients", {"name": "Acme"})).id == 7
    assert route.call_count == 1


@pytest.mark.parametrize("body", [b"", HTML, b"[" * 5_000, b'{"id": 7}'])
@pytest.mark.parametrize("status", [200, 202, 204])
async def test_a_successful_delete_is_done_whatever_its_response_contains(
    account: respx.MockRouter, clientary: Clientary, status: int, body: bytes
) -> None:
    account.get("clients/7").respond(404)
    account.delete("clients/7").respond(status, content=body)
    await clientary.delete("clients/7")


async def test_a_missing_path_falls_back_to_the_alternative(account: respx.MockRouter, clientary: Clientary) -> None:
    account.post("clients").respond(404)
    account.post("client").respond(201, json={"id": 7})
    assert (await clientary.create(Client, "clients", {}, otherwise="client")).id == 7


async def test_when_neither_path_exists_the_first_is_reported_as_not_found(
    account: respx.MockRouter, clientary: Clientary
) -> None:
    account.put(path__regex="client").respond(404)
    with pytest.raises(NotFound, match="clients/7 was not found"):
        await clientary.update(Client, "clients/7", {}, otherwise="client/7")


# Secrets


@pytest.mark.parametrize("status", [200, 301, 401, 403, 404, 422, 426, 429, 500])
@pytest.mark.parametrize("write", [True, False])
async def test_the_token_is_in_no_error_repr_or_log_even_when_clientary_repeats_it(
    account: respx.MockRouter, clientary: Clientary, caplog: pytest.LogCaptureFixture, status: int, write: bool
) -> None:
    caplog.set_level(logging.DEBUG)
    token = SETTINGS.api_token
    account.route(path__regex="clients").respond(status, html=f"<p>{token}</p>", headers={"X-Token": token})
    with pytest.raises(ClientaryError) as caught:
        await (clientary.create(Client, "clients", {}) if write else a_list(clientary))
    for shown in (str(caught.value), repr(caught.value), repr(vars(caught.value)), caplog.text):
        assert token not in shown


def test_the_token_is_in_no_repr(clientary: Clientary) -> None:
    for shown in (repr(clientary), str(clientary), repr(clientary.settings), str(clientary.settings)):
        assert SETTINGS.api_token not in shown
    assert SETTINGS.api_token not in repr(vars(clientary))


# Without an agent


async def test_the_docstrings_python_client_example_works(account: respx.MockRouter) -> None:
    account.get("clients", params={"page": 2}).respond(json={"clients": [{"id": 8}], "page_count": 2, "page_size": 1})
    account.get("clients").respond(json={"clients": [{"id": 7}], "page_count": 2, "page_size": 1})
    async with Clientary(Settings(subdomain="acme", api_token="t0ken")) as clientary:
        clients = await clientary.collect(Client, "clients", limit=None)
        assert [client.id for client in clients.records] == [7, 8]
    with pytest.raises(RuntimeError):
        await clientary.fetch("clients")


async def test_query_values_of_none_are_omitted(account: respx.MockRouter, clientary: Clientary) -> None:
    account.get("expenses").respond(json={"expenses": []})
    await clientary.collect(Expense, "expenses", query={"from_date": "2026-01-01", "to_date": None})
    assert dict(account.calls.last.request.url.params) == {"from_date": "2026-01-01"}


async def test_an_unexpected_error_is_reported_without_its_message(time: FakeTime) -> None:
    def breaks(request: httpx.Request) -> httpx.Response:
        raise ZeroDivisionError("secret words")

    async with agent_of(Clientary(SETTINGS, httpx.MockTransport(breaks), time.clock)) as agent:
        message = await agent.refusal("get_client", client_id=7)
    assert "defect" in message
    assert "secret words" not in message

"""Raw requests: disabled unless named, limited to this account's API, and under every rule of the other tools."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from itertools import product
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from clientary_mcp.api.session import Clientary
from clientary_mcp.sandbox import Sandbox
from clientary_mcp.settings import Settings
from tests.conftest import SETTINGS, TODAY
from tests.support.agent import Agent, Era
from tests.support.long import covering
from tests.support.users import User, configured, connect, some, writes
from tool_schemas.raw import ReadApi

pytestmark = pytest.mark.anyio

RAW = frozenset({"raw"})
METHODS = ["GET", "POST", "PUT", "DELETE"]


@pytest.fixture
async def agent(sandbox: Sandbox) -> AsyncIterator[Agent]:
    """An agent that may send any request to the embedded account."""
    async with connect(configured(sandbox, toolsets=RAW)) as agent:
        yield agent


def playing(answer: Callable[[httpx.Request], httpx.Response], **settings: Any) -> Clientary:
    """A session with an account in which every response is mocked."""
    chosen = Settings(subdomain="acme", api_token=SETTINGS.api_token, toolsets=RAW, **settings)
    return Clientary(chosen, httpx.MockTransport(answer))


# What is sent


async def test_a_read_immediately_returns_clientarys_response(sandbox: Sandbox, agent: Agent) -> None:
    (client,) = some(sandbox, "clients")
    answer = await agent.answer("api_request", method="GET", path=f"clients/{client}")
    assert answer["body"]["id"] == client
    assert answer["body"]["status"] == 1
    assert list(sandbox.requests) == [("GET", f"/api/v2/clients/{client}")]


async def test_a_query_is_sent_unchanged_and_cannot_inject_parameters(sandbox: Sandbox, agent: Agent) -> None:
    query = {"page": 2, "filter": "a&page=9#x", "ä b": "?"}
    await agent.answer("api_request", method="GET", path="projects", query=query)
    assert list(sandbox.requests) == [("GET", "/api/v2/projects?page=2&filter=a%26page%3D9%23x&%C3%A4+b=%3F")]


async def test_a_read_asks_nobody_with_or_without_confirm(sandbox: Sandbox, era: Era) -> None:
    user = User()
    async with connect(configured(sandbox, toolsets=RAW), era, user) as agent:
        answer = await agent.answer("api_request", method="GET", path="staff", confirm=True)
    assert answer["body"]["staff"]
    assert not user.questions


WRITES: list[tuple[str, str, str, Any]] = [
    ("POST", "leads", "leads", {"lead": {"name": "Globex", "number": None, "nested": [{"a": 1.5}]}}),
    ("PUT", "leads/{}", "leads", {"lead": {"city": None, "description": "2026/11/20"}}),
    ("DELETE", "leads/{}", "leads", None),
]


@pytest.mark.parametrize(("method", "path", "table", "body"), WRITES)
async def test_a_write_is_previewed_exactly_and_sent_only_when_confirmed(
    sandbox: Sandbox, agent: Agent, method: str, path: str, table: str, body: Any
) -> None:
    path = path.format(some(sandbox, table)[0])
    call = {"method": method, "path": path} | ({"body": body} if body else {})
    shown = await agent.answer("api_request", **call)
    assert shown["done"] is False
    assert f"send {method} {path}" in shown["message"]
    assert shown["steps"] == [call]
    assert "confirm=true" in shown["to_proceed"]
    assert not writes(sandbox)
    done = await agent.answer("api_request", **call, confirm=True)
    assert done["done"] is True
    (write,) = sandbox.ledger
    assert (write.method, write.path, write.body) == (method, path, body)


async def test_a_body_is_accepted_as_json_text(sandbox: Sandbox, agent: Agent) -> None:
    body = json.dumps({"task": {"title": "Call them"}})
    answer = await agent.answer("api_request", method="POST", path="tasks", body=body, confirm=True)
    assert answer["body"]["title"] == "Call them"
    assert sandbox.ledger[0].body == {"task": {"title": "Call them"}}


async def test_the_current_record_is_shown_before_an_update_or_delete(sandbox: Sandbox, agent: Agent) -> None:
    (invoice,) = some(sandbox, "invoices")
    for method in ("PUT", "DELETE"):
        shown = await agent.answer("api_request", method=method, path=f"invoices/{invoice}")
        assert shown["record"]["id"] == invoice
        assert "secret" not in shown["record"]
    unseen = await agent.answer("api_request", method="DELETE", path=f"invoices/{invoice}/payments/7")
    assert "not shown" in unseen["not_visible"]
    assert "record" not in unseen


async def test_the_question_shows_the_request(sandbox: Sandbox, era: Era) -> None:
    user = User()
    async with connect(configured(sandbox, toolsets=RAW), era, user) as agent:
        await agent.answer("api_request", method="POST", path="leads", body={"lead": {"name": "Globex"}}, confirm=True)
    assert all(part in user.questions[0] for part in ("POST", "leads", '{"lead":{"name":"Globex"}}'))
    assert len(sandbox.ledger) == 1


# What is not sent


HOSTILE = [
    "", "/", "//", "/clients", "clients/", "clients//1", "//evil.example/clients", "https://evil.example/clients",
    "http:clients", "evil.example", "clients@evil.example", "clients:80", "..", ".", "../clients", "clients/..",
    "clients/../../../etc/passwd", "clients/./1", "clients/1/..;/2", "%2e%2e/clients", "clients%2f..%2fx",
    "clients/%2E%2E/x", "clients%5c..%5cx", "clients%00", "clients%", "..%252fclients", "clients\\..\\x", "\\clients",
    "clients?page=2", "clients#x", "clients;x", "clients/1?_method=delete", "clients\n", "clients\r\nHost: evil",
    "clients\t", " clients", "clients 1", "cli\x00ents", "clients\u2028", "clients\u200b", "\uff43lients",
    "clients\uff0e", "clients/\uff11", "clients/\u0663", "\uff0e\uff0e/clients", "clients\u22151", "CLIENTS",
    "clients.json", "invoices/1/messages.json", "invoices/1.pdf", "~root", "clients/*", "clients/{id}", "clients/1'--",
    "-clients", "12", "a/" * 20 + "a", "c" * 5_000, "\ud800", "api/v2/../../admin", "clients/1&x", "clients=1", "$x",
    "clients/+1",
]  # fmt: skip


@pytest.mark.parametrize(("path", "confirm"), covering(product(HOSTILE, [False, True])))
async def test_an_unsafe_path_is_refused_and_nothing_is_sent(path: str, confirm: bool) -> None:
    sandbox = Sandbox(TODAY, filled=False)
    async with connect(configured(sandbox, toolsets=RAW)) as agent:
        for method in ("GET", "DELETE"):
            result = await agent.call("api_request", {"method": method, "path": path, "confirm": confirm})
            assert result.is_error
    assert not sandbox.requests


async def requested(path: str, query: dict[str, str] | None = None) -> list[httpx.Request]:
    """The requests sent for a path."""
    left: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        left.append(request)
        return httpx.Response(200, json={})

    async with connect(playing(answer)) as agent:
        await agent.answer("api_request", method="GET", path=path, **({"query": query} if query else {}))
    return left


PIECES = [
    "clients",
    "1",
    "..",
    ".",
    "/",
    "//",
    "%2e",
    "%2F",
    "\\",
    "?",
    "#",
    "@",
    ":",
    "a-b",
    "_",
    "\n",
    "\x00",
    "é",
    ";",
]
PATHS = st.one_of(
    st.text(max_size=30),
    st.lists(st.sampled_from(PIECES), max_size=8).map("".join),
    st.from_regex(r"[a-z0-9_./%-]{1,20}", fullmatch=True),
    st.from_regex(r"[a-z][a-z0-9_-]{0,5}(/[a-z0-9_-]{1,6}){0,4}", fullmatch=True),
)


@given(PATHS, st.dictionaries(st.text(max_size=5), st.text(max_size=10), max_size=2))
def test_every_accepted_path_stays_within_the_accounts_api(path: str, query: dict[str, str]) -> None:
    try:
        ReadApi.model_validate({"method": "GET", "path": path, "query": query})
    except ValidationError:
        return
    (request,) = asyncio.run(requested(path, query))
    url = urlsplit(str(request.url))
    assert (url.scheme, url.netloc, url.fragment) == ("https", "acme.clientary.com", "")
    assert url.path == f"/api/v2/{path}"
    assert not {"", ".", ".."} & set(url.path.split("/")[1:])
    assert re.fullmatch(r"[a-z0-9_/-]+", path)
    assert request.headers["host"] == "acme.clientary.com"


DEEP: Any = {}
for _ in range(30):
    DEEP = {"a": [DEEP]}
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"method": "PATCH"}, "method takes one of"),
    ({"method": "get"}, "method takes one of"),
    ({"method": "GET", "body": {}}, "with GET"),
    ({"body": [1]}, "body takes an object"),
    ({"body": '{"a": NaN}'}, "JSON can write"),
    ({"body": '{"a": "\\ud800"}'}, "JSON can write"),
    ({"body": DEEP}, "at most 20 levels"),
    ({"body": {"a": "x" * 200_000}}, "at most 200000 bytes"),
    ({"query": {"a": {"b": 1}}}, "query.0.value takes text"),
    ({"query": {"a": [1]}}, "query.0.value takes text"),
    ({"query": {"a": "x" * 3_000}}, "query takes at most"),
    ({"headers": {"X-HTTP-Method-Override": "DELETE"}}, "there is no argument 'headers'"),
    ({"url": "https://evil.example"}, "there is no argument 'url'"),
]


@pytest.mark.parametrize(("wrong", "message"), WRONG)
async def test_other_mistakes_in_a_request_are_reported_and_nothing_is_sent(
    sandbox: Sandbox, agent: Agent, wrong: dict[str, Any], message: str
) -> None:
    refusal = await agent.refusal("api_request", **{"method": "POST", "path": "clients", "confirm": True} | wrong)
    assert message in refusal
    assert "Nothing was sent" in refusal
    assert not sandbox.requests


@pytest.mark.parametrize("choice", [{"read_only": True}, {"toolsets": RAW | {"read"}}])
@pytest.mark.parametrize("method", METHODS[1:])
async def test_read_only_mode_sends_only_reads(sandbox: Sandbox, method: str, choice: dict[str, Any]) -> None:
    async with connect(configured(sandbox, **{"toolsets": RAW} | choice)) as agent:
        refusal = await agent.refusal("api_request", method=method, path="clients")
        assert "'GET'" in refusal
        assert "no argument 'confirm'" in await agent.refusal("api_request", method="GET", path="clients", confirm=True)
        assert not sandbox.requests
        assert (await agent.answer("api_request", method="GET", path="staff/1"))["body"]["id"] == 1

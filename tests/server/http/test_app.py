"""Access over HTTP: by host name, origin, address and bearer token."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from clientary_mcp.errors import SettingsError
from clientary_mcp.sandbox import Sandbox
from clientary_mcp.server.app import ClientaryServer
from clientary_mcp.server.http.app import HttpTransport, application
from clientary_mcp.settings import Settings
from tests.conftest import session_with

pytestmark = pytest.mark.anyio

SECRET = "a-long-random-text-of-ones-own"
LOCAL = "http://127.0.0.1:8000"
PATHS: dict[HttpTransport, str] = {"streamable-http": "/mcp", "sse": "/messages/"}
HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}},
}
ACCEPTED, STRANGE_HOST, STRANGE_ORIGIN = 200, 421, 403


def settings(mcp_token: str | None = None) -> Settings:
    """Settings of a server, with or without a token for its clients."""
    return Settings(base_url="http://localhost", api_token="sandbox", mcp_token=mcp_token)


@asynccontextmanager
async def served(
    sandbox: Sandbox,
    transport: HttpTransport = "streamable-http",
    *,
    mcp_token: str | None = None,
    host: str = "127.0.0.1",
    allowed_hosts: tuple[str, ...] = (),
    root_path: str = "",
    **more: Any,
) -> AsyncIterator[Starlette]:
    """A server that is running."""
    async with session_with(sandbox) as clientary:
        chosen = replace(settings(mcp_token), **more)
        app = application(ClientaryServer(clientary), chosen, transport, host, allowed_hosts, root_path=root_path)
        async with app.router.lifespan_context(app):
            yield app


def visitor_of(app: Starlette) -> httpx.AsyncClient:
    """An HTTP client of this server, which receives its exceptions."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=LOCAL)


@asynccontextmanager
async def visitor(
    sandbox: Sandbox, transport: HttpTransport = "streamable-http", **how: Any
) -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client of a separate server."""
    async with served(sandbox, transport, **how) as app, visitor_of(app) as http:
        yield http


async def say_hello(
    http: httpx.AsyncClient, headers: dict[str, str] | None = None, transport: HttpTransport = "streamable-http"
) -> httpx.Response:
    """The response to the first request of a client."""
    accept = {"Accept": "application/json, text/event-stream"}
    return await http.post(PATHS[transport], json=HELLO, headers=accept | (headers or {}))


@pytest.mark.parametrize("name", ["127.0.0.1:8000", "localhost", "localhost:4711", "[::1]:8000"])
async def test_clients_on_this_machine_are_accepted(sandbox: Sandbox, name: str) -> None:
    async with visitor(sandbox) as http:
        response = await say_hello(http, {"Host": name})
    assert response.status_code == ACCEPTED
    assert "clientary" in response.text


STRANGERS = ["evil.example.com", "localhost.evil.example.com", "127.0.0.1.evil.example.com:8000", "10.0.0.1:8000"]


@pytest.mark.parametrize("transport", PATHS)
@pytest.mark.parametrize("name", STRANGERS)
async def test_an_unknown_host_name_is_rejected(sandbox: Sandbox, transport: HttpTransport, name: str) -> None:
    async with visitor(sandbox, transport) as http:
        response = await say_hello(http, {"Host": name}, transport)
    assert response.status_code == STRANGE_HOST
    assert not sandbox.requests


@pytest.mark.parametrize("transport", PATHS)
@pytest.mark.parametrize("origin", [*(f"http://{name}" for name in STRANGERS), "https://evil.example.com", "null"])
async def test_an_unknown_origin_is_rejected(sandbox: Sandbox, transport: HttpTransport, origin: str) -> None:
    async with visitor(sandbox, transport) as http:
        response = await say_hello(http, {"Origin": origin}, transport)
    assert response.status_code == STRANGE_ORIGIN
    assert not sandbox.requests


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"Host": STRANGERS[0]}, STRANGE_HOST), ({"Origin": f"https://{STRANGERS[0]}"}, STRANGE_ORIGIN)],
)
async def test_an_unauthorized_client_gets_no_event_stream(
    sandbox: Sandbox, headers: dict[str, str], status: int
) -> None:
    async with visitor(sandbox, "sse") as http:
        for method in ("GET", "HEAD"):
            assert (await http.request(method, "/sse", headers=headers)).status_code == status


@pytest.mark.parametrize("transport", PATHS)
@pytest.mark.parametrize("path", ["/sse", "/mcp", "/messages/", "/healthy", "/anything/else"])
async def test_an_unauthorized_client_cannot_tell_which_paths_exist(
    sandbox: Sandbox, transport: HttpTransport, path: str
) -> None:
    async with visitor(sandbox, transport) as http:
        for method in ("GET", "HEAD", "POST", "DELETE"):
            refused = await http.request(method, path, headers={"Host": STRANGERS[0]})
            assert refused.status_code == STRANGE_HOST


async def test_a_web_page_on_this_machine_is_accepted(sandbox: Sandbox) -> None:
    async with visitor(sandbox) as http:
        assert (await say_hello(http, {"Origin": "http://localhost:5173"})).status_code == ACCEPTED


OPEN = ["0.0.0.0", "192.168.1.5", "mcp.example.com", "::"]  # noqa: S104 refused


@pytest.mark.parametrize("host", OPEN)
@pytest.mark.parametrize(("token", "names"), [(None, ()), (SECRET, ()), (None, ("mcp.example.com",))])
@pytest.mark.parametrize("transport", PATHS)
async def test_a_public_address_is_not_served_without_token_and_host_name(
    sandbox: Sandbox, transport: HttpTransport, host: str, token: str | None, names: tuple[str, ...]
) -> None:
    async with session_with(sandbox) as clientary:
        server = ClientaryServer(clientary)
        with pytest.raises(SettingsError, match=r"CLIENTARY_MCP_TOKEN.*--allowed-host") as refusal:
            application(server, settings(token), transport, host, names)
    assert host in str(refusal.value)
    assert SECRET not in str(refusal.value)


async def test_beyond_loopback_only_the_configured_host_is_accepted(sandbox: Sandbox) -> None:
    given = {"Authorization": f"Bearer {SECRET}"}
    names = ("mcp.example.com",)
    async with visitor(sandbox, mcp_token=SECRET, host="0.0.0.0", allowed_hosts=names) as http:  # noqa: S104 with a token
        for name in ("mcp.example.com", "mcp.example.com:8443"):
            assert (await say_hello(http, {"Host": name, **given})).status_code == ACCEPTED
        assert (await say_hello(http, {"Origin": "https://mcp.example.com", **given})).status_code == ACCEPTED
        assert (await say_hello(http, {"Host": "other.example.com", **given})).status_code == STRANGE_HOST
        assert (await say_hello(http, {"Origin": "https://other.example.com", **given})).status_code == STRANGE_ORIGIN


WRONG_TOKENS = [
    {},
    {"Authorization": ""},
    {"Authorization": "Bearer"},
    {"Authorization": "Bearer wrong"},
    {"Authorization": f"Bearer {SECRET}x"},
    {"Authorization": SECRET},
    {"Authorization": f"Basic {SECRET}"},
    {"Authorization": "Bearer ünïcode"},
]


@pytest.mark.parametrize("transport", PATHS)
@pytest.mark.parametrize("headers", WRONG_TOKENS)
async def test_requests_without_the_token_are_rejected(
    sandbox: Sandbox, transport: HttpTransport, headers: dict[str, str]
) -> None:
    async with visitor(sandbox, transport, mcp_token=SECRET) as http:
        encoded = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        for response in (
            await http.post(PATHS[transport], json=HELLO, headers=encoded),
            await http.get("/sse" if transport == "sse" else "/mcp", headers=encoded),
            await http.get("/anything/else", headers=encoded),
        ):
            assert response.status_code == 401
            assert response.headers["www-authenticate"].startswith("Bearer")
            assert SECRET not in response.text


async def test_requests_with_the_token_are_accepted(sandbox: Sandbox) -> None:
    async with visitor(sandbox, mcp_token=SECRET) as http:
        response = await say_hello(http, {"Authorization": f"Bearer {SECRET}"})
    assert response.status_code == ACCEPTED
    assert "clientary" in response.text


@pytest.mark.parametrize("transport", PATHS)
async def test_a_token_does_not_excuse_an_unknown_host(sandbox: Sandbox, transport: HttpTransport) -> None:
    async with visitor(sandbox, transport, mcp_token=SECRET) as http:
        given = {"Authorization": f"Bearer {SECRET}"}
        response = await say_hello(http, {"Host": "evil.example.com", **given}, transport)
    assert response.status_code == STRANGE_HOST


async def test_loopback_without_a_configured_token_requires_none(sandbox: Sandbox) -> None:
    async with visitor(sandbox) as http:
        assert (await say_hello(http)).status_code == ACCEPTED

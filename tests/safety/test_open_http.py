"""Served over HTTP where others can reach it: what everybody may know, and how much anybody may ask for."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from clientary_mcp.__main__ import main
from clientary_mcp.sandbox import Sandbox
from clientary_mcp.web import HttpTransport
from tests.processes import PATIENCE, free_port, listening
from tests.test_web import ACCEPTED, HELLO, PATHS, SECRET, STRANGE_HOST, STRANGE_ORIGIN, say_hello, visitor

pytestmark = pytest.mark.anyio

TOO_LARGE, TOO_MANY = 413, 503
LIMIT = 4 * 1024 * 1024
WITH_TOKEN = {"Authorization": f"Bearer {SECRET}"}


@pytest.fixture
def anyio_backend() -> str:
    """Real time: some tests here start processes."""
    return "asyncio"


# Whether it is alive


@pytest.mark.parametrize("transport", PATHS)
@pytest.mark.parametrize("token", [None, SECRET])
async def test_anybody_may_know_that_it_is_alive_and_nothing_else(
    sandbox: Sandbox, transport: HttpTransport, token: str | None
) -> None:
    async with visitor(sandbox, transport, mcp_token=token) as http:
        response = await http.get("/health")
    assert (response.status_code, response.text) == (200, "alive\n")
    assert set(response.headers) == {"content-length", "content-type"}
    assert not sandbox.requests


@pytest.mark.parametrize("path", ["/health/", "/health/../mcp", "/healthy", "//health", "/HEALTH", "/health/mcp"])
async def test_nothing_else_is_open_beside_it(sandbox: Sandbox, path: str) -> None:
    async with visitor(sandbox, mcp_token=SECRET) as http:
        assert (await http.get(path)).status_code == 401
        assert (await http.post(path, json=HELLO)).status_code == 401


async def test_being_alive_takes_no_orders(sandbox: Sandbox) -> None:
    async with visitor(sandbox, mcp_token=SECRET) as http:
        for method in ("POST", "PUT", "DELETE"):
            assert (await http.request(method, "/health", json=HELLO)).status_code == 405


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"Host": "evil.example.com"}, STRANGE_HOST), ({"Origin": "https://evil.example.com"}, STRANGE_ORIGIN)],
)
async def test_host_and_origin_are_checked_there_as_well(
    sandbox: Sandbox, headers: dict[str, str], status: int
) -> None:
    async with visitor(sandbox) as http:
        assert (await http.get("/health", headers=headers)).status_code == status


# The door


@pytest.mark.parametrize("transport", PATHS)
async def test_who_brings_no_token_is_told_how_to(sandbox: Sandbox, transport: HttpTransport) -> None:
    async with visitor(sandbox, transport, mcp_token=SECRET) as http:
        response = await http.post(PATHS[transport], json=HELLO)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert "clientary" not in response.text.lower()


@pytest.mark.parametrize("spelt", ["Bearer", "bearer", "BEARER"])
async def test_the_scheme_may_be_written_in_any_case(sandbox: Sandbox, spelt: str) -> None:
    async with visitor(sandbox, mcp_token=SECRET) as http:
        assert (await say_hello(http, {"Authorization": f"{spelt} {SECRET}"})).status_code == ACCEPTED


async def test_a_token_in_the_address_opens_nothing(sandbox: Sandbox) -> None:
    async with visitor(sandbox, mcp_token=SECRET) as http:
        assert (await http.post(f"/mcp?token={SECRET}&access_token={SECRET}", json=HELLO)).status_code == 401


@pytest.mark.parametrize("arguments", [["--host", "0.0.0.0"], ["--host", "::", "--allowed-host", "mcp.example.com"]])  # noqa: S104 refused
@pytest.mark.parametrize("transport", PATHS)
def test_the_command_ends_with_2_rather_than_serve_strangers(
    capsys: pytest.CaptureFixture[str], arguments: list[str], transport: str
) -> None:
    with pytest.raises(SystemExit) as ending:
        main(["--sandbox", "--transport", transport, *arguments])
    assert ending.value.code == 2
    said = capsys.readouterr().err
    assert "CLIENTARY_MCP_TOKEN" in said
    assert "--allowed-host" in said


# Bounds


def padded(size: int) -> bytes:
    """A first request of that many bytes."""
    plain = json.dumps(HELLO).encode()
    return plain.replace(b'"name": "test"', b'"name": "' + b"x" * (size - len(plain) + 4) + b'"')


async def send(http: httpx.AsyncClient, content: Any, transport: HttpTransport) -> httpx.Response:
    headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    path = "/mcp" if transport == "streamable-http" else "/messages/?session_id=" + "0" * 32
    return await http.post(path, content=content, headers=headers)


@pytest.mark.parametrize("transport", PATHS)
async def test_a_body_that_is_too_large_is_refused_by_its_length(sandbox: Sandbox, transport: HttpTransport) -> None:
    async with visitor(sandbox, transport) as http:
        assert (await send(http, padded(LIMIT + 1), transport)).status_code == TOO_LARGE
        assert (await send(http, padded(LIMIT), transport)).status_code != TOO_LARGE


@pytest.mark.parametrize("transport", PATHS)
async def test_a_body_that_does_not_say_its_length_is_cut_off(sandbox: Sandbox, transport: HttpTransport) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b" " * 1_000_000

    async with visitor(sandbox, transport) as http:
        assert (await send(http, pieces(), transport)).status_code == TOO_LARGE


async def test_without_the_token_no_body_is_read(sandbox: Sandbox) -> None:
    async with visitor(sandbox, mcp_token=SECRET) as http:
        assert (await send(http, padded(LIMIT + 1), "streamable-http")).status_code == 401


async def test_more_sessions_than_500_are_refused_and_one_that_ends_makes_room(sandbox: Sandbox) -> None:
    async with visitor(sandbox) as http:
        opened = [await say_hello(http) for _ in range(500)]
        assert {response.status_code for response in opened} == {ACCEPTED}
        assert (await say_hello(http)).status_code == TOO_MANY
        ends = {"Mcp-Session-Id": opened[0].headers["mcp-session-id"]}
        assert (await http.delete("/mcp", headers=ends)).status_code == 200
        assert (await say_hello(http)).status_code == ACCEPTED


async def test_a_real_process_answers_health_before_anybody_else(tmp_path: Path) -> None:
    port = free_port()
    serve = ("--sandbox", "--transport", "streamable-http")
    with anyio.fail_after(PATIENCE):
        async with (
            listening(*serve, port=port, log=tmp_path / "stderr", CLIENTARY_MCP_TOKEN=SECRET),
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http,
        ):
            alive, closed = await http.get("/health"), await http.post("/mcp", json=HELLO)
            opened = await http.post(
                "/mcp", json=HELLO, headers=WITH_TOKEN | {"Accept": "application/json, text/event-stream"}
            )
    assert (alive.status_code, alive.text) == (200, "alive\n")
    assert set(alive.headers) <= {"content-length", "content-type", "date"}
    assert (closed.status_code, opened.status_code) == (401, ACCEPTED)

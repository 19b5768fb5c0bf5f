"""A publicly reachable HTTP server: what it reveals without a token, and its resource limits."""

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
import uvicorn
from starlette.types import ASGIApp, Message
from uvicorn.server import ServerState

from clientary_mcp.cli.main import main
from clientary_mcp.sandbox import Sandbox
from clientary_mcp.server.app import ClientaryServer
from clientary_mcp.server.http.app import HttpTransport, application
from clientary_mcp.server.http.limits import IdleTimeoutProtocol
from tests.conftest import SETTINGS, session_with
from tests.server.http.test_app import (
    ACCEPTED,
    HELLO,
    PATHS,
    SECRET,
    STRANGE_HOST,
    say_hello,
    served,
    visitor,
    visitor_of,
)
from tests.support.processes import PATIENCE, free_port, listening
from tests.support.virtual_time import VirtualLoop

pytestmark = pytest.mark.anyio

TOO_LARGE = 413
LIMIT = 4 * 1024 * 1024
WITH_TOKEN = {"Authorization": f"Bearer {SECRET}"}


@pytest.fixture
def anyio_backend() -> str:
    """Real time: some tests here start processes."""
    return "asyncio"


# Health


@pytest.mark.parametrize("transport", PATHS)
@pytest.mark.parametrize("token", [None, SECRET])
async def test_anyone_can_check_health_and_nothing_else(
    sandbox: Sandbox, transport: HttpTransport, token: str | None
) -> None:
    async with visitor(sandbox, transport, mcp_token=token) as http:
        response = await http.get("/health")
    assert (response.status_code, response.text) == (200, "alive\n")
    assert set(response.headers) == {"content-length", "content-type", "cache-control"}
    assert not sandbox.requests


@pytest.mark.parametrize("path", ["/health/", "/health/../mcp", "/healthy", "//health", "/HEALTH", "/health/mcp"])
async def test_no_other_path_is_public(sandbox: Sandbox, path: str) -> None:
    async with visitor(sandbox, mcp_token=SECRET) as http:
        assert (await http.get(path)).status_code == 401
        assert (await http.post(path, json=HELLO)).status_code == 401


async def test_the_health_path_accepts_no_other_method(sandbox: Sandbox) -> None:
    async with visitor(sandbox, mcp_token=SECRET) as http:
        for method in ("POST", "PUT", "DELETE"):
            assert (await http.request(method, "/health", json=HELLO)).status_code == 405


# Authentication


@pytest.mark.parametrize("transport", PATHS)
async def test_a_request_without_a_token_learns_how_to_send_one(sandbox: Sandbox, transport: HttpTransport) -> None:
    async with visitor(sandbox, transport, mcp_token=SECRET) as http:
        response = await http.post(PATHS[transport], json=HELLO)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert "clientary" not in response.text.lower()


@pytest.mark.parametrize("spelt", ["Bearer", "bearer", "BEARER"])
async def test_the_scheme_may_be_written_in_any_case(sandbox: Sandbox, spelt: str) -> None:
    async with visitor(sandbox, mcp_token=SECRET) as http:
        assert (await say_hello(http, {"Authorization": f"{spelt} {SECRET}"})).status_code == ACCEPTED


async def test_a_token_in_the_url_is_ignored(sandbox: Sandbox) -> None:
    async with visitor(sandbox, mcp_token=SECRET) as http:
        assert (await http.post(f"/mcp?token={SECRET}&access_token={SECRET}", json=HELLO)).status_code == 401


@pytest.mark.parametrize("arguments", [["--host", "0.0.0.0"], ["--host", "::", "--allowed-host", "mcp.example.com"]])  # noqa: S104 refused
@pytest.mark.parametrize("transport", PATHS)
def test_the_command_exits_with_2_rather_than_serve_without_a_token(
    capsys: pytest.CaptureFixture[str], arguments: list[str], transport: str
) -> None:
    with pytest.raises(SystemExit) as ending:
        main(["--sandbox", "--transport", transport, *arguments])
    assert ending.value.code == 2
    reply = capsys.readouterr().err
    assert "CLIENTARY_MCP_TOKEN" in reply
    assert "--allowed-host" in reply


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
async def test_a_body_that_declares_too_large_a_length_is_rejected(sandbox: Sandbox, transport: HttpTransport) -> None:
    async with visitor(sandbox, transport) as http:
        assert (await send(http, padded(LIMIT + 1), transport)).status_code == TOO_LARGE
        assert (await send(http, padded(LIMIT), transport)).status_code != TOO_LARGE


@pytest.mark.parametrize("transport", PATHS)
async def test_a_body_without_a_declared_length_is_cut_off(sandbox: Sandbox, transport: HttpTransport) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b" " * 1_000_000

    async with visitor(sandbox, transport) as http:
        assert (await send(http, pieces(), transport)).status_code == TOO_LARGE


async def test_without_the_token_no_body_is_read(sandbox: Sandbox) -> None:
    async with visitor(sandbox, mcp_token=SECRET) as http:
        assert (await send(http, padded(LIMIT + 1), "streamable-http")).status_code == 401


# Streams of events


class Stream:
    """An event stream, read as a client does; raises the server's exceptions."""

    def __init__(self, app: ASGIApp, address: str) -> None:
        self._app, self._from = app, address
        self._heard, self._gone = anyio.Event(), anyio.Event()
        self._ended = False
        self.status, self.text = 0, ""

    async def __call__(self) -> None:
        """Read until it ends."""
        headers = [(b"host", b"127.0.0.1:8000")]
        scope = {"type": "http", "method": "GET", "path": "/sse", "query_string": b"", "headers": headers}
        scope["client"] = (self._from, 4711)
        await self._app(scope, self._receive, self._send)

    async def _receive(self) -> Message:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if self._gone.is_set():
            return  # as a web server does
        if message["type"] == "http.response.start":
            assert not self.status
            self.status = message["status"]
            return
        assert not self._ended
        self.text += message["body"].decode()
        self._ended = not message.get("more_body")
        self._heard.set()

    async def first_event(self) -> None:
        """Wait for the first event."""
        await self._heard.wait()

    @property
    def address(self) -> str:
        """The path for messages to it."""
        (address,) = re.findall("data: (/.*)\r\n", self.text)
        return str(address)

    def has_ended(self) -> bool:
        """Whether the server ended it regularly."""
        return self._ended

    def leave(self) -> None:
        """Disconnect."""
        self._gone.set()


Open = Callable[..., Awaitable[Stream]]


@asynccontextmanager
async def listeners(app: ASGIApp) -> AsyncIterator[Open]:
    """Opens streams, and disconnects them at the end."""
    streams: list[Stream] = []
    async with anyio.create_task_group() as group:

        async def opened(address: str = "127.0.0.1") -> Stream:
            streams.append(stream := Stream(app, address))
            group.start_soon(stream)
            await stream.first_event()
            return stream

        yield opened
        for stream in streams:
            stream.leave()


virtual = pytest.mark.parametrize("anyio_backend", [("asyncio", {"loop_factory": VirtualLoop})], ids=[""])
HALF_AN_HOUR = 1_800


@virtual
async def test_a_stream_idle_for_half_an_hour_ends_cleanly(sandbox: Sandbox) -> None:
    async with served(sandbox, "sse") as app, listeners(app) as opened, visitor_of(app) as http:
        stream = await opened()
        await anyio.sleep(HALF_AN_HOUR - 1)
        assert not stream.has_ended()
        await anyio.sleep(2)
        assert stream.has_ended()
        assert (await http.post(stream.address, json=HELLO)).status_code == 404


@virtual
async def test_a_message_keeps_only_its_own_stream_open(sandbox: Sandbox) -> None:
    async with served(sandbox, "sse") as app, listeners(app) as opened, visitor_of(app) as http:
        used, idle = await opened(), await opened()
        for _ in range(5):
            await anyio.sleep(HALF_AN_HOUR - 1)
            assert (await http.post(used.address, json=HELLO)).status_code == 202
        assert "serverInfo" in used.text
        assert (used.has_ended(), idle.has_ended()) == (False, True)
        await anyio.sleep(HALF_AN_HOUR + 1)
        assert used.has_ended()


@virtual
async def test_no_stream_ends_while_a_question_to_the_user_is_open(sandbox: Sandbox) -> None:
    async with served(sandbox, "sse", ask_timeout=7_200) as app, listeners(app) as opened:
        stream = await opened()
        await anyio.sleep(7_200)
        assert not stream.has_ended()
        await anyio.sleep(7_200)
        assert stream.has_ended()


async def test_a_head_request_opens_no_stream(sandbox: Sandbox) -> None:
    async with visitor(sandbox, "sse") as http:
        answer = await http.head("/sse")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")


async def test_unauthorized_requests_and_shutdown_log_no_traceback(tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "stderr"
    with anyio.fail_after(PATIENCE):
        async with (
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http,
            listening("--sandbox", "--transport", "sse", port=port, log=log) as process,
        ):
            refused = await http.get("/sse", headers={"Host": "evil.example.com"})
            async with http.stream("GET", "/sse") as stream:
                async for event in stream.aiter_text():
                    assert "endpoint" in event
                    process.terminate()
    assert refused.status_code == STRANGE_HOST
    assert "Traceback" not in log.read_text()


async def test_a_real_process_answers_the_health_check_first(tmp_path: Path) -> None:
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
    assert set(alive.headers) <= {"content-length", "content-type", "cache-control"}
    assert (closed.status_code, opened.status_code) == (401, ACCEPTED)


@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\n",
        b"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\nhalf",
        b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nGET /health HT",
    ],
    ids=["nothing", "half a head", "half a body", "half a second request"],
)
async def test_a_connection_without_a_complete_request_is_closed(begun: bytes, sandbox: Sandbox) -> None:
    class Hasty(IdleTimeoutProtocol):
        patience = 0.01

    server = ClientaryServer(session_with(sandbox))
    config = uvicorn.Config(application(server, SETTINGS, "streamable-http", "127.0.0.1"), lifespan="off")
    loop = asyncio.get_running_loop()
    listening = await loop.create_server(lambda: Hasty(config, ServerState(), {}), "127.0.0.1", 0)
    async with listening:
        reader, writer = await asyncio.open_connection(*listening.sockets[0].getsockname())
        writer.write(begun)
        async with asyncio.timeout(30):
            await reader.read()  # until the other side has closed it
        writer.close()
        await writer.wait_closed()


@virtual
async def test_a_connection_stays_open_while_in_use(sandbox: Sandbox) -> None:
    patience, often = IdleTimeoutProtocol.patience, 10
    config = uvicorn.Config(
        application(ClientaryServer(session_with(sandbox)), SETTINGS, "streamable-http", "127.0.0.1"),
        lifespan="off",
        timeout_keep_alive=10 * int(patience),
    )
    theirs, ours = socket.socketpair()
    await asyncio.get_running_loop().connect_accepted_socket(
        lambda: IdleTimeoutProtocol(config, ServerState(), {}), theirs
    )
    reader, writer = await asyncio.open_connection(sock=ours)
    for _ in range(3 * often):
        await anyio.sleep(patience / often)
        writer.write(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert (await reader.readuntil(b"alive\n")).startswith(b"HTTP/1.1 200")
    used = anyio.current_time()
    assert await reader.read() == b""
    assert patience <= anyio.current_time() - used <= 2 * patience
    writer.close()
    await writer.wait_closed()

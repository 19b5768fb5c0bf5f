"""How connections over TLS and through proxies fail: ours says the same as httpx's own transport."""

import asyncio
import ssl
from asyncio import StreamReader, StreamWriter
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial

import httpx
import pytest
import trustme

from clientary_mcp.api.retry import NOT_SENT, refused_by_proxy, untrusted_certificate
from tests.support.raw_sockets import Connection, Script, serving
from tests.support.transports import BOTH, NAMES, Make, failure, over

pytestmark = pytest.mark.anyio

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
SHORT = 0.05
"""Seconds that pass where the only way for a request to end is its timeout."""

Handler = Callable[[StreamReader, StreamWriter], Awaitable[None]]


@pytest.fixture(params=BOTH, ids=NAMES)
def make(request: pytest.FixtureRequest) -> Make:
    """Each of the two transports."""
    made: Make = request.param
    return made


class Authority:
    """A certificate authority, with the contexts of a server that it vouches for and of a client that trusts it."""

    def __init__(self) -> None:
        authority = trustme.CA()
        self.server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("localhost").configure_cert(self.server)
        self.client = ssl.create_default_context()
        authority.configure_trust(self.client)


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@asynccontextmanager
async def secure(authority: Authority, handler: Handler) -> AsyncIterator[int]:
    """The port of a server over TLS on loopback."""

    handling: dict[asyncio.Task[None] | None, StreamWriter] = {}

    async def handle(reader: StreamReader, writer: StreamWriter) -> None:
        handling[asyncio.current_task()] = writer
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await handler(reader, writer)
        finally:
            writer.transport.abort()

    async with await asyncio.start_server(handle, "127.0.0.1", 0, ssl=authority.server) as server:
        yield server.sockets[0].getsockname()[1]
        for task, writer in handling.items():
            assert task is not None
            task.cancel()
            with suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()


async def answers(reader: StreamReader, writer: StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(OK)
    await reader.read(1)  # until the client leaves


async def leaves_after_reading(reader: StreamReader, writer: StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")


async def leaves_in_the_body(reader: StreamReader, writer: StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(OK[:-1])
    await writer.drain()


async def test_a_trusted_certificate_is_accepted(make: Make, authority: Authority) -> None:
    async with secure(authority, answers) as port, over(make, authority.client) as client:
        assert (await client.post(f"https://localhost:{port}/clients")).json() == {}


async def test_an_untrusted_certificate_is_named_and_nothing_is_sent(make: Make, authority: Authority) -> None:
    async with secure(authority, answers) as port, over(make) as client:
        failed = await failure(client, f"https://localhost:{port}/clients")
    assert type(failed) is httpx.ConnectError
    assert untrusted_certificate(failed)


async def test_a_certificate_of_another_host_is_named_and_nothing_is_sent(make: Make, authority: Authority) -> None:
    async with secure(authority, answers) as port, over(make, authority.client) as client:
        failed = await failure(client, f"https://127.0.0.1:{port}/clients")
    assert type(failed) is httpx.ConnectError
    assert "127.0.0.1" in untrusted_certificate(failed)


@pytest.mark.parametrize("handler", [leaves_after_reading, leaves_in_the_body])
async def test_a_secure_connection_lost_after_the_request_left_never_counts_as_not_sent(
    make: Make, authority: Authority, handler: Handler
) -> None:
    async with secure(authority, handler) as port, over(make, authority.client) as client:
        failed = await failure(client, f"https://localhost:{port}/clients")
    assert type(failed) is httpx.RemoteProtocolError


# A handshake that fails


async def resets_it(connection: Connection) -> None:
    await connection.arrived()
    connection.reset()


async def closes_it(connection: Connection) -> None:
    await connection.arrived()


async def is_no_tls(connection: Connection) -> None:
    await connection.arrived()
    await connection.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    await connection.forget()


@pytest.mark.parametrize("does", [resets_it, closes_it, is_no_tls])
async def test_a_failed_handshake_counts_as_not_sent(make: Make, does: Script) -> None:
    async with serving(does) as served, over(make) as client:
        failed = await failure(client, f"https://localhost:{served.port}/clients")
    assert type(failed) is httpx.ConnectError


async def test_a_handshake_that_never_ends_counts_as_not_sent(make: Make) -> None:
    async with serving(Connection.forget) as served, over(make) as client:
        timeout = httpx.Timeout(60, connect=SHORT)
        failed = await failure(client, f"https://localhost:{served.port}/clients", timeout=timeout)
    assert type(failed) is httpx.ConnectTimeout


# Proxies


async def refuses(connection: Connection, status: int) -> None:
    await connection.head()
    await connection.send(b"HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n" % status)


async def connects_to_nothing(connection: Connection) -> None:
    await connection.head()
    await connection.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
    await connection.arrived()


@pytest.mark.parametrize(("status", "final"), [(407, 407), (403, 403), (502, None), (503, None)])
async def test_a_refusal_by_a_proxy_counts_as_not_sent(make: Make, status: int, final: int | None) -> None:
    async with (
        serving(partial(refuses, status=status)) as served,
        over(make, proxy=f"http://127.0.0.1:{served.port}") as client,
    ):
        failed = await failure(client, "https://acme.example/clients")
        assert served.connections == 1
    assert type(failed) is httpx.ProxyError
    assert str(failed) == f"{status} No"
    assert refused_by_proxy(failed) == final


async def test_a_tunnel_that_breaks_in_the_handshake_counts_as_not_sent(make: Make) -> None:
    async with (
        serving(connects_to_nothing) as served,
        over(make, proxy=f"http://127.0.0.1:{served.port}") as client,
    ):
        failed = await failure(client, "https://acme.example/clients")
    assert type(failed) is httpx.ConnectError


@pytest.mark.parametrize("handler", [answers, leaves_after_reading])
async def test_a_proxy_over_tls_gets_its_credentials_alone(make: Make, authority: Authority, handler: Handler) -> None:
    heads: list[str] = []

    async def connects(reader: StreamReader, writer: StreamWriter) -> None:
        heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
        there, back = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        pipes = [asyncio.create_task(_pipe(reader, back)), asyncio.create_task(_pipe(there, writer))]
        try:
            await asyncio.wait(pipes, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pipe in pipes:
                pipe.cancel()
            back.transport.abort()

    async with secure(authority, handler) as port, secure(authority, connects) as proxy:
        proxy_url = f"https://ann:pass%2Fword@localhost:{proxy}"
        async with over(make, authority.client, proxy_url) as client:
            url, auth = f"https://localhost:{port}/clients", httpx.BasicAuth("t0ken", "t0ken")
            if handler is answers:
                assert (await client.post(url, auth=auth)).json() == {}
            else:
                failed = await failure(client, url, auth=auth)
                assert not isinstance(failed, NOT_SENT)
                assert type(failed) is httpx.RemoteProtocolError
    (head,) = heads
    assert f"Proxy-Authorization: Basic {b64encode(b'ann:pass/word').decode()}" in head
    assert b64encode(b"t0ken:t0ken").decode() not in head


async def _pipe(source: StreamReader, target: StreamWriter) -> None:
    with suppress(ConnectionError):
        while content := await source.read(65_536):
            target.write(content)
            await target.drain()

"""How requests fail over a real socket: ours says the same as httpx's own transport, and never that nothing was sent.

Each test breaks a connection in another way, for both transports side by side.
"""

import sys
from collections.abc import AsyncIterator

import anyio
import httpcore2
import httpx
import pytest

from clientary_mcp.api import http_core
from clientary_mcp.api.retry import NOT_SENT
from clientary_mcp.api.session import Clientary
from clientary_mcp.errors import OutcomeUnknown
from clientary_mcp.settings import Settings
from tests.support.clock import FakeTime
from tests.support.raw_sockets import Connection, Script, full_queue, serving, unused_port
from tests.support.transports import BOTH, NAMES, failure, over

pytestmark = pytest.mark.anyio

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
SHORT = 0.05
"""Seconds that pass where the only way for a request to end is its timeout."""


@pytest.fixture(params=BOTH, ids=NAMES)
async def client(request: pytest.FixtureRequest) -> AsyncIterator[httpx.AsyncClient]:
    """A client on each of the two transports."""
    async with over(request.param) as client:
        yield client


# What a server does with the connection


async def resets_it_unread(connection: Connection) -> None:
    await connection.arrived()
    connection.reset()


async def resets_it_after_reading(connection: Connection) -> None:
    await connection.head()
    connection.reset()


async def closes_it_after_reading(connection: Connection) -> None:
    await connection.head()


async def closes_it_in_the_head(connection: Connection) -> None:
    await connection.head()
    await connection.send(OK[:20])


async def closes_it_in_the_body(connection: Connection) -> None:
    await connection.head()
    await connection.send(OK[:-1])


async def resets_it_in_the_body(connection: Connection) -> None:
    await connection.head()
    await connection.send(OK[:-1])
    connection.reset()


async def answers_with_garbage(connection: Connection) -> None:
    await connection.head()
    await connection.send(b"220 mail.example.com ESMTP\r\n\r\n")


async def closes_it_in_a_chunk(connection: Connection) -> None:
    await connection.head()
    await connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab")


@pytest.mark.parametrize(
    ("does", "error"),
    [
        (resets_it_unread, httpx.ReadError),
        (resets_it_after_reading, httpx.ReadError),
        (closes_it_after_reading, httpx.RemoteProtocolError),
        (closes_it_in_the_head, httpx.RemoteProtocolError),
        (closes_it_in_the_body, httpx.RemoteProtocolError),
        (resets_it_in_the_body, httpx.ReadError),
        (closes_it_in_a_chunk, httpx.RemoteProtocolError),
        (answers_with_garbage, httpx.RemoteProtocolError),
    ],
)
async def test_a_connection_lost_after_the_request_left_never_counts_as_not_sent(
    client: httpx.AsyncClient, does: Script, error: type[httpx.TransportError]
) -> None:
    async with serving(does) as served:
        failed = await failure(client, f"http://127.0.0.1:{served.port}/clients")
        assert type(failed) is error
        assert not isinstance(failed, NOT_SENT)
        assert served.received > 0
        assert served.connections == 1


async def test_a_refused_connection_counts_as_not_sent(client: httpx.AsyncClient) -> None:
    assert type(await failure(client, f"http://127.0.0.1:{unused_port()}/clients")) is httpx.ConnectError


@pytest.mark.skipif(sys.platform != "linux", reason="what a full queue does depends on the system")
async def test_a_connection_that_is_never_accepted_counts_as_not_sent(client: httpx.AsyncClient) -> None:
    async with full_queue() as port:
        failed = await failure(client, f"http://127.0.0.1:{port}/clients", timeout=httpx.Timeout(60, connect=SHORT))
    assert type(failed) is httpx.ConnectTimeout


async def test_an_answer_that_never_comes_is_a_timeout_while_reading(client: httpx.AsyncClient) -> None:
    async with serving(Connection.forget) as served:
        timeout = httpx.Timeout(60, read=SHORT)
        failed = await failure(client, f"http://127.0.0.1:{served.port}/clients", timeout=timeout)
    assert type(failed) is httpx.ReadTimeout


async def test_a_request_that_is_never_read_is_a_timeout_while_writing(client: httpx.AsyncClient) -> None:
    async with serving(Connection.forget) as served:
        url, body = f"http://127.0.0.1:{served.port}/clients", b" " * 32 * 1024 * 1024
        failed = await failure(client, url, content=body, timeout=httpx.Timeout(60, write=SHORT))
    assert type(failed) is httpx.WriteTimeout


# Connections that were kept


async def answers_once(connection: Connection) -> None:
    await connection.head()
    await connection.send(OK)


async def answers_twice(connection: Connection) -> None:
    await answers_once(connection)
    await answers_once(connection)
    await connection.forget()


async def resets_the_second_request(connection: Connection) -> None:
    await answers_once(connection)
    await resets_it_unread(connection)


async def closes_on_the_second_request(connection: Connection) -> None:
    await answers_once(connection)
    await connection.head()


async def test_a_kept_connection_serves_the_next_request(client: httpx.AsyncClient) -> None:
    async with serving(answers_twice) as served:
        for _ in range(2):
            assert (await client.post(f"http://127.0.0.1:{served.port}/clients")).json() == {}
        assert served.connections == 1


async def test_a_request_takes_a_new_connection_where_the_kept_one_was_closed_before(client: httpx.AsyncClient) -> None:
    async with serving(answers_once) as served:
        assert (await client.get(f"http://127.0.0.1:{served.port}/clients")).json() == {}
        await served.ended.wait()
        assert (await client.post(f"http://127.0.0.1:{served.port}/clients")).json() == {}
        assert served.connections == 2


@pytest.mark.parametrize(
    ("does", "error"),
    [(resets_the_second_request, httpx.ReadError), (closes_on_the_second_request, httpx.RemoteProtocolError)],
)
async def test_a_request_that_left_on_a_kept_connection_is_not_sent_again(
    client: httpx.AsyncClient, does: Script, error: type[httpx.TransportError]
) -> None:
    async with serving(does) as served:
        await client.get(f"http://127.0.0.1:{served.port}/clients")
        failed = await failure(client, f"http://127.0.0.1:{served.port}/clients")
        assert type(failed) is error
        assert not isinstance(failed, NOT_SENT)
        assert served.connections == 1


@pytest.mark.parametrize("does", [resets_the_second_request, closes_on_the_second_request])
async def test_the_outcome_of_a_write_is_unknown_where_its_connection_broke(does: Script) -> None:
    time = FakeTime()
    async with serving(does) as served:
        settings = Settings(base_url=f"http://127.0.0.1:{served.port}", api_token="t0ken")
        async with Clientary(settings, clock=time.clock) as clientary:
            await clientary.fetch("clients/7")
            with pytest.raises(OutcomeUnknown):
                await clientary.post("clients", {})
        assert served.connections == 1
    assert time.waits == []


async def test_a_body_that_is_not_read_to_its_end_takes_its_connection_with_it(client: httpx.AsyncClient) -> None:
    async with serving(answers_twice) as served:
        url = f"http://127.0.0.1:{served.port}/clients"
        async with client.stream("GET", url):
            pass
        await client.get(url)
        assert served.connections == 2


async def test_a_request_that_is_cancelled_takes_its_connection_with_it(client: httpx.AsyncClient) -> None:
    second = anyio.Event()

    async def script(connection: Connection) -> None:
        await answers_once(connection)
        await connection.head()
        second.set()
        await connection.forget()

    async with serving(script) as served, anyio.create_task_group() as group:
        url = f"http://127.0.0.1:{served.port}/clients"
        await client.get(url)
        group.start_soon(client.get, url)
        await second.wait()
        group.cancel_scope.cancel()
        with anyio.CancelScope(shield=True):
            await client.get(url)
        assert served.connections == 2


def test_every_error_of_the_core_becomes_the_one_of_that_name() -> None:
    exported = {name: getattr(httpcore2, name) for name in httpcore2.__all__ if hasattr(httpcore2, name)}
    kinds = {kind for kind in exported.values() if isinstance(kind, type) and issubclass(kind, Exception)}
    assert http_core._ERRORS.keys() == kinds - {httpcore2.ConnectionNotAvailable}  # which never leaves the core
    assert all(core.__name__ == ours.__name__ for core, ours in http_core._ERRORS.items())

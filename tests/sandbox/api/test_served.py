"""Faults over sockets: a server on loopback closes connections as an account in the same process pretends to."""

import logging
import socket
from collections.abc import AsyncIterator

import anyio
import httpx
import pytest
import uvicorn

from clientary_mcp.sandbox import Fault, Faults, Sandbox

pytestmark = pytest.mark.anyio

ACME = {"client": {"name": "ACME"}}


@pytest.fixture
async def served(account: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the account, over a socket that listens before the server does."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(account.app, log_level=logging.CRITICAL, lifespan="off"))
    async with anyio.create_task_group() as serving:
        serving.start_soon(server.serve, [listening])
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{listening.getsockname()[1]}/api/v2/",
            auth=(account.token, account.token),
            headers={"Accept": "application/json"},
        ) as client:
            yield client
        server.should_exit = True
    listening.close()


@pytest.mark.parametrize("after", [False, True])
async def test_a_dropped_connection_closes_without_an_answer(
    account: Sandbox, served: httpx.AsyncClient, after: bool
) -> None:
    account.faults = Faults([Fault("drop", "POST", after=after)])
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        await served.post("clients", json=ACME)
    assert (await served.get("clients")).json()["total_count"] == len(account.ledger) == after


async def test_a_truncated_body_closes_the_connection_in_the_middle(
    account: Sandbox, served: httpx.AsyncClient
) -> None:
    whole = (await served.get("staff")).content
    account.faults = Faults([Fault("truncated", times=1)])
    received = bytearray()

    async def read() -> None:
        async with served.stream("GET", "staff") as reply:
            async for chunk in reply.aiter_bytes():
                received.extend(chunk)

    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
        await read()
    assert 0 < len(received) < len(whole)
    assert (await served.get("staff")).content == whole


async def test_an_empty_answer_is_not_truncated_but_dropped(account: Sandbox, served: httpx.AsyncClient) -> None:
    made = (await served.post("clients", json=ACME)).json()
    account.faults = Faults([Fault("truncated")])
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        await served.delete(f"clients/{made['id']}")
    assert [write.method for write in account.ledger] == ["POST", "DELETE"]


async def test_a_client_gives_up_on_a_silent_server_and_is_served_again(
    account: Sandbox, served: httpx.AsyncClient
) -> None:
    account.faults = Faults([Fault("silent", path="leads")])
    with pytest.raises(httpx.ReadTimeout):
        await served.get("leads", timeout=httpx.Timeout(None, read=0.001))
    assert (await served.get("staff")).status_code == 200


@pytest.mark.parametrize(
    ("fault", "method", "path", "status"),
    [
        (Fault(429, retry_after=1), "POST", "clients", 429),
        (Fault(503, after=True), "POST", "clients", 503),
        (Fault("html", after=True), "DELETE", "staff/1", 404),
        (Fault("half"), "GET", "staff", 200),
        (Fault("empty"), "POST", "clients", 201),
        (Fault("redirect"), "POST", "clients", 302),
        (Fault("slow", seconds=0, after=True), "POST", "clients", 201),
    ],
)
async def test_other_faults_are_whole_answers_to_a_server(
    account: Sandbox, served: httpx.AsyncClient, fault: Fault, method: str, path: str, status: int
) -> None:
    account.faults = Faults([fault])
    for _ in range(2):
        assert (await served.request(method, path, json=ACME)).status_code == status

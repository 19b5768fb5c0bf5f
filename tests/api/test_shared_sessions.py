"""One session with Clientary shared by several agents: reported waits and shared limits."""

import asyncio
import logging
from base64 import b64encode
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import anyio.abc
import anyio.lowlevel
import httpx
import mcp_types
import pytest
import respx
from mcp import Client

from clientary_mcp.api.call import Clock
from clientary_mcp.api.session import Clientary
from clientary_mcp.sandbox import Fault, Faults, Sandbox
from clientary_mcp.server.app import ClientaryServer
from clientary_mcp.settings import Settings
from tests.conftest import SETTINGS
from tests.support.agent import Agent, Era, agent_of
from tests.support.clock import FakeTime
from tests.support.users import User, configured, host, some
from tests.support.virtual_time import VirtualLoop

pytestmark = pytest.mark.anyio

ACME = {"id": 7, "name": "Acme"}
BUSY = httpx.Response(429, headers={"Retry-After": "3"})

virtual = pytest.mark.parametrize("anyio_backend", [("asyncio", {"loop_factory": VirtualLoop})], ids=[""])


async def test_waits_are_reported_as_progress_and_in_the_answer(
    account: respx.MockRouter, clientary: Clientary, era: Era
) -> None:
    account.get("clients/7").mock(
        side_effect=[BUSY, httpx.Response(503, headers={"Retry-After": "2"}), httpx.Response(200, json=ACME)]
    )
    heard: list[tuple[float, str | None]] = []

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        heard.append((progress, message))

    async with agent_of(clientary, era) as agent:
        result = await agent.client.call_tool("get_client", {"client_id": 7}, progress_callback=on_progress)
    assert result.meta is not None
    assert (result.meta["waited_seconds"], result.meta["retries"]) == (5, 2)
    assert heard == [
        (1, "Clientary's rate limit was reached: waiting 3.0 s"),
        (2, "Clientary returned 503: waiting 2.0 s"),
    ]


async def test_an_agent_without_a_progress_token_is_answered_all_the_same(
    account: respx.MockRouter, clientary: Clientary, era: Era
) -> None:
    account.get("clients/7").mock(side_effect=[BUSY, httpx.Response(200, json=ACME)])
    async with agent_of(clientary, era) as agent:
        assert (await agent.answer("get_client", client_id=7))["name"] == "Acme"


async def test_a_call_that_did_not_wait_does_not_mention_waiting(account: respx.MockRouter, agent: Agent) -> None:
    account.get("clients/7").respond(json=ACME)
    result = await agent.call("get_client", {"client_id": 7})
    assert "waited_seconds" not in (result.meta or {})


@pytest.mark.parametrize(("retry_after", "waited"), [("3", 3), ("0", 0)])
async def test_a_call_that_retried_without_waiting_reports_the_retry(
    account: respx.MockRouter, agent: Agent, retry_after: str, waited: float
) -> None:
    busy = httpx.Response(429, headers={"Retry-After": retry_after})
    account.get("clients/7").mock(side_effect=[busy, httpx.Response(200, json=ACME)])
    assert reported_waits(await agent.call("get_client", {"client_id": 7})) == (waited, 1)


async def test_a_failed_call_reports_how_long_it_waited(
    account: respx.MockRouter, agent: Agent, time: FakeTime
) -> None:
    account.get("clients/7").mock(return_value=BUSY)
    account.get("clients/8").respond(404)
    failed_at_once = await agent.call("get_client", {"client_id": 8})
    failed = await agent.call("get_client", {"client_id": 7})
    assert failed_at_once.is_error
    assert failed.is_error
    assert "waited_seconds" not in (failed_at_once.meta or {})
    waited, retries = reported_waits(failed)
    assert (waited, retries > 5) == (round(sum(time.waits), 3), True)


async def test_waits_while_preparing_the_confirmation_count_for_the_call(
    sandbox: Sandbox, time: FakeTime, era: Era
) -> None:
    (lead,) = some(sandbox, "leads")
    sandbox.faults = Faults([Fault(429, "GET", "leads/*", nth=2, retry_after=4)])
    heard: list[str | None] = []

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        heard.append(message)

    async with configured(sandbox, time) as clientary, host(ClientaryServer(clientary), era, User()) as client:
        arguments = {"lead_id": lead, "confirm": True}
        result = await client.call_tool("delete_lead", arguments, progress_callback=on_progress)
    assert not result.is_error
    waits = [message for message in heard if message != "The user is asked for approval: waiting"]
    assert waits[0] == "Clientary's rate limit was reached: waiting 4.0 s"
    assert len(waits) == len(time.waits)
    assert reported_waits(result) == (round(sum(time.waits), 3), 1)


async def test_a_confirmation_request_reports_how_long_its_preparation_took(sandbox: Sandbox, time: FakeTime) -> None:
    (lead,) = some(sandbox, "leads")
    sandbox.faults = Faults([Fault(429, "GET", "leads/*", nth=1, retry_after=4)])
    async with configured(sandbox, time) as clientary, host(ClientaryServer(clientary), "auto", User()) as client:
        arguments = {"lead_id": lead, "confirm": True}
        question = await client.session.call_tool("delete_lead", arguments, allow_input_required=True)
    assert isinstance(question, mcp_types.InputRequiredResult)
    assert reported_waits(question) == (4, 1)


async def test_waits_of_a_failed_confirmation_are_reported_with_the_error(
    sandbox: Sandbox, time: FakeTime, era: Era
) -> None:
    (lead,) = some(sandbox, "leads")
    sandbox.faults = Faults([Fault(429, "GET", "leads/*", retry_after=4)])
    async with configured(sandbox, time) as clientary, host(ClientaryServer(clientary), era, User()) as client:
        result = await Agent(client).call("delete_lead", {"lead_id": lead, "confirm": True})
    assert result.is_error
    waited, retries = reported_waits(result)
    assert (waited, retries > 5) == (round(sum(time.waits), 3), True)


def reported_waits(result: mcp_types.CallToolResult | mcp_types.InputRequiredResult) -> tuple[float, int]:
    """The waits and retries that an answer reports."""
    assert result.meta is not None
    return result.meta["waited_seconds"], result.meta["retries"]


def each_page_refused_once() -> Callable[[httpx.Request], httpx.Response]:
    """Three pages of clients, each of which is rejected once."""
    seen: set[str] = set()

    def answer(request: httpx.Request) -> httpx.Response:
        page = request.url.params.get("page", "1")
        if page not in seen:
            seen.add(page)
            return BUSY
        rows = [{"id": int(page), "name": "Acme"}]
        return httpx.Response(200, json={"clients": rows, "page_count": 3, "page_size": 1, "total_count": 3})

    return answer


async def test_waits_of_concurrent_pages_count_for_their_own_call_only(account: respx.MockRouter, agent: Agent) -> None:
    account.get("clients").mock(side_effect=each_page_refused_once())
    first = await agent.call("list_clients", {})
    second = await agent.call("list_clients", {})
    assert reported_waits(first)[1] == 3
    assert (second.meta or {}).get("retries", 0) == 0


@virtual
async def test_concurrent_waits_are_reported_as_no_longer_than_the_call_took(account: respx.MockRouter) -> None:
    account.get("clients").mock(side_effect=each_page_refused_once())
    clock = Clock(now=asyncio.get_running_loop().time)
    async with agent_of(Clientary(SETTINGS, clock=clock)) as agent:
        begun = clock.now()
        waited, retries = reported_waits(await agent.call("list_clients", {}))
        took = clock.now() - begun
    assert waited == pytest.approx(took, abs=0.001)  # nothing but waits takes time here
    assert (retries, took < 9) == (3, True)


async def test_the_deadline_holds_for_a_whole_call_of_many_requests(
    account: respx.MockRouter, agent: Agent, time: FakeTime
) -> None:
    account.get("clients").mock(
        side_effect=[
            httpx.Response(429, headers={"Retry-After": "40"}),
            httpx.Response(200, json={"clients": [ACME], "page_count": 2, "page_size": 1, "total_count": 2}),
            httpx.Response(429, headers={"Retry-After": "40"}),
        ]
    )
    assert "Try again in 40 seconds" in await agent.refusal("list_clients")
    assert time.waits[0] == 40
    assert sum(time.waits) < 60


async def test_agents_of_one_account_share_its_slots(time: FakeTime) -> None:
    in_flight = most = served = 0
    full = anyio.Event()

    async def answer(request: httpx.Request) -> httpx.Response:
        nonlocal in_flight, most, served
        in_flight += 1
        most = max(most, in_flight)
        if in_flight == 3:
            full.set()
        await full.wait()
        await anyio.lowlevel.checkpoint()
        in_flight, served = in_flight - 1, served + 1
        return httpx.Response(200, json=ACME)

    settings = Settings(subdomain="acme", api_token="t0ken", concurrency=3)
    server = ClientaryServer(Clientary(settings, httpx.MockTransport(answer), time.clock))
    async with Client(server) as one, Client(server) as other, anyio.create_task_group() as group:
        for _ in range(8):
            group.start_soon(one.call_tool, "get_client", {"client_id": 7})
            group.start_soon(other.call_tool, "get_client", {"client_id": 7})
    assert (most, served) == (3, 16)


async def test_an_agent_that_disconnects_does_not_close_the_session_for_others(
    account: respx.MockRouter, clientary: Clientary, era: Era
) -> None:
    account.get("clients/7").respond(json=ACME)
    server = ClientaryServer(clientary)
    async with Client(server, mode=era) as staying:
        async with Client(server, mode=era) as leaving:
            await leaving.call_tool("get_client", {"client_id": 7})
        assert (await Agent(staying).answer("get_client", client_id=7))["name"] == "Acme"
    async with Client(server, mode=era) as coming:
        assert (await Agent(coming).answer("get_client", client_id=7))["name"] == "Acme"


async def served_on_loopback(answers: list[bytes], use: Callable[[str], Awaitable[Any]]) -> int:
    """The number of connections that `use` makes to a loopback server with these responses."""
    connections = 0
    left = iter(answers)

    async def serve(stream: anyio.abc.SocketStream) -> None:
        nonlocal connections
        connections += 1
        async with stream:
            try:
                while True:
                    await stream.receive()
                    await stream.send(next(left))
            except (anyio.EndOfStream, anyio.BrokenResourceError):
                pass

    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, serve)
        port = listener.extra(anyio.abc.SocketAttribute.local_port)  # noqa: S610 - no Django here
        await use(f"http://127.0.0.1:{port}")
        group.cancel_scope.cancel()
    return connections


OK = b'HTTP/1.1 200 OK\r\nContent-Length: 25\r\n\r\n{"id": 7, "name": "Acme"}'


async def test_successive_agents_reuse_one_connection() -> None:
    async def use(address: str) -> None:
        async with Clientary(Settings(base_url=address, api_token="t0ken")) as clientary:
            server = ClientaryServer(clientary)
            for _ in range(3):
                async with Client(server) as client:
                    await Agent(client).answer("get_client", client_id=7)

    assert await served_on_loopback([OK] * 3, use) == 1


async def test_no_log_line_contains_the_token(
    caplog: pytest.LogCaptureFixture, time: FakeTime, capfd: pytest.CaptureFixture[str]
) -> None:
    token = "t0p-s3cret-t0ken"
    failing = [b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n"]

    async def use(address: str) -> None:
        settings = Settings(base_url=address, api_token=token, log_level="DEBUG")
        async with Clientary(settings, clock=time.clock) as clientary, Client(ClientaryServer(clientary)) as client:
            for library in ("httpx", "httpcore2"):
                caplog.set_level(logging.DEBUG, library)
            await Agent(client).answer("get_client", client_id=7)
            await Agent(client).refusal("get_client", client_id=7)

    with caplog.at_level(logging.DEBUG):
        await served_on_loopback([OK, *failing], use)
    encoded = b64encode(f"{token}:{token}".encode()).decode()
    out, err = capfd.readouterr()
    everything = caplog.text + repr([vars(record) for record in caplog.records]) + out + err
    assert "httpcore2" in everything
    assert token not in everything
    assert encoded not in everything


async def test_no_error_repeats_a_token_that_an_agent_passed(
    account: respx.MockRouter, time: FakeTime, era: Era
) -> None:
    tokens = ["t0p-s3cret-t0ken", b64encode(b"t0p-s3cret-t0ken:t0p-s3cret-t0ken").decode(), "agents-bring-this-one"]
    settings = Settings(subdomain="acme", api_token=tokens[0], mcp_token=tokens[2])
    account.get("clients").respond(json={"clients": []})
    async with agent_of(Clientary(settings, clock=time.clock), era) as agent:
        for token in tokens:
            reply = [
                await agent.refusal(token),
                await agent.refusal("get_client", client_id=token),
                await agent.refusal("get_client", client_id=[token]),
                await agent.refusal("get_client", client_id=7, **{token: 1}),
                await agent.refusal("list_hours", from_date=token),
            ]
            assert token not in " ".join(reply)
            assert "[removed]" in reply[0]


async def test_the_token_is_sent_as_user_name_and_password(account: respx.MockRouter, clientary: Clientary) -> None:
    account.get("clients/7").respond(json=ACME)
    await clientary.fetch("clients/7")
    sent = account.calls.last.request
    expected = b64encode(f"{SETTINGS.api_token}:{SETTINGS.api_token}".encode()).decode()
    assert sent.headers["Authorization"] == f"Basic {expected}"
    assert sent.headers["Accept"] == "application/json"

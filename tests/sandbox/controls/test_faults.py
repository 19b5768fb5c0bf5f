"""Each kind of fault alone: what the client sees of it, and whether the write took effect."""

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import anyio
import httpx
import pytest

from clientary_mcp.sandbox import Dropped, Fault, Faults, Sandbox
from clientary_mcp.sandbox.controls.faults import Kind

pytestmark = pytest.mark.anyio

ACME = {"client": {"name": "ACME"}}


def names(account: Sandbox) -> list[str]:
    """The clients that are in the tables."""
    return [row["name"] for row in account.connection.execute("SELECT name FROM clients ORDER BY id")]


async def ask(wire: httpx.AsyncClient) -> None:
    """Create a client, whatever comes of it."""
    with suppress(httpx.TransportError):
        await wire.post("clients", json=ACME)


async def test_an_account_has_no_faults_unless_it_is_given_some(account: Sandbox, wire: httpx.AsyncClient) -> None:
    assert account.faults is None
    assert (await wire.post("clients", json=ACME)).status_code == 201


async def test_faults_come_and_go_at_any_time(account: Sandbox, wire: httpx.AsyncClient) -> None:
    account.faults = Faults([Fault(503)])
    assert (await wire.get("clients")).status_code == 503
    account.faults = None
    assert (await wire.get("clients")).status_code == 200


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
async def test_a_status_comes_with_a_page_and_without_retry_after(
    account: Sandbox, wire: httpx.AsyncClient, status: Kind
) -> None:
    account.faults = Faults([Fault(status)])
    reply = await wire.get("clients")
    assert reply.status_code == status
    assert reply.headers["content-type"].startswith("text/html")
    assert str(status) in reply.text
    assert "retry-after" not in reply.headers


@pytest.mark.parametrize("status", [429, 503])
async def test_retry_after_is_seconds(account: Sandbox, wire: httpx.AsyncClient, status: Kind) -> None:
    account.faults = Faults([Fault(status, retry_after=7)])
    assert (await wire.get("clients")).headers["retry-after"] == "7"


@pytest.mark.parametrize("status", [429, 503])
async def test_retry_after_is_a_date_no_earlier_than_asked(
    account: Sandbox, wire: httpx.AsyncClient, status: Kind
) -> None:
    now = datetime(2026, 3, 17, 12, tzinfo=UTC)
    account.faults = Faults([Fault(status, retry_after=timedelta(seconds=7))], wall=lambda: now.timestamp() + 0.25)
    header = (await wire.get("clients")).headers["retry-after"]
    assert header == "Tue, 17 Mar 2026 12:00:08 GMT"
    assert parsedate_to_datetime(header) == now + timedelta(seconds=8)


@pytest.mark.parametrize("kind", [429, 500, 502, 503, 504, "drop", "redirect", "html"])
async def test_a_write_that_fails_changes_nothing(account: Sandbox, wire: httpx.AsyncClient, kind: Kind) -> None:
    account.faults = Faults([Fault(kind)])
    await ask(wire)
    assert (names(account), account.ledger) == ([], [])
    assert account.requests[-1] == ("POST", "/api/v2/clients")


@pytest.mark.parametrize("kind", [500, 502, 503, 504, "drop", "redirect", "html", "slow", "silent"])
async def test_a_write_can_take_effect_and_then_fail(account: Sandbox, wire: httpx.AsyncClient, kind: Kind) -> None:
    account.faults = Faults([Fault(kind, after=True, seconds=0)])
    async with anyio.create_task_group() as asking:
        asking.start_soon(ask, wire)
        await anyio.wait_all_tasks_blocked()
        asking.cancel_scope.cancel()
    assert names(account) == ["ACME"]
    assert [write.body for write in account.ledger] == [ACME]


@pytest.mark.parametrize("kind", ["truncated", "half", "empty"])
async def test_a_write_whose_answer_is_garbled_took_effect(
    account: Sandbox, wire: httpx.AsyncClient, kind: Kind
) -> None:
    account.faults = Faults([Fault(kind)])
    await ask(wire)
    assert (names(account), len(account.ledger)) == (["ACME"], 1)


async def test_a_refused_write_has_no_effect_even_where_the_fault_comes_after_it(
    account: Sandbox, wire: httpx.AsyncClient
) -> None:
    account.faults = Faults([Fault(502, after=True)])
    assert (await wire.post("clients", json={"client": {}})).status_code == 502
    assert (names(account), account.ledger) == ([], [])


@pytest.mark.parametrize("after", [False, True])
async def test_a_dropped_connection_is_a_broken_protocol_to_httpx(
    account: Sandbox, wire: httpx.AsyncClient, after: bool
) -> None:
    account.faults = Faults([Fault("drop", after=after)])
    with pytest.raises(httpx.RemoteProtocolError) as raised:
        await wire.post("clients", json=ACME)
    assert raised.value.request.url.path == "/api/v2/clients"


async def test_a_dropped_connection_is_dropped_to_whoever_calls_the_app(account: Sandbox) -> None:
    account.faults = Faults([Fault("drop")])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(account.app), base_url="https://sandbox.test") as plain:
        with pytest.raises(Dropped):
            await plain.get("/api/v2/clients")


async def test_a_truncated_body_begins_and_breaks_off(account: Sandbox, wire: httpx.AsyncClient) -> None:
    whole = (await wire.get("staff")).content
    account.faults = Faults([Fault("truncated")])
    received = bytearray()

    async def read() -> None:
        async with wire.stream("GET", "staff") as reply:
            assert (reply.status_code, reply.headers["content-length"]) == (200, str(len(whole)))
            async for chunk in reply.aiter_bytes():
                received.extend(chunk)

    with pytest.raises(httpx.RemoteProtocolError):
        await read()
    assert whole.startswith(received)
    assert 0 < len(received) < len(whole)


async def test_an_answer_without_a_body_is_dropped_where_it_would_be_truncated(
    account: Sandbox, wire: httpx.AsyncClient
) -> None:
    made = (await wire.post("clients", json=ACME)).json()
    account.faults = Faults([Fault("truncated")])
    with pytest.raises(httpx.RemoteProtocolError):
        await wire.delete(f"clients/{made['id']}")
    assert names(account) == []


async def test_half_a_body_is_no_json(account: Sandbox, wire: httpx.AsyncClient) -> None:
    account.faults = Faults([Fault("half")])
    reply = await wire.get("staff")
    assert (reply.status_code, reply.headers["content-type"]) == (200, "application/json")
    assert reply.headers["content-length"] == str(len(reply.content))
    with pytest.raises(json.JSONDecodeError):
        reply.json()


async def test_an_empty_body_comes_with_the_true_status(account: Sandbox, wire: httpx.AsyncClient) -> None:
    account.faults = Faults([Fault("empty")])
    reply = await wire.post("clients", json=ACME)
    assert (reply.status_code, reply.content) == (201, b"")


@pytest.mark.parametrize(("after", "status"), [(False, 200), (True, 201)])
async def test_a_page_comes_instead_of_json(
    account: Sandbox, wire: httpx.AsyncClient, after: bool, status: int
) -> None:
    account.faults = Faults([Fault("html", after=after)])
    reply = await wire.post("clients", json=ACME)
    assert (reply.status_code, reply.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert reply.text.startswith("<!DOCTYPE html>")


async def test_a_page_comes_instead_of_an_answer_without_a_body(account: Sandbox, wire: httpx.AsyncClient) -> None:
    made = (await wire.post("clients", json=ACME)).json()
    account.faults = Faults([Fault("html", after=True)])
    reply = await wire.delete(f"clients/{made['id']}")
    assert (reply.status_code, reply.text[:15], names(account)) == (200, "<!DOCTYPE html>", [])


async def test_a_redirect_leads_to_a_login(account: Sandbox, wire: httpx.AsyncClient) -> None:
    account.faults = Faults([Fault("redirect")])
    reply = await wire.get("clients")
    assert (reply.status_code, reply.headers["location"]) == (302, "/login")


@pytest.mark.parametrize("after", [False, True])
async def test_a_slow_answer_is_the_true_one_after_a_delay(
    account: Sandbox, wire: httpx.AsyncClient, after: bool
) -> None:
    delays: list[tuple[float, list[str]]] = []

    async def sleep(seconds: float) -> None:
        delays.append((seconds, names(account)))

    account.faults = Faults([Fault("slow", seconds=12.5, after=after)], sleep=sleep)
    reply = await wire.post("clients", json=ACME)
    assert (reply.status_code, reply.json()["name"]) == (201, "ACME")
    assert delays == [(12.5, ["ACME"] if after else [])]
    assert len(account.ledger) == 1


@pytest.mark.parametrize("after", [False, True])
async def test_a_silent_account_answers_nothing_until_the_request_is_cancelled(
    account: Sandbox, wire: httpx.AsyncClient, after: bool
) -> None:
    account.faults = Faults([Fault("silent", times=1, after=after)])
    answered = False

    async def wait() -> None:
        nonlocal answered
        await wire.post("clients", json=ACME)
        answered = True

    async with anyio.create_task_group() as waiting:
        waiting.start_soon(wait)
        await anyio.wait_all_tasks_blocked()
        assert names(account) == (["ACME"] if after else [])
        waiting.cancel_scope.cancel()
    assert not answered
    assert (await wire.get("clients")).json()["total_count"] == after


async def test_a_silent_account_is_given_up_at_the_read_timeout(account: Sandbox, wire: httpx.AsyncClient) -> None:
    account.faults = Faults([Fault("silent")])
    with pytest.raises(httpx.ReadTimeout):
        await wire.get("clients", timeout=httpx.Timeout(None, read=0.001))


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (429, 429),
        (500, 500),
        (502, 502),
        (503, 503),
        (504, 504),
        ("redirect", 302),
        ("html", 200),
        ("drop", httpx.RemoteProtocolError),
        ("truncated", httpx.RemoteProtocolError),
        ("half", 200),
        ("empty", 200),
    ],
)
async def test_reads_fail_as_writes_do(
    account: Sandbox, wire: httpx.AsyncClient, kind: Kind, expected: int | type[Exception]
) -> None:
    account.faults = Faults([Fault(kind)])
    try:
        outcome: int | type[Exception] = (await wire.get("staff")).status_code
    except httpx.TransportError as error:
        outcome = type(error)
    assert outcome == expected


async def test_a_fault_strikes_before_anybody_asks_who_is_there(account: Sandbox, wire: httpx.AsyncClient) -> None:
    account.faults = Faults([Fault(502, times=1), Fault(502, after=True, times=1)])
    strangers = [await wire.get("clients", auth=("nobody", "nobody")) for _ in range(3)]
    assert [reply.status_code for reply in strangers] == [502, 502, 401]


def test_a_fault_that_could_not_be_is_refused() -> None:
    with pytest.raises(ValueError, match="no such kind of fault: 418"):
        Fault(418)  # type: ignore[arg-type]  # what a typing mistake would pass
    with pytest.raises(ValueError, match="a 429 never takes effect"):
        Fault(429, after=True)
    with pytest.raises(ValueError, match="no Retry-After goes with 502"):
        Fault(502, retry_after=1)
    with pytest.raises(ValueError, match="nth and times count from 1"):
        Fault(503, nth=0)
    with pytest.raises(ValueError, match="nth and times count from 1"):
        Fault(503, times=0)
    with pytest.raises(ValueError, match="a rate is between 0 and 1"):
        Faults(rate=20)
    with pytest.raises(ValueError, match="nth and times belong in the script"):
        Faults(rate=0.2, kinds=[Fault(503, nth=2)])

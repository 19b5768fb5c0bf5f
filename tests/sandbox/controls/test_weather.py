"""Which requests faults strike: by script, by route, by chance, and in a storm with many clients."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import anyio
import httpx
import pytest

from clientary_mcp.sandbox import STORM, Fault, Faults, Sandbox
from clientary_mcp.sandbox.controls.patterns import matches

pytestmark = pytest.mark.anyio

INVOICE = {
    "date": "2026-03-01",
    "due_date": "2026-03-31",
    "currency_code": "USD",
    "invoice_items_attributes": [{"title": "foo", "quantity": 1, "price": "100"}],
}
Reach = Callable[[Sandbox], httpx.AsyncClient]


async def no_delay(_: float) -> None:
    """Lets others go on, and no time pass."""
    await anyio.lowlevel.checkpoint()


async def outcome(request: Any) -> int | str:
    """The status of an answer, or what came instead of one."""
    try:
        reply: httpx.Response = await request
    except httpx.TransportError as error:
        return type(error).__name__
    return reply.status_code


async def outcomes(wire: httpx.AsyncClient, count: int, method: str = "GET", path: str = "clients") -> list[int | str]:
    """What so many requests come to, one after the other."""
    return [await outcome(wire.request(method, path, json={"client": {"name": "ACME"}})) for _ in range(count)]


async def test_the_third_payment_takes_effect_and_then_drops_the_connection(
    account: Sandbox, wire: httpx.AsyncClient
) -> None:
    invoices = [(await wire.post("invoices", json={"invoice": INVOICE})).json()["id"] for _ in range(2)]
    account.faults = Faults([Fault("drop", "POST", "invoices/*/payments", nth=3, after=True)])
    replies = [
        await outcome(wire.post(f"invoices/{invoices[number % 2]}/payments", json={"payment": {"amount": number}}))
        for number in range(1, 6)
    ]
    assert replies == [201, 201, "RemoteProtocolError", 201, 201]
    paid = account.connection.execute("SELECT amount FROM payments ORDER BY id").fetchall()
    assert [row["amount"] for row in paid] == [100, 200, 300, 400, 500]
    told = [write.body["payment"]["amount"] for write in account.ledger.of("POST", "invoices/*/payments")]
    assert told == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault(503), [503] * 5),
        (Fault(503, times=2), [503, 503, 200, 200, 200]),
        (Fault(503, nth=2), [200, 503, 200, 200, 200]),
        (Fault(503, nth=2, times=3), [200, 503, 503, 503, 200]),
        (Fault(503, "GET", "clients", nth=5), [200, 200, 200, 200, 503]),
        (Fault(503, "POST"), [200] * 5),
        (Fault(503, path="leads"), [200] * 5),
    ],
)
async def test_a_script_says_which_request_and_how_often(
    account: Sandbox, wire: httpx.AsyncClient, fault: Fault, expected: list[int]
) -> None:
    account.faults = Faults([fault])
    assert await outcomes(wire, 5) == expected


async def test_faults_of_a_script_all_count_and_one_of_them_strikes(account: Sandbox, wire: httpx.AsyncClient) -> None:
    account.faults = Faults([Fault(503, times=2), Fault(429, nth=4), Fault("drop", nth=2)])
    assert await outcomes(wire, 5) == [503, 503, "RemoteProtocolError", 429, 200]


async def test_requests_that_a_fault_is_not_meant_for_do_not_count(account: Sandbox, wire: httpx.AsyncClient) -> None:
    account.faults = Faults([Fault(503, "GET", "leads", nth=2)])
    paths = ("leads", "clients", "clients", "leads", "leads")
    assert [await outcome(wire.get(path)) for path in paths] == [200, 200, 200, 503, 200]


async def test_what_was_struck_is_written_down(account: Sandbox, wire: httpx.AsyncClient) -> None:
    second = Fault(503, nth=2)
    account.faults = Faults([second])
    for path in ("clients.json", "leads.json?page=2", "staff"):
        await wire.get(path)
    assert account.faults.struck == [(second, "GET", "leads")]


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        (None, "invoices/1/payments", True),
        ("invoices/*/payments", "invoices/1/payments", True),
        ("invoices/*/payments", "invoices/1/2/payments", False),
        ("invoices/*/payments", "invoices/1/payments/2", False),
        ("invoices/*/payments/*", "invoices/1/payments/2", True),
        ("/invoices/*", "invoices/1", True),
        ("invoices/*", "invoices", False),
        ("invoices", "invoices/1", False),
        ("invoices/**", "invoices", True),
        ("invoices/**", "invoices/1/payments/2", True),
        ("invoices/**", "invoices_of_others", False),
        ("payments", "invoices/1/payments", False),
        ("**/payments", "invoices/1/payments", True),
        ("in.oices", "invoices", False),
    ],
)
def test_patterns_stand_for_whole_paths(pattern: str | None, path: str, fits: bool) -> None:
    assert matches(pattern, path) is fits


async def test_chance_is_the_same_for_the_same_seed(account: Sandbox, wire: httpx.AsyncClient) -> None:
    seen = []
    for seed in (1, 1, 2):
        account.faults = Faults(rate=0.3, seed=seed, sleep=no_delay)
        seen.append(await outcomes(wire, 60))
    assert seen[0] == seen[1] != seen[2]


@pytest.mark.parametrize(("rate", "least", "most"), [(0, 0, 0), (0.2, 150, 250), (1, 1000, 1000)])
def test_the_rate_is_the_share_of_requests_that_are_struck(rate: float, least: int, most: int) -> None:
    faults = Faults(rate=rate)
    struck = sum(faults.strike("GET", "clients") is not None for _ in range(1000))
    assert least <= struck <= most
    assert len(faults.struck) == struck


def test_every_kind_of_a_storm_comes_about_as_often_as_another() -> None:
    faults = Faults(rate=1, seed=3)
    for _ in range(1400):
        faults.strike("POST", "clients")
    counts = Counter(fault for fault, _, _ in faults.struck)
    assert set(counts) == set(STORM)
    assert 60 < min(counts.values()) <= max(counts.values()) < 140


async def test_chance_keeps_to_its_routes(account: Sandbox, wire: httpx.AsyncClient) -> None:
    account.faults = Faults(rate=1, kinds=[Fault(503, "GET", "clients/**"), Fault(502, "GET", "leads")])
    asked = [("GET", "clients"), ("GET", "clients/1"), ("GET", "leads"), ("GET", "leads/1"), ("POST", "clients")]
    replies = [(await outcomes(wire, 1, method, path))[0] for method, path in asked]
    assert replies == [503, 503, 502, 404, 201]


async def test_the_script_comes_before_chance(account: Sandbox, wire: httpx.AsyncClient) -> None:
    account.faults = Faults([Fault(504, nth=2)], rate=1, kinds=[Fault(503)])
    assert await outcomes(wire, 3) == [503, 504, 503]


async def test_in_a_storm_the_ledger_is_what_the_tables_say(account: Sandbox, reach: Reach) -> None:
    """Twenty clients write with every fifth answer faulty: told of a success or not, ledger and tables agree."""
    account.faults = Faults(rate=0.2, sleep=no_delay)
    told: dict[str, int | str] = {}

    async def write(client: int) -> None:
        wire = reach(account)
        for number in range(20):
            name = f"{client}-{number}"
            await anyio.lowlevel.checkpoint()
            told[name] = await outcome(wire.post("clients", json={"client": {"name": name}}))

    async with anyio.create_task_group() as clients:
        for client in range(20):
            clients.start_soon(write, client)
    stored = account.connection.execute("SELECT id, name, created_at FROM clients ORDER BY id").fetchall()
    lines = [(write.id, write.body["client"]["name"], write.at) for write in account.ledger]
    assert lines == [tuple(row) for row in stored]
    happened = {name for _, name, _ in lines}
    assert {name for name, status in told.items() if status == 201} <= happened
    assert not {name for name, status in told.items() if status == 429} & happened
    assert {status for name, status in told.items() if name in happened} >= {201, 502, 503, "RemoteProtocolError"}
    assert {status for name, status in told.items() if name not in happened} >= {200, 429, 502, 503}

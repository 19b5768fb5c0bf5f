"""The ledger: a line for every write that took effect, and for nothing else."""

import base64
import json
import sqlite3
from collections.abc import AsyncIterator
from typing import Any

import anyio
import httpx
import pytest

from clientary_mcp.sandbox import Sandbox, Switches
from clientary_mcp.sandbox.network import Network

pytestmark = pytest.mark.anyio

INVOICE = {
    "date": "2026-03-01",
    "due_date": "2026-03-31",
    "currency_code": "USD",
    "invoice_items_attributes": [{"title": "foo", "quantity": 1, "price": "100"}],
}
ACME = {"client": {"name": "ACME"}}
PROFILE = {
    "stripe_customer_id": "cus_1",
    "stripe_source_id": "card_1",
    "last_four_digits": "4242",
    "name": "Ann Doe",
    "expiration_date": "2030-01-01",
}


async def made(wire: httpx.AsyncClient, path: str, body: dict[str, Any]) -> int:
    """The id of a new record."""
    reply = await wire.post(path, json=body)
    assert reply.status_code == 201, reply.text
    return int(reply.json()["id"])


def test_what_an_account_was_made_with_is_not_in_its_ledger(agency: Sandbox) -> None:
    assert agency.ledger == []


async def test_a_line_says_what_was_written_where_and_when(account: Sandbox, wire: httpx.AsyncClient) -> None:
    client = await made(wire, "clients", ACME)
    body = {"client_user": {"name": "Ann", "email": "ann@example.com"}}
    contact = (await wire.post(f"clients/{client}/contacts.json", json=body)).json()
    line = account.ledger[1]
    assert (line.number, line.method, line.path) == (2, "POST", f"clients/{client}/contacts")
    assert (line.resource, line.id, line.body) == ("contacts", contact["id"], body)
    stored = account.connection.execute("SELECT created_at FROM contacts").fetchone()
    assert line.at == stored["created_at"]


async def test_every_kind_of_write_leaves_a_line(account: Sandbox, wire: httpx.AsyncClient) -> None:
    client = await made(wire, "clients", ACME)
    invoice = await made(wire, "invoices", {"invoice": INVOICE | {"client_id": client}})
    profile = await made(wire, f"clients/{client}/payment_profiles", {"stripe_payment_profile": PROFILE})
    payment = await made(wire, f"invoices/{invoice}/payments", {"payment": {"amount": 40.5}})
    charge = await made(wire, f"invoices/{invoice}/payments", {"payment": {"payment_profile_id": profile}})
    task = await made(wire, "task", {"task": {"title": "milk"}})
    mail = {"recipients": ["ann@example.com"]}
    await wire.put(f"clients/{client}", json={"client": {"city": "Bern"}})
    await wire.put(f"invoice/{invoice}", json={"invoice": {"title": "March"}})
    await wire.post(f"invoices/{invoice}/messages", json=mail)
    await wire.post(f"invoices/{invoice}/messages", json=mail)
    await wire.delete(f"invoices/{invoice}/payments/{payment}")
    await wire.delete(f"clients/{client}")
    assert [(line.method, line.path, line.resource, line.id) for line in account.ledger] == [
        ("POST", "clients", "clients", client),
        ("POST", "invoices", "invoices", invoice),
        ("POST", f"clients/{client}/payment_profiles", "payment_profiles", profile),
        ("POST", f"invoices/{invoice}/payments", "payments", payment),
        ("POST", f"invoices/{invoice}/payments", "payments", charge),
        ("POST", "task", "tasks", task),
        ("PUT", f"clients/{client}", "clients", client),
        ("PUT", f"invoice/{invoice}", "invoices", invoice),
        ("POST", f"invoices/{invoice}/messages", "invoices", invoice),
        ("POST", f"invoices/{invoice}/messages", "invoices", invoice),
        ("DELETE", f"invoices/{invoice}/payments/{payment}", "payments", payment),
        ("DELETE", f"clients/{client}", "clients", client),
    ]
    assert [line.number for line in account.ledger] == list(range(1, 13))
    assert account.ledger[3].body == {"payment": {"amount": 40.5}}
    assert account.ledger[-1].body is None
    assert len(account.sent_messages) == len(account.ledger.of(path="invoices/*/messages")) == 2
    moments = [line.at for line in account.ledger]
    assert len(set(moments)) == len(moments)
    assert moments == sorted(moments)


async def test_the_body_is_kept_as_it_came(account: Sandbox, wire: httpx.AsyncClient) -> None:
    text = '{ "client": {"name": "Käse & Söhne",  "unheard_of": 0.1} }'.encode()
    await wire.post("clients", content=text, headers={"Content-Type": "application/json"})
    assert account.ledger[0].received == text
    assert account.ledger[0].body == {"client": {"name": "Käse & Söhne", "unheard_of": 0.1}}


async def test_what_a_delete_takes_along_has_no_line_of_its_own(account: Sandbox, wire: httpx.AsyncClient) -> None:
    client = await made(wire, "clients", ACME)
    for _ in range(3):
        await made(wire, "invoices", {"invoice": INVOICE | {"client_id": client}})
    await wire.delete(f"clients/{client}")
    assert (await wire.get("invoices")).json()["total_count"] == 0
    assert [line.path for line in account.ledger.of("DELETE")] == [f"clients/{client}"]


async def test_the_ledger_is_asked_by_method_and_route(account: Sandbox, wire: httpx.AsyncClient) -> None:
    first, second = [await made(wire, "clients", ACME) for _ in range(2)]
    await wire.delete(f"clients/{first}")
    ledger = account.ledger
    assert [line.id for line in ledger.of("POST")] == [first, second]
    assert [line.method for line in ledger.of(path="clients/*")] == ["DELETE"]
    assert ledger.of() == list(ledger)
    assert ledger.of("DELETE", "leads/*") == []


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "clients", None, 200),
        ("POST", "clients", {"client": {}}, 422),
        ("POST", "clients", [], 400),
        ("POST", "leads", {"lead": {"name": "ACME"}}, 426),
        ("POST", "projects/2401/hours", {"project_item": {"title": "Setup", "hours": 1}}, 403),
        ("PUT", "staff/1", {"staff": {"name": "Eve"}}, 404),
        ("PUT", "clients/1", {"client": {"name": "Eve"}}, 404),
        ("PUT", "tasks/9101", {}, 400),
        ("DELETE", "clients/1", None, 404),
        ("DELETE", "invoices/1/payments/1", None, 404),
        ("POST", "invoices/1/payments", {"payment": {"amount": 1}}, 404),
        ("POST", "invoices/20101/payments", {"payment": {"amount": -1}}, 422),
        ("POST", "invoices/20101/messages", {"recipients": ["nobody"]}, 422),
    ],
)
async def test_a_refused_write_leaves_no_line(
    account: Sandbox, wire: httpx.AsyncClient, method: str, path: str, body: Any, status: int
) -> None:
    await made(wire, "tasks", {"task": {"title": "milk"}})
    await made(wire, "invoices", {"invoice": INVOICE})
    account.switches = Switches(plan_limit=frozenset({"leads"}), allow_hours=False)
    before = "\n".join(account.connection.iterdump())
    assert (await wire.request(method, path, json=body)).status_code == status
    assert len(account.ledger) == 2
    assert "\n".join(account.connection.iterdump()) == before


@pytest.mark.parametrize(
    ("change", "status"),
    [({"auth": ("nobody", "nobody")}, 401), ({"headers": {"Accept": "*/*"}}, 406), ({"content": b"{}"}, 415)],
)
async def test_a_write_that_is_turned_away_leaves_no_line(
    account: Sandbox, wire: httpx.AsyncClient, change: dict[str, Any], status: int
) -> None:
    given = change if "content" in change else {"json": ACME, **change}
    assert (await wire.post("clients", **given)).status_code == status
    assert account.ledger == []


async def test_a_write_that_fails_half_way_is_undone_and_leaves_no_line(
    account: Sandbox, wire: httpx.AsyncClient
) -> None:
    invoice = await made(wire, "invoices", {"invoice": INVOICE})
    account.connection.execute("CREATE TRIGGER full BEFORE UPDATE ON invoices BEGIN SELECT RAISE(ABORT, 'full'); END")
    with pytest.raises(sqlite3.IntegrityError, match="full"):
        await wire.post(f"invoices/{invoice}/payments", json={"payment": {"amount": 1}})
    assert account.connection.execute("SELECT count(*) FROM payments").fetchone()[0] == 0
    assert [line.path for line in account.ledger] == ["invoices"]


async def in_two_parts(body: Any) -> AsyncIterator[bytes]:
    """A body whose parts others come between, so that requests are in the account at the same time."""
    text = json.dumps(body).encode()
    yield text[:9]
    await anyio.lowlevel.checkpoint()
    yield text[9:]


async def test_ten_thousand_requests_of_twenty_clients_are_all_accounted_for(account: Sandbox) -> None:
    """Each client creates, changes, reads and deletes records of its own; half of them are left."""
    network, answers = Network(account), list[int]()
    owner = base64.b64encode(f"{account.token}:{account.token}".encode()).decode()
    headers = {"Authorization": f"Basic {owner}", "Accept": "application/json", "Content-Type": "application/json"}

    async def ask(method: str, path: str, body: Any = None) -> httpx.Response:
        content = in_two_parts(body) if body else None
        request = httpx.Request(method, f"https://sandbox.test/api/v2/{path}", headers=headers, content=content)
        reply = await network.handle_async_request(request)
        await reply.aread()
        answers.append(reply.status_code)
        return reply

    async def work(client: int) -> None:
        for number in range(100):
            name = f"{client}-{number}"
            one = f"tasks/{(await ask('POST', 'tasks', {'task': {'title': name}})).json()['id']}"
            assert (await ask("GET", one)).json()["title"] == name
            await ask("PUT", one, {"task": {"description": name}})
            await ask("PUT", one, {"task": {"complete": True}})
            await (ask("DELETE", one) if number % 2 else ask("GET", one))

    async with anyio.create_task_group() as clients:
        for client in range(20):
            clients.start_soon(work, client)
    assert len(answers) == 10_000
    assert set(answers) == {200, 201, 204}
    assert [line.number for line in account.ledger] == list(range(1, 7_001))
    created = {line.id: line.body["task"]["title"] for line in account.ledger.of("POST")}
    deleted = {line.id for line in account.ledger.of("DELETE")}
    left = {row["id"]: row["title"] for row in account.connection.execute("SELECT id, title FROM tasks")}
    assert len(created) == len(set(created.values())) == 2_000
    assert left == {record_id: title for record_id, title in created.items() if record_id not in deleted}

"""What the account refuses, and that a refusal changes nothing."""

import asyncio
import json
from datetime import date
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clientary_mcp.sandbox import Sandbox, Switches
from clientary_mcp.sandbox.store.documents import LINES
from clientary_mcp.sandbox.store.fields import Field
from clientary_mcp.sandbox.store.resource import Resource
from clientary_mcp.sandbox.store.resources import RESOURCES

pytestmark = pytest.mark.anyio

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize("auth", [None, ("sandbox", "other"), ("other", "sandbox"), ("", "")])
async def test_a_token_that_is_not_given_twice_is_turned_away(account: Sandbox, auth: tuple[str, str] | None) -> None:
    transport = httpx.ASGITransport(account.app)
    async with httpx.AsyncClient(transport=transport, base_url="https://x.test/api/v2/", auth=auth) as wire:
        assert (await wire.get("clients.json")).status_code == 401
    assert list(account.requests) == [("GET", "/api/v2/clients.json")]


@pytest.mark.parametrize(("token", "status"), [("sandbox-ana", 200), ("sandbox-", 200), ("sandboxana", 401)])
async def test_several_people_have_a_token_each(wire: httpx.AsyncClient, token: str, status: int) -> None:
    assert (await wire.get("clients.json", auth=(token, token))).status_code == status
    assert (await wire.get("clients.json", auth=(token, "sandbox"))).status_code == 401


@pytest.mark.parametrize("header", ["Bearer c2FuZGJveDpzYW5kYm94", "Basic %%%", "Basic", "Basic /////w=="])
async def test_credentials_that_are_none_are_turned_away(wire: httpx.AsyncClient, header: str) -> None:
    reply = await wire.get("clients", headers={"Authorization": header}, auth=lambda request: request)
    assert reply.status_code == 401


async def test_who_does_not_ask_for_json_gets_a_page(wire: httpx.AsyncClient) -> None:
    reply = await wire.get("clients", headers={"Accept": "*/*"})
    assert reply.status_code == 406
    assert reply.headers["content-type"].startswith("text/html")
    assert (await wire.get("clients.json", headers={"Accept": "*/*"})).status_code == 200


@pytest.mark.parametrize("path", ["nowhere", "clients/1/hours", "hours", "leads/1/contacts", "payment_profiles"])
async def test_unknown_routes_are_a_page(wire: httpx.AsyncClient, path: str) -> None:
    reply = await wire.get(path)
    assert reply.status_code == 404
    assert reply.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize("method", ["PATCH", "DELETE", "PUT"])
async def test_methods_that_are_not_documented_are_unknown_routes(wire: httpx.AsyncClient, method: str) -> None:
    assert (await wire.request(method, "staff", json={})).status_code == 404
    assert (await wire.request(method, "staff/1", json={})).status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "clients/999",
        "clients/ACME",
        "clients/-1",
        "clients/1.5",
        "clients/99999999999999999999",
        "clients/INVALID/projects",
        "projects/INVALID/tasks",
        "projects/999/estimates",
        "clients/INVALID/invoices",
        "recurring/999/invoices",
        "staff/99",
    ],
)
async def test_ids_of_nothing_are_not_found(wire: httpx.AsyncClient, path: str) -> None:
    reply = await wire.get(path)
    assert reply.status_code == 404
    assert reply.json() == {"error": "Not Found"}


async def test_parents_and_records_that_do_not_belong_together_are_not_found(wire: httpx.AsyncClient) -> None:
    body = {"date": "2026-03-01", "due_date": "2026-03-31", "currency_code": "USD"}
    first, second = [(await wire.post("invoices", json={"invoice": body})).json()["id"] for _ in range(2)]
    payment = (await wire.post(f"invoices/{first}/payments", json={"payment": {"amount": 1}})).json()["id"]
    assert (await wire.delete(f"invoices/{second}/payments/{payment}")).status_code == 404
    assert (await wire.delete(f"invoices/{first}/payments/{payment}")).status_code == 204


@pytest.mark.parametrize(
    ("path", "wrapper", "required"),
    [
        ("clients", "client", ["name"]),
        ("leads", "lead", ["name"]),
        ("projects", "project", ["name", "rate"]),
        ("tasks", "task", ["title"]),
        ("task", "task", ["title"]),
        ("expenses", "expense", ["amount"]),
        ("invoices", "invoice", ["date", "due_date", "currency_code"]),
        ("estimates", "estimate", ["date", "currency_code"]),
        (
            "recurring",
            "recurring_schedule",
            ["client_id", "next_date", "time_interval", "currency_code", "due_period"],
        ),
        ("clients/1201/contacts", "client_user", ["name", "email"]),
        (
            "clients/1201/payment_profiles",
            "stripe_payment_profile",
            ["stripe_customer_id", "stripe_source_id", "last_four_digits", "name", "expiration_date"],
        ),
        ("projects/2401/hours", "project_item", ["hours", "title"]),
        ("invoices/20101/payments", "payment", ["amount"]),
    ],
)
async def test_required_fields_that_are_missing_blank_or_under_another_key_are_named(
    account: Sandbox, wire: httpx.AsyncClient, path: str, wrapper: str, required: list[str]
) -> None:
    await wire.post("clients", json={"client": {"name": "ACME"}})
    await wire.post("projects", json={"project": {"name": "Site", "rate": 1}})
    invoice = {"date": "2026-03-01", "due_date": "2026-03-31", "currency_code": "USD"}
    await wire.post("invoices", json={"invoice": invoice})
    before = list(account.connection.iterdump())
    bodies: list[dict[str, Any]] = [
        {},
        {wrapper: None},
        {wrapper: dict.fromkeys(required, " ")},
        {"record": dict.fromkeys(required, "1")},
        dict.fromkeys(required, "1"),
    ]
    for body in bodies:
        reply = await wire.post(path, json=body)
        assert reply.status_code == 422
        assert reply.json() == {name: ["can't be blank"] for name in required}
    assert list(account.connection.iterdump()) == before


@pytest.mark.parametrize("field", ["name", "title", "hours"])
async def test_required_fields_cannot_be_cleared(wire: httpx.AsyncClient, field: str) -> None:
    project = (await wire.post("projects", json={"project": {"name": "Site", "rate": 1}})).json()["id"]
    hours = {"project_item": {"title": "Setup", "hours": 1}}
    entry = (await wire.post(f"projects/{project}/hours", json=hours)).json()["id"]
    path, wrapper = (f"projects/{project}", "project") if field == "name" else (f"hours/{entry}", "project_item")
    reply = await wire.put(path, json={wrapper: {field: ""}})
    assert (reply.status_code, reply.json()) == (422, {field: ["can't be blank"]})


@pytest.mark.parametrize("body", [{}, {"user": {"name": "x"}}, {"client": {}}, {"client": "x"}, {"name": "x"}])
async def test_an_update_without_its_wrapper_is_a_bad_request(wire: httpx.AsyncClient, body: Any) -> None:
    client = (await wire.post("clients", json={"client": {"name": "ACME"}})).json()
    assert (await wire.put(f"clients/{client['id']}", json=body)).status_code == 400
    assert (await wire.get(f"clients/{client['id']}")).json() == client


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"client": {"name": NaN}}', "[" * 100_000, "\xff"])
async def test_a_body_that_is_no_json_object_is_a_bad_request(wire: httpx.AsyncClient, text: str) -> None:
    reply = await wire.post("clients", content=text.encode("latin-1"), headers=JSON)
    assert reply.status_code == 400


async def test_a_body_of_another_type_is_refused(wire: httpx.AsyncClient) -> None:
    assert (await wire.post("clients", data={"client[name]": "ACME"})).status_code == 415
    assert (await wire.post("clients", content=b"{}")).status_code == 415


@pytest.mark.parametrize(
    ("path", "wrapper", "more"),
    [
        ("clients", "client", {"name": "ACME"}),
        ("leads", "lead", {"name": "ACME"}),
        ("projects", "project", {"name": "ACME", "rate": 1}),
        ("invoices", "invoice", {"date": "2026-03-01", "due_date": "2026-03-31", "currency_code": "USD"}),
        ("estimates", "estimate", {"date": "2026-03-01", "currency_code": "USD"}),
    ],
)
async def test_numbers_are_taken_once(wire: httpx.AsyncClient, path: str, wrapper: str, more: Any) -> None:
    for number in (7, 8):
        assert (await wire.post(path, json={wrapper: {**more, "number": number}})).status_code == 201
    taken = {"number": ["has already been taken"]}
    assert (await wire.post(path, json={wrapper: {**more, "number": "7"}})).json() == taken
    second = (await wire.get(path)).json()[path][0]["id"]
    own = (await wire.get(f"{path}/{second}")).json()["number"]
    other = "7" if own == "8" else "8"
    assert (await wire.put(f"{path}/{second}", json={wrapper: {"number": own}})).status_code == 204
    assert (await wire.put(f"{path}/{second}", json={wrapper: {"number": other}})).json() == taken


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("amount", "much", "is not a number"),
        ("amount", True, "is not a number"),
        ("amount", [1], "is not a number"),
        ("amount", "NaN", "is not a number"),
        ("amount", 1e30, "is too large"),
        ("client_id", 999, "must exist"),
        ("client_id", 1.5, "must be an integer"),
        ("incurred_on", "yesterday", "is not a valid date"),
        ("incurred_on", "2026-02-30", "is not a valid date"),
        ("description", {"a": 1}, "is invalid"),
        ("description", "\ud800", "is invalid"),
    ],
)
async def test_values_of_the_wrong_kind_are_named(
    wire: httpx.AsyncClient, field: str, value: Any, message: str
) -> None:
    body = json.dumps({"expense": {"amount": 1, field: value}})
    reply = await wire.post("expenses", content=body, headers=JSON)
    assert (reply.status_code, reply.json()) == (422, {field: [message]})


async def test_codes_outside_their_list_are_named(wire: httpx.AsyncClient) -> None:
    reply = await wire.post("projects", json={"project": {"name": "x", "rate": 1, "status": 3, "project_type": 5}})
    message = ["is not included in the list"]
    assert reply.json() == {"status": message, "project_type": message}


async def test_lines_need_title_quantity_and_price_but_section_headers_only_a_title(
    wire: httpx.AsyncClient,
) -> None:
    body = {"date": "2026-03-01", "due_date": "2026-03-31", "currency_code": "USD"}
    lines: list[dict[str, Any]] = [{"title": "Phase one", "item_type": 0}, {"quantity": 1}]
    reply = await wire.post("invoices", json={"invoice": {**body, "invoice_items_attributes": lines}})
    blank = ["can't be blank"]
    assert reply.json() == {"invoice_items.title": blank, "invoice_items.price": blank}
    lines.pop()
    reply = await wire.post("invoices", json={"invoice": {**body, "invoice_items_attributes": lines}})
    assert (reply.status_code, reply.json()["total_cost"]) == (201, 0)


@pytest.mark.parametrize("amount", [0, -5, "0.001"])
async def test_payments_are_more_than_nothing(wire: httpx.AsyncClient, amount: Any) -> None:
    body = {"date": "2026-03-01", "due_date": "2026-03-31", "currency_code": "USD"}
    invoice = (await wire.post("invoices", json={"invoice": body})).json()["id"]
    reply = await wire.post(f"invoices/{invoice}/payments", json={"payment": {"amount": amount}})
    assert (reply.status_code, reply.json()) == (422, {"amount": ["must be greater than 0"]})


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"recipients": []},
        {"recipients": ""},
        {"recipients": ["nobody"]},
        {"message": {"recipients": "a@b"}},
    ],
)
async def test_messages_need_recipients(account: Sandbox, wire: httpx.AsyncClient, body: Any) -> None:
    estimate = {"date": "2026-03-01", "currency_code": "USD"}
    made = (await wire.post("estimates", json={"estimate": estimate})).json()
    reply = await wire.post(f"estimates/{made['id']}/messages", json=body)
    assert (reply.status_code, list(reply.json())) == (422, ["recipients"])
    assert account.sent_messages == []
    assert (await wire.get(f"estimates/{made['id']}")).json()["status"] == 0


async def test_a_plan_without_room_answers_426(account: Sandbox, wire: httpx.AsyncClient) -> None:
    account.switches = Switches(plan_limit=frozenset({"leads"}))
    assert (await wire.post("leads", json={"lead": {"name": "ACME"}})).status_code == 426
    assert (await wire.post("clients", json={"client": {"name": "ACME"}})).status_code == 201
    assert (await wire.get("leads")).json()["leads"] == []


async def test_hours_can_be_forbidden(account: Sandbox, wire: httpx.AsyncClient) -> None:
    project = (await wire.post("projects", json={"project": {"name": "Site", "rate": 1}})).json()["id"]
    account.switches = Switches(allow_hours=False)
    assert (await wire.get(f"projects/{project}/hours")).status_code == 403
    assert (await wire.get("hours/1")).status_code == 403
    body = {"project_item": {"title": "Setup", "hours": 1}}
    assert (await wire.post(f"projects/{project}/hours", json=body)).status_code == 403


async def test_profiles_need_stripe(account: Sandbox, wire: httpx.AsyncClient) -> None:
    client = (await wire.post("clients", json={"client": {"name": "ACME"}})).json()["id"]
    account.switches = Switches(without_stripe=True)
    reply = await wire.post(f"clients/{client}/payment_profiles", json={"stripe_payment_profile": {"name": "x"}})
    assert (reply.status_code, reply.json()) == (422, {"base": ["Stripe integration is not enabled"]})


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["1201", "2026-01-01"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=4,
)


def _valid(field: Field) -> Any:
    """Something that a required field takes."""
    if field.kind in {"date", "slash_date"}:
        return "2026-03-01"
    return 1201 if field.refers else 1


@pytest.mark.parametrize("resource", [one for one in RESOURCES if one.wrapper], ids=lambda one: one.table)
@given(data=st.data())
def test_whatever_stands_in_a_field_is_stored_or_refused(resource: Resource, data: st.DataObject) -> None:
    valid = {field.name: _valid(field) for field in resource.fields if field.required}
    keys = [field.name for field in resource.fields if field.writable]
    record = valid | data.draw(st.dictionaries(st.sampled_from(keys), ANYTHING, max_size=2))
    if lines := LINES.get(resource.table):
        line = {field.name: _valid(field) for field in lines.fields if field.required}
        names = st.sampled_from([field.name for field in lines.fields] + ["id", "_destroy"])
        changed = st.dictionaries(names, ANYTHING, max_size=2).map(lambda drawn: line | drawn)
        record[lines.attributes] = data.draw(st.lists(changed, max_size=2) | ANYTHING)
    asyncio.run(_write(resource, {resource.wrapper: record}))


async def _write(resource: Resource, body: dict[str, Any]) -> None:
    """Create a record of this body, and update it with the same; fails unless stored or refused."""
    account = Sandbox(date(2026, 3, 17), filled=False)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(account.app),
        base_url="https://x.test/api/v2/",
        auth=("sandbox", "sandbox"),
    ) as wire:
        await wire.post("clients.json", json={"client": {"name": "ACME"}})
        await wire.post("projects.json", json={"project": {"name": "Site", "rate": 1}})
        invoice = {"date": "2026-03-01", "due_date": "2026-03-31", "currency_code": "USD"}
        await wire.post("invoices.json", json={"invoice": invoice})
        parents = {"clients": "clients/1201/", "projects": "projects/2401/", "invoices": "invoices/20101/"}
        path = next((parents[name] for name, verbs in resource.under.items() if "create" in verbs), "")
        content = json.dumps(body)
        reply = await wire.post(f"{path}{resource.path}.json", content=content, headers=JSON)
        assert reply.status_code in {201, 400, 404, 422}
        if reply.status_code == 201 and "update" in resource.verbs:
            reply = await wire.put(f"{resource.path}/{reply.json()['id']}.json", content=content, headers=JSON)
            assert reply.status_code in {204, 400, 404, 422}

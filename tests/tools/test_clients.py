"""Tools for clients."""

import base64
from typing import Any

import pytest
import respx

from tests.support.agent import Agent
from tests.support.played_requests import Exchange, Request, sent
from tests.support.replies import CLIENT, listed

pytestmark = pytest.mark.anyio

LIST = listed("clients", CLIENT)
ALL_FIELDS = {
    "name": "ACME Corp",
    "number": "101",
    "address": "123 Main St.",
    "address_2": "Suite 101",
    "city": "New York",
    "state": "NY",
    "zip": "01234",
    "country": "US",
    "website": "http://www.example.com",
    "description": '{"kept": "as text"}',
    "invoice_extra_fields": {"VAT": "DE123"},
}
ID = {"client_id": 2123}

EXCHANGES = [
    Exchange("list_clients", {}, "GET", "clients", reply=LIST),
    Exchange("list_clients", {"sort": "name", "updated_since": None}, "GET", "clients", reply=LIST),
    Exchange("list_clients", {"sort": "date"}, "GET", "clients", {"sort": "date"}, reply=LIST),
    Exchange(
        "list_clients",
        {"updated_since": "2026-03-01", "offset": 10, "limit": 1, "detail": "full"},
        "GET",
        "clients",
        {"updated_since": "2026-03-01", "page": "2"},
        reply=LIST | {"page_count": 2, "total_count": 11},
    ),
    Exchange("get_client", ID, "GET", "clients/2123", reply=CLIENT),
    Exchange("create_client", ALL_FIELDS, "POST", "clients", body={"client": ALL_FIELDS}, reply=CLIENT),
    Exchange(
        "create_client",
        {"name": "ACME Corp", "number": 101, "city": None},
        "POST",
        "clients",
        body={"client": {"name": "ACME Corp", "number": "101"}},
        reply=CLIENT,
    ),
    Exchange(
        "update_client",
        {**ID, **ALL_FIELDS, "status": "archived"},
        "PUT",
        "clients/2123",
        body={"client": {**ALL_FIELDS, "status": 2}},
        reply=CLIENT,
    ),
    Exchange(
        "update_client", {**ID, "status": "active"}, "PUT", "clients/2123", body={"client": {"status": 1}}, reply=CLIENT
    ),
    Exchange(
        "update_client",
        {**ID, "clear": ["number", "website"], "city": "", "name": None},
        "PUT",
        "clients/2123",
        body={"client": {"number": "", "website": ""}},
        reply=CLIENT,
    ),
    Exchange("delete_client", {**ID, "confirm": True}, "DELETE", "clients/2123"),
]


@pytest.mark.parametrize("exchange", EXCHANGES, ids=str)
async def test_a_call_sends_this_request(agent: Agent, account: respx.MockRouter, exchange: Exchange) -> None:
    await exchange.takes_place(agent, account)


async def test_every_request_carries_the_token_twice_and_asks_for_json(agent: Agent, account: respx.MockRouter) -> None:
    account.get("clients/2123").respond(json=CLIENT)
    account.put("clients/2123").respond(204)
    await agent.answer("update_client", **ID, name="ACME")
    basic = base64.b64encode(b"t0ken-of-acme:t0ken-of-acme").decode()
    for call in account.calls:
        assert call.request.headers["authorization"] == f"Basic {basic}"
        assert call.request.headers["accept"] == "application/json"
        assert str(call.request.url) == "https://acme.clientary.com/api/v2/clients/2123"
    assert account.calls[0].request.headers["content-type"] == "application/json"


async def test_a_list_shows_the_main_fields(agent: Agent, account: respx.MockRouter) -> None:
    account.get("clients").respond(json=LIST)
    assert await agent.answer("list_clients") == {
        "records": [
            {
                "id": 2123,
                "name": "ACME Corp",
                "number": "101",
                "status": "active",
                "city": "New York",
                "country": "US",
                "website": "http://www.example.com",
            }
        ],
        "returned": 1,
        "total_count": 1,
        "complete": True,
    }


async def test_full_detail_shows_everything_but_nulls_and_secrets(agent: Agent, account: respx.MockRouter) -> None:
    account.get("clients").respond(json=LIST)
    account.get("clients/2123").respond(json=CLIENT)
    account.get("clients/2123/invoices").respond(
        json=listed("invoices", *({"id": each, "status": each, "date": f"2023/10/0{each}"} for each in range(4)))
    )
    shown = {name: value for name, value in CLIENT.items() if value is not None} | {
        "status": "active",
        "created_at": "2013-12-09T20:28:18Z",
        "updated_at": "2018-11-18T10:31:04Z",
        "amount_outstanding": 1250.5,
        "account": {"currency_code": "USD"},
    }
    records = (await agent.answer("list_clients", detail="full"))["records"]
    assert records == [shown | {"last_invoice_on": "2023-10-02"}]
    assert await agent.answer("get_client", **ID) == shown


@pytest.mark.parametrize(
    ("status", "word"),
    [(1, "active"), (2, "archived"), ("2", "archived"), ("Archived", "archived"), (9, "9"), ("on hold", "on hold")],
)
async def test_a_status_becomes_a_word_and_an_unknown_one_is_unchanged(
    agent: Agent, account: respx.MockRouter, status: Any, word: str
) -> None:
    account.get("clients/2123").respond(json={**CLIENT, "status": status})
    assert (await agent.answer("get_client", **ID))["status"] == word


@pytest.mark.parametrize(
    ("extra", "shown"), [("", None), (None, None), ({}, {}), ({"VAT": "DE1", "PO": 7}, {"VAT": "DE1", "PO": 7})]
)
async def test_invoice_extra_fields_may_be_empty_text(
    agent: Agent, account: respx.MockRouter, extra: Any, shown: Any
) -> None:
    account.get("clients/2123").respond(json={**CLIENT, "invoice_extra_fields": extra})
    assert (await agent.answer("get_client", **ID)).get("invoice_extra_fields") == shown


async def test_invoice_extra_fields_are_accepted_as_json_text(agent: Agent, account: respx.MockRouter) -> None:
    account.post("clients").respond(201, json=CLIENT)
    await agent.answer("create_client", name="ACME", invoice_extra_fields='{"VAT": "DE123"}')
    body = {"client": {"name": "ACME", "invoice_extra_fields": {"VAT": "DE123"}}}
    assert sent(account) == [Request("POST", "clients", body=body)]


async def test_a_client_with_only_an_id_can_be_shown(agent: Agent, account: respx.MockRouter) -> None:
    account.get("clients/2123").respond(json={"id": "2123", "name": None, "status": None, "number": None})
    assert await agent.answer("get_client", **ID) == {"id": 2123}


async def test_an_update_of_nulls_alone_sends_nothing(agent: Agent, account: respx.MockRouter) -> None:
    assert "nothing to change" in await agent.refusal("update_client", **ID, name=None, city=None)
    assert sent(account) == []


async def test_a_blank_name_sends_nothing(agent: Agent, account: respx.MockRouter) -> None:
    assert "name takes text that is not blank" in await agent.refusal("update_client", **ID, name=" ")
    assert sent(account) == []


async def test_deleting_a_client_previews_its_related_records_and_the_alternative(
    agent: Agent, account: respx.MockRouter
) -> None:
    invoices: list[dict[str, Any]] = [
        {"id": 1, "number": "1", "status": 4, "total_cost": "0.10", "balance": 0, "currency_code": "EUR"},
        {"id": 2, "number": "2", "status": 1, "total_cost": "0.20", "balance": "0.2", "currency_code": "EUR"},
        {"id": 3, "number": None, "status": 2, "total_cost": 5, "balance": 5, "currency_code": "USD"},
        {"id": 4, "number": "4", "status": 0, "total_cost": 7, "balance": 7, "currency_code": "usd"},
        {"id": 5, "number": "5", "status": 1, "total_cost": 8, "balance": "8,00", "currency_code": "EUR"},
    ]
    account.get("clients/2123").respond(json=CLIENT)
    account.get("clients/2123/projects").respond(json=listed("projects", {"id": 24, "name": "Website"}))
    account.get("clients/2123/invoices").respond(json=listed("invoices", *invoices))
    account.get("clients/2123/estimates").respond(json=listed("estimates"))
    account.get("clients/2123/contacts").respond(403)
    answer = await agent.answer("delete_client", **ID)
    assert answer["done"] is False
    assert answer["record"]["name"] == "ACME Corp"
    assert answer["goes_with_it"] == {
        "projects": {"count": 1, "first": ["Website"]},
        "invoices": {
            "count": 5,
            "first": ["1", "2", "3", "4", "5"],
            "amounts": [
                {"currency_code": "EUR", "count": 3, "total_cost": 8.3, "balance": 0.2},
                {
                    "currency_code": "USD",
                    "count": 1,
                    "total_cost": 5,
                    "balance": 5,
                    "drafts": {"count": 1, "total_cost": 7},
                },
            ],
            "left_out": ["1 record without a readable balance, which is not in the sum: id 5."],
        },
        "estimates": {"count": 0},
        "contacts": {"not_visible": "the owner of the API token is not allowed to list them"},
    }
    assert "status=archived" in answer["alternative"]
    assert "confirm=true" in answer["to_proceed"]

"""Tools for estimates: the requests. What invoices and estimates share is in test_documents.py."""

import pytest
import respx

from tests.support.agent import Agent
from tests.support.played_requests import Exchange, Request, sent, without_names
from tests.support.replies import CLIENT, ESTIMATE, listed
from tests.tools.test_invoices import CONTACTS, ITEMS, ITEMS_ON_THE_WIRE, MAIL, TAXED, TAXED_ON_THE_WIRE, TAXES

pytestmark = pytest.mark.anyio

LIST = listed("estimates", ESTIMATE)
ALL_FIELDS = {
    "date": "2026-03-01",
    "currency_code": "EUR",
    "client_id": 4,
    "number": "E-7",
    "title": "Relaunch",
    "note": "Valid for a month",
    "summary": "What we would do",
    **TAXES,
}
REQUIRED = {"date": "2026-03-01", "currency_code": "EUR"}
ID = {"estimate_id": 210}
THERE = {"estimates/210": ESTIMATE, "clients/4": CLIENT}
CLEARED = {"client_id": "", "number": "", "tax2": "", "tax2_label": "", "note": ""}

EXCHANGES = [
    Exchange("list_estimates", {}, "GET", "estimates", reply=LIST),
    Exchange("list_estimates", {"client_id": 4}, "GET", "clients/4/estimates", reply=LIST),
    Exchange("list_estimates", {"project_id": 24}, "GET", "projects/24/estimates", reply=LIST),
    Exchange("list_client_estimates", {"client_id": 4}, "GET", "clients/4/estimates", reply=LIST),
    Exchange("list_project_estimates", {"project_id": 24}, "GET", "projects/24/estimates", reply=LIST),
    Exchange("get_estimate", ID, "GET", "estimates/210", reply=ESTIMATE),
    Exchange(
        "create_estimate",
        {**ALL_FIELDS, "status": "draft", "items": ITEMS},
        "POST",
        "estimates",
        body={"estimate": {**ALL_FIELDS, "status": 0, "estimate_items_attributes": ITEMS_ON_THE_WIRE}},
        reply=ESTIMATE,
    ),
    Exchange(
        "create_estimate",
        {**REQUIRED, "client_id": None},
        "POST",
        "estimates",
        body={"estimate": REQUIRED},
        reply=ESTIMATE,
    ),
    Exchange(
        "update_estimate",
        {**ID, **ALL_FIELDS, "status": "archived", "items": [TAXED]},
        "PUT",
        "estimates/210",
        body={"estimate": {**ALL_FIELDS, "status": 7, "estimate_items_attributes": [TAXED_ON_THE_WIRE]}},
        reply=ESTIMATE,
    ),
    Exchange(
        "update_estimate",
        {**ID, "clear": [*CLEARED]},
        "PUT",
        "estimates/210",
        body={"estimate": CLEARED},
        reply=ESTIMATE,
    ),
    Exchange(
        "update_estimate",
        {**ID, "items": ITEMS},
        "PUT",
        "estimates/210",
        body={"estimate": {"estimate_items_attributes": ITEMS_ON_THE_WIRE}},
        reply=ESTIMATE,
    ),
    Exchange("delete_estimate", {**ID, "confirm": True}, "DELETE", "estimates/210", first_read=THERE),
    Exchange(
        "send_estimate_message",
        {**ID, **MAIL, "confirm": True},
        "POST",
        "estimates/210/messages",
        body=MAIL,
        reply={},
        first_read=THERE | CONTACTS,
    ),
]


@pytest.mark.parametrize("exchange", EXCHANGES, ids=str)
async def test_a_call_sends_this_request(agent: Agent, account: respx.MockRouter, exchange: Exchange) -> None:
    await exchange.takes_place(agent, account)


@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("draft", 0),
        ("sent", 1),
        ("viewed", 2),
        ("cancelled", 3),
        ("declined", 4),
        ("revised", 5),
        ("accepted", 6),
        ("archived", 7),
    ],
)
async def test_a_status_word_is_sent_as_its_code(agent: Agent, account: respx.MockRouter, word: str, code: int) -> None:
    account.put("estimates/210").respond(json={**ESTIMATE, "status": code, "client": CLIENT})
    assert (await agent.answer("update_estimate", **ID, status=word))["status"] == word
    assert sent(account) == [Request("PUT", "estimates/210", body={"estimate": {"status": code}})]


async def test_an_estimate_is_brief_in_lists_and_complete_alone(agent: Agent, account: respx.MockRouter) -> None:
    account.get("estimates").respond(json=LIST)
    account.get("estimates/210").respond(json=ESTIMATE)
    without_names(account)
    brief = {
        "id": 210,
        "number": "E-7",
        "client_id": 4,
        "status": "accepted",
        "date": "2011-07-26",
        "currency_code": "EUR",
        "total_cost": 129.15,
    }
    assert (await agent.answer("list_estimates"))["records"] == [brief]
    assert await agent.answer("get_estimate", **ID) == {
        **brief,
        "subtotal": 123,
        "title": "",
        "note": "",
        "tax": 5,
        "tax_label": "Sales Tax",
        "tax2": 0,
        "tax3": 0,
        "compound_tax": True,
        "items": [{"item_id": 185, "title": "Estimate Item", "quantity": 1, "price": 123, "taxable": True}],
        "expiration_date": "2011-09-01",
        "attachments": [{"name": "plan.pdf"}],
    }


async def test_deleting_an_estimate_previews_its_amount_and_the_alternative(
    agent: Agent, account: respx.MockRouter
) -> None:
    account.get("estimates/210").respond(json={**ESTIMATE, "client": CLIENT})
    answer = await agent.answer("delete_estimate", **ID)
    assert answer["done"] is False
    assert answer["record"]["number"] == "E-7"
    assert "129.15 EUR" in answer["message"]
    assert answer["goes_with_it"] == {"lines": {"count": 1}}
    assert "status=archived" in answer["alternative"]

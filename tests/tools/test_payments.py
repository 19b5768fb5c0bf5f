"""Tools for payments."""

from typing import Any

import httpx
import pytest
import respx

from tests.support.agent import Agent
from tests.support.played_requests import Exchange, Request, sent
from tests.support.replies import INVOICE, PAYMENT, PAYMENT_PROFILE, listed

pytestmark = pytest.mark.anyio

LIST = listed("payments", PAYMENT)
CHARGE = {"invoice_id": 110, "payment_profile_id": 2}
OF_INVOICE = "invoices/110/payments"
CARDS = "clients/4/payment_profiles"
CHARGED = Request("POST", OF_INVOICE, body={"payment": {"payment_profile_id": 2}})
LOOKED = Request("GET", "invoices/110")
PAID = {**INVOICE, "status": 4, "balance": 0}
OF_CURRENCY = {"invoices/110": INVOICE}

EXCHANGES = [
    Exchange("list_payments", {}, "GET", "payments", reply=LIST, then_read=OF_CURRENCY),
    Exchange("list_payments", {"sort": "received_on"}, "GET", "payments", reply=LIST, then_read=OF_CURRENCY),
    Exchange(
        "list_payments",
        {"sort": "created_at"},
        "GET",
        "payments",
        {"sort": "created_at"},
        reply=LIST,
        then_read=OF_CURRENCY,
    ),
    Exchange("list_payments", {"client_id": 4}, "GET", "clients/4/invoices", reply=listed("invoices", INVOICE)),
    Exchange(
        "create_payment",
        {"invoice_id": 110, "amount": "50.10", "note": "Paid by Check", "received_on": "2023/03/01"},
        "POST",
        OF_INVOICE,
        body={"payment": {"amount": 50.1, "note": "Paid by Check", "received_on": "2023-03-01"}},
        reply=PAYMENT,
        first_read=OF_CURRENCY,
        then_read=OF_CURRENCY,
    ),
    Exchange(
        "create_payment",
        {"invoice_id": 110, "amount": 50, "note": None},
        "POST",
        OF_INVOICE,
        body={"payment": {"amount": 50, "received_on": "2023-11-14"}},
        reply=PAYMENT,
        first_read=OF_CURRENCY,
        then_read=OF_CURRENCY,
    ),
    Exchange(
        "charge_payment_profile",
        {**CHARGE, "confirm": True},
        "POST",
        OF_INVOICE,
        body={"payment": {"payment_profile_id": 2}},
        reply=PAYMENT,
        first_read=OF_CURRENCY,
        then_read={"invoices/110": PAID},
    ),
    Exchange(
        "delete_payment",
        {"invoice_id": 110, "payment_id": 53, "confirm": True},
        "DELETE",
        "invoices/110/payments/53",
        first_read=OF_CURRENCY,
        then_read=OF_CURRENCY,
    ),
]


@pytest.mark.parametrize("exchange", EXCHANGES, ids=str)
async def test_a_call_sends_this_request(agent: Agent, account: respx.MockRouter, exchange: Exchange) -> None:
    await exchange.takes_place(agent, account)


async def test_a_payment_is_shown_with_its_dates_and_amounts(agent: Agent, account: respx.MockRouter) -> None:
    account.get("payments").respond(json=LIST)
    account.get("invoices/110").respond(json=INVOICE)
    brief = {
        "id": 980190972,
        "invoice_id": 110,
        "invoice_number": "184",
        "client_id": 4,
        "client": "ACME Corp",
        "currency_code": "EUR",
        "received_on": "2017-07-22",
        "amount": 20.5,
        "note": "Received check #123",
        "transaction_id": "ch_BK0cuioz1Vq9vm",
    }
    assert (await agent.answer("list_payments"))["records"] == [brief]
    full = await agent.answer("list_payments", detail="full")
    assert full["records"] == [brief | {"transaction_fee_amount": 0}]


async def test_a_charge_is_previewed_before_it_is_made(agent: Agent, account: respx.MockRouter) -> None:
    account.get("invoices/110").respond(json=INVOICE)
    account.get(CARDS).respond(json=listed("payment_profiles", PAYMENT_PROFILE))
    answer = await agent.answer("charge_payment_profile", **CHARGE)
    assert answer["done"] is False
    assert answer["record"]["number"] == "184"
    assert "119.15 EUR" in answer["message"]
    assert "4242" in answer["message"]
    assert "Bob Smith" in answer["message"]
    assert sent(account) == [LOOKED, Request("GET", CARDS)]


async def test_another_clients_card_is_not_found(agent: Agent, account: respx.MockRouter) -> None:
    account.get("invoices/110").respond(json=INVOICE)
    account.get(CARDS).respond(json=listed("payment_profiles", {**PAYMENT_PROFILE, "id": 3}))
    refusal = await agent.refusal("charge_payment_profile", **CHARGE)
    assert "clients/4/payment_profiles/2 was not found" in refusal
    assert "list_client_payment_profiles with client_id=4 returns the cards that can be charged." in refusal
    assert {request.method for request in sent(account)} == {"GET"}


async def test_cards_without_permission_do_not_hide_the_amount(agent: Agent, account: respx.MockRouter) -> None:
    account.get("invoices/110").respond(json=INVOICE)
    account.get(CARDS).respond(403)
    assert "119.15 EUR" in (await agent.answer("charge_payment_profile", **CHARGE))["message"]


async def test_a_charge_reports_the_amount_and_the_remaining_balance(agent: Agent, account: respx.MockRouter) -> None:
    account.post(OF_INVOICE).respond(201, json={**PAYMENT, "amount": "119.15"})
    account.get("invoices/110").mock(side_effect=[httpx.Response(200, json=INVOICE), httpx.Response(200, json=PAID)])
    answer = await agent.answer("charge_payment_profile", **CHARGE, confirm=True)
    assert answer["done"] is True
    assert "119.15 EUR" in answer["message"]
    assert "0.00 EUR" in answer["message"]


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_successful_charge_is_never_reported_as_failed(
    agent: Agent, account: respx.MockRouter, status: int
) -> None:
    account.post(OF_INVOICE).respond(201, json=PAYMENT)
    account.get("invoices/110").mock(side_effect=[httpx.Response(200, json=INVOICE), httpx.Response(status)])
    answer = await agent.answer("charge_payment_profile", **CHARGE, confirm=True)
    assert answer["done"] is True
    assert sent(account) == [LOOKED, CHARGED, LOOKED]


@pytest.mark.parametrize("reply", [{"status_code": 204}, {"status_code": 201}, {"json": {"status": "ok"}}])
async def test_a_charge_whose_response_lacks_the_payment_is_still_done(
    agent: Agent, account: respx.MockRouter, reply: dict[str, Any]
) -> None:
    account.post(OF_INVOICE).respond(**reply)
    paid = httpx.Response(200, json={**INVOICE, "balance": 0})
    account.get("invoices/110").mock(side_effect=[httpx.Response(200, json=INVOICE), paid, paid])
    answer = await agent.answer("charge_payment_profile", **CHARGE, confirm=True)
    assert answer["done"] is True
    assert "0.00 EUR" in answer["message"]
    assert sent(account) == [LOOKED, CHARGED, LOOKED, LOOKED]


@pytest.mark.parametrize(
    "reply", [{"status_code": 204}, {"json": {}}, {"json": {"payment": {"id": 9}, "errors": ["No"]}}]
)
async def test_a_charge_that_shows_nowhere_is_not_called_done(
    agent: Agent, account: respx.MockRouter, reply: dict[str, Any]
) -> None:
    account.post(OF_INVOICE).respond(**reply)
    account.get("invoices/110").respond(json=INVOICE)
    refusal = await agent.refusal("charge_payment_profile", **CHARGE, confirm=True)
    assert "unknown whether" in refusal
    assert "was charged" not in refusal
    assert [request for request in sent(account) if request.method != "GET"] == [CHARGED]


@pytest.mark.parametrize("reply", [{"status_code": 500}, {"status_code": 502}])
async def test_a_charge_of_unknown_outcome_is_never_repeated(
    agent: Agent, account: respx.MockRouter, reply: dict[str, Any]
) -> None:
    account.post(OF_INVOICE).respond(**reply)
    shown = iter([httpx.Response(200, json=INVOICE)])
    account.get("invoices/110").mock(side_effect=lambda _: next(shown, httpx.Response(404)))
    refusal = await agent.refusal("charge_payment_profile", **CHARGE, confirm=True)
    assert "unknown whether" in refusal
    assert "get_invoice" in refusal
    assert [request for request in sent(account) if request.method != "GET"] == [CHARGED]


@pytest.mark.parametrize("transaction", ["ch_1", "", None])
async def test_deleting_a_payment_previews_it_from_its_invoice(
    agent: Agent, account: respx.MockRouter, transaction: str | None
) -> None:
    payments = [{"id": 52, "amount": 1}, {"id": 53, "amount": "10.50", "transaction_id": transaction}]
    account.get("invoices/110").respond(json={**INVOICE, "payments": payments})
    answer = await agent.answer("delete_payment", invoice_id=110, payment_id=53)
    assert answer["done"] is False
    assert answer["record"]["amount"] == 10.5
    assert "10.50 EUR" in answer["message"]
    assert "not known to refund the money" in answer["not_visible"]
    assert sent(account) == [LOOKED]


@pytest.mark.parametrize("payments", [None, [], [{"id": 52, "amount": 1}]])
async def test_a_payment_of_another_invoice_is_not_found(
    agent: Agent, account: respx.MockRouter, payments: Any
) -> None:
    account.get("invoices/110").respond(json={**INVOICE, "payments": payments})
    refusal = await agent.refusal("delete_payment", invoice_id=110, payment_id=53)
    assert "invoices/110/payments/53 was not found" in refusal
    assert sent(account) == [LOOKED]

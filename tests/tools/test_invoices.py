"""Tools for invoices: the requests. What invoices and estimates share is in test_documents.py."""

from typing import Any

import pytest
import respx

from tests.support.agent import Agent
from tests.support.played_requests import Exchange, Request, sent
from tests.support.replies import CONTACT, INVOICE, listed

pytestmark = pytest.mark.anyio

LIST = listed("invoices", INVOICE)
TAXES = {
    "tax": 19,
    "tax_label": "VAT",
    "tax2": 2.5,
    "tax2_label": "City",
    "tax3": 0,
    "tax3_label": "Local",
    "compound_tax": True,
}
ALL_FIELDS = {
    "date": "2026-03-01",
    "due_date": "2026-03-31",
    "currency_code": "EUR",
    "client_id": 4,
    "number": "185",
    "title": "March",
    "note": "Thanks",
    "po": "4711",
    "summary": "Work in March",
    **TAXES,
}
REQUIRED = {"date": "2026-03-01", "due_date": "2026-03-31", "currency_code": "EUR"}
ITEMS = [
    {"title": "foo", "quantity": 1, "price": 100, "taxable": True, "item_type": "line"},
    {"title": "bar", "quantity": 2.5, "price": "200.10", "item_type": "section", "taxable": None},
]
ITEMS_ON_THE_WIRE = [
    {"title": "foo", "quantity": 1, "price": 100, "taxable": True, "item_type": 3},
    {"title": "bar", "quantity": 2.5, "price": 200.1, "item_type": 0},
]
TAXED, TAXED_ON_THE_WIRE = {"item_id": 184, "taxable": True}, {"id": 184, "taxable": True}
ID = {"invoice_id": 110}
THERE = {"invoices/110": INVOICE}
CONTACTS = {"clients/4/contacts": listed("contacts", CONTACT)}
CLEARED = {"client_id": "", "number": "", "tax": "", "tax_label": "", "note": "", "po": ""}
MAIL = {
    "recipients": ["a@example.com", "b@example.com"],
    "subject": "Invoice 184",
    "message": "Dear both",
    "send_copy": True,
    "attach_pdf": False,
}

EXCHANGES = [
    Exchange("list_invoices", {}, "GET", "invoices", reply=LIST),
    Exchange(
        "list_invoices", {"updated_since": "2026-03-01"}, "GET", "invoices", {"updated_since": "2026-03-01"}, reply=LIST
    ),
    Exchange("list_invoices", {"client_id": 4}, "GET", "clients/4/invoices", reply=LIST),
    Exchange("list_invoices", {"project_id": 24}, "GET", "projects/24/invoices", reply=LIST),
    Exchange("list_client_invoices", {"client_id": 4}, "GET", "clients/4/invoices", reply=LIST),
    Exchange("list_project_invoices", {"project_id": 24}, "GET", "projects/24/invoices", reply=LIST),
    Exchange(
        "list_recurring_schedule_invoices", {"recurring_schedule_id": 9}, "GET", "recurring/9/invoices", reply=LIST
    ),
    Exchange("get_invoice", ID, "GET", "invoices/110", reply=INVOICE),
    Exchange(
        "create_invoice",
        {**ALL_FIELDS, "status": "sent", "items": ITEMS},
        "POST",
        "invoices",
        body={"invoice": {**ALL_FIELDS, "status": 1, "invoice_items_attributes": ITEMS_ON_THE_WIRE}},
        reply=INVOICE,
    ),
    Exchange(
        "create_invoice",
        {**REQUIRED, "currency_code": " eur ", "number": 185, "tax": None, "items": None},
        "POST",
        "invoices",
        body={"invoice": {**REQUIRED, "number": "185"}},
        reply=INVOICE,
    ),
    Exchange(
        "update_invoice",
        {**ID, **ALL_FIELDS, "status": "paid", "items": [TAXED]},
        "PUT",
        "invoices/110",
        body={"invoice": {**ALL_FIELDS, "status": 4, "invoice_items_attributes": [TAXED_ON_THE_WIRE]}},
        reply=INVOICE,
        first_read={"invoices/110": INVOICE},
    ),
    Exchange(
        "update_invoice",
        {**ID, "clear": [*CLEARED]},
        "PUT",
        "invoices/110",
        body={"invoice": CLEARED},
        reply=INVOICE,
        first_read={"invoices/110": INVOICE},
    ),
    Exchange(
        "update_invoice",
        {**ID, "title": None, "compound_tax": False},
        "PUT",
        "invoices/110",
        body={"invoice": {"compound_tax": False}},
        reply=INVOICE,
    ),
    Exchange(
        "update_invoice",
        {**ID, "items": ITEMS},
        "PUT",
        "invoices/110",
        body={"invoice": {"invoice_items_attributes": ITEMS_ON_THE_WIRE}},
        reply=INVOICE,
    ),
    Exchange("delete_invoice", {**ID, "confirm": True}, "DELETE", "invoices/110", first_read=THERE),
    Exchange(
        "send_invoice_message",
        {**ID, **MAIL, "confirm": True},
        "POST",
        "invoices/110/messages",
        body=MAIL,
        reply={},
        first_read=THERE | CONTACTS,
    ),
    Exchange(
        "send_invoice_message",
        {**ID, "recipients": '["a@example.com"]', "subject": None, "confirm": True},
        "POST",
        "invoices/110/messages",
        body={"recipients": ["a@example.com"]},
        first_read=THERE | CONTACTS,
    ),
]


@pytest.mark.parametrize("exchange", EXCHANGES, ids=str)
async def test_a_call_sends_this_request(agent: Agent, account: respx.MockRouter, exchange: Exchange) -> None:
    await exchange.takes_place(agent, account)


@pytest.mark.parametrize(
    ("word", "code"), [("draft", 0), ("sent", 1), ("viewed", 2), ("cancelled", 3), ("paid", 4), ("pending", 5)]
)
async def test_a_status_word_is_sent_as_its_code(agent: Agent, account: respx.MockRouter, word: str, code: int) -> None:
    account.get("invoices/110").respond(json=INVOICE)
    account.put("invoices/110").respond(json={**INVOICE, "status": code})
    assert (await agent.answer("update_invoice", **ID, status=word))["status"] == word
    assert sent(account)[1:] == [Request("PUT", "invoices/110", body={"invoice": {"status": code}})]


async def test_a_list_shows_balances_and_due_dates(agent: Agent, account: respx.MockRouter) -> None:
    account.get("invoices").respond(json=LIST)
    assert (await agent.answer("list_invoices"))["records"] == [
        {
            "id": 110,
            "number": "184",
            "client_id": 4,
            "client": "ACME Corp",
            "status": "sent",
            "date": "2011-07-26",
            "due_date": "2011-08-25",
            "currency_code": "EUR",
            "total_cost": 129.15,
            "balance": 119.15,
        }
    ]


async def test_an_invoice_is_shown_with_lines_and_payments(agent: Agent, account: respx.MockRouter) -> None:
    account.get("invoices/110").respond(json=INVOICE)
    secrets = {"secret", "client_view_url", "invoice_items"}
    assert await agent.answer("get_invoice", **ID) == {
        **{name: value for name, value in INVOICE.items() if value is not None and name not in secrets},
        "date": "2011-07-26",
        "due_date": "2011-08-25",
        "paid_date": "2011-07-29",
        "balance": 119.15,
        "status": "sent",
        "items": [
            {
                "item_id": 184,
                "title": "Invoice Item",
                "quantity": 1,
                "price": 123,
                "taxable": True,
                "item_type": "line",
            }
        ],
        "payments": [{"id": 53, "received_on": "2011-07-29", "amount": 10, "note": "Paid by check"}],
        "client": {"id": 4, "name": "ACME Corp"},
        "recipients": [{"email": "jdoe@example.com"}],
    }


async def test_updates_fall_back_to_the_singular_path(agent: Agent, account: respx.MockRouter) -> None:
    account.put("invoices/110").respond(404)
    account.put("invoice/110").respond(204)
    account.get("invoices/110").respond(json=INVOICE)
    assert (await agent.answer("update_invoice", **ID, title="May"))["id"] == 110
    body = {"invoice": {"title": "May"}}
    assert sent(account) == [
        Request("PUT", "invoices/110", body=body),
        Request("PUT", "invoice/110", body=body),
        Request("GET", "invoices/110"),
    ]


async def test_an_invoice_missing_under_both_paths_is_not_found(agent: Agent, account: respx.MockRouter) -> None:
    account.put("invoices/110").respond(404)
    account.put("invoice/110").respond(404)
    refusal = await agent.refusal("update_invoice", **ID, title="May")
    assert "invoices/110 was not found" in refusal
    assert "list_invoices" in refusal
    assert [request.path for request in sent(account)] == ["invoices/110", "invoice/110"]


@pytest.mark.parametrize("status", [401, 403, 422, 500])
async def test_only_a_missing_path_triggers_the_fallback(agent: Agent, account: respx.MockRouter, status: int) -> None:
    account.put("invoices/110").respond(status)
    await agent.refusal("update_invoice", **ID, title="May")
    assert [request.path for request in sent(account)] == ["invoices/110"]


async def test_deleting_an_invoice_previews_its_amounts_and_the_alternative(
    agent: Agent, account: respx.MockRouter
) -> None:
    account.get("invoices/110").respond(json=INVOICE)
    answer = await agent.answer("delete_invoice", **ID)
    assert answer["done"] is False
    assert answer["record"]["number"] == "184"
    assert "129.15 EUR" in answer["message"]
    assert answer["goes_with_it"] == {
        "lines": {"count": 1},
        "payments": {"count": 1, "received": 10, "currency_code": "EUR"},
    }
    assert "status=cancelled" in answer["alternative"]


@pytest.mark.parametrize(
    ("missing", "payments"),
    [
        ({"items": None, "payments": None}, {"not_visible": "Clientary did not list them"}),
        ({"invoice_items": [], "payments": [], "currency_code": None}, {"count": 0, "received": 0}),
    ],
)
async def test_an_invoice_without_lines_and_payments_can_be_deleted(
    agent: Agent, account: respx.MockRouter, missing: dict[str, Any], payments: dict[str, Any]
) -> None:
    account.get("invoices/110").respond(json={"id": 110, **missing})
    answer = await agent.answer("delete_invoice", **ID)
    assert answer["goes_with_it"]["lines"] == {"count": 0}
    assert answer["goes_with_it"]["payments"] == payments
    assert "an unknown amount" in answer["message"]

"""What Clientary does not keep as it was sent is said, with both values; what it shows in another form is not."""

from typing import Any

import pytest
import respx

from tests.support.agent import Agent
from tests.support.replies import CLIENT, CONTACT, HOUR_ENTRY, INVOICE, PROJECT, SECRET

pytestmark = pytest.mark.anyio

KEPT = "Not everything is as it was sent"
LONG = "x" * 100
ITEM = {"id": 3, "title": "Tow", "quantity": 2, "price": "10.0", "taxable": False}
NULL_BESIDE = {"items": None, **INVOICE}
PERSON = {"name": "Ada", "email": "ada@x.example"}


@pytest.mark.parametrize(
    ("given", "shows", "notice"),
    [
        ({"phone": "+44 20 1"}, {"phone": None}, "phone: sent “+44 20 1”, Clientary shows nothing"),
        ({"title": LONG}, {"title": "CEO"}, f"title: sent “{LONG[:59]}…”, Clientary shows “CEO”"),
        ({"phone": "1"}, {}, None),
        ({"title": "A  B"}, {"title": "A B "}, None),
        ({"email": "ADA@X.example"}, {}, None),
    ],
)
async def test_a_created_record_that_differs_is_said_to(
    agent: Agent, account: respx.MockRouter, given: dict[str, Any], shows: dict[str, Any], notice: str | None
) -> None:
    account.post("clients/1/contacts").respond(201, json=PERSON | {"id": 9} | shows)
    answer = await agent.answer("create_contact", client_id=1, **PERSON | given)
    assert answer.get("notice") == (f"{KEPT}. {notice}." if notice else None)


UPDATES: list[tuple[str, str, dict[str, Any], dict[str, Any], str | None]] = [
    ("client", "clients", {"status": "archived"}, CLIENT, "status: sent “archived”, Clientary shows “active”"),
    ("client", "clients", {"status": "archived"}, CLIENT | {"status": "Archived"}, None),
    ("client", "clients", {"clear": ["website"]}, CLIENT, "website: sent nothing, Clientary shows “http://www.e"),
    ("client", "clients", {"clear": ["website"]}, CLIENT | {"website": None}, None),
    ("project", "projects", {"rate": 125, "end_date": "2011-04-06", "client_id": 2123}, PROJECT, None),
    ("project", "projects", {"client_id": 7}, PROJECT, "client_id: sent 7, Clientary shows 2123"),
    ("project", "projects", {"rate": "99.504"}, PROJECT | {"rate": 99.5}, "rate: sent 99.504, Clientary shows 99.5"),
    ("project", "projects", {"rate": "99.50"}, PROJECT | {"rate": "99.5"}, None),
    (
        "client",
        "clients",
        {"invoice_extra_fields": {"vat": "AT 1"}},
        CLIENT | {"invoice_extra_fields": {"vat": "AT 1"}},
        None,
    ),
    (
        "client",
        "clients",
        {"invoice_extra_fields": {"vat": "AT 1", "po": "7"}},
        CLIENT | {"invoice_extra_fields": {"vat": "AT 2"}},
        "invoice_extra_fields, vat: sent “AT 1”, Clientary shows “AT 2”; invoice_extra_fields, po: sent “7”, Clientary"
        " shows nothing",
    ),
    (
        "client",
        "clients",
        {"clear": ["invoice_extra_fields"]},
        CLIENT | {"invoice_extra_fields": {"vat": "AT 2"}},
        "invoice_extra_fields, vat: sent nothing, Clientary shows “AT 2”",
    ),
    ("client", "clients", {"clear": ["invoice_extra_fields"]}, CLIENT | {"invoice_extra_fields": ""}, None),
    ("contact", "contacts", {"email": "jd@b\u00fccher.example"}, CONTACT | {"email": "JD@xn--bcher-kva.example"}, None),
    ("contact", "contacts", {"email": "jd@x.example"}, CONTACT, "email: sent “jd@x.example”, Clientary shows “jdoe@"),
    ("invoice", "invoices", {"currency_code": "eur"}, INVOICE | {"currency_code": " Eur"}, None),
    ("invoice", "invoices", {"due_date": "2026-12-20"}, INVOICE | {"due_date": "2026/12/20"}, None),
    (
        "invoice",
        "invoices",
        {"due_date": "2026-12-20"},
        INVOICE | {"due_date": "2026/12/21"},
        "due_date: sent 2026-12-20, Clientary shows 2026-12-21",
    ),
    ("client", "clients", {"city": "K\u00f6ln"}, CLIENT | {"city": "Ko\u0308ln"}, None),
    ("client", "clients", {"invoice_extra_fields": {"vat": 7}}, CLIENT | {"invoice_extra_fields": {"vat": 7.0}}, None),
    ("client", "clients", {"zip": "012"}, CLIENT | {"zip": 12}, "zip: sent “012”, Clientary shows “12”"),
    ("invoice", "invoices", {"items": [{"item_id": 3, "price": 10}]}, NULL_BESIDE | {"invoice_items": [ITEM]}, None),
    ("hour_entry", "hours", {"hours": 0.1}, HOUR_ENTRY, "hours: sent 0.1, Clientary shows 8"),
    ("hour_entry", "hours", {"billed": False}, HOUR_ENTRY | {"billed?": None}, None),
    ("contact", "contacts", {"name": "Jane"}, CONTACT, "name: sent “Jane”, Clientary shows “John Doe”"),
    ("invoice", "invoices", {"items": [{"item_id": 3, "price": 10.0}]}, INVOICE | {"invoice_items": [ITEM]}, None),
    (
        "invoice",
        "invoices",
        {"items": [{"item_id": 3, "price": 10.001}]},
        INVOICE | {"invoice_items": [ITEM]},
        "items, line 3, price: sent 10.001, Clientary shows 10",
    ),
    (
        "invoice",
        "invoices",
        {"items": [{"item_id": 3, "taxable": True, "quantity": 3}]},
        INVOICE | {"invoice_items": [ITEM | {"taxable": None, "quantity": None}]},
        "items, line 3, taxable: sent true, Clientary shows nothing; items, line 3, quantity: sent 3, Clientary shows"
        " nothing",
    ),
    (
        "invoice",
        "invoices",
        {"items": [{"item_id": 3, "taxable": True, "quantity": 3}]},
        INVOICE | {"invoice_items": [{"id": 3, "title": "Tow"}]},
        None,
    ),
    (
        "invoice",
        "invoices",
        {"items": [{"title": "Tow", "quantity": 2, "price": 10}, {"title": "Tow", "quantity": 2, "price": 10}]},
        INVOICE | {"invoice_items": [ITEM]},
        "items: line “Tow” was sent, Clientary does not show it",
    ),
    (
        "invoice",
        "invoices",
        {"items": [{"title": "Tow", "quantity": 1, "price": 5}, {"title": "Tow", "quantity": 2, "price": 10}]},
        INVOICE | {"invoice_items": [ITEM, ITEM | {"id": 4, "quantity": 1, "price": "6"}]},
        "items, line “Tow”, price: sent 5, Clientary shows 6",
    ),
    (
        "invoice",
        "invoices",
        {"items": [{"item_id": 3, "price": 12}]},
        INVOICE | {"invoice_items": [ITEM]},
        "items, line 3, price: sent 12, Clientary shows 10",
    ),
    (
        "invoice",
        "invoices",
        {"items": [{"item_id": 3, "remove": True}]},
        INVOICE | {"invoice_items": [ITEM]},
        "items: line 3 was to be removed, Clientary still shows it",
    ),
    (
        "invoice",
        "invoices",
        {"items": [{"title": "Salvage", "quantity": 1, "price": 1}]},
        INVOICE | {"invoice_items": [ITEM]},
        "items: line “Salvage” was sent, Clientary does not show it",
    ),
]


@pytest.mark.parametrize("read_back", [True, False])
@pytest.mark.parametrize(("kind", "path", "given", "shows", "notice"), UPDATES)
async def test_an_updated_record_that_differs_is_said_to(
    agent: Agent, account: respx.MockRouter, kind: str, path: str, given: dict[str, Any], shows: dict[str, Any],
    notice: str | None, read_back: bool,
) -> None:  # fmt: skip
    record = shows["id"]
    account.put(f"{path}/{record}").respond(**({"status_code": 204} if read_back else {"json": shows}))
    account.get(f"{path}/{record}").respond(json=shows)
    answer = await agent.answer(f"update_{kind}", **{f"{kind}_id": record} | given)
    assert (notice or "") in answer.get("notice", "")
    assert bool(answer.get("notice")) is bool(notice)
    assert SECRET not in str(answer)


async def test_a_secret_that_differs_is_not_shown(agent: Agent, account: respx.MockRouter) -> None:
    card = {"stripe_customer_id": "cus_A", "stripe_source_id": "card_A", "last_four_digits": "4242", "name": "Ann"}
    shown = card | {"id": 2, "stripe_customer_id": "cus_B", "expiration_date": "2028-05-31"}
    account.post("clients/1/payment_profiles").respond(201, json=shown)
    answer = await agent.answer("create_payment_profile", client_id=1, expiration_date="2028-05-31", **card)
    assert "notice" not in answer
    assert "cus_" not in str(answer)


async def test_a_row_that_differs_is_said_to_in_an_import(agent: Agent, account: respx.MockRouter) -> None:
    account.get("clients/1").respond(json=CLIENT | {"id": 1})
    account.get("contacts").respond(json={"contacts": []})
    account.post("clients/1/contacts").respond(201, json=PERSON | {"id": 9, "phone": None})
    answer = await agent.confirmed("import_contacts", rows=[PERSON | {"client_id": 1, "phone": "12"}])
    assert answer["steps"][0]["notice"] == f"{KEPT}. phone: sent “12”, Clientary shows nothing."

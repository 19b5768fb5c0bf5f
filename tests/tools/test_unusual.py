"""What can hardly be meant is refused with the figures, and done with allow_unusual=true."""

from typing import Any

import httpx
import pytest
import respx

from clientary_mcp.tools import ALL
from tests.support.agent import Agent
from tests.support.played_requests import Request, sent
from tests.support.replies import CLIENT, ESTIMATE, HOUR_ENTRY, INVOICE, PAYMENT, RECURRING_SCHEDULE, listed

pytestmark = pytest.mark.anyio

JsonObject = dict[str, Any]
DRAFT, SENT, VIEWED, CANCELLED, PAID, PENDING = range(6)
"""The statuses; the clock of these tests begins on 14 November 2023."""
OFFER = "If it is meant, allow_unusual=true does it."
ON = {
    "create_payment",
    "charge_payment_profile",
    "send_invoice_message",
    "send_estimate_message",
    "create_invoice",
    "update_invoice",
    "create_project_hours",
    "update_hour_entry",
    "create_recurring_schedule",
    "update_recurring_schedule",
}


def test_exactly_these_tools_take_allow_unusual_each_with_its_own_words() -> None:
    about = {tool.name: tool.published.input_schema["properties"].get("allow_unusual") for tool in ALL}
    described = {name: schema["description"] for name, schema in about.items() if schema is not None}
    assert described.keys() == ON
    assert all(text.startswith("true: ") for text in described.values())


def writes(account: respx.MockRouter) -> list[Request]:
    return [request for request in sent(account) if request.method != "GET"]


async def refused_then_done(
    agent: Agent, account: respx.MockRouter, tool: str, call: JsonObject, *texts: str
) -> JsonObject:
    """The answer to a call that is refused with these texts, and made once it says that it is meant."""
    refusal = await agent.refusal(tool, **call)
    assert [text for text in (*texts, "Nothing was sent.", OFFER) if text not in refusal] == [], refusal
    assert writes(account) == []
    answer = await agent.answer(tool, **call, allow_unusual=True)
    assert len(writes(account)) == 1
    assert "allow_unusual" not in str(writes(account)[0].body)
    return answer


# Payments

OF = "invoice “184” of “ACME Corp” (total 129.15"
PAYMENTS: list[tuple[JsonObject, JsonObject, list[str]]] = [
    ({}, {"amount": 1191.5}, ["amount: 1,191.50 EUR", f"sent {OF}", "balance 119.15 EUR", "up to 119.15 EUR"]),
    ({}, {"amount": "119.16"}, ["amount: 119.16 EUR", "up to 119.15 EUR"]),
    ({"currency_code": "KWD", "balance": "5.125"}, {"amount": 5.126}, ["5.126 KWD", "up to 5.125 KWD"]),
    ({"currency_code": "JPY", "balance": 1200}, {"amount": 1201}, ["1,201 JPY", "up to 1,200 JPY"]),
    ({"pending_amount": 100}, {"amount": 50}, ["up to 19.15 EUR", "pending 100.00 EUR counts as paid already"]),
    ({"status": PENDING}, {"amount": 5}, [f"pending {OF}", "up to 0.00 EUR"]),
    ({"status": DRAFT}, {"amount": 5}, [f"the draft {OF}", "valid is a sent or viewed one"]),
    ({"status": CANCELLED}, {"amount": 5}, [f"the cancelled {OF}"]),
    ({"status": PAID, "balance": 0}, {"amount": 5}, [f"the paid {OF}"]),
    ({"balance": 0}, {"amount": 5}, ["up to 0.00 EUR"]),
    ({"balance": -20}, {"amount": 5}, ["up to 0.00 EUR"]),
    ({"balance": None}, {"amount": 5}, ["is not known"]),
    ({}, {"amount": -5}, ["amount: -5.00 EUR is not above zero"]),
    ({}, {"amount": 0}, ["amount: 0.00 EUR is not above zero"]),
    (
        {},
        {"amount": 5, "received_on": "2023-11-15"},
        ["received_on: 2023-11-15 is after today", "Today is 2023-11-14"],
    ),
    ({"status": DRAFT}, {"amount": 0, "received_on": "2024-01-01"}, ["amount: ", "invoice_id: ", "received_on: "]),
]


@pytest.mark.parametrize(("invoice", "payment", "texts"), PAYMENTS)
async def test_a_payment_that_can_hardly_be_meant(
    agent: Agent, account: respx.MockRouter, invoice: JsonObject, payment: JsonObject, texts: list[str]
) -> None:
    account.get("invoices/110").respond(json=INVOICE | invoice)
    account.post("invoices/110/payments").respond(201, json=PAYMENT | payment)
    answer = await refused_then_done(agent, account, "create_payment", {"invoice_id": 110, **payment}, *texts)
    status = {DRAFT: "draft", CANCELLED: "cancelled", PAID: "paid", PENDING: "pending"}.get(invoice.get("status", SENT))
    remark = f"It was received for the {status} {OF}" if status else ""
    assert answer.get("notice", "").startswith(remark)


@pytest.mark.parametrize(
    ("invoice", "payment"),
    [
        ({}, {"amount": "119.15"}),
        ({"status": VIEWED}, {"amount": 0.01, "received_on": "2023-11-14"}),
        ({"pending_amount": 100}, {"amount": "19.15"}),
        ({"balance": "119.1499999"}, {"amount": "119.15"}),
        ({"currency_code": "jpy", "balance": 1200}, {"amount": 1200}),
        ({"date": "2023-12-24"}, {"amount": 5}),
    ],
)
async def test_a_payment_of_no_more_than_is_owed_is_recorded(
    agent: Agent, account: respx.MockRouter, invoice: JsonObject, payment: JsonObject
) -> None:
    account.get("invoices/110").respond(json=INVOICE | invoice)
    account.post("invoices/110/payments").respond(201, json={"id": 7, **payment})
    assert "notice" not in await agent.answer("create_payment", invoice_id=110, **payment)
    assert len(writes(account)) == 1


async def test_a_payment_answers_with_what_it_pays(agent: Agent, account: respx.MockRouter) -> None:
    shown = [INVOICE, {**INVOICE, "status": PAID, "balance": 0}]
    account.get("invoices/110").mock(side_effect=[httpx.Response(200, json=each) for each in shown])
    account.post("invoices/110/payments").respond(201, json={"id": 7, "amount": 119.15, "gateway": "none"})
    assert await agent.answer("create_payment", invoice_id=110, amount=119.15) == {
        "id": 7,
        "amount": 119.15,
        "invoice_id": 110,
        "invoice_number": "184",
        "client_id": 4,
        "client": "ACME Corp",
        "currency_code": "EUR",
        "invoice_status": "paid",
        "balance_before": 119.15,
        "balance_after": 0,
        "gateway": "none",
    }


@pytest.mark.parametrize("status", [401, 404])
async def test_a_recorded_payment_is_never_reported_as_failed(
    agent: Agent, account: respx.MockRouter, status: int
) -> None:
    account.get("invoices/110").mock(side_effect=[httpx.Response(200, json=INVOICE), httpx.Response(status)])
    account.post("invoices/110/payments").respond(201, json={"id": 7, "amount": 5})
    answer = await agent.answer("create_payment", invoice_id=110, amount=5)
    assert answer["notice"] == "The balance afterwards could not be read."
    assert (answer["balance_before"], "balance_after" in answer) == (119.15, False)


async def test_a_duplicate_is_told_as_such_before_it_is_called_unusual(agent: Agent, account: respx.MockRouter) -> None:
    shown = [INVOICE, {**INVOICE, "status": PAID, "balance": 0}]
    account.get("invoices/110").mock(side_effect=[httpx.Response(200, json=each) for each in shown])
    account.post("invoices/110/payments").respond(201, json={**PAYMENT, "amount": 119.15})
    await agent.answer("create_payment", invoice_id=110, amount=119.15)
    for unusual in (False, True):
        again = await agent.answer("create_payment", invoice_id=110, amount=119.15, allow_unusual=unusual)
        assert again["notice"].startswith("Skipped as a duplicate")
    assert len(writes(account)) == 1


# Charges

CHARGE = {"invoice_id": 110, "payment_profile_id": 2}


@pytest.mark.parametrize("unusual", [False, True])
@pytest.mark.parametrize("confirm", [False, True])
@pytest.mark.parametrize(
    ("invoice", "text"),
    [
        ({"status": CANCELLED}, f"the cancelled {OF}"),
        ({"status": PAID}, f"the paid {OF}"),
        ({"balance": 0}, f"the sent {OF} EUR, balance 0.00 EUR, id 110)"),
        ({"balance": "0.004"}, "balance 0.00 EUR"),
        ({"balance": -5}, "balance -5.00 EUR"),
        ({"currency_code": "JPY", "balance": "0.4"}, "balance 0 JPY"),
    ],
)
async def test_where_nothing_is_to_be_paid_nothing_is_charged(
    agent: Agent, account: respx.MockRouter, invoice: JsonObject, text: str, *, confirm: bool, unusual: bool
) -> None:
    account.get("invoices/110").respond(json=INVOICE | invoice)
    refusal = await agent.refusal("charge_payment_profile", **CHARGE, confirm=confirm, allow_unusual=unusual)
    assert "there is nothing to charge" in refusal
    assert text in refusal
    assert "allow_unusual" not in refusal
    assert writes(account) == []


@pytest.mark.parametrize(
    ("invoice", "texts"),
    [
        ({"status": DRAFT}, [f"the draft {OF}", "not owed yet"]),
        ({"status": PENDING}, [f"119.15 EUR of the pending {OF}"]),
        ({"pending_amount": "19.15"}, [f"19.15 EUR of the sent {OF}", "of which 19.15 EUR is pending"]),
        ({"balance": None}, ["balance an unknown amount"]),
    ],
)
async def test_a_charge_that_can_hardly_be_meant(
    agent: Agent, account: respx.MockRouter, invoice: JsonObject, texts: list[str]
) -> None:
    account.get("invoices/110").respond(json=INVOICE | invoice)
    account.post("invoices/110/payments").respond(201, json=PAYMENT)
    assert OFFER in await agent.refusal("charge_payment_profile", **CHARGE)
    await refused_then_done(agent, account, "charge_payment_profile", {**CHARGE, "confirm": True}, *texts)


# Mails

MAIL = {"recipients": ["ann@x.example"], "confirm": True}


@pytest.mark.parametrize(("kind", "reply"), [("invoice", INVOICE), ("estimate", ESTIMATE)])
async def test_a_cancelled_document_is_not_mailed(
    agent: Agent, account: respx.MockRouter, kind: str, reply: JsonObject
) -> None:
    path = f"{kind}s/{reply['id']}"
    account.get(path).respond(json=reply | {"status": CANCELLED, "client": CLIENT})
    account.get("clients/4/contacts").respond(json=listed("contacts"))
    account.post(f"{path}/messages").respond(200)
    call = {f"{kind}_id": reply["id"], **MAIL}
    assert OFFER in await agent.refusal(f"send_{kind}_message", **{**call, "confirm": False})
    await refused_then_done(agent, account, f"send_{kind}_message", call, f"{kind}_id: the cancelled {kind} “")


# Days and hours

DATED = {"date": "2026-02-01", "due_date": "2026-01-31", "currency_code": "EUR"}
SCHEDULE = {"client_id": 4, "time_interval": "monthly", "currency_code": "EUR", "due_period": 10}
HOURS = {"project_id": 24, "title": "Work"}
OLD = {"recurring_schedule_id": 9}
DOUBTS: list[tuple[str, JsonObject, list[str]]] = [
    ("create_invoice", DATED, ["due_date: 2026-01-31 is before the date, 2026-02-01"]),
    ("update_invoice", {"invoice_id": 110, "due_date": "2011-07-25"}, ["due_date: 2011-07-25", "date, 2011-07-26"]),
    ("update_invoice", {"invoice_id": 110, "date": "2011-08-26"}, ["due_date: 2011-08-25", "date, 2011-08-26"]),
    ("update_invoice", {"invoice_id": 110, "date": "2026-02-02", "due_date": "2026-02-01"}, ["due_date: 2026-02-01"]),
    ("create_project_hours", {**HOURS, "hours": 24.5}, ["hours: 24.5 ", "up to 24"]),
    ("create_project_hours", {**HOURS, "hours": 1, "date": "2023-11-15"}, ["date: 2023-11-15 is after today"]),
    ("update_hour_entry", {"hour_entry_id": 7, "hours": 90}, ["hours: 90 "]),
    ("update_hour_entry", {"hour_entry_id": 7, "date": "2032-11-14"}, ["date: 2032-11-14", "Today is 2023-11-14"]),
    ("create_recurring_schedule", {**SCHEDULE, "next_date": "2023-11-13"}, ["next_date: 2023-11-13 is in the past"]),
    ("update_recurring_schedule", {**OLD, "next_date": "2022-12-01"}, ["next_date: 2022-12-01", "Today is 2023-11-14"]),
    ("update_recurring_schedule", {**OLD, "status": "active"}, ["next_date: 2014-03-16"]),
    ("update_recurring_schedule", {**OLD, "status": "active", "next_date": "2023-11-13"}, ["next_date: 2023-11-13"]),
]
REPLIES = {"invoice": INVOICE, "project_hours": HOUR_ENTRY, "hour_entry": HOUR_ENTRY}


def play(account: respx.MockRouter, tool: str, **schedule: Any) -> None:
    """An account with every record, which takes every write."""
    reply = REPLIES.get(tool.partition("_")[2], RECURRING_SCHEDULE | schedule)
    for route in (account.get(), account.put(), account.post()):
        route.respond(json=reply)


@pytest.mark.parametrize(("tool", "call", "texts"), DOUBTS)
async def test_a_day_or_an_hour_that_can_hardly_be_meant(
    agent: Agent, account: respx.MockRouter, tool: str, call: JsonObject, texts: list[str]
) -> None:
    play(account, tool)
    await refused_then_done(agent, account, tool, call, *texts)


@pytest.mark.parametrize(
    ("tool", "call", "schedule"),
    [
        ("create_invoice", {**DATED, "due_date": "2026-02-01"}, {}),
        ("update_invoice", {"invoice_id": 110, "due_date": "2011-07-26"}, {}),
        ("update_invoice", {"invoice_id": 110, "note": "Thanks"}, {}),
        ("create_project_hours", {**HOURS, "hours": 24, "date": "2023-11-14"}, {}),
        ("update_hour_entry", {"hour_entry_id": 7, "title": "Work"}, {}),
        ("create_recurring_schedule", {**SCHEDULE, "next_date": "2023-11-14"}, {}),
        ("create_recurring_schedule", {**SCHEDULE, "next_date": "2023-11-01", "status": "paused"}, {}),
        ("update_recurring_schedule", {**OLD, "next_date": "2022-12-01"}, {"status": 1}),
        ("update_recurring_schedule", {**OLD, "status": "active"}, {"next_date": "2023-12-01"}),
        ("update_recurring_schedule", {**OLD, "status": "paused"}, {}),
        ("update_recurring_schedule", {**OLD, "title": "Care"}, {}),
    ],
)
async def test_a_day_and_an_hour_that_can_be_meant_are_taken(
    agent: Agent, account: respx.MockRouter, tool: str, call: JsonObject, schedule: JsonObject
) -> None:
    play(account, tool, **schedule)
    await agent.answer(tool, **call)
    assert len(writes(account)) == 1


@pytest.mark.parametrize(("given", "meant"), [(0.8, "80"), ("0.75", "75"), (0.025, "2.5"), (0.9999, "99.99")])
async def test_a_threshold_below_one_is_a_share_and_no_percentage(
    agent: Agent, account: respx.MockRouter, given: Any, meant: str
) -> None:
    refusal = await agent.refusal("project_status", threshold=given)
    assert f"threshold takes percent: {given} is {given} percent, say {meant}" in refusal
    assert sent(account) == []

"""Tools for recurring schedules. What they share with invoices is in test_documents.py."""

from typing import Any

import pytest
import respx

from tests.support.agent import Agent
from tests.support.played_requests import Exchange, Request, sent, without_names
from tests.support.replies import CLIENT, INVOICE, RECURRING_SCHEDULE, listed
from tests.tools.test_invoices import ITEMS, ITEMS_ON_THE_WIRE, TAXED, TAXED_ON_THE_WIRE, TAXES

pytestmark = pytest.mark.anyio

LIST = listed("recurring", RECURRING_SCHEDULE)
REQUIRED = {
    "client_id": 4,
    "next_date": "2027-04-01",
    "time_interval": "monthly",
    "currency_code": "EUR",
    "due_period": 14,
}
REQUIRED_ON_THE_WIRE = {**REQUIRED, "time_interval": 5}
MORE = {
    "payment_profile_id": 2,
    "unlimited": False,
    "occurrences_remaining": 12,
    "number": "R-1",
    "title": "Retainer",
    "note": "Thanks",
    "po": "4711",
    "summary": "Monthly",
    **TAXES,
}
ID = {"recurring_schedule_id": 9}
PATH = "recurring/9"
CLEARED = {"payment_profile_id": "", "occurrences_remaining": "", "tax3": "", "tax3_label": "", "po": ""}
INTERVALS = {
    "weekly": 1,
    "every_2_weeks": 2,
    "semimonthly": 3,
    "every_4_weeks": 4,
    "monthly": 5,
    "every_2_months": 6,
    "quarterly": 7,
    "every_6_months": 8,
    "annually": 9,
    "every_2_years": 10,
    "every_4_months": 11,
}
WORDS = [
    *(("time_interval", word, code) for word, code in INTERVALS.items()),
    ("status", "active", 0),
    ("status", "paused", 1),
    ("status", "stopped", 2),
    ("action", "send", 0),
    ("action", "draft", 1),
]

EXCHANGES = [
    Exchange("list_recurring_schedules", {}, "GET", "recurring", reply=LIST),
    Exchange("get_recurring_schedule", ID, "GET", PATH, reply=RECURRING_SCHEDULE),
    Exchange(
        "create_recurring_schedule",
        REQUIRED,
        "POST",
        "recurring",
        body={"recurring_schedule": {**REQUIRED_ON_THE_WIRE, "action": 1}},
        reply=RECURRING_SCHEDULE,
    ),
    Exchange(
        "create_recurring_schedule",
        {**REQUIRED, "action": None, "unlimited": True, "occurrences_remaining": None},
        "POST",
        "recurring",
        body={"recurring_schedule": {**REQUIRED_ON_THE_WIRE, "action": 1, "unlimited": True}},
        reply=RECURRING_SCHEDULE,
    ),
    Exchange(
        "create_recurring_schedule",
        {**REQUIRED, **MORE, "action": "autobill", "status": "paused", "items": ITEMS},
        "POST",
        "recurring",
        body={
            "recurring_schedule": {
                **REQUIRED_ON_THE_WIRE,
                **MORE,
                "action": 2,
                "status": 1,
                "recurring_schedule_items_attributes": ITEMS_ON_THE_WIRE,
            }
        },
        reply=RECURRING_SCHEDULE,
    ),
    Exchange(
        "update_recurring_schedule",
        {**ID, **REQUIRED, **MORE, "action": "autobill", "status": "active", "items": [TAXED]},
        "PUT",
        PATH,
        body={
            "recurring_schedule": {
                **REQUIRED_ON_THE_WIRE,
                **MORE,
                "action": 2,
                "status": 0,
                "recurring_schedule_items_attributes": [TAXED_ON_THE_WIRE],
            }
        },
        reply=RECURRING_SCHEDULE,
    ),
    Exchange(
        "update_recurring_schedule",
        {**ID, "clear": [*CLEARED]},
        "PUT",
        PATH,
        body={"recurring_schedule": CLEARED},
        reply=RECURRING_SCHEDULE,
    ),
    Exchange(
        "update_recurring_schedule",
        {**ID, "items": ITEMS},
        "PUT",
        PATH,
        body={"recurring_schedule": {"recurring_schedule_items_attributes": ITEMS_ON_THE_WIRE}},
        reply=RECURRING_SCHEDULE,
    ),
    Exchange(
        "delete_recurring_schedule",
        {**ID, "confirm": True},
        "DELETE",
        PATH,
        first_read={PATH: RECURRING_SCHEDULE, "clients/4": CLIENT},
    ),
]


@pytest.mark.parametrize("exchange", EXCHANGES, ids=str)
async def test_a_call_sends_this_request(agent: Agent, account: respx.MockRouter, exchange: Exchange) -> None:
    await exchange.takes_place(agent, account)


@pytest.mark.parametrize(("field", "word", "code"), WORDS)
async def test_words_are_sent_as_codes(
    agent: Agent, account: respx.MockRouter, field: str, word: str, code: int
) -> None:
    account.get(PATH).respond(json={**RECURRING_SCHEDULE, "next_date": "2026-03-16"})
    account.put(PATH).respond(json={**RECURRING_SCHEDULE, field: code})
    assert (await agent.answer("update_recurring_schedule", **ID, **{field: word}))[field] == word
    assert sent(account)[-1] == Request("PUT", PATH, body={"recurring_schedule": {field: code}})


async def test_a_schedule_is_brief_in_lists_and_complete_alone(agent: Agent, account: respx.MockRouter) -> None:
    account.get("recurring").respond(json=LIST)
    account.get(PATH).respond(json=RECURRING_SCHEDULE)
    without_names(account)
    brief = {
        "id": 9,
        "client_id": 4,
        "title": "Retainer",
        "status": "active",
        "action": "send",
        "time_interval": "semimonthly",
        "next_date": "2014-03-16",
        "occurrences_remaining": 10,
        "unlimited": False,
        "currency_code": "USD",
        "total_cost": 49.99,
    }
    assert (await agent.answer("list_recurring_schedules"))["records"] == [brief]
    whole = {name: value for name, value in RECURRING_SCHEDULE.items() if value is not None}
    del whole["recurring_schedule_items"]
    item = {
        "item_id": 3,
        "item_type": "1",
        "title": "Subscription",
        "quantity": 1,
        "price": 49.99,
        "taxable": False,
        "secondary_tax": False,
        "tertiary_tax": False,
        "total_tax": 0,
        "recurring_schedule_id": 9,
    }
    assert await agent.answer("get_recurring_schedule", **ID) == {**whole, **brief, "items": [item]}


@pytest.mark.parametrize("card", [{}, {"payment_profile_id": None}])
async def test_a_new_schedule_with_autobill_needs_a_card(
    agent: Agent, account: respx.MockRouter, card: dict[str, Any]
) -> None:
    refusal = await agent.refusal("create_recurring_schedule", **REQUIRED, action="autobill", **card)
    assert "needs payment_profile_id" in refusal
    assert sent(account) == []


async def test_autobill_can_be_set_on_a_schedule_with_a_card(agent: Agent, account: respx.MockRouter) -> None:
    account.get(PATH).respond(json={**RECURRING_SCHEDULE, "payment_profile_id": 2})
    account.put(PATH).respond(json={**RECURRING_SCHEDULE, "payment_profile_id": 2, "action": 2})
    assert (await agent.answer("update_recurring_schedule", **ID, action="autobill"))["action"] == "autobill"
    assert sent(account) == [Request("GET", PATH), Request("PUT", PATH, body={"recurring_schedule": {"action": 2}})]


@pytest.mark.parametrize("stored", [None, ""])
async def test_autobill_cannot_be_set_on_a_schedule_without_a_card(
    agent: Agent, account: respx.MockRouter, stored: str | None
) -> None:
    account.get(PATH).respond(json={**RECURRING_SCHEDULE, "payment_profile_id": stored})
    refusal = await agent.refusal("update_recurring_schedule", **ID, action="autobill")
    assert "needs payment_profile_id" in refusal
    assert sent(account) == [Request("GET", PATH)]


async def test_autobill_cannot_be_set_while_removing_the_card(agent: Agent, account: respx.MockRouter) -> None:
    account.get(PATH).respond(json={**RECURRING_SCHEDULE, "payment_profile_id": 2})
    account.put(PATH).respond(204)
    refusal = await agent.refusal("update_recurring_schedule", **ID, action="autobill", clear=["payment_profile_id"])
    assert "needs payment_profile_id" in refusal
    assert [request for request in sent(account) if request.method != "GET"] == []


async def test_deleting_a_schedule_previews_that_its_invoices_stay(agent: Agent, account: respx.MockRouter) -> None:
    account.get(PATH).respond(json={**RECURRING_SCHEDULE, "client": CLIENT})
    account.get(f"{PATH}/invoices").respond(json=listed("invoices", INVOICE))
    answer = await agent.answer("delete_recurring_schedule", **ID)
    assert answer["done"] is False
    assert answer["record"]["title"] == "Retainer"
    assert answer["goes_with_it"]["stays"]["invoices_already_made"] == {
        "count": 1,
        "first": ["184"],
        "amounts": [{"currency_code": "EUR", "count": 1, "total_cost": 129.15, "balance": 119.15}],
    }
    assert "status=paused" in answer["alternative"]

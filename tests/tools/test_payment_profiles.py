"""Tools for payment profiles."""

from typing import Any

import pytest
import respx

from tests.support.agent import Agent
from tests.support.played_requests import Exchange, Request, sent
from tests.support.replies import PAYMENT_PROFILE, RECURRING_SCHEDULE, listed

pytestmark = pytest.mark.anyio

CARDS = "clients/4/payment_profiles"
LIST = listed("payment_profiles", PAYMENT_PROFILE)
REQUIRED = {
    "stripe_customer_id": "cus_1",
    "stripe_source_id": "card_1",
    "last_four_digits": "0042",
    "name": "Bob Smith",
    "expiration_date": "2030-01-30",
}
ALL_FIELDS = REQUIRED | {
    "card_type": "Visa",
    "address": "123 Main St.",
    "city": "New York",
    "zip": "01234",
    "state": "NY",
    "country": "US",
}
ID = {"client_id": 4, "payment_profile_id": 2}

EXCHANGES = [
    Exchange("list_client_payment_profiles", {"client_id": 4}, "GET", CARDS, reply=LIST),
    Exchange(
        "create_payment_profile",
        {"client_id": 4, **ALL_FIELDS},
        "POST",
        CARDS,
        body={"stripe_payment_profile": ALL_FIELDS},
        reply=PAYMENT_PROFILE,
    ),
    Exchange(
        "create_payment_profile",
        {"client_id": 4, **REQUIRED, "last_four_digits": 4242, "city": None},
        "POST",
        CARDS,
        body={"stripe_payment_profile": REQUIRED | {"last_four_digits": "4242"}},
        reply=PAYMENT_PROFILE,
    ),
    Exchange("delete_payment_profile", {**ID, "confirm": True}, "DELETE", f"{CARDS}/2"),
]


@pytest.mark.parametrize("exchange", EXCHANGES, ids=str)
async def test_a_call_sends_this_request(agent: Agent, account: respx.MockRouter, exchange: Exchange) -> None:
    await exchange.takes_place(agent, account)


async def test_cards_are_shown_without_their_tokens(agent: Agent, account: respx.MockRouter) -> None:
    account.get(CARDS).respond(json=LIST)
    brief = {
        "id": 2,
        "client_id": 4,
        "name": "Bob Smith",
        "last_four_digits": "4242",
        "expiration_date": "2013-12-31",
        "gateway": "stripe",
    }
    stamp = "2012-02-08T21:38:01-08:00"
    assert (await agent.answer("list_client_payment_profiles", client_id=4))["records"] == [brief]
    full = await agent.answer("list_client_payment_profiles", client_id=4, detail="full")
    assert full["records"] == [brief | {"created_at": stamp, "updated_at": stamp}]


@pytest.mark.parametrize("digits", ["123", "12345", "12a4", "", "4242424242424242"])
async def test_only_the_last_four_digits_are_accepted(agent: Agent, account: respx.MockRouter, digits: str) -> None:
    given: dict[str, Any] = REQUIRED | {"last_four_digits": digits}
    assert "last_four_digits" in await agent.refusal("create_payment_profile", client_id=4, **given)
    assert sent(account) == []


async def test_deleting_a_card_names_the_schedules_that_charge_it(agent: Agent, account: respx.MockRouter) -> None:
    account.get(CARDS).respond(json=LIST)
    charging = {**RECURRING_SCHEDULE, "payment_profile_id": 2}
    account.get("recurring").respond(json=listed("recurring", charging, {**RECURRING_SCHEDULE, "id": 10}))
    answer = await agent.answer("delete_payment_profile", **ID)
    assert answer["done"] is False
    assert answer["record"]["last_four_digits"] == "4242"
    assert answer["goes_with_it"] == {"recurring_schedules_that_charge_it": {"count": 1, "first": ["9 1000001"]}}
    assert sent(account) == [Request("GET", CARDS), Request("GET", "recurring")]


async def test_a_card_of_another_client_is_not_found(agent: Agent, account: respx.MockRouter) -> None:
    account.get(CARDS).respond(json=listed("payment_profiles"))
    refusal = await agent.refusal("delete_payment_profile", **ID)
    assert "clients/4/payment_profiles/2 was not found" in refusal

"""Tools for leads."""

import pytest
import respx

from tests.support.agent import Agent
from tests.support.played_requests import Exchange
from tests.support.replies import LEAD, listed
from tests.tools.test_clients import ALL_FIELDS

pytestmark = pytest.mark.anyio

LIST = listed("leads", LEAD)
ID = {"lead_id": 31}

EXCHANGES = [
    Exchange("list_leads", {}, "GET", "leads", reply=LIST),
    Exchange("list_leads", {"sort": "newest"}, "GET", "leads", reply=LIST),
    Exchange("list_leads", {"sort": "oldest"}, "GET", "leads", {"sort": "oldest"}, reply=LIST),
    Exchange(
        "list_leads",
        {"sort": "name", "offset": 10},
        "GET",
        "leads",
        {"sort": "name", "page": "2"},
        reply=LIST | {"page_count": 2, "total_count": 11},
    ),
    Exchange("get_lead", ID, "GET", "leads/31", reply=LEAD),
    Exchange("create_lead", ALL_FIELDS, "POST", "leads", body={"lead": ALL_FIELDS}, reply=LEAD),
    Exchange(
        "create_lead",
        {"name": "Globex", "zip": 12345, "city": None},
        "POST",
        "leads",
        body={"lead": {"name": "Globex", "zip": "12345"}},
        reply=LEAD,
    ),
    Exchange("update_lead", {**ID, **ALL_FIELDS}, "PUT", "leads/31", body={"lead": ALL_FIELDS}, reply=LEAD),
    Exchange(
        "update_lead",
        {**ID, "clear": ["description"], "city": "", "name": None},
        "PUT",
        "leads/31",
        body={"lead": {"description": ""}},
        reply=LEAD,
    ),
    Exchange("delete_lead", {**ID, "confirm": True}, "DELETE", "leads/31"),
]


@pytest.mark.parametrize("exchange", EXCHANGES, ids=str)
async def test_a_call_sends_this_request(agent: Agent, account: respx.MockRouter, exchange: Exchange) -> None:
    await exchange.takes_place(agent, account)


async def test_a_lead_is_brief_in_lists_and_complete_alone(agent: Agent, account: respx.MockRouter) -> None:
    account.get("leads").respond(json=LIST)
    account.get("leads/31").respond(json=LEAD)
    brief = {
        "id": 31,
        "name": "Globex",
        "city": "Springfield",
        "country": "US",
        "created_at": "2026-02-08T21:38:01-08:00",
    }
    assert (await agent.answer("list_leads"))["records"] == [brief]
    assert await agent.answer("get_lead", **ID) == {
        **brief,
        "number": "",
        "zip": "12345",
        "state": "NY",
        "description": "Met at a fair",
    }


async def test_deleting_a_lead_previews_related_records_that_cannot_be_read(
    agent: Agent, account: respx.MockRouter
) -> None:
    account.get("leads/31").respond(json=LEAD)
    answer = await agent.answer("delete_lead", **ID)
    assert answer["done"] is False
    assert answer["record"]["name"] == "Globex"
    assert "estimates and contacts" in answer["message"]
    assert "estimates and contacts" in answer["not_visible"]

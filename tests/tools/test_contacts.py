"""Tools for contacts."""

import pytest
import respx

from tests.support.agent import Agent
from tests.support.played_requests import Exchange, Request, sent
from tests.support.replies import CONTACT, listed

pytestmark = pytest.mark.anyio

LIST = listed("contacts", CONTACT)
ALL_FIELDS = {
    "name": "John Doe",
    "email": "jdoe@example.com",
    "title": "Product Manager",
    "phone": "123-456-7890",
    "ext": "0034",
    "mobile": "123-456-7891",
}
ID = {"contact_id": 495}

EXCHANGES = [
    Exchange("list_contacts", {}, "GET", "contacts", {"page_size": "100"}, reply=LIST),
    Exchange("list_contacts", {"client_id": 117}, "GET", "clients/117/contacts", reply=LIST),
    Exchange("list_client_contacts", {"client_id": 117}, "GET", "clients/117/contacts", reply=LIST),
    Exchange("get_contact", ID, "GET", "contacts/495", reply=CONTACT),
    Exchange(
        "create_contact",
        {"client_id": 117, **ALL_FIELDS},
        "POST",
        "clients/117/contacts",
        body={"client_user": ALL_FIELDS},
        reply=CONTACT,
    ),
    Exchange(
        "create_contact",
        {"client_id": "117", "name": "John Doe", "email": " jdoe@example.com ", "phone": None},
        "POST",
        "clients/117/contacts",
        body={"client_user": {"name": "John Doe", "email": "jdoe@example.com"}},
        reply=CONTACT,
    ),
    Exchange(
        "update_contact", {**ID, **ALL_FIELDS}, "PUT", "contacts/495", body={"client_user": ALL_FIELDS}, reply=CONTACT
    ),
    Exchange(
        "update_contact",
        {**ID, "clear": ["mobile"], "phone": "", "name": None},
        "PUT",
        "contacts/495",
        body={"client_user": {"mobile": ""}},
        reply=CONTACT,
    ),
    Exchange("delete_contact", {**ID, "confirm": True}, "DELETE", "contacts/495"),
]


@pytest.mark.parametrize("exchange", EXCHANGES, ids=str)
async def test_a_call_sends_this_request(agent: Agent, account: respx.MockRouter, exchange: Exchange) -> None:
    await exchange.takes_place(agent, account)


async def test_a_contact_is_brief_in_lists_and_complete_alone(agent: Agent, account: respx.MockRouter) -> None:
    account.get("clients/117/contacts").respond(json=LIST)
    account.get("contacts/495").respond(json=CONTACT)
    brief = {
        "id": 495,
        "client_id": 117,
        "name": "John Doe",
        "email": "jdoe@example.com",
        "title": "Product Manager",
        "mobile": "123-456-7891",
    }
    assert (await agent.answer("list_client_contacts", client_id=117))["records"] == [brief]
    assert await agent.answer("get_contact", **ID) == {
        **brief,
        "ext": "1234",
        "avatar": "default_avatars/avatars/missing_original.jpg",
        "client": {"id": 117, "name": "ACME Corp", "status": 1},
        "created_at": "2013-12-09T20:28:18Z",
        "is_client_user": True,
    }


async def test_contacts_are_read_a_hundred_per_page(agent: Agent, account: respx.MockRouter) -> None:
    page = {"page_count": 2, "page_size": 100, "total_count": 2, "contacts": [{**CONTACT, "id": 1}]}
    account.get("contacts", params={"page": "2"}).respond(json={**page, "contacts": [{**CONTACT, "id": 2}]})
    account.get("contacts").respond(json=page)
    await agent.answer("list_contacts", limit=200)
    assert sent(account) == [
        Request("GET", "contacts", {"page_size": "100"}),
        Request("GET", "contacts", {"page_size": "100", "page": "2"}),
    ]


@pytest.mark.parametrize("address", ["jdoe", "a@b", "a@example.com, b@example.com", "John j@example.com"])
async def test_an_invalid_email_address_sends_nothing(agent: Agent, account: respx.MockRouter, address: str) -> None:
    refusal = await agent.refusal("update_contact", **ID, email=address)
    assert "email takes one e-mail address" in refusal
    assert sent(account) == []


async def test_deleting_a_contact_previews_that_its_comments_are_deleted_too(
    agent: Agent, account: respx.MockRouter
) -> None:
    account.get("contacts/495").respond(json=CONTACT)
    answer = await agent.answer("delete_contact", **ID)
    assert answer["done"] is False
    assert answer["record"]["email"] == "jdoe@example.com"
    assert "comments" in answer["message"]

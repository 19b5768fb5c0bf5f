"""Tools for staff."""

import pytest
import respx

from tests.support.agent import Agent
from tests.support.played_requests import Exchange
from tests.support.replies import STAFF

pytestmark = pytest.mark.anyio

LIST = {"staff": [STAFF]}

EXCHANGES = [
    Exchange("list_staff", {}, "GET", "staff", reply=LIST),
    Exchange("get_staff", {"staff_id": 2}, "GET", "staff/2", reply=STAFF),
]


@pytest.mark.parametrize("exchange", EXCHANGES, ids=str)
async def test_a_call_sends_this_request(agent: Agent, account: respx.MockRouter, exchange: Exchange) -> None:
    await exchange.takes_place(agent, account)


async def test_a_staff_member_is_brief_in_lists_and_complete_alone(agent: Agent, account: respx.MockRouter) -> None:
    account.get("staff").respond(json=LIST)
    account.get("staff/2").respond(json=STAFF)
    brief = {
        "id": 2,
        "name": "John Doe",
        "email": "jdoe@example.com",
        "title": "Product Manager",
        "phone": "123-456-7890",
    }
    assert await agent.answer("list_staff") == {"records": [brief], "returned": 1, "total_count": 1, "complete": True}
    assert await agent.answer("get_staff", staff_id=2) == {
        **brief,
        "ext": "1234",
        "avatar": "default_avatars/avatars/missing_original.jpg",
    }

"""What counts as evidence where records show no times: ids, old values, and what somebody else wrote meanwhile."""

from typing import Any

import httpx
import pytest
import respx

from clientary_mcp.api.write_tracker import STILL_AT_WORK
from tests.resilience.outcomes import Answer, answer_to
from tests.support.agent import Agent, confirm
from tests.support.clock import FakeTime

pytestmark = pytest.mark.anyio

ANN = {"id": 7, "name": "Ann", "email": "ann@x.example"}
TWIN = ANN | {"id": 8}
GIVEN = {"client_id": 1, "name": "Ann", "email": "ann@x.example"}
SCHEDULE = {"id": 4, "action": "save_only", "payment_profile_id": 2, "note": "old"}


def lose(account: respx.MockRouter, method: str, path: str, how: str) -> None:
    """Let a write fail with a status, or without any response."""
    route = account.request(method, path)
    route.mock(side_effect=[httpx.ReadError if how == "drop" else httpx.Response(int(how))])


@pytest.mark.parametrize(
    ("seen", "age", "there", "how", "outcome"),
    [
        ([ANN], 1, [ANN, TWIN], "drop", "done"),
        ([ANN], 1, [TWIN, ANN], "500", "done"),
        ([ANN], 1, [ANN], "500", "not done"),  # what was there before is not it
        ([ANN], 1, [ANN], "drop", "unknown"),  # it may still come
        ([ANN], STILL_AT_WORK + 1, [ANN, TWIN], "drop", "unknown"),  # somebody else may have made it meanwhile
        ([ANN], 1, [ANN, TWIN, ANN | {"id": 9}], "drop", "unknown"),  # two that may be it
        (None, 1, [ANN, TWIN], "500", "unknown"),
        (None, 1, [ANN], "500", "unknown"),
        (None, 1, [ANN | {"name": "Bo", "email": "bo@x.example"}], "500", "not done"),
        ([ANN], 1, [ANN, TWIN | {"phone": None}], "drop", "done"),
    ],
)
async def test_a_created_record_is_told_from_its_twin_by_the_ids_that_were_there(
    agent: Agent, account: respx.MockRouter, time: FakeTime, seen: Any, age: float, there: Any, how: str, outcome: str
) -> None:
    listed = account.get("clients/1/contacts")
    if seen is not None:
        listed.respond(json={"contacts": seen})
        await agent.answer("list_client_contacts", client_id=1)
    await time.clock.sleep(age)
    listed.respond(json={"contacts": there})
    lose(account, "POST", "clients/1/contacts", how)
    answer = await answer_to(agent, "create_contact", GIVEN)
    assert answer.outcome == outcome, answer.text
    assert answer.content.get("id") == (8 if outcome == "done" else None)


async def test_a_record_that_was_read_by_its_id_tells_nothing_of_later_ids(
    agent: Agent, account: respx.MockRouter
) -> None:
    account.get("contacts/2").respond(json=ANN | {"id": 2, "name": "Bo"})
    await agent.answer("get_contact", contact_id=2)
    account.get("clients/1/contacts").respond(json={"contacts": [TWIN]})  # it may be older
    lose(account, "POST", "clients/1/contacts", "500")
    answer = await answer_to(agent, "create_contact", GIVEN)
    assert answer.outcome == "unknown", answer.text


@pytest.mark.parametrize(
    ("there", "how", "outcome"),
    [
        ({"title": "Fleet"}, "drop", "done"),
        ({"title": "Boats"}, "500", "unknown"),  # the old title, or a third that replaced ours
        ({"title": "Boats", "updated_at": "2023-11-13T12:00:00Z"}, "500", "not done"),
        ({"title": "Boats", "updated_at": "2023-11-13T12:00:00Z"}, "drop", "unknown"),
        ({"title": "Boats", "updated_at": "2030-11-14T12:00:00Z"}, "500", "unknown"),
        ({}, "500", "unknown"),  # the title is not shown
    ],
)
async def test_an_update_is_determined_by_its_value_and_the_time_of_the_last_change(
    agent: Agent, account: respx.MockRouter, there: dict[str, Any], how: str, outcome: str
) -> None:
    account.get("contacts/7").respond(json={"id": 7, "name": "Ann"} | there)
    lose(account, "PUT", "contacts/7", how)
    answer = await answer_to(agent, "update_contact", {"contact_id": 7, "title": "Fleet"})
    assert answer.outcome == outcome, answer.text
    assert ("safe to retry" in answer.text) is (outcome != "done")


@pytest.mark.parametrize(
    ("note", "how", "outcome"),
    [("new", "500", "done"), ("old", "500", "not done"), ("theirs", "500", "unknown"), ("old", "drop", "unknown")],
)
async def test_an_update_is_determined_by_its_old_value_where_that_was_read(
    agent: Agent, account: respx.MockRouter, note: str, how: str, outcome: str
) -> None:
    replies = iter([SCHEDULE])
    account.get("recurring/4").mock(
        side_effect=lambda _: (
            httpx.Response(200, json=next(replies, SCHEDULE | {"action": 2, "note": note}))
            if outcome == "done" or note == "theirs"
            else httpx.Response(200, json=SCHEDULE)
        )
    )
    lose(account, "PUT", "recurring/4", how)
    arguments = {"recurring_schedule_id": 4, "action": "autobill", "note": "new"}
    answer = await answer_to(agent, "update_recurring_schedule", arguments)
    assert answer.outcome == outcome, answer.text


async def test_an_update_that_adds_lines_is_not_said_to_be_safe_to_retry(
    agent: Agent, account: respx.MockRouter
) -> None:
    account.get("invoices/5").respond(json={"id": 5, "invoice_items": []})
    lose(account, "PUT", "invoices/5", "drop")
    given = {"invoice_id": 5, "items": [{"title": "Tow", "quantity": 1, "price": 9}]}
    answer = await answer_to(agent, "update_invoice", given)
    assert answer.outcome == "unknown"
    assert "safe to retry" not in answer.text


async def test_a_payment_whose_invoice_does_not_show_payments_is_not_said_to_be_deleted(
    agent: Agent, account: respx.MockRouter
) -> None:
    account.get("invoices/5").respond(json={"id": 5})
    lose(account, "DELETE", "invoices/5/payments/3", "500")
    answer = await answer_to(agent, "delete_payment", {"invoice_id": 5, "payment_id": 3, "confirm": True})
    assert answer.outcome == "unknown"


@pytest.mark.parametrize(("how", "outcome"), [("drop", "unknown"), ("500", "not done")])
async def test_an_import_of_which_nothing_is_known_to_be_done_does_not_say_so(
    agent: Agent, account: respx.MockRouter, how: str, outcome: str
) -> None:
    account.get("clients/1").respond(json={"id": 1, "name": "Acme"})
    for path in ("contacts", "clients/1/contacts"):
        account.get(path).respond(json={"contacts": []})
    lose(account, "POST", "clients/1/contacts", how)
    answer = Answer.of(await confirm(agent.client, "import_contacts", {"rows": [GIVEN]}))
    assert answer.outcome == outcome, answer.text
    assert "Part of the job is done" not in answer.text

"""Each switch: what it changes, and what stays as documented without it."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from clientary_mcp.sandbox import Sandbox, Switches

pytestmark = pytest.mark.anyio

INVOICE = {
    "date": "2026-03-01",
    "due_date": "2026-03-31",
    "currency_code": "USD",
    "invoice_items_attributes": [{"title": "foo", "quantity": 1, "price": "9.5", "taxable": True}],
}


@pytest.fixture
async def project(wire: httpx.AsyncClient) -> dict[str, Any]:
    """A project with a client."""
    client = (await wire.post("clients", json={"client": {"name": "ACME"}})).json()
    body = {"project": {"name": "Site", "rate": "75.5", "client_id": client["id"], "end_date": "2026-05-01"}}
    made: dict[str, Any] = (await wire.post("projects", json=body)).json()
    return made


@pytest.fixture
async def entry(wire: httpx.AsyncClient, project: dict[str, Any]) -> dict[str, Any]:
    """An hour entry of that project."""
    body = {"project_item": {"title": "Setup", "hours": 2}}
    made: dict[str, Any] = (await wire.post(f"projects/{project['id']}/hours", json=body)).json()
    return made


@pytest.fixture
async def invoice(wire: httpx.AsyncClient) -> dict[str, Any]:
    """An invoice of one line."""
    made: dict[str, Any] = (await wire.post("invoices", json={"invoice": INVOICE})).json()
    return made


async def task_of(wire: httpx.AsyncClient) -> dict[str, Any]:
    """A new task."""
    made: dict[str, Any] = (await wire.post("tasks", json={"task": {"title": "milk"}})).json()
    return made


async def test_put_can_answer_the_record_or_nothing(
    account: Sandbox, wire: httpx.AsyncClient, project: dict[str, Any]
) -> None:
    path, body = f"projects/{project['id']}", {"project": {"name": "Shop"}}
    reply = await wire.put(path, json=body)
    assert (reply.status_code, reply.content) == (204, b"")
    account.switches = Switches(put_reply="empty_200")
    reply = await wire.put(path, json=body)
    assert (reply.status_code, reply.content) == (200, b"")
    account.switches = Switches(put_reply="record")
    reply = await wire.put(path, json=body)
    assert (reply.status_code, reply.json()["name"]) == (200, "Shop")


async def test_delete_can_answer_200(account: Sandbox, wire: httpx.AsyncClient) -> None:
    for switches, status in ((Switches(), 204), (Switches(delete_reply="empty_200"), 200)):
        account.switches = switches
        reply = await wire.delete(f"tasks/{(await task_of(wire))['id']}")
        assert (reply.status_code, reply.content) == (status, b"")


async def test_dates_can_be_iso_everywhere(
    account: Sandbox,
    wire: httpx.AsyncClient,
    project: dict[str, Any],
    entry: dict[str, Any],
    invoice: dict[str, Any],
) -> None:
    await wire.post(f"invoices/{invoice['id']}/payments", json={"payment": {"amount": 1}})

    async def dates() -> list[str]:
        billed = (await wire.get(f"invoices/{invoice['id']}")).json()
        return [
            (await wire.get(f"projects/{project['id']}")).json()["end_date"],
            (await wire.get(f"hours/{entry['id']}")).json()["date"],
            (await wire.get("expenses")).json()["from_date"],
            *(billed["date"], billed["due_date"], billed["payments"][0]["received_on"]),
        ]

    slashed = ["2026/05/01", "2026/03/17", "2025/06/01", "2026/03/01", "2026/03/31", "2026/03/17"]
    assert await dates() == slashed
    assert (await wire.get("payments")).json()["payments"][0]["received_on"] == "2026-03-17"
    account.switches = Switches(dates="iso")
    assert await dates() == [text.replace("/", "-") for text in slashed]


async def test_money_can_come_as_text(
    account: Sandbox, wire: httpx.AsyncClient, entry: dict[str, Any], invoice: dict[str, Any]
) -> None:
    account.switches = Switches(money_as_text=True)
    assert (await wire.get(f"hours/{entry['id']}")).json()["cost"] == "151.00"
    assert (await wire.get(f"hours/{entry['id']}")).json()["hours"] == 2
    shown = (await wire.get(f"invoices/{invoice['id']}")).json()
    assert (shown["balance"], shown["invoice_items"][0]["price"], shown["tax"]) == ("9.50", "9.50", 0)


@pytest.mark.parametrize(
    ("routes", "plural", "singular"), [("plural", 201, 404), ("singular", 404, 201), ("both", 201, 201)]
)
async def test_tasks_are_created_where_the_account_says(
    account: Sandbox, wire: httpx.AsyncClient, routes: Any, plural: int, singular: int
) -> None:
    account.switches = Switches(task_routes=routes)
    body = {"task": {"title": "milk"}}
    assert (await wire.post("tasks", json=body)).status_code == plural
    assert (await wire.post("task", json=body)).status_code == singular
    assert (await wire.get("tasks")).status_code == 200


@pytest.mark.parametrize(
    ("routes", "plural", "singular"), [("plural", 204, 404), ("singular", 404, 204), ("both", 204, 204)]
)
async def test_invoices_are_updated_where_the_account_says(
    account: Sandbox,
    wire: httpx.AsyncClient,
    invoice: dict[str, Any],
    routes: Any,
    plural: int,
    singular: int,
) -> None:
    account.switches = Switches(invoice_update_routes=routes)
    body = {"invoice": {"title": "March"}}
    assert (await wire.put(f"invoices/{invoice['id']}", json=body)).status_code == plural
    assert (await wire.put(f"invoice/{invoice['id']}", json=body)).status_code == singular
    assert (await wire.get(f"invoices/{invoice['id']}")).status_code == 200


@pytest.mark.parametrize(
    ("form", "content"),
    [
        ("fields", '{"name":["can\'t be blank"],"rate":["can\'t be blank"]}'),
        (
            "errors",
            '{"error":"Unprocessable Entity","errors":{"name":["can\'t be blank"],"rate":["can\'t be blank"]}}',
        ),
        ("error_text", '{"error":"Name can\'t be blank, Rate can\'t be blank"}'),
        ("array", '["Name can\'t be blank","Rate can\'t be blank"]'),
        ("text", "Name can't be blank, Rate can't be blank"),
        (
            "html",
            "<!DOCTYPE html><html><body><h1>Name can't be blank, Rate can't be blank</h1></body></html>",
        ),
        ("empty", ""),
    ],
)
async def test_refusals_come_in_any_form(account: Sandbox, wire: httpx.AsyncClient, form: Any, content: str) -> None:
    account.switches = Switches(error_body=form)
    reply = await wire.post("projects", json={"project": {}})
    assert (reply.status_code, reply.text) == (422, content)
    assert (await wire.get("projects/999")).status_code == 404


@pytest.mark.parametrize(
    ("keys", "billed", "line", "schedule"),
    [
        ("documented", "billed?", "taxable", "taxable?"),
        ("question", "billed?", "taxable?", "taxable?"),
        ("plain", "billed", "taxable", "taxable"),
    ],
)
async def test_yes_or_no_keys_may_end_in_a_question_mark(
    agency: Sandbox,
    reach: Callable[[Sandbox], httpx.AsyncClient],
    keys: Any,
    billed: str,
    line: str,
    schedule: str,
) -> None:
    agency.switches = Switches(predicate_keys=keys)
    try:
        wire = reach(agency)
        assert _yes_or_no((await wire.get("hours/70001")).json()) == {billed}
        assert _yes_or_no((await wire.get("invoices/20101")).json()["invoice_items"][0]) == {line}
        shown = (await wire.get("recurring")).json()["recurring"][0]["recurring_schedule_items"][0]
        assert schedule in _yes_or_no(shown)
        assert len(_yes_or_no(shown)) == 3
    finally:
        agency.switches = Switches()


def _yes_or_no(record: dict[str, Any]) -> set[str]:
    return {key for key, value in record.items() if isinstance(value, bool)}


@pytest.mark.parametrize(
    ("switch", "key", "works"),
    [
        ("both", "complete", True),
        ("both", "completed", True),
        ("complete", "completed", False),
        ("complete", "complete", True),
        ("completed", "complete", False),
        ("completed", "completed", True),
    ],
)
async def test_only_some_keys_complete_a_task(
    account: Sandbox, wire: httpx.AsyncClient, switch: Any, key: str, *, works: bool
) -> None:
    account.switches = Switches(task_completion_key=switch)
    task = await task_of(wire)
    assert (await wire.put(f"tasks/{task['id']}", json={"task": {key: True}})).status_code == 204
    assert (await wire.get(f"tasks/{task['id']}")).json()["complete"] is works


@pytest.mark.parametrize(
    ("switch", "key", "works"),
    [
        ("billed", "billed", True),
        ("billed", "billed?", False),
        ("billed?", "billed?", True),
        (None, "billed", False),
    ],
)
async def test_only_some_keys_bill_hours(
    account: Sandbox, wire: httpx.AsyncClient, entry: dict[str, Any], switch: Any, key: str, *, works: bool
) -> None:
    account.switches = Switches(billed_key=switch)
    assert (await wire.put(f"hours/{entry['id']}", json={"project_item": {key: True}})).status_code == 204
    assert (await wire.get(f"hours/{entry['id']}")).json()["billed?"] is works


async def test_lists_without_page_keys_come_whole(reach: Callable[[Sandbox], httpx.AsyncClient]) -> None:
    account = Sandbox(switches=Switches(page_keys=False))
    wire = reach(account)
    answer = (await wire.get("invoices", params={"page": 2})).json()
    assert list(answer) == ["invoices"]
    assert len(answer["invoices"]) == 412
    account.switches = Switches(bare_arrays=True)
    for path, number in (("clients", 64), ("staff", 7), ("expenses", 143)):
        answer = (await wire.get(path)).json()
        assert isinstance(answer, list)
        assert len(answer) == number


SAMPLES = {
    "clients": "number name city address zip country id invoice_extra_fields website address_2 description state",
    "contacts": "name ext title id client_id mobile phone avatar email",
    "projects": "number name budget_type client project_type worked_hours rate unbilled_hours id cost "
    "description status end_date currency_code budget",
    "tasks": "completed_at created_at title assignee_id updated_at project_id id user_id client_id "
    "due_date complete description",
    "expenses": "invoice_item_id incurred_on project_id invoice_id amount id user_id client_id description",
    "invoices": "tax number total_cost balance subtotal title tax_label compound_tax id date client_id "
    "note due_date invoice_items tax2_label summary recurring_schedules total_payments tax2 "
    "status po currency_code payments tax3_label tax3",
    "estimates": "tax number total_cost subtotal title tax_label compound_tax id date client_id note "
    "estimate_items tax2_label summary tax2 status currency_code tax3_label tax3",
    "payments": "id amount note invoice_id received_on transaction_fee_amount transaction_id",
    "recurring": "action client_id compound_tax currency_code due_period id next_date note number po "
    "status summary occurrences_remaining payment_profile_id tax tax2 tax2_label tax_label "
    "tax3_label tax3 time_interval title unlimited updated_at subtotal total_cost client "
    "recurring_schedule_items",
    "staff": "name ext title id mobile phone avatar email",
}


@pytest.mark.parametrize("path", SAMPLES)
async def test_without_extra_keys_records_are_the_documented_samples(
    agency: Sandbox, reach: Callable[[Sandbox], httpx.AsyncClient], path: str
) -> None:
    wire = reach(agency)
    full = (await wire.get(path)).json()[path][0]
    agency.switches = Switches(extra_keys=False)
    try:
        record = (await wire.get(path)).json()[path][0]
    finally:
        agency.switches = Switches()
    assert set(record) == set(SAMPLES[path].split())
    assert {key: full[key] for key in record} == record
    assert path == "tasks" or len(full) > len(record)


async def test_statuses_of_clients_can_be_words(account: Sandbox, wire: httpx.AsyncClient) -> None:
    account.switches = Switches(status_as_text=True)
    client = (await wire.post("clients", json={"client": {"name": "ACME"}})).json()
    assert client["status"] == "Active"
    await wire.put(f"clients/{client['id']}", json={"client": {"status": 2}})
    assert (await wire.get(f"clients/{client['id']}")).json()["status"] == "Archived"


async def test_empty_text_can_be_null(account: Sandbox, wire: httpx.AsyncClient, invoice: dict[str, Any]) -> None:
    assert (invoice["title"], invoice["tax2_label"], invoice["summary"]) == ("", "", None)
    account.switches = Switches(nulls=True)
    shown = (await wire.get(f"invoices/{invoice['id']}")).json()
    assert (shown["title"], shown["tax2_label"], shown["summary"]) == (None, None, None)


async def test_projects_can_carry_a_client_id_instead(
    account: Sandbox, wire: httpx.AsyncClient, project: dict[str, Any]
) -> None:
    account.switches = Switches(nested_client_in_projects=False)
    shown = (await wire.get(f"projects/{project['id']}")).json()
    assert "client" not in shown
    assert shown["client_id"] == project["client"]["id"]


@pytest.mark.parametrize(("form", "array", "text"), [("any", 200, 200), ("array", 200, 422), ("text", 422, 200)])
async def test_recipients_are_an_array_or_text(
    account: Sandbox, wire: httpx.AsyncClient, invoice: dict[str, Any], form: Any, array: int, text: int
) -> None:
    account.switches = Switches(recipients_form=form)
    path = f"invoices/{invoice['id']}/messages"
    addresses = ["a@example.com", "b@example.com"]
    assert (await wire.post(path, json={"recipients": addresses})).status_code == array
    assert (await wire.post(path, json={"recipients": ", ".join(addresses)})).status_code == text
    assert all(message["recipients"] == addresses for message in account.sent_messages)


async def test_the_address_of_a_contact_may_have_to_be_its_own(account: Sandbox, wire: httpx.AsyncClient) -> None:
    client = (await wire.post("clients", json={"client": {"name": "ACME"}})).json()
    contacts, ann = f"clients/{client['id']}/contacts", {"client_user": {"name": "Ann", "email": "ann@example.com"}}
    first, second = [(await wire.post(contacts, json=ann)) for _ in range(2)]
    assert (first.status_code, second.status_code) == (201, 201)
    account.switches = Switches(unique_contact_emails=True)
    refused = await wire.post(contacts, json={"client_user": {"name": "Ann", "email": " ANN@example.com"}})
    assert (refused.status_code, refused.json()) == (422, {"email": ["has already been taken"]})
    one = f"contacts/{first.json()['id']}"
    assert (await wire.put(one, json=ann)).status_code == 422  # the second has it too
    assert (await wire.put(one, json={"client_user": {"title": "Owner"}})).status_code == 204
    assert (await wire.put(one, json={"client_user": {"email": "ann2@example.com"}})).status_code == 204
    assert (await wire.post(contacts, json=ann)).status_code == 422
    bob = {"client_user": {"name": "Bob", "email": "bob@example.com"}}
    assert (await wire.post(contacts, json=bob)).status_code == 201


async def test_a_list_can_disregard_its_filter(agency: Sandbox, reach: Callable[[Sandbox], httpx.AsyncClient]) -> None:
    wire = reach(agency)
    narrowed = [len((await wire.get(path)).json()["hours"]) for path in HOURS_BY_FILTER]
    agency.switches = Switches(honour_filter=False)
    try:
        whole = [len((await wire.get(path)).json()["hours"]) for path in HOURS_BY_FILTER]
        statuses = {row["status"] for row in (await wire.get("projects?page_size=100")).json()["projects"]}
    finally:
        agency.switches = Switches()
    assert narrowed[0] + narrowed[1] == narrowed[2]
    assert whole == [narrowed[2]] * 3
    assert statuses == {1, 2, 4}


HOURS_BY_FILTER = [f"projects/2401/hours{query}" for query in ("?filter=billed", "?filter=unbilled", "")]


async def test_answers_can_lack_a_date_header(account: Sandbox, wire: httpx.AsyncClient) -> None:
    assert "date" in (await wire.get("staff")).headers
    account.switches = Switches(date_header=False)
    assert "date" not in (await wire.get("staff")).headers

"""Writing: what is created, changed and deleted, and what follows from it."""

from typing import Any

import httpx
import pytest

from clientary_mcp.sandbox import Sandbox, Switches

pytestmark = pytest.mark.anyio

Record = dict[str, Any]


async def post(wire: httpx.AsyncClient, path: str, **body: Any) -> Record:
    """A created record."""
    reply = await wire.post(path, json=body)
    assert reply.status_code == 201, reply.text
    record: Record = reply.json()
    return record


async def get(wire: httpx.AsyncClient, path: str) -> Record:
    """A record that exists."""
    reply = await wire.get(path)
    assert reply.status_code == 200
    record: Record = reply.json()
    return record


async def put(wire: httpx.AsyncClient, path: str, **body: Any) -> Record:
    """A record after an update."""
    assert (await wire.put(path, json=body)).status_code == 204
    return await get(wire, path)


async def client_of(wire: httpx.AsyncClient) -> int:
    """The id of a new client."""
    client_id: int = (await post(wire, "clients", client={"name": "ACME Corp"}))["id"]
    return client_id


async def invoice_of(wire: httpx.AsyncClient, client_id: int | None = None, **more: Any) -> Record:
    """A new invoice of 500."""
    items = [{"title": "foo", "quantity": 1, "price": 100}, {"title": "bar", "quantity": 2, "price": 200}]
    body = {"date": "2026-03-01", "due_date": "2026-03-31", "currency_code": "USD", "client_id": client_id}
    return await post(wire, "invoices", invoice={**body, "invoice_items_attributes": items, **more})


async def profile_of(wire: httpx.AsyncClient, client_id: int) -> int:
    """The id of a new payment profile."""
    body = {
        "stripe_customer_id": "cus_3IZ2SzDl5AkAB4",
        "stripe_source_id": "card_1",
        "last_four_digits": "4242",
        "name": "Bob Smith",
        "expiration_date": "2030-01-30",
    }
    profile = await post(wire, f"clients/{client_id}/payment_profiles", stripe_payment_profile=body)
    assert profile["gateway_token"] == "cus_3IZ2SzDl5AkAB4"
    assert profile["expiration_date"] == "2030-01-30"
    profile_id: int = profile["id"]
    return profile_id


@pytest.mark.parametrize(("path", "wrapper"), [("clients", "client"), ("leads", "lead")])
async def test_clients_and_leads_live_and_die(wire: httpx.AsyncClient, path: str, wrapper: str) -> None:
    made = await post(wire, path, **{wrapper: {"name": "ACME Corp", "number": 101, "city": "New York"}})
    assert (made["number"], made["name"], made["city"], made["status"]) == ("101", "ACME Corp", "New York", 1)
    assert made["invoice_extra_fields"] is None
    body = {wrapper: {"number": "102", "invoice_extra_fields": {"VAT": "1"}, "status": 2}}
    changed = await put(wire, f"{path}/{made['id']}", **body)
    assert (changed["number"], changed["name"], changed["status"]) == ("102", "ACME Corp", 2)
    assert changed["invoice_extra_fields"] == {"VAT": "1"}
    assert changed["updated_at"] > made["updated_at"] >= changed["created_at"]
    assert (await wire.delete(f"{path}/{made['id']}")).status_code == 204
    assert (await wire.get(f"{path}/{made['id']}")).status_code == 404


async def test_an_empty_string_clears_a_field(wire: httpx.AsyncClient) -> None:
    made = await post(wire, "clients", client={"name": "ACME Corp", "number": "7", "city": "Rome"})
    changed = await put(wire, f"clients/{made['id']}", client={"city": "", "number": ""})
    assert (changed["city"], changed["number"], changed["name"]) == ("", "", "ACME Corp")


async def test_contacts_are_created_under_their_client(wire: httpx.AsyncClient) -> None:
    client_id = await client_of(wire)
    body = {"name": "John Doe", "email": "jdoe@example.com", "ext": "1234"}
    made = await post(wire, f"clients/{client_id}/contacts", client_user=body)
    assert made["client_id"] == client_id
    assert made["avatar"]
    changed = await put(wire, f"contacts/{made['id']}", client_user={"title": "Developer"})
    assert (changed["title"], changed["email"]) == ("Developer", "jdoe@example.com")


async def test_projects_show_their_client_and_slashed_dates(wire: httpx.AsyncClient) -> None:
    client_id = await client_of(wire)
    body = {"name": "Site", "rate": "125.50", "client_id": client_id, "end_date": "2026-04-06", "budget": 40}
    made = await post(wire, "projects", project=body)
    assert (made["rate"], made["end_date"], made["budget"]) == (125.5, "2026/04/06", 40)
    assert made["client"]["name"] == "ACME Corp"
    assert "client_id" not in made
    assert (await put(wire, f"projects/{made['id']}", project={"status": 4}))["status"] == 4


async def test_hours_are_booked_on_the_owner_of_the_token(wire: httpx.AsyncClient) -> None:
    project = await post(wire, "projects", project={"name": "Site", "rate": 75})
    body = {"title": "Setup", "hours": 1.25, "date": "2026/03/02"}
    made = await post(wire, f"projects/{project['id']}/hours", project_item=body)
    assert (made["user_id"], made["rate"], made["cost"], made["billed?"]) == (1, 75, 93.75, False)
    assert made["date"] == "2026/03/02"
    changed = await put(wire, f"hours/{made['id']}", project_item={"hours": "2", "rate": 80, "billed": True})
    assert (changed["hours"], changed["cost"], changed["billed?"]) == (2, 160, True)
    project = await get(wire, f"projects/{project['id']}")
    assert (project["worked_hours"], project["unbilled_hours"], project["cost"]) == (2, 0, 160)


async def test_hours_without_a_date_are_of_today(account: Sandbox, wire: httpx.AsyncClient) -> None:
    project = await post(wire, "projects", project={"name": "Site", "rate": 75})
    made = await post(wire, f"projects/{project['id']}/hours", project_item={"title": "Setup", "hours": 1})
    assert made["date"] == account.today.strftime("%Y/%m/%d")


async def test_tasks_are_completed_and_opened_again(wire: httpx.AsyncClient) -> None:
    made = await post(wire, "tasks", task={"title": "Pick up some milk", "due_date": "2026-04-01", "assignee_id": 1})
    assert (made["complete"], made["completed_at"], made["due_date"]) == (False, None, "2026-04-01")
    done = await put(wire, f"tasks/{made['id']}", task={"complete": True, "completed": True})
    assert done["complete"] is True
    assert done["completed_at"]
    again = await put(wire, f"tasks/{made['id']}", task={"completed": False})
    assert (again["complete"], again["completed_at"]) == (False, None)


async def test_expenses_are_exact_to_the_cent(wire: httpx.AsyncClient) -> None:
    made = await post(wire, "expenses", expense={"amount": "19.99", "incurred_on": "2026-02-03"})
    assert (made["amount"], made["incurred_on"], made["user_id"]) == (19.99, "2026/02/03", 1)
    assert (await put(wire, f"expenses/{made['id']}", expense={"amount": 600}))["amount"] == 600


async def test_invoices_number_and_total_themselves(wire: httpx.AsyncClient) -> None:
    first, second = await invoice_of(wire, number=185), await invoice_of(wire)
    assert (first["number"], second["number"]) == ("185", "186")
    assert (first["subtotal"], first["total_cost"], first["balance"], first["status"]) == (500, 500, 500, 0)
    assert (first["date"], first["due_date"]) == ("2026/03/01", "2026/03/31")
    assert [item["title"] for item in first["invoice_items"]] == ["foo", "bar"]
    assert first["client_view_url"].endswith(first["secret"])


@pytest.mark.parametrize(("compound", "total"), [(False, 112.44), (True, 112.91)])
async def test_taxes_are_rounded_each_and_taken_on_taxable_lines_only(
    wire: httpx.AsyncClient, *, compound: bool, total: float
) -> None:
    items = [
        {"title": "Phase one", "item_type": 0},
        {"title": "taxed", "quantity": 1, "price": "95.50", "taxable": True},
        {"title": "discount", "quantity": 0.5, "price": "-10.01", "taxable": False},
        {"title": "untaxed", "quantity": 1, "price": 5},
    ]
    taxes: Record = {"tax": 8.25, "tax2": 6, "tax3": 3.5, "compound_tax": compound}
    invoice = await invoice_of(wire, invoice_items_attributes=items, **taxes)
    # 95.50 - 5.01 + 5 and, on 95.50 alone, 7.88, 5.73 (compound: 6.20, on 103.38) and 3.34.
    assert (invoice["subtotal"], invoice["taxable_subtotal"]) == (95.49, 95.5)
    assert (invoice["total_tax"], invoice["total_tax2"], invoice["total_tax3"]) == (
        7.88,
        6.2 if compound else 5.73,
        3.34,
    )
    assert invoice["total_cost"] == total


async def test_lines_are_changed_added_and_taken_out_by_id(wire: httpx.AsyncClient) -> None:
    invoice = await invoice_of(wire)
    foo, bar = (item["id"] for item in invoice["invoice_items"])
    lines = [
        {"id": foo, "price": 150},
        {"id": bar, "_destroy": True},
        {"title": "baz", "quantity": 3, "price": "9.99"},
    ]
    changed = await put(wire, f"invoices/{invoice['id']}", invoice={"invoice_items_attributes": lines})
    assert [(item["title"], item["price"]) for item in changed["invoice_items"]] == [
        ("foo", 150),
        ("baz", 9.99),
    ]
    assert changed["total_cost"] == 179.97
    named = await put(wire, f"invoices/{invoice['id']}", invoice={"title": "March"})
    assert (named["title"], named["total_cost"]) == ("March", 179.97)


async def test_lines_of_another_invoice_are_not_found_and_nothing_changes(wire: httpx.AsyncClient) -> None:
    invoice, other = await invoice_of(wire), await invoice_of(wire)
    lines = [{"id": other["invoice_items"][0]["id"], "price": 1}]
    body = {"invoice": {"title": "changed", "invoice_items_attributes": lines}}
    assert (await wire.put(f"invoices/{invoice['id']}", json=body)).status_code == 404
    assert await get(wire, f"invoices/{invoice['id']}") == invoice
    assert await get(wire, f"invoices/{other['id']}") == other


async def test_estimates_have_totals_but_no_balance(wire: httpx.AsyncClient) -> None:
    items = [{"title": "foo", "quantity": 1.5, "price": 100, "taxable": True}]
    body = {"date": "2026-03-01", "currency_code": "EUR", "tax": 19, "estimate_items_attributes": items}
    made = await post(wire, "estimates", estimate=body)
    assert (made["subtotal"], made["total_cost"], made["number"]) == (150, 178.5, "1")
    assert "balance" not in made
    assert (await put(wire, f"estimates/{made['id']}", estimate={"status": 6}))["status"] == 6


async def test_schedules_write_their_prices_as_text(wire: httpx.AsyncClient) -> None:
    client_id = await client_of(wire)
    items = [{"title": "Subscription", "quantity": 1, "price": 49.99}]
    body = {"client_id": client_id, "next_date": "2026-04-16", "time_interval": 5, "currency_code": "USD"}
    body |= {"due_period": 10, "recurring_schedule_items_attributes": items}
    made = await post(wire, "recurring", recurring_schedule=body)
    item = made["recurring_schedule_items"][0]
    assert (item["price"], item["quantity"], item["taxable?"]) == ("49.99", 1.0, False)
    assert (made["action"], made["status"], made["unlimited"], made["next_date"]) == (
        1,
        0,
        True,
        "2026-04-16",
    )
    assert made["client"]["id"] == client_id
    paused = await put(wire, f"recurring/{made['id']}", recurring_schedule={"status": 1})
    assert paused["status"] == 1


async def test_autobilling_needs_a_profile_of_that_client(wire: httpx.AsyncClient) -> None:
    client_id, other = await client_of(wire), await client_of(wire)
    body = {"client_id": client_id, "next_date": "2026-04-16", "time_interval": 5, "currency_code": "USD"}
    body |= {"due_period": 10, "action": 2}
    for profile_id in (None, await profile_of(wire, other)):
        reply = await wire.post("recurring", json={"recurring_schedule": {**body, "payment_profile_id": profile_id}})
        assert reply.status_code == 422
        assert "payment_profile_id" in reply.json()
    body["payment_profile_id"] = await profile_of(wire, client_id)
    assert (await post(wire, "recurring", recurring_schedule=body))["action"] == 2


async def test_payments_bring_an_invoice_to_paid_and_back(wire: httpx.AsyncClient) -> None:
    invoice = await invoice_of(wire, status=1)
    path = f"invoices/{invoice['id']}"
    part = await post(wire, f"{path}/payments", payment={"amount": "199.99", "note": "Paid by Check"})
    assert (part["amount"], part["note"], part["received_on"]) == (199.99, "Paid by Check", "2026-03-17")
    assert (part["transaction_id"], part["invoice_id"]) == (None, invoice["id"])
    after = await get(wire, path)
    assert (after["balance"], after["total_payments"], after["status"]) == (300.01, 199.99, 1)
    await post(wire, f"{path}/payments", payment={"amount": 300.01, "received_on": "2026-03-16"})
    paid = await get(wire, path)
    assert (paid["balance"], paid["status"], len(paid["payments"])) == (0, 4, 2)
    assert paid["payments"][0]["received_on"] == "2026/03/16"
    assert (await wire.delete(f"{path}/payments/{part['id']}")).status_code == 204
    again = await get(wire, path)
    assert (again["balance"], again["status"]) == (199.99, 1)


async def test_charging_a_profile_takes_the_whole_balance_whatever_the_amount(
    wire: httpx.AsyncClient,
) -> None:
    client_id = await client_of(wire)
    invoice = await invoice_of(wire, client_id)
    path = f"invoices/{invoice['id']}/payments"
    await post(wire, path, payment={"amount": 120})
    profile_id = await profile_of(wire, client_id)
    charged = await post(wire, path, payment={"payment_profile_id": profile_id, "amount": 1, "note": "ignored"})
    assert (charged["amount"], charged["note"]) == (380, "")
    assert charged["transaction_id"].startswith("ch_")
    assert (await get(wire, f"invoices/{invoice['id']}"))["status"] == 4
    reply = await wire.post(path, json={"payment": {"payment_profile_id": profile_id}})
    assert reply.status_code == 422


async def test_the_profile_of_another_client_is_not_charged(wire: httpx.AsyncClient) -> None:
    invoice = await invoice_of(wire, await client_of(wire))
    stranger = await profile_of(wire, await client_of(wire))
    for profile_id in (stranger, 999, "x"):
        body = {"payment": {"payment_profile_id": profile_id}}
        assert (await wire.post(f"invoices/{invoice['id']}/payments", json=body)).status_code == 422
    assert await get(wire, f"invoices/{invoice['id']}") == invoice


async def test_a_message_is_written_down_and_turns_a_draft_into_sent(account: Sandbox, wire: httpx.AsyncClient) -> None:
    invoice = await invoice_of(wire)
    body = {
        "recipients": ["a@example.com", "b@example.com"],
        "subject": "Yours",
        "message": "Hi",
        "attach_pdf": 1,
    }
    assert (await wire.post(f"invoices/{invoice['id']}/messages", json=body)).status_code == 200
    assert (await get(wire, f"invoices/{invoice['id']}"))["status"] == 1
    assert account.sent_messages == [
        {
            "kind": "invoice",
            "id": invoice["id"],
            "recipients": ["a@example.com", "b@example.com"],
            "subject": "Yours",
            "message": "Hi",
            "send_copy": False,
            "attach_pdf": True,
        }
    ]


async def test_a_paid_invoice_stays_paid_when_it_is_sent(wire: httpx.AsyncClient) -> None:
    invoice = await invoice_of(wire, status=4)
    await wire.post(f"invoices/{invoice['id']}/messages", json={"recipients": "a@example.com"})
    assert (await get(wire, f"invoices/{invoice['id']}"))["status"] == 4


async def test_new_ids_go_on_after_the_generated_ones_and_are_never_given_twice() -> None:
    account = Sandbox()
    largest = account.connection.execute("SELECT max(id) FROM leads").fetchone()[0]
    transport = httpx.ASGITransport(account.app)
    headers = {"Accept": "application/json"}
    async with httpx.AsyncClient(
        transport=transport, base_url="https://x.test/api/v2/", auth=("sandbox", "sandbox"), headers=headers
    ) as wire:
        assert (await post(wire, "leads", lead={"name": "New"}))["id"] == largest + 1
        await wire.delete(f"leads/{largest + 1}")
        assert (await post(wire, "leads", lead={"name": "Newer"}))["id"] == largest + 2


def count(account: Sandbox, table: str, where: str = "1") -> int:
    """How many rows a table has."""
    query = f"SELECT count(*) FROM {table} WHERE {where}"  # noqa: S608 names are written here
    rows: int = account.connection.execute(query).fetchone()[0]
    return rows


async def test_deleting_a_client_takes_what_the_documentation_says_and_leaves_the_rest(
    account: Sandbox, wire: httpx.AsyncClient
) -> None:
    client_id = await client_of(wire)
    project = await post(wire, "projects", project={"name": "Site", "rate": 75, "client_id": client_id})
    await post(wire, f"projects/{project['id']}/hours", project_item={"title": "Setup", "hours": 1})
    await post(wire, "tasks", task={"title": "on the project", "project_id": project["id"]})
    loose = await post(wire, "tasks", task={"title": "of the client", "client_id": client_id})
    body = {"name": "John Doe", "email": "jdoe@example.com"}
    await post(wire, f"clients/{client_id}/contacts", client_user=body)
    invoice = await invoice_of(wire, client_id)
    await post(wire, f"invoices/{invoice['id']}/payments", payment={"amount": 1})
    estimate = {"date": "2026-03-01", "currency_code": "USD", "client_id": client_id}
    await post(wire, "estimates", estimate=estimate)
    links = {"client_id": client_id, "project_id": project["id"], "invoice_id": invoice["id"]}
    expense = await post(wire, "expenses", expense={"amount": 5, **links})
    schedule = {"client_id": client_id, "next_date": "2026-04-16", "time_interval": 5, "currency_code": "USD"}
    await post(wire, "recurring", recurring_schedule={**schedule, "due_period": 10})
    assert (await wire.delete(f"clients/{client_id}")).status_code == 204
    gone = ("clients", "projects", "hours", "contacts", "invoices", "invoice_items", "payments", "estimates")
    assert [table for table in gone if count(account, table)] == []
    assert [task["id"] for task in (await get(wire, "tasks"))["tasks"]] == [loose["id"]]
    kept = await get(wire, f"expenses/{expense['id']}")
    assert (kept["amount"], kept["client_id"], kept["project_id"], kept["invoice_id"]) == (
        5,
        None,
        None,
        None,
    )
    assert (await get(wire, "recurring"))["recurring"][0]["client_id"] is None


async def test_deleting_a_lead_takes_its_estimates_and_contacts() -> None:
    account = Sandbox(switches=Switches(delete_reply="empty_200"))
    lead = account.connection.execute("SELECT lead_id FROM estimates WHERE lead_id > 0").fetchone()[0]
    account.connection.execute("UPDATE contacts SET lead_id = ? WHERE lead_id > 0", (lead,))
    account.connection.commit()
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(account.app),
        base_url="https://x.test/api/v2/",
        auth=("sandbox", "sandbox"),
    ) as wire:
        assert (await wire.delete(f"leads/{lead}.json")).status_code == 200
    assert count(account, "estimates", f"lead_id = {lead}") == 0
    assert count(account, "contacts") == 110


async def test_deleting_a_schedule_leaves_its_invoices() -> None:
    account = Sandbox()
    schedule = account.connection.execute(
        "SELECT recurring_schedule_id FROM invoices WHERE recurring_schedule_id > 0"
    ).fetchone()[0]
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(account.app),
        base_url="https://x.test/api/v2/",
        auth=("sandbox", "sandbox"),
    ) as wire:
        assert (await wire.delete(f"recurring/{schedule}.json")).status_code == 204
    assert count(account, "invoices") == 412
    assert count(account, "invoices", f"recurring_schedule_id = {schedule}") == 0

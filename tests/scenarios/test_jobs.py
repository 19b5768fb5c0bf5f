"""Jobs that users delegate: checks the account afterwards, and that it contains nothing twice."""

from typing import Any

import pytest

from clientary_mcp.sandbox import Fault, Faults, Sandbox
from tests.conftest import TODAY
from tests.scenarios import oracle
from tests.scenarios.account import account_with_traps
from tests.scenarios.playing import Play, compare, in_cents, play_on

pytestmark = pytest.mark.anyio

OCTOBER = {"from_date": "2026-10-01", "to_date": "2026-10-31"}
DAY, DUE = "2026-11-20", "2026-12-20"


async def test_bill_october_of_the_quarry_catalogue(play: Play, account: Sandbox) -> None:
    found = (await play.ask("search", query="Quarry Catalogue"))["rows"]
    project = next(row["id"] for row in found if row["type"] == "project")
    job = {"project_id": project, **OCTOBER, "date": DAY, "due_date": DUE}
    before = oracle.state(account, ["invoices", "hours"])
    shown = await play.ask("bill_project_hours", **job)
    assert shown["done"] is False
    assert oracle.state(account, ["invoices", "hours"]) == before
    done = await play.confirm("bill_project_hours", shown, **job)
    assert done["done"] is True
    # 1.50 h at 95.00, 3.25 h at 120.00, and 1.33 h at the project's 95.00.
    total = 14_250 + 39_000 + 12_635
    (invoice,) = oracle.rows(
        account, "SELECT * FROM invoices WHERE date = ? AND status = 0 ORDER BY id DESC LIMIT 1", DAY
    )
    assert (invoice["subtotal"], invoice["total_cost"], invoice["currency_code"]) == (total, total, "EUR")
    assert in_cents(shown["totals"][0]["total"]) == total
    billed = oracle.rows(account, "SELECT date FROM hours WHERE project_id = ? AND NOT billed ORDER BY date", project)
    assert [row["date"] for row in billed] == ["2026-09-30", "2026-11-01"]
    again = await play.ask("bill_project_hours", **job, allow_duplicate=True, confirm=True)
    assert "no" in again["message"].lower()
    assert oracle.one(account, "SELECT count(*) FROM invoices") == len(before["invoices"]) + 1

    async def alone(play: Play) -> None:
        await play.whole("list_projects")
        entries = await play.whole("list_project_hours", project_id=project, billed=False)
        october = [entry for entry in entries if "2026-10-01" <= entry["date"] <= "2026-10-31"]
        await play.ask("get_project", project_id=project)
        items = [
            {"title": entry["title"], "quantity": entry["hours"], "price": entry.get("rate", 95)} for entry in october
        ]
        client = oracle.id_of(account, "clients", "Quarry Books")
        document = {"date": DAY, "due_date": DUE, "currency_code": "EUR", "client_id": client}
        await play.ask("create_invoice", **document, items=items)
        for entry in october:
            await play.ask("update_hour_entry", hour_entry_id=entry["id"], billed=True)

    await compare("bill October's hours of one project", play, alone, account_with_traps())


TASKS = ["Kick-off", "Sitemap", "Texts", "Drafts", "Launch"]


async def test_a_lead_is_converted_although_the_fourth_task_fails_at_first(play: Play, account: Sandbox) -> None:
    found = (await play.ask("search", query="Tidewater Ferries", types=["lead"]))["rows"]
    job: dict[str, Any] = {
        "lead_id": found[0]["id"],
        "project": {"name": "Timetable App", "rate": 110},
        "tasks": [{"title": title} for title in TASKS],
    }
    shown = await play.ask("convert_lead", **job)
    sure = {"confirm": True, "preview_id": shown["preview_id"]}
    account.faults = Faults([Fault(500, "POST", "tasks", nth=4)])
    text = await play.refused("convert_lead", **job, **sure)
    assert "Drafts" in text
    assert "Launch" not in text.partition("Done before")[2]
    account.faults = None
    assert (await play.ask("convert_lead", **job, **sure))["done"] is True
    client = oracle.id_of(account, "clients", "Tidewater Ferries")
    project = oracle.id_of(account, "projects", "Timetable App")
    (made,) = oracle.rows(account, "SELECT * FROM clients WHERE id = ?", client)
    assert (made["address"], made["city"], made["website"]) == ("4 Mill Lane", "Leeds", "https://tidewater.example.com")
    assert oracle.one(account, "SELECT client_id FROM projects WHERE id = ?", project) == client
    tasks = oracle.rows(account, "SELECT title, project_id FROM tasks WHERE client_id = ? ORDER BY id", client)
    assert [(task["title"], task["project_id"]) for task in tasks] == [(title, project) for title in TASKS]
    assert oracle.one(account, "SELECT count(*) FROM leads WHERE name = 'Tidewater Ferries'") == 1
    assert "lead stays" in (await play.ask("convert_lead", **job))["message"]

    async def alone(play: Play) -> None:
        leads = await play.whole("list_leads")
        (lead,) = [lead for lead in leads if lead["name"] == "Tidewater Ferries"]
        await play.ask("get_lead", lead_id=lead["id"])
        await play.whole("list_clients")
        made = await play.ask("create_client", name="Tidewater Ferries", address="4 Mill Lane", city="Leeds")
        await play.whole("list_contacts")
        await play.ask("create_contact", client_id=made["id"], name="Ann Tide", email="ann@tidewater.example.com")
        project = await play.ask("create_project", name="Timetable App", rate=110, client_id=made["id"])
        for title in TASKS:
            await play.ask("create_task", title=title, project_id=project["id"], client_id=made["id"])

    await compare("a lead won, with a failure and a second run", play, alone, account_with_traps())


def people_of(clients: list[dict[str, Any]], known: str) -> list[dict[str, Any]]:
    """23 new contacts, one that exists already, and one given twice."""
    rows = [
        {"client": clients[number % 5]["name"], "name": f"Person {number}", "email": f"p{number}@import.example.com"}
        for number in range(23)
    ]
    rows.append({"client_id": clients[0]["id"], "name": "Known Already", "email": known.upper()})
    rows.append({"client": clients[1]["name"], "name": "Person 3 again", "email": " P3@import.example.com "})
    return rows


async def test_25_contacts_are_imported_into_5_clients_under_rate_limiting(play: Play, account: Sandbox) -> None:
    clients = oracle.rows(
        account, "SELECT id, name FROM clients WHERE status = 1 AND name NOT LIKE '%Larkspur%' LIMIT 5"
    )
    known = oracle.one(account, "SELECT email FROM contacts WHERE client_id = ? LIMIT 1", clients[0]["id"])
    rows = people_of(clients, known)
    before = oracle.one(account, "SELECT count(*) FROM contacts")
    shown = await play.ask("import_contacts", rows=rows)
    assert oracle.one(account, "SELECT count(*) FROM contacts") == before
    assert shown["done"] is False
    account.faults = Faults([Fault(429, "POST", "clients/*/contacts", nth=nth) for nth in (5, 9, 10, 14)])
    done = await play.confirm("import_contacts", shown, rows=rows)
    outcomes = [step["outcome"] for step in done["steps"]]
    assert outcomes == ["imported"] * 23 + ["already there", "same as row 4"]
    assert oracle.one(account, "SELECT count(*) FROM contacts") == before + 23
    per_client = oracle.rows(
        account,
        "SELECT client_id, count(*) AS n FROM contacts WHERE email LIKE '%@import.example.com' GROUP BY client_id",
    )
    assert sorted(row["n"] for row in per_client) == [4, 4, 5, 5, 5]
    account.faults = None
    again = await play.ask("import_contacts", rows=rows, confirm=True)
    assert {step["outcome"] for step in again["steps"]} <= {"already there", "same as row 4"}
    assert oracle.one(account, "SELECT count(*) FROM contacts") == before + 23

    async def alone(play: Play) -> None:
        await play.whole("list_clients")
        await play.whole("list_contacts")
        ids = {client["name"]: client["id"] for client in clients}
        for row in rows[:23]:
            about = {"client_id": ids[row["client"]], "name": row["name"], "email": row["email"]}
            await play.ask("create_contact", **about)

    await compare("25 contacts into 5 clients", play, alone, account_with_traps())


async def test_a_client_is_archived_rather_than_deleted(play: Play, account: Sandbox) -> None:
    found = (await play.ask("search", query="Larkspur Studio", types=["client"]))["rows"]
    client = next(row["id"] for row in found if row["name"] == "Larkspur Studio")
    before = oracle.state(account, ["clients", "invoices", "contacts"])
    shown = await play.ask("delete_client", client_id=client)
    assert shown["done"] is False
    assert shown["goes_with_it"]["invoices"]["count"] == 3
    assert "archived" in shown["alternative"]
    assert oracle.state(account, ["clients", "invoices", "contacts"]) == before
    await play.ask("update_client", client_id=client, status="archived")
    assert oracle.one(account, "SELECT status FROM clients WHERE id = ?", client) == 2
    assert oracle.state(account, ["invoices", "contacts"]) == {
        table: before[table] for table in ("invoices", "contacts")
    }

    async def alone(play: Play) -> None:
        await play.whole("list_clients")
        await play.ask("delete_client", client_id=client)
        await play.ask("update_client", client_id=client, status="archived")

    await compare("a client archived rather than deleted", play, alone, account_with_traps())


async def test_a_part_payment_requested_twice_is_recorded_once(play: Play, account: Sandbox) -> None:
    (invoice,) = (await play.ask("list_invoices", query="T-1", min_balance=1000, limit=1))["records"]
    assert invoice["number"] == "T-1"
    payment = {"invoice_id": invoice["id"], "amount": 400.5, "received_on": DAY, "note": "Bank transfer"}
    first = await play.ask("create_payment", **payment)
    second = await play.ask("create_payment", **payment)
    assert second["id"] == first["id"]
    assert "Skipped as a duplicate" in second["notice"]
    paid = oracle.rows(account, "SELECT amount FROM payments WHERE invoice_id = ?", invoice["id"])
    assert [row["amount"] for row in paid] == [40_050]
    assert oracle.one(account, "SELECT balance FROM invoices WHERE id = ?", invoice["id"]) == 100_001 - 40_050

    async def alone(play: Play) -> None:
        await play.whole("list_invoices")
        await play.ask("create_payment", **payment)
        await play.ask("get_invoice", invoice_id=invoice["id"])

    await compare("a part payment, asked for twice", play, alone, account_with_traps())


LINES = "SELECT title, quantity, price, taxable, item_type FROM {0}_items WHERE {0}_id = ? ORDER BY id"


async def test_an_accepted_estimate_becomes_a_draft_invoice(play: Play, account: Sandbox) -> None:
    (estimate,) = (await play.ask("list_estimates", status="accepted", query="E-77"))["records"]
    job = {"estimate_id": estimate["id"], "date": DAY, "due_date": DUE}
    shown = await play.ask("create_invoice_from_estimate", **job)
    done = await play.ask("create_invoice_from_estimate", **job, confirm=True)
    invoice = done["record"]["id"]
    (made,) = oracle.rows(account, "SELECT * FROM invoices WHERE id = ?", invoice)
    (accepted,) = oracle.rows(account, "SELECT * FROM estimates WHERE id = ?", estimate["id"])
    same = ("client_id", "currency_code", "title", "tax", "tax_label", "tax2", "tax2_label", "compound_tax")
    assert {name: made[name] for name in same} == {name: accepted[name] for name in same}
    assert (made["status"], made["subtotal"], made["total_cost"]) == (0, 183_333, 209_638)
    assert in_cents(shown["totals"][0]["total"]) == 209_638
    lines = oracle.rows(account, LINES.format("invoice"), invoice)
    assert lines == oracle.rows(account, LINES.format("estimate"), estimate["id"])
    again = await play.ask("create_invoice_from_estimate", **(job | {"due_date": "2026-12-31"}), confirm=True)
    assert str(invoice) in again["message"]
    assert oracle.one(account, "SELECT count(*) FROM invoices WHERE title = 'Booking page'") == 1

    async def alone(play: Play) -> None:
        await play.whole("list_estimates")
        full = await play.ask("get_estimate", estimate_id=estimate["id"])
        items = [{name: line[name] for name in ("title", "quantity", "price")} for line in full["items"]]
        document = {"date": DAY, "due_date": DUE, "currency_code": "USD", "client_id": full["client_id"]}
        made = await play.ask("create_invoice", **document, items=items)
        await play.ask("get_invoice", invoice_id=made["id"])
        await play.whole("list_client_invoices", client_id=full["client_id"])

    await compare("an accepted estimate into a draft invoice", play, alone, account_with_traps())


async def test_reminders_go_to_late_clients_and_not_to_recent_payers(account: Sandbox) -> None:
    async with play_on(account, mails_per_hour=200) as play:
        job = {"min_days_overdue": 30, "per": "invoice"}
        shown = await play.ask("send_payment_reminders", **job)
        assert account.sent_messages == []
        done = await play.confirm("send_payment_reminders", shown, **job)
        late = oracle.rows(
            account,
            "SELECT id, client_id FROM invoices WHERE status IN (1, 2) AND balance > 0"
            " AND due_date <= date(?, '-30 days')",
            TODAY.isoformat(),
        )
        paid = {
            row["client_id"]
            for row in oracle.rows(
                account,
                "SELECT DISTINCT client_id FROM payments JOIN invoices ON invoices.id = invoice_id"
                " WHERE received_on >= date(?, '-7 days')",
                TODAY.isoformat(),
            )
        }
        reachable = {row["client_id"] for row in oracle.rows(account, "SELECT client_id FROM contacts")}
        wanted = {row["id"] for row in late if row["client_id"] in reachable - paid}
        assert {message["id"] for message in account.sent_messages} == wanted
        assert len(account.sent_messages) == len(wanted)
        assert done["done"] is True

        async def alone(play: Play) -> None:
            await play.whole("list_invoices")
            await play.whole("list_contacts")
            await play.whole("list_payments")
            for invoice in sorted(wanted):
                mail = {"invoice_id": invoice, "recipients": ["somebody@example.com"]}
                await play.ask("send_invoice_message", **mail)

        await compare("reminders to who is late", play, alone, account_with_traps())

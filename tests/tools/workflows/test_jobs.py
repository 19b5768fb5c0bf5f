"""Common requests to an agent, from finding the record to checking the result.

The results are read from the account's own tables, which store money in cents.
"""

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest

from clientary_mcp.sandbox import Sandbox
from tests.support.agent import Agent

pytestmark = pytest.mark.anyio

CANCELLED, PAID = 3, 4


def row(sandbox: Sandbox, query: str, *values: Any) -> dict[str, Any]:
    """The first row of a query."""
    return dict(sandbox.connection.execute(query, values).fetchone())


def cents(amount: float) -> Decimal:
    """An amount of an answer in the unit of the tables, exactly."""
    return Decimal(str(amount)) * 100


async def named(agent: Agent, tool: str, name: str) -> dict[str, Any]:
    """The record with this name, found in the list, as agents do."""
    records = (await agent.answer(tool, limit=1000))["records"]
    return dict(next(record for record in records if record["name"] == name))


async def test_an_invoice_is_drafted_and_partly_paid(sandbox: Sandbox, sandbox_agent: Agent) -> None:
    agent = sandbox_agent
    wanted = row(sandbox, "SELECT id, name FROM clients WHERE status = 1 AND currency_code = 'EUR'")
    client = await named(agent, "list_clients", wanted["name"])
    assert client["id"] == wanted["id"]
    number = row(sandbox, "SELECT max(CAST(number AS INTEGER)) AS last FROM invoices")["last"] + 1
    invoice = await agent.answer(
        "create_invoice",
        client_id=client["id"],
        date="2026-11-20",
        due_date="2026-12-20",
        currency_code="EUR",
        status="sent",
        tax=19,
        tax_label="VAT",
        items=[
            {"title": "Workshop", "quantity": 1.5, "price": 333.33, "taxable": True},
            {"title": "Travel", "quantity": 1, "price": 49.9, "taxable": False},
        ],
    )
    assert (invoice["status"], invoice["number"]) == ("sent", str(number))
    # 1.5 x 333.33 is 500.00 (a half cent is rounded up), 19 % of it 95.00, and 49.90 untaxed.
    assert cents(invoice["total_cost"]) == cents(invoice["balance"]) == 64490
    payment = await agent.answer("create_payment", invoice_id=invoice["id"], amount=200.45, note="Bank transfer")
    assert (payment["invoice_id"], payment["received_on"]) == (invoice["id"], "2026-11-20")
    shown = await agent.answer("get_invoice", invoice_id=invoice["id"])
    assert [shown["total_payments"], shown["balance"]] == [200.45, 444.45]
    assert [(part["id"], part["amount"]) for part in shown["payments"]] == [(payment["id"], 200.45)]
    kept = row(sandbox, "SELECT * FROM invoices WHERE id = ?", invoice["id"])
    assert (kept["total_cost"], kept["total_payments"], kept["balance"]) == (64490, 20045, 44445)
    assert (kept["client_id"], kept["total_tax"]) == (client["id"], 9500)
    await agent.answer("create_payment", invoice_id=invoice["id"], amount=444.45)
    kept = row(sandbox, "SELECT * FROM invoices WHERE id = ?", invoice["id"])
    assert (kept["status"], kept["balance"]) == (PAID, 0)


async def test_a_task_is_completed_and_reopened(sandbox: Sandbox, sandbox_agent: Agent) -> None:
    tasks = (await sandbox_agent.answer("list_tasks", limit=1000))["records"]
    task = next(task for task in tasks if not task["complete"])
    answer = await sandbox_agent.answer("update_task", task_id=task["id"], complete=True)
    assert answer["complete"] is True
    assert "notice" not in answer
    kept = row(sandbox, "SELECT * FROM tasks WHERE id = ?", task["id"])
    assert (kept["complete"], kept["completed_at"]) == (1, answer["completed_at"])
    assert (kept["title"], kept["due_date"]) == (task["title"], task.get("due_date"))
    assert (await sandbox_agent.answer("update_task", task_id=task["id"], complete=False))["complete"] is False
    assert row(sandbox, "SELECT complete FROM tasks WHERE id = ?", task["id"]) == {"complete": 0}


async def test_logged_hours_increase_the_projects_worked_hours(sandbox: Sandbox, sandbox_agent: Agent) -> None:
    agent = sandbox_agent
    wanted = row(sandbox, "SELECT id, name, rate FROM projects WHERE status = 1 AND project_type = 0")
    project = await named(agent, "list_projects", wanted["name"])
    before = await agent.answer("get_project", project_id=project["id"])
    sums = "SELECT sum(hours) AS hours, sum(iif(billed, 0, hours)) AS unbilled, sum(cost) AS cost FROM hours"
    reported = row(sandbox, f"{sums} WHERE project_id = ?", project["id"])
    assert [cents(before[name]) for name in ("worked_hours", "unbilled_hours", "cost")] == list(reported.values())
    entry = await agent.answer(
        "create_project_hours", project_id=project["id"], title="Review", hours=1.25, date="2026-11-19"
    )
    assert (entry["hours"], entry["date"], entry["billed"]) == (1.25, "2026-11-19", False)
    assert cents(entry["rate"]) == wanted["rate"]
    after = await agent.answer("get_project", project_id=project["id"])
    for name in ("worked_hours", "unbilled_hours"):
        assert cents(after[name]) - cents(before[name]) == 125
    assert cents(after["cost"]) - cents(before["cost"]) == cents(entry["cost"])
    reported = row(sandbox, f"{sums} WHERE project_id = ?", project["id"])
    assert [cents(after[name]) for name in ("worked_hours", "unbilled_hours", "cost")] == list(reported.values())
    newest = (await agent.answer("list_project_hours", project_id=project["id"], billed=False))["records"]
    assert entry["id"] in [record["id"] for record in newest]


async def test_an_invoice_is_cancelled_and_keeps_its_figures(sandbox: Sandbox, sandbox_agent: Agent) -> None:
    invoices = (await sandbox_agent.answer("list_invoices", limit=200))["records"]
    invoice = next(each for each in invoices if each["status"] == "sent" and each["balance"] == each["total_cost"])
    before = row(sandbox, "SELECT * FROM invoices WHERE id = ?", invoice["id"])
    answer = await sandbox_agent.answer("update_invoice", invoice_id=invoice["id"], status="cancelled")
    assert (answer["status"], answer["total_cost"]) == ("cancelled", invoice["total_cost"])
    after = row(sandbox, "SELECT * FROM invoices WHERE id = ?", invoice["id"])
    assert after == before | {"status": CANCELLED, "updated_at": after["updated_at"]}


async def test_an_archived_client_keeps_everything(sandbox: Sandbox, sandbox_agent: Agent) -> None:
    clients = (await sandbox_agent.answer("list_clients", limit=1000))["records"]
    client = next(each for each in clients if each["status"] == "active")
    kept = """
        SELECT c.*, (SELECT count(*) FROM projects WHERE client_id = c.id) AS projects,
               (SELECT sum(balance) FROM invoices WHERE client_id = c.id) AS balance,
               (SELECT count(*) FROM contacts WHERE client_id = c.id) AS contacts
        FROM clients c WHERE id = ?
    """
    before = row(sandbox, kept, client["id"])
    answer = await sandbox_agent.answer("update_client", client_id=client["id"], status="archived")
    assert (answer["status"], answer["name"]) == ("archived", client["name"])
    after = row(sandbox, kept, client["id"])
    assert after == before | {"status": 2, "updated_at": after["updated_at"]}
    clients = (await sandbox_agent.answer("list_clients", limit=1000))["records"]
    assert [each["status"] for each in clients if each["id"] == client["id"]] == ["archived"]


async def test_a_schedule_is_paused_and_resumed(sandbox: Sandbox, sandbox_agent: Agent) -> None:
    schedules = (await sandbox_agent.answer("list_recurring_schedules"))["records"]
    schedule = next(each for each in schedules if (each["status"], each["action"]) == ("active", "autobill"))
    before = row(sandbox, "SELECT * FROM recurring_schedules WHERE id = ?", schedule["id"])
    for word, code in (("paused", 1), ("active", 0)):
        answer = await sandbox_agent.answer(
            "update_recurring_schedule", recurring_schedule_id=schedule["id"], status=word
        )
        assert (answer["status"], answer["next_date"]) == (word, schedule["next_date"])
        after = row(sandbox, "SELECT * FROM recurring_schedules WHERE id = ?", schedule["id"])
        assert after == before | {"status": code, "updated_at": after["updated_at"]}


async def test_one_line_of_an_invoice_changes_and_the_others_stay(sandbox: Sandbox, sandbox_agent: Agent) -> None:
    wanted = row(
        sandbox,
        "SELECT invoice_id FROM invoice_items JOIN invoices i ON i.id = invoice_id WHERE i.status = 0 AND tax = 0"
        " AND item_type = 3 GROUP BY invoice_id HAVING count(*) > 1",
    )
    invoice = await sandbox_agent.answer("get_invoice", **wanted)
    line = next(item for item in invoice["items"] if item["item_type"] == "line")
    answer = await sandbox_agent.answer(
        "update_invoice", **wanted, items=[{"item_id": line["item_id"], "price": 1000.01, "quantity": 2}]
    )
    changed = line | {"price": 1000.01, "quantity": 2}
    assert answer["items"] == [changed if item == line else item for item in invoice["items"]]
    was = (Decimal(str(line["quantity"])) * cents(line["price"])).quantize(Decimal(1), ROUND_HALF_UP)
    assert cents(answer["total_cost"]) == cents(invoice["total_cost"]) - was + 200002
    kept = row(sandbox, "SELECT total_cost, balance FROM invoices WHERE id = ?", wanted["invoice_id"])
    assert kept == {"total_cost": cents(answer["total_cost"]), "balance": cents(answer["balance"])}


async def test_balances_can_be_summed_within_a_currency(sandbox: Sandbox, sandbox_agent: Agent) -> None:
    owed: dict[str, Decimal] = {}
    offset: int | None = 0
    while offset is not None:
        answer = await sandbox_agent.answer("list_invoices", limit=1000, offset=offset)
        offset = answer.get("next_offset")
        for invoice in answer["records"]:
            if invoice["status"] in ("sent", "viewed", "pending"):
                owed.setdefault(invoice["currency_code"], Decimal(0))
                owed[invoice["currency_code"]] += cents(invoice["balance"])
    rows = sandbox.connection.execute(
        "SELECT currency_code, sum(balance) FROM invoices WHERE status IN (1, 2, 5) GROUP BY currency_code"
    )
    assert owed == dict(rows.fetchall())

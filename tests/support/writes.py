"""Every tool that changes something, with a sample call on the sandbox account."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from clientary_mcp.sandbox import Fault, Sandbox
from clientary_mcp.tools import ALL

JsonObject = dict[str, Any]

DAY = "2026-11-20"
ITEMS = [{"title": "Salvage", "quantity": 2.5, "price": 40.5}, {"title": "Tow", "quantity": 1, "price": 120}]


@dataclass(frozen=True)
class Write:
    """One call that makes one change: the request that it must send, and the tool that shows the result."""

    tool: str
    method: str
    path: str
    """A pattern, as the ledger takes it."""
    arguments: Callable[[Sandbox], JsonObject]

    def __str__(self) -> str:
        return self.tool

    @property
    def checked_with(self) -> str:
        """The tool that an unknown outcome points to."""
        return next(tool.checked_with or "" for tool in ALL if tool.name == self.tool)

    @property
    def mails(self) -> bool:
        """Whether its effect cannot be checked afterwards."""
        return self.tool.startswith("send_")


def fault_id(value: object) -> str:
    """The test id of a fault or of another parameter."""
    if not isinstance(value, Fault):
        return str(value)
    return f"{value.kind}{'-after' if value.after else ''}{'-asked' if value.retry_after else ''}"


def newest(sandbox: Sandbox, table: str, where: str = "1") -> int:
    """The id of the newest record of a table."""
    row = sandbox.connection.execute(f"SELECT max(id) AS id FROM {table} WHERE {where}").fetchone()  # noqa: S608 ours
    assert row["id"] is not None
    return int(row["id"])


def _create(tool: str, path: str, arguments: Callable[[Sandbox], JsonObject] | None = None, **given: Any) -> Write:
    return Write(tool, "POST", path, lambda sandbox: (arguments(sandbox) if arguments else {}) | given)


def _update(kind: str, table: str, path: str, **given: Any) -> Write:
    return Write(f"update_{kind}", "PUT", path, lambda sandbox: {f"{kind}_id": newest(sandbox, table)} | given)


def _delete(kind: str, table: str, path: str) -> Write:
    return Write(
        f"delete_{kind}", "DELETE", path, lambda sandbox: {f"{kind}_id": newest(sandbox, table), "confirm": True}
    )


def a_client(sandbox: Sandbox) -> JsonObject:
    """A client that has several contacts."""
    return {"client_id": newest(sandbox, "clients", "id IN (SELECT client_id FROM contacts)")}


def a_project(sandbox: Sandbox) -> JsonObject:
    """A project that hours are logged on."""
    return {"project_id": newest(sandbox, "projects", "id IN (SELECT project_id FROM hours)")}


def an_unpaid_invoice(sandbox: Sandbox) -> JsonObject:
    """An invoice with a balance and without payments so far."""
    unpaid = "status IN (1, 2) AND balance > 100000 AND id NOT IN (SELECT invoice_id FROM payments)"
    return {"invoice_id": newest(sandbox, "invoices", unpaid)}


def a_card_and_its_invoice(sandbox: Sandbox) -> JsonObject:
    """An invoice with a balance whose client has a stored card."""
    owing = "SELECT i.id, p.id AS card FROM invoices i JOIN payment_profiles p USING (client_id)"
    row = sandbox.connection.execute(
        f"{owing} WHERE balance > 0 AND i.status IN (1, 2) ORDER BY i.id DESC, p.id DESC"
    ).fetchone()
    return {"invoice_id": row["id"], "payment_profile_id": row["card"]}


def _a_mail(table: str, kind: str) -> Callable[[Sandbox], JsonObject]:
    return lambda sandbox: {
        f"{kind}_id": newest(sandbox, table, "status = 1"),
        "recipients": ["ada@example.com", "bob@example.com"],
        "subject": "After the storm",
        "confirm": True,
    }


def _a_payment(sandbox: Sandbox) -> JsonObject:
    row = sandbox.connection.execute("SELECT id, invoice_id FROM payments ORDER BY id DESC").fetchone()
    return {"invoice_id": row["invoice_id"], "payment_id": row["id"], "confirm": True}


def _a_card(sandbox: Sandbox) -> JsonObject:
    row = sandbox.connection.execute("SELECT id, client_id FROM payment_profiles ORDER BY id DESC").fetchone()
    return {"client_id": row["client_id"], "payment_profile_id": row["id"], "confirm": True}


_DATES = {"date": DAY, "due_date": "2026-12-20", "currency_code": "EUR"}
_DATES_OF_A_COPY = {"date": DAY, "due_date": "2026-12-20"}
_CARD = {"stripe_customer_id": "cus_Storm12", "stripe_source_id": "card_Storm12", "last_four_digits": "4242"}

CREATES = (
    _create("create_client", "clients", name="Lost & Found", city="Graz", invoice_extra_fields={"vat": "AT 1"}),
    _create("create_contact", "clients/*/contacts", a_client, name="Ada Sturm", email="ada@example.com"),
    _create("create_lead", "leads", name="Maybe & Sons", website="https://example.com"),
    _create("create_project", "projects", a_client, name="Salvage", rate=90.5, end_date="2027-01-31"),
    _create("create_project_hours", "projects/*/hours", a_project, title="Sandbags", hours=1.5, date=DAY),
    _create("create_task", "tasks", a_project, title="Close the hatches", due_date=DAY),
    _create("create_expense", "expenses", a_project, amount=12.34, description="Rope", incurred_on=DAY),
    _create("create_invoice", "invoices", a_client, title="Rescue", items=ITEMS, tax=19, **_DATES),
    _create("copy_invoice", "invoices", an_unpaid_invoice, note="Again", **_DATES_OF_A_COPY),
    _create("create_estimate", "estimates", a_client, title="Plan", items=ITEMS, date=DAY, currency_code="EUR"),
    _create("create_payment", "invoices/*/payments", an_unpaid_invoice, amount=50.25, note="in part", received_on=DAY),
    _create(
        "create_payment_profile",
        "clients/*/payment_profiles",
        a_client,
        name="Ada Sturm",
        expiration_date="2028-05-31",
        **_CARD,
    ),
    _create(
        "create_recurring_schedule",
        "recurring",
        a_client,
        next_date="2026-12-01",
        time_interval="monthly",
        currency_code="EUR",
        due_period=14,
        title="Watch",
        items=ITEMS,
    ),
)
UPDATES = (
    _update("client", "clients", "clients/*", city="Linz", status="archived"),
    _update("contact", "contacts", "contacts/*", title="Captain", clear=["phone"]),
    _update("lead", "leads", "leads/*", description="Called after the storm"),
    _update("project", "projects", "projects/*", budget=77.5, end_date="2027-02-28"),
    _update("hour_entry", "hours", "hours/*", title="Sandbags, wet", hours=2.25),
    _update("task", "tasks", "tasks/*", title="Open the hatches", complete=True),
    _update("expense", "expenses", "expenses/*", amount=0.01, description="Rope, torn"),
    _update("invoice", "invoices", "invoices/*", note="After the storm", items=ITEMS),
    _update("estimate", "estimates", "estimates/*", title="Plan B", items=ITEMS[:1]),
    _update("recurring_schedule", "recurring_schedules", "recurring/*", title="Watch", next_date="2027-03-01"),
)
DELETES = (
    _delete("client", "clients", "clients/*"),
    _delete("contact", "contacts", "contacts/*"),
    _delete("lead", "leads", "leads/*"),
    _delete("project", "projects", "projects/*"),
    _delete("hour_entry", "hours", "hours/*"),
    _delete("task", "tasks", "tasks/*"),
    _delete("expense", "expenses", "expenses/*"),
    _delete("invoice", "invoices", "invoices/*"),
    _delete("estimate", "estimates", "estimates/*"),
    _delete("recurring_schedule", "recurring_schedules", "recurring/*"),
    Write("delete_payment", "DELETE", "invoices/*/payments/*", _a_payment),
    Write("delete_payment_profile", "DELETE", "clients/*/payment_profiles/*", _a_card),
)
CHARGE = Write(
    "charge_payment_profile",
    "POST",
    "invoices/*/payments",
    lambda sandbox: a_card_and_its_invoice(sandbox) | {"confirm": True},
)
MAILS = (
    Write("send_invoice_message", "POST", "invoices/*/messages", _a_mail("invoices", "invoice")),
    Write("send_estimate_message", "POST", "estimates/*/messages", _a_mail("estimates", "estimate")),
)
WRITES = (*CREATES, *UPDATES, *DELETES, CHARGE, *MAILS)

"""The records of one storm agent, which no other agent touches, and the calls that change them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

JsonObject = dict[str, Any]

DAY = "2026-11-20"
_ITEMS = [{"title": "Work", "quantity": 2, "price": 250.5}]
_DATED = {"date": DAY, "currency_code": "USD", "items": _ITEMS}
_CARD = {"stripe_customer_id": "cus_Storm123", "stripe_source_id": "card_Storm123", "last_four_digits": "4242"}
_SCHEDULE = {"next_date": "2026-12-01", "time_interval": "monthly", "currency_code": "USD", "due_period": 14}


@dataclass
class OwnRecords:
    """The ids of an agent's records by kind; the first client, project and invoice are never deleted."""

    ids: dict[str, list[int]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    numbers: dict[int, str] = field(default_factory=dict)
    """The numbers of the invoices, by their ids."""

    @property
    def client(self) -> JsonObject:
        return {"client_id": self.ids["client"][0]}

    @property
    def project(self) -> JsonObject:
        return {"project_id": self.ids["project"][0]}

    @property
    def invoice(self) -> JsonObject:
        return {"invoice_id": self.ids["invoice"][0]}

    def spare(self, kind: str) -> list[int]:
        """The records of a kind that may be deleted."""
        return self.ids[kind][1:] if kind in ("client", "project", "invoice", "payment_profile") else self.ids[kind]


@dataclass(frozen=True)
class Kind:
    """One kind of record: how it is created, updated and deleted."""

    table: str
    made_by: str
    given: Callable[[OwnRecords, str], JsonObject]
    """The arguments that make one, with a mark by which it is found in the ledger."""
    path: Callable[[OwnRecords], str]
    """Where one is deleted, less its id."""
    changed: str | None = None
    """The text that an update changes; None where there is no update."""
    address: Callable[[OwnRecords], JsonObject] = lambda _: {}
    """What addresses it besides its id."""


def _at(path: str) -> Callable[[OwnRecords], str]:
    return lambda _: path


KINDS: dict[str, Kind] = {
    "client": Kind("clients", "create_client", lambda _, mark: {"name": mark}, _at("clients"), "description"),
    "project": Kind(
        "projects",
        "create_project",
        lambda own, mark: own.client | {"name": mark, "rate": 80},
        _at("projects"),
        "description",
    ),
    "invoice": Kind(
        "invoices",
        "create_invoice",
        lambda own, mark: own.client | {"title": mark, "due_date": "2026-12-20", "status": "sent"} | _DATED,
        _at("invoices"),
        "note",
    ),
    "payment_profile": Kind(
        "payment_profiles",
        "create_payment_profile",
        lambda own, mark: own.client | {"name": mark, "expiration_date": "2028-05-31"} | _CARD,
        lambda own: f"clients/{own.client['client_id']}/payment_profiles",
        address=lambda own: own.client,
    ),
    "contact": Kind(
        "contacts",
        "create_contact",
        lambda own, mark: own.client | {"name": mark, "email": "ada@example.com"},
        _at("contacts"),
        "title",
    ),
    "lead": Kind("leads", "create_lead", lambda _, mark: {"name": mark}, _at("leads"), "description"),
    "hour_entry": Kind(
        "hours",
        "create_project_hours",
        lambda own, mark: own.project | {"title": mark, "hours": 1.25},
        _at("hours"),
        "description",
    ),
    "task": Kind("tasks", "create_task", lambda own, mark: own.project | {"title": mark}, _at("tasks"), "description"),
    "expense": Kind(
        "expenses",
        "create_expense",
        lambda own, mark: own.client | own.project | {"amount": 5.75, "description": mark},
        _at("expenses"),
        "description",
    ),
    "estimate": Kind(
        "estimates",
        "create_estimate",
        lambda own, mark: own.client | {"title": mark} | _DATED,
        _at("estimates"),
        "note",
    ),
    "recurring_schedule": Kind(
        "recurring_schedules",
        "create_recurring_schedule",
        lambda own, mark: own.client | {"title": mark, "items": _ITEMS} | _SCHEDULE,
        _at("recurring"),
        "note",
    ),
    "payment": Kind(
        "payments",
        "create_payment",
        lambda own, mark: own.invoice | {"amount": 0.25, "note": mark, "allow_unusual": True},
        lambda own: f"invoices/{own.invoice['invoice_id']}/payments",
        address=lambda own: own.invoice,
    ),
}

OWN_LISTS: dict[str, tuple[str, str]] = {
    "list_client_contacts": ("contact", "client_id"),
    "list_client_projects": ("project", "client_id"),
    "list_client_invoices": ("invoice", "client_id"),
    "list_client_estimates": ("estimate", "client_id"),
    "list_client_expenses": ("expense", "client_id"),
    "list_client_payment_profiles": ("payment_profile", "client_id"),
    "list_project_hours": ("hour_entry", "project_id"),
    "list_project_tasks": ("task", "project_id"),
    "list_project_expenses": ("expense", "project_id"),
    "list_project_invoices": ("invoice", "project_id"),
    "list_project_estimates": ("estimate", "project_id"),
    "list_recurring_schedule_invoices": ("invoice", "recurring_schedule_id"),
}
"""The lists that only one agent's records are in: what they list, and of what."""

COMMON_LISTS = {
    "list_clients": "client",
    "list_contacts": "contact",
    "list_leads": "lead",
    "list_projects": "project",
    "list_tasks": "task",
    "list_expenses": "expense",
    "list_invoices": "invoice",
    "list_estimates": "estimate",
    "list_payments": "payment",
    "list_recurring_schedules": "recurring_schedule",
}
"""The lists of the whole account, in which an agent's own records must be, whatever the others do."""

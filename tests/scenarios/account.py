"""The agency's account with added traps: similar names, part payments, month boundaries.

Everything is written to the tables directly, in their units: cents and hundredths of an hour.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from clientary_mcp.sandbox import Sandbox
from clientary_mcp.sandbox.store.documents import LINES
from clientary_mcp.sandbox.store.fields import TODAY as TODAY_OF_A_WRITE
from clientary_mcp.sandbox.store.resource import Lines, Resource
from clientary_mcp.sandbox.store.resources import RESOURCES
from tests.conftest import TODAY, agency

ACTIVE, COMPLETED = 1, 2
HOURLY = 0
IN_HOURS, IN_MONEY = 0, 1
DRAFT, SENT, VIEWED, CANCELLED, PAID, PENDING = range(6)
ACCEPTED = 6
LINE, SECTION = 3, 0

OWNER = "dana.whitfield@larkspur.example.com"


KINDS: list[Resource | Lines] = [*RESOURCES, *LINES.values()]
BLANK: dict[str, dict[str, Any]] = {
    kind.table: {field.name: None if field.default is TODAY_OF_A_WRITE else field.default for field in kind.fields}
    for kind in KINDS
}
"""The default values of a row."""


@dataclass(frozen=True)
class Added:
    """Inserts rows into the tables; each method returns the new row's id."""

    sandbox: Sandbox

    def row(self, table: str, **values: Any) -> int:
        stamp = "2026-03-02T09:00:00Z"
        stamps = {} if table.endswith("_items") else {"created_at": stamp, "updated_at": stamp}
        with self.sandbox.connection:
            return self.sandbox.store.insert(table, BLANK[table] | stamps | values)

    def client(self, name: str, currency: str = "EUR", **values: Any) -> int:
        return self.row("clients", name=name, number="", currency_code=currency, status=ACTIVE, **values)

    def contact(self, client: int | None, name: str, email: str, **values: Any) -> int:
        return self.row("contacts", client_id=client, name=name, email=email, **values)

    def project(self, client: int, name: str, **values: Any) -> int:
        plain = {"number": "", "rate": 10_000, "project_type": HOURLY, "budget_type": IN_HOURS, "status": ACTIVE}
        return self.row("projects", client_id=client, name=name, currency_code="EUR", **(plain | values))

    def hours(self, project: int, date: str, hours: int, rate: int | None = 10_000, **values: Any) -> int:
        plain = {"title": "Consulting", "user_id": 1, "billed": False, "description": ""}
        cost = hours * (rate or 0) // 100
        about = plain | values
        return self.row("hours", project_id=project, date=date, hours=hours, rate=rate, cost=cost, **about)

    def invoice(self, client: int, number: str, balance: int, due: str, **values: Any) -> int:
        """An untaxed invoice of one line; `paid` (cents) was received on `paid_on`."""
        paid, paid_on = values.pop("paid", 0), values.pop("paid_on", "2026-10-15")
        total = balance + paid
        plain = {"date": "2026-08-01", "currency_code": "EUR", "status": SENT, "title": "Services", "tax": 0}
        money = {"subtotal": total, "total_cost": total, "balance": balance, "total_payments": paid}
        invoice = self.row("invoices", client_id=client, number=number, due_date=due, **(plain | money | values))
        line = {"title": "Services", "quantity": 100, "price": total, "taxable": False, "item_type": LINE}
        self.row("invoice_items", invoice_id=invoice, **line)
        if paid:
            self.row("payments", invoice_id=invoice, amount=paid, received_on=paid_on, note="Bank transfer")
        return invoice


def account_with_traps() -> Sandbox:
    """Always the same account on the same date."""
    sandbox = agency()
    added = Added(sandbox)
    _retainers(added)
    _debtors(added)
    _october(added)
    _owner_of_an_address(added)
    _estimate(added)
    _lead(added)
    return sandbox


def _retainers(added: Added) -> None:
    """A retainer in hours, last year's of nearly the same name, and a project of the same client in money."""
    client = added.client("Fernhill Dental")
    now = added.project(client, "Fernhill Retainer 2026", budget_type=IN_HOURS, budget=4_000)
    before = added.project(client, "Fernhill Retainer 2025", budget_type=IN_HOURS, budget=4_000, status=COMPLETED)
    added.project(client, "Fernhill Website", budget_type=IN_MONEY, budget=500_000)
    for day, hours in (("2026-09-14", 775), ("2026-10-02", 1_250), ("2026-11-09", 750)):
        added.hours(now, day, hours, billed=day < "2026-11")
    added.hours(before, "2025-06-03", 3_900, billed=True)


def _debtors(added: Added) -> None:
    """Clients that owe more than 1,000 and are overdue, and clients that only appear to."""
    late, today = "2026-10-01", TODAY.isoformat()
    added.invoice(added.client("Over The Limit"), "T-1", 100_001, late)
    added.invoice(added.client("Exactly At It"), "T-2", 100_000, late)
    added.invoice(added.client("Only A Draft"), "T-3", 500_000, late, status=DRAFT)
    added.invoice(added.client("Only Cancelled"), "T-4", 500_000, late, status=CANCELLED)
    added.invoice(added.client("Paid In Part"), "T-5", 99_999, late, paid=400_001)
    added.invoice(added.client("Due Today"), "T-6", 500_000, today)
    both = added.client("Two Currencies")
    added.invoice(both, "T-7", 60_000, late)
    added.invoice(both, "T-8", 60_000, late, currency_code="USD")
    viewed = added.client("Seen And Late")
    added.invoice(viewed, "T-9", 70_000, late, status=VIEWED)
    added.invoice(viewed, "T-10", 70_000, (TODAY - timedelta(days=1)).isoformat())
    added.invoice(added.client("Paying By Card"), "T-11", 500_000, late, status=PENDING)


def _october(added: Added) -> None:
    """Hours around one month, at two rates, some billed already."""
    project = added.project(added.client("Quarry Books"), "Quarry Catalogue", rate=9_500)
    for day, hours, rate, billed in (
        ("2026-09-30", 200, 9_500, False),
        ("2026-10-01", 150, 9_500, False),
        ("2026-10-12", 325, 12_000, False),
        ("2026-10-15", 400, 9_500, True),
        ("2026-10-31", 133, None, False),
        ("2026-11-01", 300, 9_500, False),
    ):
        added.hours(project, day, hours, rate, title=f"Work of {day}", billed=billed)


def _owner_of_an_address(added: Added) -> None:
    """Two clients of nearly the same name; one of their contacts owns the address."""
    client, other = added.client("Larkspur Studio"), added.client("Larkspur Studios Ltd")
    added.contact(client, "Dana Whitfield", OWNER)
    added.contact(other, "Dan Whitfield", "dan.whitfield@larkspur.example.com")
    added.invoice(client, "L-1", 0, "2026-06-30", date="2026-05-31", status=PAID, paid=120_000, paid_on="2026-06-20")
    added.invoice(client, "L-2", 45_050, "2026-11-30", date="2026-11-02")
    added.invoice(client, "L-3", 99_900, "2026-12-15", date="2026-11-18", status=DRAFT)
    added.invoice(other, "L-4", 10_000, "2026-12-01", date="2026-11-15")


def _estimate(added: Added) -> None:
    """An accepted estimate with a section, three lines, and a compound tax."""
    client = added.client("Orchard Hotels", "USD")
    taxes = {"tax": 5_000, "tax_label": "GST", "tax2": 9_975, "tax2_label": "QST", "compound_tax": True}
    sums = {"subtotal": 183_333, "total_cost": 209_638}
    texts = {"number": "E-77", "title": "Booking page", "note": "Valid for 30 days", "currency_code": "USD"}
    estimate = added.row("estimates", client_id=client, date="2026-11-03", status=ACCEPTED, **taxes, **sums, **texts)
    for title, quantity, price, taxable, kind in (
        ("Design", 100, 0, False, SECTION),
        ("Layout", 150, 33_333, True, LINE),
        ("Templates", 300, 39_999, True, LINE),
        ("Photographs", 100, 13_336, False, LINE),
    ):
        line = {"quantity": quantity, "price": price, "taxable": taxable, "item_type": kind}
        added.row("estimate_items", estimate_id=estimate, title=title, **line)


def _lead(added: Added) -> None:
    """A lead with a contact."""
    place = {"address": "4 Mill Lane", "city": "Leeds", "country": "GB", "website": "https://tidewater.example.com"}
    lead = added.row("leads", name="Tidewater Ferries", number="L-900", currency_code="GBP", status=ACTIVE, **place)
    added.row("contacts", lead_id=lead, name="Ann Tide", email="ann@tidewater.example.com")

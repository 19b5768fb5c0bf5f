"""The default account: how much of everything it has, and that its figures add up."""

import sqlite3
from collections import Counter, defaultdict
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import pytest

from clientary_mcp.sandbox import Sandbox

DAYS = [date(2026, 3, 17), date(2024, 2, 29), date(2025, 1, 1), date(2025, 12, 31), date(2026, 10, 31)]


def column(account: Sandbox, query: str) -> list[Any]:
    """The first column of a query's rows."""
    return [row[0] for row in account.connection.execute(query)]


def dump(account: Sandbox) -> list[str]:
    """Everything in an account."""
    return list(account.connection.iterdump())


def half_up(amount: Fraction) -> int:
    """Whole cents, halves away from zero."""
    whole = int(abs(amount) + Fraction(1, 2))
    return whole if amount >= 0 else -whole


@pytest.mark.parametrize("today", DAYS)
@pytest.mark.parametrize("seed", [1, 2])
def test_every_seed_and_day_gives_an_account_of_the_same_size(today: date, seed: int) -> None:
    account = Sandbox(today, seed=seed)
    counts = {
        table: column(account, f"SELECT count(*) FROM {table}")[0]  # noqa: S608 names are written here
        for table in (
            "clients",
            "leads",
            "contacts",
            "projects",
            "invoices",
            "estimates",
            "payments",
            "tasks",
        )
    }
    assert counts == {
        "clients": 64,
        "leads": 22,
        "contacts": 118,
        "projects": 77,
        "invoices": 412,
        "estimates": 74,
        "payments": 356,
        "tasks": 187,
    }
    assert 3850 <= column(account, "SELECT count(*) FROM hours")[0] <= 3950
    assert column(account, "SELECT count(*) FROM staff") == [7]
    assert column(account, "SELECT count(*) FROM recurring_schedules") == [14]
    start = f"{today.year - (today.month <= 9)}-{(today.month - 10) % 12 + 1:02d}-01"
    this_year = column(account, f"SELECT count(*) FROM expenses WHERE incurred_on >= '{start}'")  # noqa: S608 our own date
    assert this_year == [143]
    assert column(account, "SELECT count(*) FROM expenses") == [183]
    _check_days(account)
    _check_sums(account.connection)


def _check_days(account: Sandbox) -> None:
    """Nothing has happened after today, and nothing before the thing that it follows."""
    today = account.today.isoformat()
    for table, name in (
        ("hours", "date"),
        ("invoices", "date"),
        ("estimates", "date"),
        ("payments", "received_on"),
        ("expenses", "incurred_on"),
    ):
        assert max(column(account, f"SELECT {name} FROM {table}")) <= today  # noqa: S608 names are written here
    noon = f"{today}T12:00:00Z"
    for table in ("clients", "projects", "hours", "tasks", "invoices", "payments", "leads", "contacts"):
        assert max(column(account, f"SELECT updated_at FROM {table}")) < noon  # noqa: S608 names are written here
        assert not column(account, f"SELECT id FROM {table} WHERE updated_at < created_at")  # noqa: S608 our own names
    early = "SELECT p.id FROM payments p JOIN invoices i ON i.id = invoice_id WHERE received_on < date"
    assert not column(account, early)


def _check_sums(connection: sqlite3.Connection) -> None:
    """Totals, balances and statuses, computed anew from lines and payments."""
    for table, lines, parent in (
        ("invoices", "invoice_items", "invoice_id"),
        ("estimates", "estimate_items", "estimate_id"),
        ("recurring_schedules", "recurring_schedule_items", "recurring_schedule_id"),
    ):
        sums: dict[int, list[int]] = defaultdict(lambda: [0, 0])
        for line in connection.execute(f"SELECT * FROM {lines} WHERE item_type <> 0"):  # noqa: S608 as above
            amount = half_up(Fraction(line["quantity"] * line["price"], 100))
            sums[line[parent]][0] += amount
            sums[line[parent]][1] += amount * line["taxable"]
        for row in connection.execute(f"SELECT * FROM {table}"):  # noqa: S608 as above
            subtotal, taxable = sums[row["id"]]
            tax, tax2, tax3 = (Fraction(row[name], 100_000) for name in ("tax", "tax2", "tax3"))
            first = half_up(taxable * tax)
            second = half_up((taxable + first * row["compound_tax"]) * tax2)
            assert row["subtotal"] == subtotal
            assert (subtotal > 0) == (row["title"] != "Credit note")
            assert row["total_cost"] == subtotal + first + second + half_up(taxable * tax3)
    paid: Counter[int] = Counter()
    for payment in connection.execute("SELECT * FROM payments"):
        assert payment["amount"] > 0
        paid[payment["invoice_id"]] += payment["amount"]
    for row in connection.execute("SELECT * FROM invoices"):
        assert row["total_payments"] == paid[row["id"]]
        assert row["balance"] == row["total_cost"] - paid[row["id"]]
        assert (row["status"] == 4) == (row["balance"] <= 0 < row["total_cost"])
        assert row["status"] in {1, 2, 4} or not row["total_payments"]
    for row in connection.execute("SELECT * FROM hours"):
        assert row["cost"] == half_up(Fraction(row["hours"] * row["rate"], 100))


def test_clients_differ_in_how_many_invoices_they_have(agency: Sandbox) -> None:
    counts = column(agency, "SELECT count(i.id) FROM clients c LEFT JOIN invoices i ON client_id = c.id GROUP BY c.id")
    assert sum(count > 30 for count in counts) == 4
    assert counts.count(0) == 9
    assert Counter(column(agency, "SELECT status FROM clients")) == {1: 58, 2: 6}


def test_invoices_and_estimates_have_every_status_currency_and_kind_of_tax(agency: Sandbox) -> None:
    assert set(column(agency, "SELECT status FROM invoices")) == set(range(6))
    assert set(column(agency, "SELECT status FROM estimates")) == set(range(8))
    assert set(column(agency, "SELECT currency_code FROM invoices")) == {"USD", "EUR", "GBP", "JPY"}
    assert column(agency, "SELECT id FROM invoices WHERE compound_tax AND tax2")
    assert column(agency, "SELECT id FROM invoices WHERE tax AND tax2 AND tax3")
    assert column(agency, "SELECT id FROM invoices WHERE status IN (1, 2) AND total_payments")
    assert column(agency, "SELECT id FROM payments WHERE transaction_id LIKE 'ch_%'")


def test_projects_have_every_status_type_and_kind_of_budget(agency: Sandbox) -> None:
    statuses = Counter(column(agency, "SELECT status FROM projects"))
    assert statuses[2] == 36
    assert set(statuses) == {1, 2, 4}
    kinds = {tuple(row) for row in agency.connection.execute("SELECT project_type, budget_type FROM projects")}
    assert kinds == {(0, 0), (0, 1), (2, 0), (2, 1)}
    assert column(agency, "SELECT id FROM projects WHERE budget IS NULL")
    alike = "SELECT status FROM projects WHERE name LIKE '%Website Redesign%' ORDER BY name"
    assert column(agency, alike) == [2, 1]


def test_hours_are_by_all_staff_on_all_projects_billed_and_not(agency: Sandbox) -> None:
    assert len(set(column(agency, "SELECT user_id FROM hours"))) == 7
    assert len(set(column(agency, "SELECT project_id FROM hours"))) == 77
    assert set(column(agency, "SELECT billed FROM hours")) == {0, 1}
    own = "SELECT 1 FROM hours h JOIN projects p ON p.id = project_id WHERE project_type = 0 AND h.rate <> p.rate"
    assert column(agency, own)


def test_schedules_have_every_action_status_and_many_intervals(agency: Sandbox) -> None:
    assert set(column(agency, "SELECT action FROM recurring_schedules")) == {0, 1, 2}
    assert set(column(agency, "SELECT status FROM recurring_schedules")) == {0, 1, 2}
    assert len(set(column(agency, "SELECT time_interval FROM recurring_schedules"))) > 6
    without = (
        "SELECT s.id FROM recurring_schedules s LEFT JOIN payment_profiles p "
        "ON p.id = payment_profile_id AND p.client_id = s.client_id WHERE action = 2 AND p.id IS NULL"
    )
    assert not column(agency, without)


def test_addresses_lead_to_nobody(agency: Sandbox) -> None:
    addresses = column(agency, "SELECT email FROM contacts") + column(agency, "SELECT email FROM staff")
    assert all(address.endswith(("example.com", "example.org", "example.net")) for address in addresses)
    assert len(set(addresses)) == len(addresses)


def test_references_lead_to_rows_that_exist(agency: Sandbox) -> None:
    assert agency.connection.execute("PRAGMA foreign_key_check").fetchall() == []


def test_same_seed_and_day_give_the_same_account(agency: Sandbox) -> None:
    assert dump(Sandbox(agency.today)) == dump(agency)


def test_another_seed_or_day_gives_another_account(agency: Sandbox) -> None:
    assert dump(Sandbox(agency.today, seed=2)) != dump(agency)
    assert dump(Sandbox(agency.today + timedelta(days=1))) != dump(agency)

"""Random faults in the billing of random accounts, and what the check of the billing must say of each, from the tables.

The notes of invoices list the work that they bill; what the tables say of it is recomputed entry by entry.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import combinations
from random import Random
from typing import Any, NamedTuple

from clientary_mcp.sandbox import Sandbox
from tests.scenarios.account import Added
from tests.scenarios.random_books import CANCELLED, DRAFT, PAID, PENDING, UNITS, random_books, rounded
from tests.support.tables import put, rows, run

Row = dict[str, Any]
ACTIVE, COMPLETED, HOURLY, FIXED = 1, 2, 0, 2
TODAY, OLD = "2026-11-20", "2026-10-21"
HOURS, EXPENSES = "Time entries", "Expenses"


class Fault(NamedTuple):
    """A row of the check; `amount` in cents."""

    check: str
    id: int
    tool: str
    currency_code: str | None = None
    amount: int | None = None


def faulty_books(form: str, seed: int) -> Sandbox:
    """The books of a seed, with faults of every kind here and there."""
    sandbox, chance = random_books(form, seed), Random(f"faults {seed}")  # noqa: S311 - nothing secret
    sandbox.connection.execute("DELETE FROM hours")  # the faulty ones are made below
    _spoil(sandbox, chance)
    _contacts(sandbox, chance)
    _work(sandbox, chance)
    return sandbox


def _spoil(sandbox: Sandbox, chance: Random) -> None:
    """Totals, balances and dates that do not fit."""
    for invoice in rows(sandbox, "SELECT * FROM invoices ORDER BY id"):
        unit = UNITS[invoice["currency_code"]]
        number, left = invoice["id"], invoice["balance"]
        column = chance.choice(("total_cost", "balance", "paid", *[None] * 12))
        if column == "paid" and left > 0:  # in full, though its status does not say so
            put(sandbox, "payments", invoice_id=number, amount=left, received_on="2026-10-30")
            run(
                sandbox,
                "UPDATE invoices SET balance = 0, total_payments = total_payments + ? WHERE id = ?",
                left,
                number,
            )
        elif column in ("total_cost", "balance"):
            changed = chance.choice((-3 * unit, unit, 40_000))
            run(sandbox, f"UPDATE invoices SET {column} = {column} + ? WHERE id = ?", changed, number)  # noqa: S608 - ours
    for project in rows(sandbox, "SELECT id FROM projects"):
        about = chance.choice((HOURLY, HOURLY, FIXED)), chance.choice((None, "2026-11-19", TODAY, "2025-01-31"))
        run(sandbox, "UPDATE projects SET project_type = ?, end_date = ? WHERE id = ?", *about, project["id"])


def _contacts(sandbox: Sandbox, chance: Random) -> None:
    for client in rows(sandbox, "SELECT id FROM clients"):
        for _ in range(chance.randint(0, 4)):
            name = chance.choice(("Ann Reed", "ANN REED", "Ben Okoye"))
            email = chance.choice(("ann@kea.example.com", "Ann@Kea.example.com", "ben@kea.example.com", "", " "))
            Added(sandbox).contact(client["id"], name, email)


def _work(sandbox: Sandbox, chance: Random) -> None:
    """Hours on every project, one of them of a client without invoices; some noted on one invoice, some on two."""
    added = Added(sandbox)
    for _ in range(3):
        quiet = added.client("Never Invoiced", chance.choice([*UNITS]))
        put(sandbox, "projects", name="Quiet", client_id=quiet, rate=5_000, status=chance.choice((ACTIVE, COMPLETED)))
    for project in rows(sandbox, "SELECT * FROM projects"):
        for _ in range(chance.randint(0, 6)):
            hours, rate = chance.choice((25, 133, 800)), chance.choice((None, 7_500, 12_000))
            added.hours(
                project["id"],
                chance.choice(("2026-09-07", "2026-09-08", "2026-12-01")),
                hours,
                rate,
                billed=chance.random() < 0.5,
            )
    for table, heading in (("hours", HOURS), ("expenses", EXPENSES)):
        of_client = f"SELECT {table}.id FROM {table} JOIN projects ON projects.id = project_id"  # noqa: S608 - ours
        for invoice in chance.sample(rows(sandbox, "SELECT id, client_id FROM invoices ORDER BY status <> 3"), 25):
            ids = [
                row["id"] for row in rows(sandbox, f"{of_client} WHERE projects.client_id = ?", invoice["client_id"])
            ]
            chosen = sorted(chance.sample(ids, min(len(ids), chance.randint(1, 3))))
            if chosen:
                note = f" {heading}: {', '.join(map(str, chosen))}."
                run(sandbox, "UPDATE invoices SET note = coalesce(note, '') || ? WHERE id = ?", note, invoice["id"])


def faults_in(sandbox: Sandbox, *, told: bool) -> Counter[Fault]:
    """Every row; `told` is whether records carry more than the samples do."""
    held = _Held(sandbox, told=told)
    return Counter([*_of_invoices(sandbox, told=told), *_of_others(sandbox), *held.faults()])


def _of_invoices(sandbox: Sandbox, *, told: bool) -> Iterator[Fault]:
    lines: dict[int, int] = defaultdict(int)
    for line in rows(sandbox, "SELECT invoice_items.*, currency_code FROM invoice_items JOIN invoices ON"
                              " invoices.id = invoice_id"):  # fmt: skip
        amount = rounded(line["quantity"] * line["price"], 100, UNITS[line["currency_code"]])
        lines[line["invoice_id"]] += amount
    for row in rows(sandbox, "SELECT * FROM invoices"):
        status, balance, total, code = row["status"], row["balance"], row["total_cost"], row["currency_code"]
        wrong = total - lines[row["id"]] - row["total_tax"] - row["total_tax2"] - row["total_tax3"]
        if wrong and status != CANCELLED:
            yield Fault("wrong_total", row["id"], "get_invoice", code, wrong)
        if status == PAID and balance > 0:
            yield Fault("paid_with_balance", row["id"], "update_invoice", code, balance)
        if status in (1, 2) and balance == 0:
            yield Fault("owed_without_balance", row["id"], "update_invoice")
        if status not in (DRAFT, CANCELLED) and balance < 0 <= total:
            yield Fault("overpaid", row["id"], "get_invoice", code, -balance)
        if status == DRAFT and (row["date"] or (row["created_at"][:10] if told else TODAY)) < OLD:
            query = "SELECT 1 FROM contacts WHERE client_id = ? AND email LIKE '%@%'"
            tool = "send_invoice_message" if rows(sandbox, query, row["client_id"]) else "get_invoice"
            yield Fault("old_draft", row["id"], tool, code, total)


def _of_others(sandbox: Sandbox) -> Iterator[Fault]:
    late = "SELECT * FROM recurring_schedules WHERE status = 0 AND next_date < ?"
    for row in rows(sandbox, f"{late} AND (unlimited OR occurrences_remaining > 0)", TODAY):
        yield Fault("late_schedule", row["id"], "update_recurring_schedule", row["currency_code"], row["total_cost"])
    for row in rows(sandbox, "SELECT * FROM projects WHERE status <> 2 AND end_date < ?", TODAY):
        yield Fault("past_end", row["id"], "update_project")
    doubled = "SELECT max(lower(trim(email)), '') AS mail, lower(name) AS name, id, client_id FROM contacts"
    for row in rows(sandbox, f"SELECT id FROM ({doubled}) AS it WHERE EXISTS (SELECT 1 FROM ({doubled}) AS other WHERE"  # noqa: S608 - ours
                    " other.client_id = it.client_id AND other.id < it.id AND other.mail = it.mail AND (it.mail <> ''"
                    " OR other.name = it.name))"):  # fmt: skip
        yield Fault("doubled_contact", row["id"], "delete_contact")


class _Held:
    """Which invoices bill which work by their notes, and what that makes of it."""

    def __init__(self, sandbox: Sandbox, *, told: bool) -> None:
        self._sandbox = sandbox
        self._code = "coalesce(projects.currency_code, clients.currency_code)" if told else "projects.currency_code"
        self._ids: dict[str, dict[int, set[int]]] = {HOURS: {}, EXPENSES: {}}
        self._live: set[int] = set()
        self._paid: set[int] = set()
        for invoice in rows(sandbox, "SELECT id, status, total_payments, coalesce(note, '') AS note FROM invoices"):
            if invoice["status"] in (PAID, PENDING) or invoice["total_payments"] > 0:
                self._paid.add(invoice["id"])
            if invoice["status"] != CANCELLED:
                self._live.add(invoice["id"])
            for heading, found in self._ids.items():
                for part in invoice["note"].split(f"{heading}: ")[1:]:
                    found.setdefault(invoice["id"], set()).update(map(int, part.partition(".")[0].split(", ")))

    def faults(self) -> Iterator[Fault]:
        """All of them."""
        yield from (*self.twice(), *self.forgotten(), *self.by_none())

    def twice(self) -> Iterator[Fault]:
        """Of each two live invoices with work in common the younger unpaid one, else the younger one."""
        for found in self._ids.values():
            for older, younger in combinations(sorted(found.keys() & self._live), 2):
                unpaid = {older, younger} - self._paid
                if found[older] & found[younger]:
                    tool = "update_invoice" if unpaid else "get_invoice"
                    yield Fault("billed_twice", max(unpaid, default=younger), tool)

    def _holders(self, heading: str, work: int) -> set[int]:
        return {invoice for invoice, ids in self._ids[heading].items() if work in ids}

    def _entries(self, where: str) -> list[Row]:
        query = (
            f"SELECT hours.id, hours.project_id, hours, project_type, billed, {self._code} AS code, projects.client_id,"  # noqa: S608 - ours
            " coalesce(hours.rate, iif(project_type = 2, NULL, projects.rate)) AS rate FROM hours JOIN projects"
            f" ON projects.id = project_id LEFT JOIN clients ON clients.id = client_id WHERE {where}"
        )
        return rows(self._sandbox, query)

    @staticmethod
    def _worth(entry: Row) -> int | None:
        if entry["rate"] is None:
            return None
        return rounded(entry["hours"] * entry["rate"], 100, UNITS.get(entry["code"], 1))

    def forgotten(self) -> Iterator[Fault]:
        """Completed projects with hours or expenses that no live invoice bills."""
        amounts: dict[int, int] = {}
        with_hours = set()
        for entry in self._entries(f"projects.status = 2 AND project_type <> 2 AND date <= '{TODAY}'"):
            holders = self._holders(HOURS, entry["id"])
            if not holders & self._live and (holders or not entry["billed"]):
                amounts[entry["project_id"]] = amounts.get(entry["project_id"], 0) + (self._worth(entry) or 0)
                with_hours.add(entry["project_id"])
        for row in rows(self._sandbox, "SELECT * FROM expenses WHERE incurred_on <= ?", TODAY):
            holders = self._holders(EXPENSES, row["id"])
            own = row["invoice_id"]
            if not holders & self._live and (own is None or own in holders):
                amounts[row["project_id"]] = amounts.get(row["project_id"], 0) + row["amount"]
        query = f"SELECT projects.id, {self._code} AS code, project_type, client_id FROM projects LEFT JOIN clients ON"  # noqa: S608 - ours
        for project in rows(self._sandbox, f"{query} clients.id = client_id WHERE projects.status = 2"):
            if project["id"] in amounts:
                tool = "bill_project_hours" if project["client_id"] and project["code"] else "get_project"
                if project["project_type"] == FIXED:
                    tool = "list_project_expenses"
                yield Fault("unbilled_on_completed", project["id"], tool, project["code"], amounts[project["id"]])

    def by_none(self) -> Iterator[Fault]:
        """Hours marked as billed that only cancelled invoices bill; or none, where their client has no live one."""
        clients = {row["client_id"] for row in rows(self._sandbox, "SELECT * FROM invoices WHERE status <> 3")}
        projects: dict[tuple[int, str | None], int] = defaultdict(int)
        for entry in self._entries("billed"):
            holders, worth = self._holders(HOURS, entry["id"]), self._worth(entry)
            if holders and not holders & self._live:
                code = None if worth is None else entry["code"]
                yield Fault("billed_by_none", entry["id"], "update_hour_entry", code, worth)
            elif not holders and entry["client_id"] not in clients:
                projects[entry["project_id"], entry["code"]] += worth or 0
        for (project, code), worth in projects.items():
            yield Fault("billed_by_none", project, "list_project_hours", code, worth)

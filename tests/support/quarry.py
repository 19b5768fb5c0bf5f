"""A small account with one client, whose project has hours to bill, for the tests of jobs."""

from typing import Any

from clientary_mcp.sandbox import Sandbox
from clientary_mcp.sandbox.store.fields import TODAY as TODAY_THERE
from clientary_mcp.sandbox.store.resources import BY_PATH
from tests.conftest import TODAY, session_with
from tests.support.agent import agent_of

OCTOBER = {"from_date": "2026-10-01", "to_date": "2026-10-31"}


class Books:
    """An account with one client and one project, and methods to insert and read rows."""

    def __init__(self) -> None:
        self.sandbox = Sandbox(TODAY, filled=False)
        self.client = self.add("clients", name="Quarry Books", currency_code="EUR", status=1)
        self.project = self.a_project("Quarry Catalogue")

    def add(self, table: str, **values: Any) -> int:
        plain = {field.name: field.default for field in BY_PATH[table].fields if field.default is not TODAY_THERE}
        stamps = {"created_at": "2026-03-02T09:00:00Z", "updated_at": "2026-03-02T09:00:00Z"}
        with self.sandbox.connection:
            return self.sandbox.store.insert(table, {**plain, **stamps, **values})

    def a_project(self, name: str, **values: Any) -> int:
        plain = {"client_id": self.client, "rate": 9_500, "project_type": 0, "status": 1, "currency_code": "EUR"}
        return self.add("projects", **{"name": name, "budget_type": 0, "number": "", **plain, **values})

    def hours(self, day: str | None, hours: int, rate: int | None = 9_500, **values: Any) -> int:
        plain = {"project_id": self.project, "title": "Proofs", "user_id": 1, "billed": False, "description": ""}
        return self.add("hours", **{**plain, "date": day, "hours": hours, "rate": rate, "cost": 0, **values})

    def expense(self, day: str, amount: int, **values: Any) -> int:
        plain = {"project_id": self.project, "client_id": self.client, "user_id": 1, "description": "Paper"}
        return self.add("expenses", **{**plain, "incurred_on": day, "amount": amount, **values})

    def an_invoice(self, number: str, **values: Any) -> int:
        about = {"client_id": self.client, "date": "2026-10-04", "due_date": "2026-11-03", "currency_code": "EUR"}
        return self.add("invoices", **{"number": number, "status": 1, **about, **values})

    def sold(self, number: str, cents: int, **values: Any) -> int:
        """A sent invoice with a line of that amount, so that its balance is right after payments as well."""
        invoice = self.an_invoice(number, subtotal=cents, total_cost=cents, balance=cents, **values)
        line = {"title": "Work", "quantity": 100, "price": cents, "taxable": False, "item_type": 3}
        with self.sandbox.connection:
            self.sandbox.store.insert("invoice_items", {"invoice_id": invoice, **line})
        return invoice

    def recorded(self) -> list[tuple[int, int]]:
        """The payments, each with its invoice and its amount in cents."""
        rows = self.rows("SELECT invoice_id, amount FROM payments ORDER BY id")
        return [(row["invoice_id"], row["amount"]) for row in rows]

    def rows(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        return [dict(row) for row in self.sandbox.connection.execute(statement, values)]

    def billed_times(self, entry: int) -> int:
        """The number of invoices, not cancelled, that have a line with the entry's title."""
        (row,) = self.rows("SELECT title FROM hours WHERE id = ?", entry)
        found = "SELECT i.id FROM invoice_items l JOIN invoices i ON i.id = l.invoice_id WHERE i.status <> 3"
        return len(self.rows(f"{found} AND l.title LIKE ?", f"%{row['title']}%"))


def october(books: Books) -> list[int]:
    """Three October entries at three rates, and entries outside that range."""
    books.hours("2026-09-30", 200, title="September")
    books.hours("2026-11-01", 300, title="November")
    books.hours("2026-10-15", 400, title="Billed before", billed=True)
    return [
        books.hours("2026-10-01", 150, title="Layout"),
        books.hours("2026-10-12", 325, 12_000, title="Cover"),
        books.hours("2026-10-31", 133, None, title="Index"),
    ]


TOTAL = 14_250 + 39_000 + 12_635  # 1.50 h at 95.00, 3.25 h at 120.00, 1.33 h at the project's 95.00


async def billed(books: Books, **more: Any) -> dict[str, Any]:
    """The answer to a confirmed call by a short-lived agent."""
    async with agent_of(session_with(books.sandbox)) as agent:
        ask = agent.confirmed if more.pop("confirm", True) else agent.answer
        return await ask("bill_project_hours", project_id=books.project, **more)

"""A large simulated account: 1,000 clients, 20,000 invoices and their records, 50 ms a page.

`python -m benchmarks.large_account` prints its port on loopback and ends when its standard input does. `GET /count`
returns the number of requests answered since the previous `GET /count`.
"""

import asyncio
import json
import sys
from datetime import date, timedelta
from functools import cache
from typing import Any

from benchmarks.upstream import SECONDS_PER_PAGE, Upstream

CLIENTS, INVOICES, PROJECTS, ENTRIES = 1_000, 20_000, 200, 40
TODAY = date.today()  # noqa: DTZ011 - the server that is measured asks its own clock
Row = dict[str, Any]


def _day(days_ago: int) -> str:
    return (TODAY - timedelta(days=days_ago)).strftime("%Y/%m/%d")


def _stamp(days_ago: int) -> str:
    return f"{TODAY - timedelta(days=days_ago)}T09:00:00Z"


def _invoice(number: int) -> Row:
    status = (4, 4, 4, 4, 1, 2, 0, 3, 4, 5)[number % 10]
    total = 100_00 + number * 37 % 900_000
    paid = total if status == 4 else total // 3 if number % 40 == 4 else 0
    payment = {"id": 900_000 + number, "amount": paid / 100, "received_on": _day(number % 300), "note": "Bank transfer"}
    line = {"quantity": 1.0, "price": f"{total / 200:.2f}", "taxable": False, "item_type": 3}
    return {
        "id": 100_000 + number,
        "number": str(number),
        "client_id": 1 + number % CLIENTS,
        "date": _day(number % 700 + 20),
        "due_date": _day(number % 700 - 10),
        "currency_code": ("USD", "EUR", "GBP")[number % 3],
        "status": status,
        "subtotal": total / 100,
        "total_cost": total / 100,
        "balance": (total - paid) / 100,
        "total_payments": paid / 100,
        "title": "Services",
        "note": "Payable within thirty days, thank you for your business.",
        "invoice_items": [{"id": 2 * number + half, "title": f"Work {half}", **line} for half in (0, 1)],
        "payments": [payment] if paid else [],
        "created_at": _stamp(number % 700 + 20),
        "updated_at": _stamp(min(number % 300, number % 700 + 20) if paid else number % 700 + 20),
        "secret": f"secret-of-invoice-{number}",
    }


def _project(number: int) -> Row:
    return {
        "id": 10_000 + number,
        "name": f"Project {number}",
        "client": {"id": 1 + number, "name": f"Client {1 + number}"},
        "project_type": 0,
        "rate": 100,
        "budget_type": number % 2,
        "budget": 90 if number % 2 == 0 else 9_000,
        "status": (1, 1, 4, 2)[number % 4],
        "currency_code": "USD",
        "worked_hours": ENTRIES * 2.0,
        "unbilled_hours": ENTRIES * 1.0,
        "cost": ENTRIES * 200.0,
    }


def _entry(project: int, number: int) -> Row:
    return {
        "id": project * 1_000 + number,
        "project_id": project,
        "user_id": 1 + number % 8,
        "title": "Consulting",
        "description": "" if number % 9 == 0 else "As agreed",
        "date": _day(number * 3),
        "hours": 2.0,
        "rate": 100,
        "billed?": number % 2 == 0,
    }


def _named(count: int, first: int, word: str, **more: Any) -> list[Row]:
    stamps = {"created_at": "2026-01-05T09:00:00Z", "updated_at": "2026-11-01T09:00:00Z"}
    return [{"id": first + number, "name": f"{word} {1 + number}", **stamps, **more} for number in range(count)]


def _payments() -> list[Row]:
    payments = [
        {**payment, "invoice_id": invoice["id"]}
        for invoice in _lists()["invoices"][0]
        for payment in invoice["payments"]
    ]
    return sorted(payments, key=lambda payment: str(payment["received_on"]), reverse=True)


@cache
def _lists() -> dict[str, tuple[list[Row], int | None]]:
    """Path → its records and the page size; None for lists that are not paginated."""
    contacts = _named(1_500, 50_000, "Contact", title="Manager")
    tasks = [
        {"id": n, "title": f"Task {n}", "complete": n % 2 == 0, "project_id": 10_000 + n % 200} for n in range(1, 1_001)
    ]
    schedules = [
        {
            "id": n,
            "client_id": n,
            "status": 0,
            "time_interval": 5,
            "unlimited": True,
            "subtotal": 49.99,
            "total_cost": 49.99,
        }
        | {"currency_code": "USD", "title": "Retainer", "recurring_schedule_items": []}
        for n in range(1, 61)
    ]
    expenses = [
        {"id": n, "amount": 12.5, "incurred_on": _day(n % 90), "project_id": 10_000 + n % 200} for n in range(1, 1_001)
    ]
    return {
        "clients": (_named(CLIENTS, 1, "Client", status=1), 10),
        "leads": (_named(100, 80_000, "Lead"), 10),
        "contacts": (
            [{**row, "client_id": 1 + n % CLIENTS, "email": f"c{n}@example.com"} for n, row in enumerate(contacts)],
            100,
        ),
        "projects": ([_project(number) for number in range(PROJECTS)], 20),
        "invoices": ([_invoice(number) for number in range(INVOICES)], 30),
        "estimates": ([{**_invoice(n), "id": n, "status": 1, "estimate_items": []} for n in range(1, 901)], 30),
        "tasks": (tasks, 50),
        "recurring": (schedules, 10),
        "expenses": (expenses, None),
        "staff": (_named(8, 1, "Person"), None),
    }


@cache
def _rows(path: str) -> tuple[list[Row], int | None]:
    parts = path.split("/")
    if path == "payments":
        return _payments(), 30
    if len(parts) == 1:
        return _lists()[path]
    parent, number, kind = parts[0], int(parts[1]), parts[2]
    if kind == "hours":
        return [_entry(number, entry) for entry in range(ENTRIES)], None
    key = {"clients": "client_id", "projects": "project_id"}[parent]
    rows, size = _lists()[kind]
    if kind == "projects":
        return [row for row in rows if row["client"]["id"] == number], 10
    return [row for row in rows if row.get(key) == number], size


@cache
def answer(path: str, page: int, updated_since: str = "", sort: str = "") -> bytes:
    """One page of a list, or one record. Clients and invoices take `updated_since`, payments `sort=created_at`."""
    head, _, last = path.rpartition("/")
    if last.isdigit():
        return json.dumps(next(row for row in _rows(head)[0] if row["id"] == int(last))).encode()
    rows, size = _rows(path)
    if updated_since and path in ("clients", "invoices"):
        rows = [row for row in rows if row["updated_at"] >= updated_since]
    if sort == "created_at" and path == "payments":
        rows = sorted(rows, key=lambda row: int(row["id"]), reverse=True)
    if size is None:
        return json.dumps({last: rows}).encode()
    counts = {"page_count": max(1, -(-len(rows) // size)), "page_size": size, "total_count": len(rows)}
    return json.dumps({**counts, last: rows[(page - 1) * size : page * size]}).encode()


class LargeAccount(Upstream):
    """One connection; every answer comes after the same time."""

    answered = 0

    def _answer(self, head: bytes) -> None:
        path, _, query = head.split(b" ", 2)[1].decode().partition("?")
        if path == "/count":
            self._write(json.dumps({"requests": LargeAccount.answered}).encode())
            LargeAccount.answered = 0
            return
        LargeAccount.answered += 1
        asked = dict(part.split("=") for part in query.split("&") if part)
        content = answer(
            path.removeprefix("/api/v2/"),
            int(asked.get("page", 1)),
            asked.get("updated_since", ""),
            asked.get("sort", ""),
        )
        asyncio.get_running_loop().call_later(SECONDS_PER_PAGE, self._write, content)

    def _write(self, content: bytes) -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        self._transport.write(head.encode() + content)


async def serve() -> None:
    """Answer until standard input ends."""
    for path in ("clients", "projects", "invoices", "payments"):  # rendered before anybody measures
        rows, size = _rows(path)
        for page in range(1, -(-len(rows) // (size or 1)) + 1):
            answer(path, page)
    server = await asyncio.get_running_loop().create_server(LargeAccount, "127.0.0.1", 0, backlog=256)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve())

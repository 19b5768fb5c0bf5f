"""The expected answers, computed from the account's tables by independent code and never through the server.

Amounts are in cents and hours in hundredths, as in the tables.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any

from clientary_mcp.sandbox import Sandbox

Row = dict[str, Any]


def rows(sandbox: Sandbox, query: str, *values: Any) -> list[Row]:
    """The rows of a query."""
    return [dict(row) for row in sandbox.connection.execute(query, values)]


def one(sandbox: Sandbox, query: str, *values: Any) -> Any:
    """The single value of a query."""
    ((value,),) = [tuple(row) for row in sandbox.connection.execute(query, values)]
    return value


def id_of(sandbox: Sandbox, table: str, name: str, column: str = "name") -> int:
    """The id of the only record with this name."""
    return int(one(sandbox, f"SELECT id FROM {table} WHERE {column} = ?", name))  # noqa: S608 our names


def hours_left(sandbox: Sandbox, project: int) -> int:
    return int(
        one(
            sandbox,
            "SELECT budget - (SELECT sum(hours) FROM hours WHERE project_id = projects.id) FROM projects WHERE id = ?",
            project,
        )
    )


def overdue_over(sandbox: Sandbox, limit: int, today: date) -> dict[tuple[str, str], int]:
    """Client and currency → what is overdue, where it is more than the limit."""
    found = rows(
        sandbox,
        "SELECT clients.name AS name, invoices.currency_code AS code, sum(balance) AS owed FROM invoices"
        " JOIN clients ON clients.id = client_id WHERE invoices.status IN (1, 2) AND due_date < ? AND balance > 0"
        " GROUP BY client_id, invoices.currency_code HAVING sum(balance) > ?",
        today.isoformat(),
        limit,
    )
    return {(row["name"], row["code"]): row["owed"] for row in found}


_AGES = (("current", -100_000, 0), ("days_1_30", 1, 30), ("days_31_60", 31, 60), ("days_61_90", 61, 90))


def receivables(sandbox: Sandbox, day: date) -> dict[str, dict[str, int]]:
    """Currency → age → what was open on that day, with payments up to it."""
    found = rows(
        sandbox,
        "SELECT currency_code, due_date, total_cost - (SELECT coalesce(sum(amount), 0) FROM payments"
        " WHERE invoice_id = invoices.id AND received_on <= ?) AS open FROM invoices"
        " WHERE status IN (1, 2, 4) AND date <= ?",
        day.isoformat(),
        day.isoformat(),
    )
    sums: dict[str, dict[str, int]] = {}
    for row in found:
        if row["open"] <= 0:
            continue
        late = (day - date.fromisoformat(row["due_date"])).days
        age = next((name for name, least, most in _AGES if least <= late <= most), "over_90")
        of_currency = sums.setdefault(row["currency_code"], {})
        of_currency[age] = of_currency.get(age, 0) + row["open"]
    return sums


def unbilled_by_client(sandbox: Sandbox, least: int, today: date) -> dict[tuple[int | None, str], tuple[int, int]]:
    """Client and currency → unbilled hours and their worth, on hourly projects, with at least so many hours."""
    found = rows(
        sandbox,
        "SELECT client_id, currency_code, hours, coalesce(hours.rate, projects.rate) AS rate FROM hours"
        " JOIN projects ON projects.id = project_id WHERE NOT billed AND project_type <> 2 AND date <= ?",
        today.isoformat(),
    )
    sums: dict[tuple[int | None, str], tuple[int, int]] = {}
    for row in found:
        key = row["client_id"], row["currency_code"]
        hours, worth = sums.get(key, (0, 0))
        sums[key] = hours + row["hours"], worth + half_up(row["hours"] * row["rate"], 100)
    return {key: sums[key] for key in sums if sums[key][0] >= least}


def half_up(amount: int, divisor: int) -> int:
    """A positive quotient, rounded half up."""
    return (2 * amount + divisor) // (2 * divisor)


def state(sandbox: Sandbox, tables: Sequence[str]) -> dict[str, list[Row]]:
    """All rows of the tables that a job must not change."""
    return {table: rows(sandbox, f"SELECT * FROM {table} ORDER BY id") for table in tables}  # noqa: S608 our names

"""Inserts rows into the sandbox's tables, in the units of the tables."""

from decimal import Decimal
from typing import Any

from clientary_mcp.sandbox import Sandbox, Switches
from clientary_mcp.sandbox.store.fields import TODAY
from clientary_mcp.sandbox.store.resources import RESOURCES

_STAMPS = {"created_at": "2026-03-02T09:00:00Z", "updated_at": "2026-03-02T09:00:00Z"}
_PLAIN = {
    resource.table: {field.name: None if field.default is TODAY else field.default for field in resource.fields}
    for resource in RESOURCES
}
_NEEDED: dict[str, dict[str, Any]] = {
    "projects": {"rate": 0},
    "invoices": {"status": 1, "currency_code": "USD", "date": "2026-10-01", "due_date": "2026-10-31"},
    "estimates": {"status": 1, "currency_code": "USD", "date": "2026-10-01"},
}


def put(sandbox: Sandbox, table: str, **values: Any) -> int:
    """Insert a row with defaults for the columns not given; return its id."""
    with sandbox.connection:
        return sandbox.store.insert(table, _STAMPS | _PLAIN.get(table, {}) | _NEEDED.get(table, {}) | values)


SWITCHES = [
    Switches(),
    Switches(dates="iso", money_as_text=True, predicate_keys="plain"),
    Switches(nested_client_in_projects=False, nulls=True, predicate_keys="question"),
    Switches(page_keys=False),
    Switches(bare_arrays=True),
    Switches(extra_keys=False),
]
"""The forms of the wire in which every figure has to be the same."""


def run(sandbox: Sandbox, query: str, *values: Any) -> None:
    """Change the tables."""
    with sandbox.connection:
        sandbox.connection.execute(query, values)


def rows(sandbox: Sandbox, query: str, *values: Any) -> list[dict[str, Any]]:
    """The rows of a query."""
    return [dict(row) for row in sandbox.connection.execute(query, values)]


def exact(number: float) -> int:
    """An answer's number in hundredths, as in the tables; must be exact."""
    hundredths = Decimal(str(number)) * 100
    assert hundredths == int(hundredths)
    return int(hundredths)

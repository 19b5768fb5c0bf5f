"""The reports and jobs that the agents of the storm call besides single-record tools."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from tests.resilience.storm_records import JsonObject
from tests.resilience.storm_records import OwnRecords as Own

_DAYS = {"from_date": "2026-10-01", "to_date": "2026-11-30"}

QUESTIONS: list[tuple[str, Callable[[Own], JsonObject]]] = [
    ("search", lambda own: {"query": f"mark {own.project['project_id']}", "types": ["client", "project", "lead"]}),
    ("search", lambda _: {"query": "mark", "types": ["invoice", "contact", "task", "staff", "estimate"]}),
    ("unbilled_report", lambda own: own.project),
    ("unbilled_report", lambda own: own.client),
    ("project_status", lambda own: own.project | {"by_person": True}),
    ("project_status", lambda own: own.client | {"threshold": 0}),
    ("profitability_report", lambda own: own.project | {"default_cost_rate": 45.5}),
    ("client_overview", lambda own: own.client),
    ("receivables_report", lambda own: own.client | {"group_by": "invoice"}),
    ("receivables_report", lambda _: {"as_of": "2026-10-31"}),
    ("recurring_revenue_report", lambda _: {}),
    ("timesheet_report", lambda own: own.project | _DAYS),
    ("list_changes", lambda _: {"since": "2026-11-20"}),
    ("list_changes", lambda _: {"since": "2026-11-20", "types": ["task", "staff", "lead"]}),
    ("list_hours", lambda own: own.client | {"missing_description": True}),
    ("list_client_invoices", lambda own: own.client | {"overdue": True, "order": "due"}),
    ("list_invoices", lambda _: {"query": "mark", "order": "newest", "limit": 1}),
    ("list_tasks", lambda _: {"complete": False, "due_before": "2026-12-01"}),
    ("list_payments", lambda own: own.client),
    ("list_clients", lambda _: {"query": "mark", "limit": 200}),
]
"""Questions that change nothing: asked in a storm, they are answered or fail, in bounds and as what they are."""

FAILURES = ("Clientary", "changed while it was read. Try again")
"""The messages of a failing report: Clientary's errors, or a list that changed during the read."""


@dataclass(frozen=True)
class Job:
    """A job, its arguments on an agent's own records, and the keys of the writes that it certainly makes."""

    tool: str
    given: Callable[[Own, Callable[[], str], random.Random], JsonObject]
    keys: Callable[[JsonObject], set[str]]
    needs: str
    """The kind of record that it works on."""


def _rows(own: Own, mark: Callable[[], str], _: random.Random) -> JsonObject:
    """Two people, one of them twice."""
    one, other = mark(), mark()
    people = [(one, f"{one}@example.com"), (other, f"{other}@example.com"), (one, f" {one.upper()}@Example.com")]
    return {"rows": [own.client | {"name": name, "email": email} for name, email in people]}


JOBS = (
    Job("import_contacts", _rows, lambda given: {row["name"] for row in given["rows"]}, "client"),
    Job(
        "create_invoice_from_estimate",
        lambda own, _, dice: {"estimate_id": dice.choice(own.ids["estimate"]), "due_date": "2026-12-20"},
        lambda given: {f"invoice of estimate {given['estimate_id']}"},
        "estimate",
    ),
    # Only the account knows which entries are unbilled: billing is checked against the invoices' notes.
    Job("bill_project_hours", lambda own, _, __: own.project, lambda _: set(), "hour_entry"),
)

"""The reports and jobs that the agents of the storm call besides single-record tools."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from tests.resilience.storm_outcomes import CHANGED_ALIKE, Told, told_of_lines, told_of_records, told_of_shares
from tests.resilience.storm_records import DAY, JsonObject
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
    given: Callable[[Own, Callable[[], str], random.Random], JsonObject | None]
    """None where none of the records will do."""
    keys: Callable[[JsonObject], set[str]]
    needs: str
    """The kind of record that it works on."""
    told: Told | None = None
    """For a job that reports each of its writes: what it does."""
    fresh: int = 0
    """How many of these records are made for it."""
    anew: bool = True
    """Whether a call without the `preview_id` continues as well: for all but a sum, of which another may be meant."""


def _rows(own: Own, mark: Callable[[], str], _: random.Random) -> JsonObject:
    """Two people, one of them twice."""
    one, other = mark(), mark()
    people = [(one, f"{one}@example.com"), (other, f"{other}@example.com"), (one, f" {one.upper()}@Example.com")]
    return {"rows": [own.client | {"name": name, "email": email} for name, email in people]}


def _estimate(own: Own, dice: random.Random, *, in_parts: bool) -> JsonObject | None:
    """An estimate: every other one is billed in parts."""
    fitting = [each for each in own.ids["estimate"] if each % 2 == in_parts]
    return {"estimate_id": dice.choice(fitting), "due_date": "2026-12-20"} if fitting else None


def _part(own: Own, mark: Callable[[], str], dice: random.Random) -> JsonObject | None:
    given = _estimate(own, dice, in_parts=True)
    return given and given | {"percent": dice.randint(100, 6_000) / 100, "label": f"Part {mark()}"}


def _sum(own: Own, mark: Callable[[], str], dice: random.Random) -> JsonObject:
    """A sum for one or several invoices."""
    paid = mark()
    amount = round(dice.choice((2.03, 540.03)) + _cents(paid), 2)
    which = dice.choice(({}, {"order": "largest"}, {"invoice_ids": own.ids["invoice"][-2:]}))
    return own.client | {"amount": amount, "note": f"Paid {paid} of {amount:.2f}", **which}


def _lines(own: Own, mark: Callable[[], str], dice: random.Random) -> JsonObject:
    """Bank lines: for one chosen invoice, for two of them, for the one whose number it names; and money out."""
    marks = [mark() for _ in range(4)]
    amounts = [round(3.01 + _cents(marks[0]), 2), round(530.02 + _cents(marks[1]), 2), 501, -5]
    texts = [f"Paid {each} of {amount:.2f}" for each, amount in zip(marks, amounts, strict=True)]
    two = own.ids["invoice"][-2:]
    texts[2] += f" invoice {own.numbers.get(dice.choice(own.ids['invoice'][-5:]), '')}"
    rows = [
        {"date": DAY, "amount": amount, "currency_code": "USD", "text": text}
        for amount, text in zip(amounts, texts, strict=True)
    ]
    return {"rows": rows, "choices": [{"row": 1, "invoice_ids": two[:1]}, {"row": 2, "invoice_ids": two}]}


def _cents(mark: str) -> float:
    """An amount of its own for each mark: never what two or three others come to."""
    return int(mark.rpartition("-")[2]) * 0.17


def _alike(own: Own, mark: Callable[[], str], dice: random.Random) -> JsonObject:
    """The same text for up to four records of a kind, and higher rates."""
    kind = dice.choice([kind for kind in CHANGED_ALIKE if own.ids[kind]])
    ids = dice.sample(own.ids[kind], min(4, len(own.ids[kind])))
    changes = {CHANGED_ALIKE[kind]: f"All {mark()}"} | ({"rate": "+5%"} if kind == "hour_entry" else {})
    return {"tool": f"update_{kind}", "ids": ids, "changes": changes}


JOBS = (
    Job("import_contacts", _rows, lambda given: {row["name"] for row in given["rows"]}, "client"),
    Job(
        "create_invoice_from_estimate",
        lambda own, _, dice: _estimate(own, dice, in_parts=False),
        lambda given: {f"invoice of estimate {given['estimate_id']}"},
        "estimate",
    ),
    Job("create_invoice_from_estimate", _part, lambda given: {given["label"].removeprefix("Part ")}, "estimate"),
    # Only the account knows which entries are unbilled: billing is checked against the invoices' notes.
    Job("bill_project_hours", lambda own, _, __: own.project, lambda _: set(), "hour_entry"),
    Job("bill_project_hours", lambda own, _, __: own.client, lambda _: set(), "hour_entry"),
    # Which invoices are paid, and which records changed, is for the preview to say.
    Job("allocate_payment", _sum, lambda _: set(), "invoice", told_of_shares, fresh=2, anew=False),
    Job("reconcile_payments", _lines, lambda _: set(), "invoice", told_of_lines, fresh=3),
    Job("bulk_update", _alike, lambda _: set(), "client", told_of_records),
)

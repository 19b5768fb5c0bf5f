"""Finds what jobs did twice, whoever called them and whatever failed, from the account's tables alone."""

import re
from collections import Counter
from collections.abc import Iterator

from clientary_mcp.sandbox import Sandbox

_CANCELLED = 3
_ENTRIES = re.compile(r"Time entries: ([\d, -]+)\.")
_ESTIMATE = re.compile(r"Estimate [^\n]*\(id (\d+)\)")


def find_duplicates(sandbox: Sandbox) -> list[str]:
    """Hours billed by two valid invoices, estimates with two invoices, and contacts that a client has twice."""
    notes = sandbox.connection.execute("SELECT id, note FROM invoices WHERE status <> ?", (_CANCELLED,)).fetchall()
    entries = Counter(entry for row in notes for entry in _entries(row["note"] or ""))
    estimates = Counter(found for row in notes for found in _ESTIMATE.findall(row["note"] or ""))
    imported = sandbox.connection.execute(
        "SELECT client_id, lower(trim(email)) AS address FROM contacts WHERE email LIKE '%mark-%' AND client_id > 0"
    )
    people = Counter((row["client_id"], row["address"]) for row in imported)
    return [
        *(f"time entry {entry} is billed {times} times" for entry, times in entries.items() if times > 1),
        *(f"estimate {each} became {times} invoices" for each, times in estimates.items() if times > 1),
        *(f"{who} is a contact {times} times" for who, times in people.items() if times > 1),
    ]


def _entries(note: str) -> Iterator[int]:
    for run in (run for listed in _ENTRIES.findall(note) for run in listed.split(",")):
        first, _, last = run.strip().partition("-")
        yield from range(int(first), int(last or first) + 1)

"""Finds what jobs did twice, whoever called them and whatever failed, from the account's tables and ledger alone."""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from decimal import Decimal

from clientary_mcp.sandbox import Sandbox

_CANCELLED = 3
_ENTRIES = re.compile(r"Time entries: ([\d, -]+)\.")
_ESTIMATE = re.compile(r"Estimate [^\n]*\(id (\d+)\)(?:, ([\d.]+)%)?")
_SUM = re.compile(r"Paid mark-\d+-\d+ of ([\d.]+)")
_RAISED = re.compile(rb"All mark-\d+-\d+")


def find_duplicates(sandbox: Sandbox) -> list[str]:
    """Work, estimates and sums of money that valid records hold more than once, and contacts that a client has twice.

    Payments of one sum say in their note how much it is, and rates raised together have a text in common.
    """
    notes = sandbox.connection.execute("SELECT id, note FROM invoices WHERE status <> ?", (_CANCELLED,)).fetchall()
    entries = Counter(entry for row in notes for entry in _entries(row["note"] or ""))
    imported = sandbox.connection.execute(
        "SELECT client_id, lower(trim(email)) AS address FROM contacts WHERE email LIKE '%mark-%' AND client_id > 0"
    )
    people = Counter((row["client_id"], row["address"]) for row in imported)
    return [
        *(f"time entry {entry} is billed {times} times" for entry, times in entries.items() if times > 1),
        *_estimates(row["note"] or "" for row in notes),
        *(f"{who} is a contact {times} times" for who, times in people.items() if times > 1),
        *_sums(sandbox),
        *_raises(sandbox),
    ]


def _estimates(notes: Iterable[str]) -> Iterator[str]:
    billed: defaultdict[str, list[Decimal]] = defaultdict(list)
    for estimate, percent in (found for note in notes for found in _ESTIMATE.findall(note)):
        billed[estimate].append(Decimal(percent or 100))
    for estimate, shares in billed.items():
        if sum(shares) > 100:
            yield f"estimate {estimate} became {len(shares)} invoices of {sum(shares)} %"


def _sums(sandbox: Sandbox) -> Iterator[str]:
    rows = sandbox.connection.execute("SELECT note, sum(amount) AS cents FROM payments GROUP BY note")
    for row in rows:
        if (found := _SUM.search(row["note"] or "")) and row["cents"] > Decimal(found[1]) * 100:
            yield f"{row['cents'] / 100} is recorded of “{row['note']}”"


def _raises(sandbox: Sandbox) -> Iterator[str]:
    rates: defaultdict[str, set[Decimal]] = defaultdict(set)
    for write in sandbox.ledger:
        if write.method == "PUT" and (text := _RAISED.search(write.received)):
            (fields,) = json.loads(write.received).values()
            rates[f"{write.path} ({text[0].decode()})"] |= {Decimal(str(fields["rate"]))} if "rate" in fields else set()
    yield from (f"the rate of {record} was raised {len(each)} times" for record, each in rates.items() if len(each) > 1)


def _entries(note: str) -> Iterator[int]:
    for run in (run for listed in _ENTRIES.findall(note) for run in listed.split(",")):
        first, _, last = run.strip().partition("-")
        yield from range(int(first), int(last or first) + 1)

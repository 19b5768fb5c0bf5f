"""The ledger: every write that took effect, in order, to compare with what was reported about it."""

import json
from dataclasses import dataclass
from typing import Any

from clientary_mcp.sandbox.controls.patterns import matches


@dataclass(frozen=True, slots=True)
class Write:
    """One request that changed the account, once."""

    number: int
    """Counts the account's writes from 1."""
    method: str
    path: str
    """As asked for, without base and `.json`: `invoices/20101/payments`."""
    resource: str
    """What was written, as its lists call it; for a message the kind of document that it carries."""
    id: int
    """The record that was written; for a message the document."""
    received: bytes
    """The body as it came; nothing for a DELETE."""
    at: str
    """The moment by the account's own clock: the `created_at` or `updated_at` that this write gave."""

    @property
    def body(self) -> Any:
        """What the body says, its wrapper key included; None where there was no body."""
        return json.loads(self.received) if self.received else None


class Ledger(list[Write]):
    """The writes of an account, the first one first.

    A line exists exactly when a request's transaction was committed (or its message sent): refused and failed
    writes leave none, whatever was answered. What a write takes along (the invoices of a deleted client) has none of
    its own.
    """

    def note(self, method: str, path: str, resource: str, record_id: int, received: bytes, at: str) -> None:
        """Add a line for a write that has just been committed."""
        self.append(Write(len(self) + 1, method, path, resource, record_id, received, at))

    def of(self, method: str | None = None, path: str | None = None) -> list[Write]:
        """The writes of that method on paths like that: `ledger.of("POST", "invoices/*/payments")`."""
        return [write for write in self if method in {None, write.method} and matches(path, write.path)]

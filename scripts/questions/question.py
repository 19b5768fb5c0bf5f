"""What a question is: its words, its calls, what is shown of the answer, and what one-endpoint tools would read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

FIRST = "the id of the first record that the call before found"
ACTION = "the id of the first change that the call before named"

INVOICES, INVOICES_IN_FULL = "list_invoices", "list_invoices detail=full"
PROJECTS, HOURS = "list_projects include_completed=true", "list_project_hours"
LISTS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    INVOICES_IN_FULL: (INVOICES, {"detail": "full"}),
    PROJECTS: ("list_projects", {"include_completed": True}),
    "list_expenses": ("list_expenses", {"from_date": "2000-01-01"}),
}
"""Lists that are read with arguments. Hours are read project by project: Clientary has no other list of them."""


@dataclass(frozen=True)
class Question:
    """One question."""

    words: str
    calls: tuple[tuple[str, Mapping[str, Any]], ...]
    """The tools with their arguments; `FIRST` and `ACTION` stand for ids."""
    part: str
    """The list in the last answer of which the first rows are shown; nothing is the answer itself."""
    shown: str
    """How a row is told, with the names of its fields in braces. `:money` adds the currency, `:hour` the noun."""
    alone: tuple[str, ...]
    """The lists that one-endpoint tools would need."""


def search(query: str, kind: str) -> tuple[str, dict[str, Any]]:
    return "search", {"query": query, "types": [kind]}

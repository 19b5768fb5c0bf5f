"""The outcomes of jobs that work row by row, in words."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from clientary_mcp.errors import BlockedByOwner, DeadlineReached, NotAllowed, NotRemembered, RateLimited, TakenOver
from clientary_mcp.tools.support.work_lists import runs_of, written

STOPPING = (BlockedByOwner, DeadlineReached, NotAllowed, NotRemembered, RateLimited, TakenOver)
"""Failures that the next row would meet as well."""


def by_outcome(results: Iterable[Mapping[str, Any]], named_by: str = "row") -> Iterator[str]:
    """`imported: rows 1-12, 14`, for each outcome there is; rows may be named by their ids."""
    named: dict[str, list[int]] = {}
    for result in results:
        named.setdefault(result["outcome"], []).append(result[named_by])
    for outcome, numbers in named.items():
        yield f"{outcome}: {named_by}{'s' if len(numbers) > 1 else ''} {written(runs_of(numbers))}"

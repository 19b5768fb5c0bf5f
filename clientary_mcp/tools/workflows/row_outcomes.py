"""The outcomes of jobs that work row by row, in words."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from clientary_mcp.errors import BlockedByOwner, DeadlineReached, NotAllowed, NotRemembered, RateLimited, TakenOver
from clientary_mcp.tools.support.work_lists import runs_of, written

STOPPING = (BlockedByOwner, DeadlineReached, NotAllowed, NotRemembered, RateLimited, TakenOver)
"""Failures that the next row would meet as well."""


def by_outcome(results: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """`imported: rows 1-12, 14`, for each outcome there is."""
    rows: dict[str, list[int]] = {}
    for result in results:
        rows.setdefault(result["outcome"], []).append(result["row"])
    for outcome, numbers in rows.items():
        yield f"{outcome}: row{'s' if len(numbers) > 1 else ''} {written(runs_of(numbers))}"

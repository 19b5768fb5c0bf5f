"""The outcomes of jobs that work row by row, in words."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from clientary_mcp.errors import (
    BlockedByOwner,
    ClientaryError,
    DeadlineReached,
    NotAllowed,
    NotRemembered,
    OutcomeUnknown,
    PartiallyDone,
    RateLimited,
    TakenOver,
)
from clientary_mcp.tools.support.work_lists import runs_of, written

RowT = TypeVar("RowT")

STOPPING = (BlockedByOwner, DeadlineReached, NotAllowed, NotRemembered, RateLimited, TakenOver)
"""Failures that the next row would meet as well."""


def by_outcome(results: Iterable[Mapping[str, Any]], named_by: str = "row") -> Iterator[str]:
    """`imported: rows 1-12, 14`, for each outcome there is; rows may be named by their ids."""
    named: dict[str, list[int]] = {}
    for result in results:
        named.setdefault(result["outcome"], []).append(result[named_by])
    for outcome, numbers in named.items():
        yield f"{outcome}: {named_by}{'s' if len(numbers) > 1 else ''} {written(runs_of(numbers))}"


def stopped(
    failures: Sequence[tuple[RowT, ClientaryError]], name: Callable[[RowT], str], told: str, *, some_done: bool
) -> ClientaryError:
    """The error where rows failed for another reason than what they say, with what became of all: `told`.

    It is of the first row whose outcome is unknown, or else of the first that failed; that failure itself where
    nothing was done.
    """
    unknown = [each for each in failures if each[1].effect == "unknown"]
    row, failure = (unknown or failures)[0]
    if not some_done and not unknown:
        return failure
    kind = PartiallyDone if some_done else OutcomeUnknown
    again = "The same call continues from there and does nothing twice."
    return kind(f"{name(row)} failed.", *failure.sentences, f"So far: {told}.", again)

"""The steps of a job of several writes: reported when it finishes, and when it stops part-way."""

from collections.abc import Awaitable
from contextlib import suppress
from itertools import accumulate
from typing import Any, TypeVar

from clientary_mcp.errors import BadArguments, ClientaryError, PartiallyDone

ResultT = TypeVar("ResultT")

_NAMED = 30
_ROOM = 1_200
"""Characters in which the steps before a failure are named, the last ones first; at least the very last is."""


class Steps:
    """The steps of one job, in their order, each with the record that it created or found.

    A job finds in the account what an earlier call of it made, and continues from there: `found` adds such a
    step. `again` names the call that continues.
    """

    def __init__(self, again: str = "The same call") -> None:
        self.rows: list[dict[str, Any]] = []
        self._again = again

    async def do(self, what: str, act: Awaitable[ResultT], **about: Any) -> ResultT:
        """Do one step; raises PartiallyDone when it fails after others were done, else the failure itself."""
        try:
            result = await act
        except ClientaryError as failure:
            raise self.stopped(what, failure) from None
        self.rows.append({"step": what, "outcome": "done", **_id_of(result), **about})
        return result

    def record(self, what: str, **about: Any) -> None:
        """Add a part of a step that is done, in case the rest of it fails."""
        self.rows.append({"step": what, "outcome": "done", **about})

    def to_do(self, what: str, **about: Any) -> None:
        """Add a step that the call would do once confirmed."""
        self.rows.append({"step": what, "outcome": "to do", **about})

    def found(self, what: str, **about: Any) -> None:
        """Add a step that an earlier call did."""
        self.rows.append({"step": what, "outcome": "already there", **about})

    def skipped(self, what: str, why: str, **about: Any) -> None:
        """Add a step that is not done, and why."""
        self.rows.append({"step": what, "outcome": "skipped", "why": why, **about})

    def stopped(self, what: str, failure: ClientaryError) -> ClientaryError:
        """The error for a failed step, with what was done before it."""
        done = [step for step in self.rows if step["outcome"] != "skipped"]
        if not done or isinstance(failure, BadArguments):
            return failure
        named = _last_that_fit([_in_words(step) for step in done[-_NAMED:]])
        before = "; ".join(named)
        more = f"{len(done) - len(named)} earlier steps; " if len(done) > len(named) else ""
        why, *then = failure.sentences
        unknown = ["It is unknown whether this step succeeded."] if failure.effect == "unknown" else []
        return PartiallyDone(
            f"Stopped at: {what}.",
            *(why, *unknown, *then),
            f"Done before: {more}{before}.",
            f"{self._again} continues from there and does nothing twice.",
        )


def _id_of(result: object) -> dict[str, Any]:
    with suppress(AttributeError):
        shown = {"id": result.id, "notice": result.notice}  # type: ignore[attr-defined]  # a step may make no record
        return {name: value for name, value in shown.items() if value is not None}
    return {}


def _last_that_fit(words: list[str]) -> list[str]:
    ends = list(accumulate(len(each) for each in reversed(words)))
    return words[-max(1, sum(end <= _ROOM for end in ends)) :]


def _in_words(step: dict[str, Any]) -> str:
    made = f" ({step['id']})" if "id" in step else ""
    return f"{step['step']}{made}" + (" existed already" if step["outcome"] == "already there" else "")

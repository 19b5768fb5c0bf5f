"""Looks for the effect of a write whose response was lost, at once or when the same call is made again.

What was sent and is not there yet may still come: *not done* is reported only where Clientary answered, which ends
its work, and the place where the effect would show was read since.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from clientary_mcp.api.call import Call, Earlier
from clientary_mcp.api.comparison import RecordT, Sent
from clientary_mcp.api.differences import difference_notice
from clientary_mcp.api.evidence import Before, Trace
from clientary_mcp.api.status_errors import not_done, unknown_outcome
from clientary_mcp.api.write_tracker import MOSTLY_OVER, STILL_AT_WORK
from clientary_mcp.durations import in_minutes
from clientary_mcp.errors import ClientaryError, OutcomeUnknown
from tool_schemas.base.models import Record

ResultT = TypeVar("ResultT")

_TOOK_EFFECT = "The response was lost; a check confirmed that the change was made exactly once."
DONE_EARLIER = (
    "The same call was sent earlier and its response was lost; a check found its effect, so it is not repeated."
)
NOT_READ_BACK = "The change was made; reading it back failed, so only the id is shown."

_MAY_COME = "It had no effect yet when the account was checked, and may still take effect."
_REPEATABLE = "It is safe to retry: the same request again changes nothing more."


def accepted(path: str) -> OutcomeUnknown:
    """The error for a create that Clientary accepted without returning the record."""
    why = f"Clientary accepted POST {path}, but did not return the new record."
    return unknown_outcome(why, may_still_happen=True, accepted=True)


def took_effect(record: Record, body: Sent) -> None:
    """Say of a record that was found after its response was lost that it is there, and what is not as it was sent."""
    differs = difference_notice(record, body, record.to_json())
    record.notice = f"{_TOOK_EFFECT} {differs}" if differs else _TOOK_EFFECT


async def resolve_lost_write(
    call: Call,
    check: Callable[[], Awaitable[ResultT | None]],
    method: str,
    path: str,
    lost: OutcomeUnknown,
    *,
    repeatable: bool = False,
) -> ResultT:
    """What `check` finds of a write whose response was lost, at once or a little later.

    NotDone when it finds nothing and Clientary's work is over; `lost` when the write may still happen, or the check
    is inconclusive, which it reports by raising. A `repeatable` write may be sent again whatever became of it.
    """
    why = "the response was lost, and Clientary may still be working on it"
    missing = False
    for looks in range(2):
        if looks and (lost.accepted or not await call.wait(MOSTLY_OVER, why)):
            missing = False
            break
        try:
            found = await check()
        except ClientaryError:
            missing = False
        else:
            if found is not None:
                return found
            missing = True
    if missing and lost.answered and not lost.may_still_happen:
        raise not_done(method, path) from None
    if repeatable:
        lost.sentences = [lost.sentences[0], *([_MAY_COME] if missing else []), _REPEATABLE]
    elif missing:
        lost.sentences.insert(1, _MAY_COME)
    raise lost


async def resolve_earlier(
    call: Call, earlier: Earlier, trace: Trace[RecordT], before: Before, *, again: bool | None = None
) -> RecordT | None:
    """What the same call did earlier, when its outcome remained unknown; None where it is to be sent again.

    Where that is not given with `again`, it is once the earlier call did nothing and no longer can.
    """
    unknown = sent_earlier(call, earlier)
    try:
        found = await trace.look(before, unknown)
    except ClientaryError:
        if again:
            return None
        raise unknown from None
    if found is not None:
        found.notice = DONE_EARLIER
    elif again is False or (again is None and call.clock.wall() - earlier.since <= STILL_AT_WORK):
        raise unknown
    return found


def sent_earlier(call: Call, earlier: Earlier, *, by_another: bool = False) -> OutcomeUnknown:
    """The error for a call that was sent before, perhaps `by_another` person, and whose outcome is still unknown."""
    who = " by another person of this account" if by_another else ""
    ago = in_minutes(call.clock.wall() - earlier.since)
    return OutcomeUnknown(
        f"The same call was sent {ago} ago{who} and its outcome is unknown, so it is not made again.",
        "allow_duplicate=true makes it nevertheless.",
    )

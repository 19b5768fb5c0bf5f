"""The turns of jobs: one call at a time for the same job, in any process, and none while something may still come."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from clientary_mcp.api.session import Clientary
from clientary_mcp.api.write_tracker import STILL_AT_WORK
from clientary_mcp.durations import MINUTE
from clientary_mcp.errors import Unavailable
from clientary_mcp.state.ledger import Ledger, Step


@asynccontextmanager
async def turn(clientary: Clientary, job: str) -> AsyncIterator[None]:
    """The turn of a job; a call that loses it meanwhile, since its process stood still, writes nothing any more."""
    turns, lease = clientary.turns, clientary.settings.deadline + STILL_AT_WORK
    async with clientary.memory.ledger.turn(job, clientary.wait, lease) as check:
        turns.append(check)
        try:
            yield
        finally:
            turns.remove(check)


@asynccontextmanager
async def exclusive(clientary: Clientary, ledger: Ledger, job: str) -> AsyncIterator[None]:
    """Run calls for the same job one at a time; Unavailable while what an earlier one sent may still be created."""
    async with turn(clientary, job):
        if may_still_come(clientary, await ledger.find(job)):
            raise Unavailable(
                "The response to an earlier call was lost, and what it sent may still be created.",
                f"Try again in {STILL_AT_WORK / MINUTE:.0f} minutes.",
                effect="not sent",
            )
        yield


def may_still_come(clientary: Clientary, step: Step | None) -> bool:
    """Whether a step was sent so recently that its effect, not known to have come, may still come."""
    return step is not None and step.state == "sent" and clientary.clock.wall() < step.since + STILL_AT_WORK

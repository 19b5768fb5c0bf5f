"""How one change is taken back, and taking it back: once, whoever tries."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from clientary_mcp.api.session import Clientary
from clientary_mcp.errors import BadArguments, ClientaryError
from clientary_mcp.state.settling import settling
from tool_schemas.base.results import Outcome

AGAIN = "Call without action_id to see what can be taken back."


@dataclass(frozen=True)
class Plan:
    """How an action is taken back."""

    preview: Outcome
    act: Callable[[], Awaitable[Outcome]]
    repeatable: bool = True
    """Whether doing it again does nothing more."""


def refused(why: str) -> BadArguments:
    """The error where an action cannot be taken back."""
    return BadArguments(f"undo: this cannot be taken back, since {why}.", AGAIN)


async def take_back(clientary: Clientary, action_id: str, plan: Plan) -> Outcome:
    """Take the action back as planned, unless that is done already."""
    if plan.preview.to_proceed is None:
        return plan.preview
    if not await clientary.memory.actions.take(action_id):
        raise refused("it was taken back already")
    try:
        return await plan.act()
    except ClientaryError as failure:
        if plan.repeatable or failure.effect in ("not sent", "unchanged"):
            with settling():
                await clientary.memory.actions.release(action_id)
        raise

"""Confirmations: a job over several records does what its preview listed, by the id of that preview.

A call without such an id, or with one that does not belong to it, gets a preview. So does a call whose preview no
longer holds, since somebody else changed what it listed.
"""

import logging
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from clientary_mcp.api.session import Clientary
from clientary_mcp.durations import in_minutes
from clientary_mcp.errors import NotRemembered
from clientary_mcp.server.replies import Replies
from clientary_mcp.state.previews import Listed
from clientary_mcp.state.recent import key_of
from clientary_mcp.state.settling import settling
from clientary_mcp.state.store import digest
from clientary_mcp.tools.job import Changed, Job
from clientary_mcp.tools.support.previews import confirmed_with, done
from clientary_mcp.tools.tool import Tool
from tool_schemas.base.models import Arguments, Confirmed, Previewed
from tool_schemas.base.results import Outcome
from tool_schemas.base.sentences import count_of, in_order

logger = logging.getLogger(__name__)

_NO_ID = (
    "What is confirmed must be what was shown: confirm=true takes the preview_id of a preview, and this call gave none."
)
_UNKNOWN = "That preview_id is unknown or has expired, so this is a new preview."
_OTHER = "That preview_id is of a call with other arguments, or of another day, so this is a new preview."


@dataclass
class Approved:
    """What a call may do, or its answer if there is nothing left to do."""

    job: Job | None = None
    """None as long as nothing was approved that the call may do."""
    why_not: str | None = None
    answer: dict[str, Any] | None = None


class Confirmations:
    """Shows previews, and carries out what was listed in them."""

    def __init__(self, clientary: Clientary, replies: Replies) -> None:
        self._clientary, self._replies = clientary, replies
        self._ledger, self._previews = clientary.memory.ledger, clientary.memory.previews

    async def show(self, tool: Tool, args: Arguments, clientary: Clientary, why: str | None = None) -> dict[str, Any]:
        """The answer to a call that is to change nothing: a preview, if its tool has one, with its id."""
        job = Job(self._ledger)
        unconfirmed = args.model_copy(update={"confirm": False}) if isinstance(args, Confirmed) else args
        outcome = await tool.run(clientary, unconfirmed, job)
        if isinstance(args, Previewed) and isinstance(outcome, Outcome):
            if outcome.to_proceed is not None:
                outcome = confirmed_with(outcome, await self._previews.keep(self._call(tool, args), job.items))
            elif why == _NO_ID:  # there is none to be had: nothing is left to confirm, as the preview says
                why = None
            outcome.message = in_order(why, outcome.message)
        return self._replies.shown(outcome, args)

    async def of(self, tool: Tool, args: Arguments) -> Approved:
        """What a confirmed call may do as far as its arguments show, before any user is asked."""
        if not isinstance(args, Previewed):
            return Approved(Job(self._ledger))
        if args.preview_id is None:
            return Approved(why_not=_NO_ID)
        listed = await self._previews.find(args.preview_id)
        if listed is None:
            return Approved(why_not=_UNKNOWN)
        if listed.call != digest(self._call(tool, args)):
            return Approved(why_not=_OTHER)
        return Approved(Job(self._ledger, listed.items, listed.at), answer=self._ended(listed, args))

    async def carry_out(self, tool: Tool, args: Arguments, clientary: Clientary, job: Job) -> dict[str, Any]:
        """The answer of a call that does what was approved."""
        outcome = None
        try:
            outcome = await tool.run(clientary, args, job)
        except Changed as change:
            if ended := await self._of_another(args):
                return ended
            if change.refusal is not None:
                raise change.refusal from None
            return await self.show(tool, args, clientary, _changed(change))
        finally:
            with settling():
                await self._note(args, job, whole=isinstance(outcome, Outcome) and outcome.done)
        if isinstance(outcome, Outcome) and not outcome.done and (ended := await self._of_another(args)):
            return ended
        return self._replies.shown(outcome, args)

    def _call(self, tool: Tool, args: Previewed) -> str:
        """A key of the call to which a preview belongs, which the calls that confirm it have too."""
        repeats = getattr(args, "allow_duplicate", False)
        return (
            f"{key_of(tool.name, args.model_copy(update={'preview_id': None}), self._clientary.today().day)} {repeats}"
        )

    async def _note(self, args: Arguments, job: Job, *, whole: bool) -> None:
        """Note what was carried out. If that fails, a later call finds out in the account what is left to do."""
        if not isinstance(args, Previewed) or args.preview_id is None or not (job.done or whole):
            return
        try:
            await self._previews.carried_out(args.preview_id, job.done, whole=whole)
        except NotRemembered as error:
            logger.warning("%s", error)

    async def _of_another(self, args: Arguments) -> dict[str, Any] | None:
        """The outcome of a call that confirmed the same preview meanwhile, and carried out all of it.

        None where that cannot be seen: this call may have sent something, which its own outcome tells.
        """
        listed = None
        if isinstance(args, Previewed) and args.preview_id is not None:
            with suppress(NotRemembered):
                listed = await self._previews.find(args.preview_id)
        return self._ended(listed, args) if listed else None

    def _ended(self, listed: Listed, args: Arguments) -> dict[str, Any] | None:
        """The outcome of a preview that was carried out, in short; None if it was not."""
        if listed.ended is None:
            return None
        passed = in_minutes(self._clientary.clock.wall() - listed.ended)
        number = f"{len(listed.done):,} of {count_of(len(listed.items), 'item')}"
        steps = [{"step": key, "outcome": "done", "id": made} for key, made in listed.done.items()]
        message = f"This preview was carried out {passed} ago, {number} that it listed; nothing was done again."
        return self._replies.shown(done(message, steps=steps), args)


def _changed(change: Changed) -> str:
    return f"The approved preview no longer holds ({change}), so this is a new one."

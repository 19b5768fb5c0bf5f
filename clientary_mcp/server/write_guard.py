"""Guards write calls: repeats the results of duplicates, enforces quotas, asks the user, then runs the tool."""

from hashlib import sha256
from typing import Any

from anyio import CancelScope
from mcp.server.mcpserver import Context
from mcp_types import InputRequiredResult

from clientary_mcp.api.session import Clientary
from clientary_mcp.errors import TakenOver
from clientary_mcp.server.audit import Audit, Entry
from clientary_mcp.server.change_log import ChangeLog
from clientary_mcp.server.confirmations import Approved, Confirmations
from clientary_mcp.server.duplicates import Duplicates, Turn
from clientary_mcp.server.elicitation import Approval, CheckAgain, PreviewSnapshot
from clientary_mcp.server.replies import Replies
from clientary_mcp.state.recent import key_of
from clientary_mcp.tools.job import Job
from clientary_mcp.tools.tool import Tool, acts
from tool_schemas.base.models import Arguments, Confirmed, Deduplicated
from tool_schemas.base.results import Outcome

Answer = dict[str, Any] | InputRequiredResult


class WriteGuard:
    """Shared by all sessions of the process: what it remembers and counts is per account, not per agent."""

    def __init__(
        self, clientary: Clientary, audit: Audit, replies: Replies, changes: ChangeLog, check_again: CheckAgain
    ) -> None:
        self._clientary, self._audit, self._replies, self._changes = clientary, audit, replies, changes
        settings = clientary.settings
        self._memory = clientary.memory
        self._approval = Approval(settings, clientary.clock, self._memory.answered, check_again)
        self._duplicates = Duplicates(clientary, replies)
        self._confirmations = Confirmations(clientary, replies)

    async def run(self, tool: Tool, args: Arguments, entry: Entry, context: Context[Any, Any] | None) -> Answer:
        """Run a call and return its answer: at once if it changes nothing, else after the checks the owner requires."""
        if tool.effect.reads_only or not acts(args):
            return await self._confirmations.show(tool, args, self._clientary.within(entry.call))
        self._audit.check()
        if not isinstance(args, Deduplicated):
            return await self._act(tool, args, entry, context)
        while True:
            async with self._duplicates.turn(tool, args, entry.call) as turn:
                if turn.answer is not None:
                    return turn.answer
                try:
                    answer = await self._act(tool, args, entry, context, None if tool.is_job else turn)
                except TakenOver:
                    if turn.claimed:
                        raise
                    continue  # another process was faster, and its outcome is this call's too
                if isinstance(answer, dict) and how_it_ended(tool, answer) == "answered":
                    await self._duplicates.remember(tool, args, turn, answer)
                return answer

    async def _act(
        self,
        tool: Tool,
        args: Arguments,
        entry: Entry,
        context: Context[Any, Any] | None,
        turn: Turn | None = None,
    ) -> Answer:
        """Make the call, which is claimed before anything is sent if it has a turn."""
        clientary = self._clientary.within(entry.call)
        approved = await self._confirmations.of(tool, args)
        if approved.answer is not None:
            return approved.answer
        await self._memory.quotas.check(tool.effect.capped)  # before the user is asked; spent when requests are sent
        if stop := await self._ask(tool, args, entry, context, approved):
            return stop
        if approved.job is None:
            return await self._confirmations.show(tool, args, clientary, approved.why_not)
        self._audit.check()  # it may have taken long to ask

        async def before_write(method: str, path: str) -> None:
            entry.begin_write(method, path)
            if turn is not None:
                await turn.sent()

        entry.call.before_write = before_write
        # A client that gives up half-way must not leave a write unreported.
        with CancelScope(shield=True):
            if turn is not None:
                await turn.claim()
                entry.call.on_created = turn.succeeded
            before = await self._changes.read_before(tool, args, entry.call)
            try:
                answer = await self._confirmations.carry_out(tool, args, clientary, approved.job)
            finally:  # what a job changed before it failed can be taken back as well
                await self._changes.add_each(approved.job.changes, entry)
            if how_it_ended(tool, answer) == "answered" and not approved.job.changes:
                await self._changes.add(tool, args, entry, before, answer)
        return answer

    async def _ask(
        self, tool: Tool, args: Arguments, entry: Entry, context: Context[Any, Any] | None, approved: Approved
    ) -> Answer | None:
        """Ask the user, who then approves what the question shows. None if the call may proceed, else its answer."""
        if not isinstance(args, Confirmed):
            return None

        async def preview() -> PreviewSnapshot:
            asked = Job(self._memory.ledger)
            snapshot = await self._preview(tool, args, entry, asked)
            approved.job = Job(self._memory.ledger, asked.items)
            return snapshot

        key = key_of(tool.name, args, self._clientary.today().day)
        return await self._approval.obtain(key, entry.call, preview, context)

    async def _preview(self, tool: Tool, args: Confirmed, entry: Entry, job: Job) -> PreviewSnapshot:
        """What the call would do, and a digest of everything that was read for it."""
        call, reading = entry.call, self._clientary.new_call(entry.call.on_wait)
        reading.read, reading.latest = set(), call.latest
        unconfirmed = args.model_copy(update={"confirm": False})
        try:
            outcome = await tool.run(self._clientary.within(reading), unconfirmed, job)
        finally:
            call.waited, call.retries = call.waited + reading.waited, call.retries + reading.retries
        assert isinstance(outcome, Outcome)  # noqa: S101 - every preview returns one
        shown = self._replies.shown(outcome, args)
        call.before = _before(tool, shown)
        return PreviewSnapshot(shown, self._replies.text(outcome), sha256(b"".join(sorted(reading.read))).hexdigest())


def how_it_ended(tool: Tool, answer: Answer) -> str:
    """How a call that did not fail ended, in the words of the audit trail: asked, shown or answered."""
    if isinstance(answer, InputRequiredResult):
        return "asked"
    # Only answers of gated tools have our `done`: a record from Clientary may have a field of that name.
    return "shown" if tool.gated and answer.get("done", True) is not True else "answered"


def _before(tool: Tool, preview: dict[str, Any]) -> dict[str, Any]:
    """The record in a preview, for the audit trail; for a delete, also what is deleted with it."""
    known = dict(preview.get("record", {}))
    if "delete" in tool.effect.kinds and "goes_with_it" in preview:
        known["goes_with_it"] = preview["goes_with_it"]
    return known

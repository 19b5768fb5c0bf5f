"""Guards write calls: repeats the results of duplicates, enforces quotas, asks the user, then runs the tool."""

from hashlib import sha256
from typing import Any

from anyio import CancelScope
from mcp.server.mcpserver import Context
from mcp_types import InputRequiredResult

from clientary_mcp.api.session import Clientary
from clientary_mcp.durations import DAY
from clientary_mcp.server.audit import Audit, Entry
from clientary_mcp.server.elicitation import Approval, PreviewSnapshot
from clientary_mcp.server.replies import Replies
from clientary_mcp.state.recent import RecentResults, key_of
from clientary_mcp.tools.tool import Tool, acts
from tool_schemas.base.models import Arguments, Confirmed, Deduplicated
from tool_schemas.base.results import Outcome

Answer = dict[str, Any] | InputRequiredResult


class WriteGuard:
    """Shared by all sessions of the process: what it remembers and counts is per account, not per agent."""

    def __init__(self, clientary: Clientary, audit: Audit, replies: Replies) -> None:
        self._clientary, self._audit, self._replies = clientary, audit, replies
        settings = clientary.settings
        self._approval = Approval(settings, clientary.clock.now)
        self._recent = RecentResults(settings.duplicate_window, clientary.clock.now)
        self._jobs = RecentResults(DAY, clientary.clock.now)

    async def run(self, tool: Tool, args: Arguments, entry: Entry, context: Context[Any, Any] | None) -> Answer:
        """Run a call and return its answer: at once if it changes nothing, else after the checks the owner requires."""
        if tool.effect.reads_only or not acts(args):
            return self._replies.shown(await tool.run(self._clientary.within(entry.call), args, self._jobs), args)
        self._audit.check()
        if not isinstance(args, Deduplicated):
            return await self._act(tool, args, entry, context)
        key = key_of(tool.name, args)
        async with self._recent.lock(key):
            if not args.allow_duplicate and (earlier := self._recent.get(key)):
                return earlier
            answer = await self._act(tool, args, entry, context)
            if isinstance(answer, dict) and how_it_ended(tool, answer) == "answered":
                self._recent.put(key, answer)
            return answer

    async def _act(self, tool: Tool, args: Arguments, entry: Entry, context: Context[Any, Any] | None) -> Answer:
        clientary = self._clientary.within(entry.call)
        clientary.quotas.check(tool.effect.capped)  # before the user is asked; quotas are spent when requests are sent
        if isinstance(args, Confirmed):

            async def preview() -> PreviewSnapshot:
                return await self._preview(tool, args, entry)

            if stop := await self._approval.obtain(key_of(tool.name, args), entry.call, preview, context):
                return stop
        entry.begin_write()
        # A client that gives up half-way must not leave a write unreported.
        with CancelScope(shield=True):
            answer = self._replies.shown(await tool.run(clientary, args, self._jobs), args)
        return answer  # noqa: RET504 - mypy thinks a return inside the scope may not happen

    async def _preview(self, tool: Tool, args: Confirmed, entry: Entry) -> PreviewSnapshot:
        """What the call would do, and a digest of everything that was read for it."""
        call, reading = entry.call, self._clientary.new_call(entry.call.on_wait)
        reading.read, reading.latest = set(), call.latest
        unconfirmed = args.model_copy(update={"confirm": False})
        try:
            outcome = await tool.run(self._clientary.within(reading), unconfirmed, self._jobs)
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

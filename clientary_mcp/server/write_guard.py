"""Where a checked call is decided: told again, capped, asked about, and only then carried out."""

from collections.abc import Collection
from hashlib import sha256
from typing import Any

from anyio import CancelScope
from mcp.server.mcpserver import Context
from mcp_types import InputRequiredResult

from clientary_mcp.api.call import Call
from clientary_mcp.api.session import Clientary
from clientary_mcp.server.audit import Audit
from clientary_mcp.server.elicitation import Approval, PreviewSnapshot
from clientary_mcp.state.recent import RecentResults, key_of
from clientary_mcp.tools.mentions import strip_result
from clientary_mcp.tools.tool import Tool, acts
from tool_schemas.base.models import Arguments, Confirmed, Deduplicated

Answer = dict[str, Any] | InputRequiredResult


class WriteGuard:
    """One for all sessions of the process: what it remembers and counts is the account's, not an agent's."""

    def __init__(self, clientary: Clientary, audit: Audit, hidden: Collection[str] = ()) -> None:
        self._clientary, self._hidden = clientary, hidden
        settings = clientary.settings
        self._audit = audit
        self._approval = Approval(settings, clientary.clock.now)
        self._recent = RecentResults(settings.duplicate_window, clientary.clock.now)

    async def run(self, tool: Tool, args: Arguments, call: Call, context: Context[Any, Any] | None) -> Answer:
        """The answer of a call: at once for what changes nothing, else after everything that the owner wants."""
        if tool.effect.reads_only or not acts(args):
            return await tool.run(self._clientary.within(call), args)
        self._audit.check()
        if not isinstance(args, Deduplicated):
            return await self._act(tool, args, call, context)
        key = key_of(tool.name, args)
        async with self._recent.lock(key):
            if not args.allow_duplicate and (earlier := self._recent.get(key)):
                return earlier
            answer = await self._act(tool, args, call, context)
            if isinstance(answer, dict) and was_done(tool, answer):
                self._recent.put(key, answer)
            return answer

    async def _act(self, tool: Tool, args: Arguments, call: Call, context: Context[Any, Any] | None) -> Answer:
        clientary = self._clientary.within(call)
        clientary.quotas.check(tool.effect.capped)  # before anybody is asked; what leaves is counted where it leaves
        if isinstance(args, Confirmed):
            unconfirmed = args.model_copy(update={"confirm": False})

            async def preview() -> PreviewSnapshot:
                look = clientary.new_call(call.on_wait)
                look.read, look.latest = set(), call.latest
                try:
                    shown = await tool.run(clientary.within(look), unconfirmed)
                finally:
                    call.waited, call.retries = call.waited + look.waited, call.retries + look.retries
                call.before = _before(tool, shown)
                return PreviewSnapshot(
                    strip_result(shown, self._hidden), sha256(b"".join(sorted(look.read))).hexdigest()
                )

            if stop := await self._approval.obtain(key_of(tool.name, args), call, preview, context):
                return stop
        self._audit.check()  # once more: the disk may have filled while a person thought
        # A host that gives up in the middle must not leave a write of which nobody knows.
        with CancelScope(shield=True):
            answer = await tool.run(clientary, args)
        return answer  # noqa: RET504 - mypy takes a return inside the scope for one that may not happen


def was_done(tool: Tool, answer: dict[str, Any]) -> bool:
    """Whether an answer says that something was done; a record of Clientary's may hold anything."""
    return not tool.gated or answer.get("done", True) is True


def _before(tool: Tool, preview: dict[str, Any]) -> dict[str, Any]:
    """What a preview knows of the record, for the audit trail; of a delete also what goes along."""
    known = dict(preview.get("record", {}))
    if "delete" in tool.effect.kinds and "goes_with_it" in preview:
        known["goes_with_it"] = preview["goes_with_it"]
    return known

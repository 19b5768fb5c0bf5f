"""Where a checked call is decided: told again, capped, asked about, and only then carried out."""

from collections.abc import Collection
from hashlib import sha256
from typing import Any

from anyio import CancelScope
from mcp.server.mcpserver import Context
from mcp_types import InputRequiredResult

from clientary_mcp.api import Clientary
from clientary_mcp.asking import Asking, Seen
from clientary_mcp.audit import Audit
from clientary_mcp.caps import Caps
from clientary_mcp.offer import pruned
from clientary_mcp.repeats import Repeats, key_of
from clientary_mcp.verbs import Tool, acts
from tool_schemas.base import Arguments, Confirmed, Once

Answer = dict[str, Any] | InputRequiredResult


class Desk:
    """One for all sessions of the process: what it remembers and counts is the account's, not an agent's."""

    def __init__(self, clientary: Clientary, audit: Audit, hidden: Collection[str] = ()) -> None:
        self._hidden = hidden
        settings = clientary.settings
        self._audit = audit
        self._asking = Asking(settings, clientary.clock.now)
        self._caps = Caps(settings, clientary.clock.now)
        self._repeats = Repeats(settings.duplicate_window, clientary.clock.now)

    async def handle(
        self, tool: Tool, args: Arguments, clientary: Clientary, context: Context[Any, Any] | None
    ) -> Answer:
        """The answer of a call: at once for what changes nothing, else after everything that the owner wants."""
        if tool.effect.reads_only or not acts(args):
            return await tool.run(clientary, args)
        self._audit.check()
        if not isinstance(args, Once):
            return await self._act(tool, args, clientary, context)
        key = key_of(tool.name, args)
        async with self._repeats.turn(key):
            if not args.allow_duplicate and (earlier := self._repeats.earlier(key)):
                return earlier
            answer = await self._act(tool, args, clientary, context)
            if isinstance(answer, dict) and answer.get("done", True):
                self._repeats.remember(key, answer)
            return answer

    async def _act(
        self, tool: Tool, args: Arguments, clientary: Clientary, context: Context[Any, Any] | None
    ) -> Answer:
        self._caps.check(tool.effect)
        if isinstance(args, Confirmed):
            unconfirmed = args.model_copy(update={"confirm": False})

            async def preview() -> Seen:
                call = clientary.new_call()
                call.read = set()
                shown = await tool.run(clientary.within(call), unconfirmed)
                return Seen(pruned(shown, self._hidden), sha256(b"".join(sorted(call.read))).hexdigest())

            if stop := await self._asking.agreed(key_of(tool.name, args), preview, context):
                return stop
        self._audit.check()  # once more: the disk may have filled while a person thought
        # A host that gives up in the middle must not leave a write of which nobody knows.
        with CancelScope(shield=True):
            with self._caps.counted(tool.effect):
                answer = await tool.run(clientary, args)
        return answer

"""Office: what one caller works with on one account, and how one call travels from the agent to Clientary and back."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import mcp_types
from mcp.server.mcpserver import Context

from clientary_mcp.api.call import Call, OnWait
from clientary_mcp.api.session import Clientary
from clientary_mcp.errors import BadArguments, ClientaryError
from clientary_mcp.redaction import without_credentials
from clientary_mcp.server.audit import Audit
from clientary_mcp.server.change_log import ChangeLog
from clientary_mcp.server.completions import NameCompleter
from clientary_mcp.server.instructions import instructions
from clientary_mcp.server.prompts import Prompts
from clientary_mcp.server.replies import Replies
from clientary_mcp.server.resources import Resources
from clientary_mcp.server.suggestions import suggest_ids
from clientary_mcp.server.write_guard import WriteGuard, how_it_ended
from clientary_mcp.settings import Settings
from clientary_mcp.tools import ALL
from clientary_mcp.tools.tool import Tool
from clientary_mcp.tools.toolsets import select_tools, unavailable
from tool_schemas.base.models import Arguments
from tool_schemas.base.parsing import strip_invisible
from tool_schemas.base.validation import nearest


class UnknownTool(BadArguments):
    """The call names a tool that does not exist, or that the settings do not expose."""

    code = "unknown tool"


@dataclass(frozen=True)
class Ended:
    """How a call ended: what its caller is sent, and the error if it failed."""

    result: mcp_types.CallToolResult | mcp_types.InputRequiredResult
    error: ClientaryError | None = None

    @property
    def text(self) -> str:
        """The answer as JSON, or what the error says; nothing for a question to the user."""
        parts = self.result.content if isinstance(self.result, mcp_types.CallToolResult) else ()
        return "".join(part.text for part in parts if isinstance(part, mcp_types.TextContent))


class Office:
    """The tools, prompts and resources of one owner or caller, over one session with the account.

    `about` says in each line of the trail whose it is.
    """

    def __init__(
        self, clientary: Clientary, tools: tuple[Tool, ...] = ALL, about: Mapping[str, str] | None = None
    ) -> None:
        settings = clientary.settings
        chosen = select_tools(tools, settings)
        self.instructions = instructions(chosen, settings.staff_id)
        self._clientary = clientary
        self._tools = {tool.name: tool for tool in chosen}
        self._hidden = unavailable(tools, chosen)
        text_only = settings.answers == "text"
        published = [tool.publish(self._hidden) for tool in chosen]
        self.tools = [tool.model_copy(update={"output_schema": None}) for tool in published] if text_only else published
        self._replies = Replies(self._tools, self._hidden, clientary.secrets, text_only=text_only)
        self._audit = Audit(settings.audit_log, clientary.secrets, about, clientary.memory.trail)
        changes = ChangeLog(clientary, tools, keeps="undo" in self._tools)
        self._write_guard = WriteGuard(clientary, self._audit, self._replies, changes, self.check_again)
        self.prompts = Prompts(self._tools, NameCompleter(clientary))
        self.resources = Resources(clientary, self._tools, self._audit, _about(settings, chosen))
        self.pictures = {tool.picture_uri: tool.picture for tool in chosen if tool.picture}

    async def aclose(self) -> None:
        """Close the connections to the account."""
        await self._clientary.aclose()

    async def call(
        self, name: str, arguments: dict[str, Any], context: Context[None, Any] | None = None
    ) -> mcp_types.CallToolResult | mcp_types.InputRequiredResult:
        """Run one tool: check its arguments, guard it, run it, render its answer. Errors are results too."""
        return (await self.ended(name, arguments, context, _host(context))).result

    async def ended(
        self, name: str, arguments: dict[str, Any], context: Context[None, Any] | None, client: str | None
    ) -> Ended:
        """The same, with the error for those who need to know its kind; `client` is whom the trail names."""
        tool, call = self._tools.get(name), self._clientary.new_call(_progress(context))
        called = name if tool else without_credentials(strip_invisible(name))
        async with self._audit.call(called, call, client) as entry:
            try:
                if tool is None:
                    why = " It is switched off here." if name in self._hidden else nearest(name, self._tools)
                    raise UnknownTool(f"There is no tool {name[:64]!r}.{why}")
                entry.args = await self._checked(tool, arguments, call)
                answer = await self._write_guard.run(tool, entry.args, entry, context)
                entry.answered(answer, how_it_ended(tool, answer))
                return Ended(self._replies.result(answer, call))
            except Exception as error:  # noqa: BLE001 - a defect is logged and returned as a result
                entry.failed(error)
                told = self._replies.told(error, entry)
                return Ended(self._replies.failure(told, tool, entry), told)

    async def check_again(self) -> None:
        """Withhold a call that was open for long, if less is allowed by now: of one owner it is always the same."""

    async def _checked(self, tool: Tool, given: dict[str, Any], call: Call) -> Arguments:
        """The arguments of a call; BadArguments suggests records where a name was given for an id."""
        try:
            return tool.check(given)
        except BadArguments as wrong:
            names = tool.names_for_ids(given)
            raise await suggest_ids(self._clientary.within(call), wrong, names, self._hidden) from None


def _about(settings: Settings, tools: Collection[Tool]) -> dict[str, Any]:
    """What this server may do in the account, for the account resource."""
    kinds = sorted({kind for tool in tools for kind in tool.effect.kinds})
    return {
        "may": kinds,
        "tools": len(tools),
        "read_only": settings.read_only,
        "asks_user": settings.ask_user,
        "per_hour": {
            "deletes": settings.deletes_per_hour,
            "mails": settings.mails_per_hour,
            "charges": settings.charges_per_hour,
        },
        "version": version("clientary-mcp"),
    }


def _host(context: Context[None, Any] | None) -> str | None:
    """The name by which the MCP client identifies itself."""
    params = context.session.client_params if context else None
    return strip_invisible(params.client_info.name) if params else None


def _progress(context: Context[None, Any] | None) -> OnWait | None:
    """Reports every wait to the MCP client as progress, if the client asked for progress."""
    if context is None:
        return None
    waits = 0

    async def report(seconds: float | None, why: str) -> None:
        nonlocal waits
        waits += 1
        await context.report_progress(waits, message=f"{why}: waiting{'' if seconds is None else f' {seconds:.1f} s'}")

    return report

"""The MCP server: which tools it exposes, and how one call travels from the agent to Clientary and back."""

import logging
from collections.abc import Collection, Iterable
from importlib.metadata import version
from typing import Any

import mcp_types
from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.server.mcpserver import Context, MCPServer, RequestStateSecurity

from clientary_mcp.api.call import Call, OnWait
from clientary_mcp.api.session import Clientary
from clientary_mcp.durations import DAY
from clientary_mcp.errors import BadArguments
from clientary_mcp.server.audit import Audit
from clientary_mcp.server.change_log import ChangeLog
from clientary_mcp.server.completions import NameCompleter
from clientary_mcp.server.elicitation import ANSWER_WITHIN
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


class ClientaryServer(MCPServer[None]):
    """Exposes tools over one session with one account, which all of its MCP sessions share."""

    def __init__(self, clientary: Clientary, tools: tuple[Tool, ...] = ALL) -> None:
        chosen = select_tools(tools, clientary.settings)
        super().__init__(
            name="clientary",
            title="Clientary",
            instructions=instructions(chosen, clientary.settings.staff_id),
            version=version("clientary-mcp"),
            log_level=clientary.settings.log_level,
            # Sealed for longer than the question is valid, so that a late reply gets our message, not a protocol error.
            request_state_security=RequestStateSecurity.ephemeral(ttl=ANSWER_WITHIN + DAY),
            subscriptions=False,  # no list changes while the server runs, so a listen stream would never have an event
        )
        for library in ("httpx", "httpcore", "mcp.server.sse", "sse_starlette"):  # they log addresses and calls
            logging.getLogger(library).setLevel(logging.WARNING)
        self._clientary = clientary
        self._tools = {tool.name: tool for tool in chosen}
        self._hidden = unavailable(tools, chosen)
        self._listed = [tool.publish(self._hidden) for tool in chosen]
        text_only = clientary.settings.answers == "text"
        if text_only:
            self._listed = [tool.model_copy(update={"output_schema": None}) for tool in self._listed]
        self._replies = Replies(self._tools, self._hidden, clientary.secrets, text_only=text_only)
        self._audit = Audit(clientary.settings.audit_log, clientary.secrets)
        changes = ChangeLog(clientary, tools, keeps="undo" in self._tools)
        self._write_guard = WriteGuard(clientary, self._audit, self._replies, changes)
        self._prompts = Prompts(self._tools, NameCompleter(clientary))
        self._resources = Resources(clientary, self._tools, self._audit, _about(clientary.settings, chosen))
        self.completion()(self._complete)  # type: ignore[no-untyped-call]  # the SDK does not annotate it

    async def list_tools(self) -> list[mcp_types.Tool]:
        """Every tool that is exposed, in a fixed order."""
        return self._listed

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[None, Any] | None = None
    ) -> mcp_types.CallToolResult | mcp_types.InputRequiredResult:
        """Run one tool: check its arguments, guard it, run it, render its answer. Errors are results too."""
        tool, call = self._tools.get(name), self._clientary.new_call(_progress(context))
        async with self._audit.call(strip_invisible(name), call, _host(context)) as entry:
            try:
                if tool is None:
                    raise UnknownTool(f"There is no tool {name[:64]!r}.{nearest(name, self._tools)}")
                entry.args = await self._checked(tool, arguments, call)
                answer = await self._write_guard.run(tool, entry.args, entry, context)
                entry.answered(answer, how_it_ended(tool, answer))
                return self._replies.result(answer, call)
            except Exception as error:  # noqa: BLE001 - a defect is logged and returned as a result
                entry.failed(error)
                return self._replies.failure(error, tool, entry)

    async def list_prompts(self) -> list[mcp_types.Prompt]:
        """The prompts whose tools are all exposed."""
        return self._prompts.listed()

    async def get_prompt(
        self, name: str, arguments: dict[str, Any] | None = None, context: Context[None, Any] | None = None
    ) -> mcp_types.GetPromptResult:
        """One prompt for these arguments."""
        return self._prompts.filled(name, arguments or {})

    async def _complete(
        self,
        ref: mcp_types.PromptReference | mcp_types.ResourceTemplateReference,
        argument: mcp_types.CompletionArgument,
        context: mcp_types.CompletionContext | None,
    ) -> mcp_types.Completion | None:
        if not isinstance(ref, mcp_types.PromptReference):
            return None
        return await self._prompts.completed(ref.name, argument.name, argument.value)

    async def list_resources(self) -> list[mcp_types.Resource]:
        """The resources with a fixed address."""
        return self._resources.listed()

    async def list_resource_templates(self) -> list[mcp_types.ResourceTemplate]:
        """Resources that are addressed by type and id."""
        return self._resources.templates()

    async def read_resource(
        self, uri: object, context: Context[None, Any] | None = None
    ) -> Iterable[ReadResourceContents]:
        """The text of one resource."""

        async def call_tool(name: str, arguments: dict[str, Any]) -> Any:
            return await self.call_tool(name, arguments, context)

        text, kind = await self._resources.read(str(uri), call_tool)
        return [ReadResourceContents(content=text, mime_type=kind)]

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

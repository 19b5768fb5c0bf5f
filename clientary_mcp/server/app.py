"""The MCP server: which tools are offered, and how one call travels from the agent to Clientary and back."""

import logging
from base64 import b64encode
from collections.abc import Collection, Iterable
from importlib.metadata import version
from typing import Any

import mcp_types
from anyio import get_cancelled_exc_class
from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.server.mcpserver import Context, MCPServer, RequestStateSecurity

from clientary_mcp.api.call import Call, OnWait
from clientary_mcp.api.session import Clientary
from clientary_mcp.errors import BadArguments, ClientaryError, OutcomeUnknown
from clientary_mcp.redaction import SecretMemory, redacted
from clientary_mcp.server.audit import Audit, line_of, now
from clientary_mcp.server.completions import NameCompleter
from clientary_mcp.server.elicitation import ANSWER_WITHIN
from clientary_mcp.server.instructions import instructions
from clientary_mcp.server.prompts import Prompts
from clientary_mcp.server.resources import Resources
from clientary_mcp.server.suggestions import suggest_ids
from clientary_mcp.server.write_guard import Answer, WriteGuard, was_done
from clientary_mcp.settings import Settings
from clientary_mcp.tools import ALL
from clientary_mcp.tools.mentions import strip_mentions, strip_result
from clientary_mcp.tools.tool import Tool
from clientary_mcp.tools.toolsets import select_tools, unavailable
from tool_schemas.base.models import Arguments
from tool_schemas.base.parsing import strip_invisible
from tool_schemas.base.report import Report
from tool_schemas.base.results import Outcome, as_text
from tool_schemas.base.validation import nearest

_A_DAY = 86_400

logger = logging.getLogger(__name__)


class ClientaryServer(MCPServer[None]):
    """Offers tools over one session with one account, which all of its MCP sessions share."""

    def __init__(self, clientary: Clientary, tools: tuple[Tool, ...] = ALL) -> None:
        chosen = select_tools(tools, clientary.settings)
        super().__init__(
            name="clientary",
            title="Clientary",
            instructions=instructions(chosen),
            version=version("clientary-mcp"),
            log_level=clientary.settings.log_level,
            # The seal outlasts the question, so that a late answer is refused in words and not by the protocol.
            request_state_security=RequestStateSecurity.ephemeral(ttl=ANSWER_WITHIN + _A_DAY),
            subscriptions=False,  # no list changes while the server runs, so a listen stream would never say anything
        )
        for library in ("httpx", "httpcore", "mcp.server.sse", "sse_starlette"):  # write addresses and calls to the log
            logging.getLogger(library).setLevel(logging.WARNING)
        self._clientary = clientary
        self._tools = {tool.name: tool for tool in chosen}
        self._hidden = unavailable(tools, chosen)
        self._text_only = clientary.settings.answers == "text"
        self._listed = [tool.publish(self._hidden) for tool in chosen]
        if self._text_only:
            self._listed = [tool.model_copy(update={"output_schema": None}) for tool in self._listed]
        self._secrets = _secrets(clientary.settings)
        self._audit = Audit(clientary.settings.audit_log, self._secrets)
        self._write_guard = WriteGuard(clientary, self._audit, self._hidden)
        self._prompts = Prompts(self._tools, NameCompleter(clientary))
        self._resources = Resources(clientary, self._tools, self._audit, _about(clientary.settings, chosen))
        self.completion()(self._complete)  # type: ignore[no-untyped-call]  # the SDK left its type out

    async def list_tools(self) -> list[mcp_types.Tool]:
        """Every offered tool, in a fixed order."""
        return self._listed

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[None, Any] | None = None
    ) -> mcp_types.CallToolResult | mcp_types.InputRequiredResult:
        """Run one tool. What goes wrong is answered as text for the agent, with `is_error`."""
        if (tool := self._tools.get(name)) is None:
            self._write_down(
                {"time": now(), "tool": strip_invisible(name), "outcome": "unknown tool", "client": _host(context)}
            )
            return self._failed(f"There is no tool {name[:64]!r}.{nearest(name, self._tools)}")
        call = self._clientary.new_call(_progress(context))
        begun = call.clock.now()
        args: Arguments | None = None
        try:
            args = await self._checked(tool, arguments, call)
            answer = await self._write_guard.run(tool, args, call, context)
            outcome = _outcome(tool, answer)
            result = (
                answer.model_copy(update={"meta": _meta(call)})
                if isinstance(answer, mcp_types.InputRequiredResult)
                else self._told(tool, answer, call)
            )
        except ClientaryError as error:
            outcome = error.code
            result = self._failed(self._explained(error, tool, args, call), call)
        except get_cancelled_exc_class():
            self._write_down(line_of(name, args, call, "given up", call.clock.now() - begun, _host(context), None))
            raise
        except Exception:
            logger.exception("%s failed unexpectedly", name)
            outcome = "defect"
            result = self._failed(f"{name} failed inside this server; that is a defect, and its log says more.", call)
        seconds, shown = call.clock.now() - begun, getattr(result, "structured_content", None)
        self._write_down(line_of(name, args, call, outcome, seconds, _host(context), shown))
        return result.model_copy(update={"structured_content": None}) if self._text_only and shown else result

    async def list_prompts(self) -> list[mcp_types.Prompt]:
        """The prompts whose tools are all offered."""
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
        """Those that are addressed by what they are and their id."""
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
        """The arguments of a call; BadArguments also says what is called like a name that stands for an id."""
        try:
            return tool.check(given)
        except BadArguments as wrong:
            names = tool.names_for_ids(given)
            raise await suggest_ids(self._clientary.within(call), wrong, names, self._hidden) from None

    def _explained(self, error: ClientaryError, tool: Tool, args: Arguments | None, call: Call) -> str:
        """The message, without tools that are not there; and that nothing was changed, where it does not say so."""
        said = str(error)
        if isinstance(error, OutcomeUnknown) and (shows := self._tools.get(tool.seen_with or "")):
            said = f"{said} {_with_ids(shows, args)} shows what is there."
        if not isinstance(error, BadArguments):
            said = strip_mentions(said, self._hidden) or "It failed."
        unsaid = not tool.effect.reads_only and not call.writes and "othing was" not in said
        return f"{said} Nothing was changed." if unsaid else said

    def _told(self, tool: Tool, shown: dict[str, Any], call: Call) -> mcp_types.CallToolResult:
        if tool.answer in (Outcome, Report):
            shown = strip_result(shown, self._hidden)
        return mcp_types.CallToolResult(
            content=[mcp_types.TextContent(type="text", text=as_text(shown))],
            structured_content=shown,
            _meta=_meta(call),
        )

    def _failed(self, message: str, call: Call | None = None) -> mcp_types.CallToolResult:
        """What went wrong, in the one place that all errors pass."""
        text = redacted(message.encode(errors="backslashreplace"), self._secrets, SecretMemory()).decode()
        return mcp_types.CallToolResult(
            content=[mcp_types.TextContent(type="text", text=text)],
            is_error=True,
            _meta=_meta(call) if call else None,
        )

    def _write_down(self, line: dict[str, Any]) -> None:
        try:
            self._audit.write(line)
        except OSError:  # what was done is done: an error would make it look otherwise
            logger.exception("the audit trail could not be written")


def _about(settings: Settings, tools: Collection[Tool]) -> dict[str, Any]:
    """What this server may do on the account, for whoever looks it up."""
    kinds = sorted({kind for tool in tools for kind in tool.effect.kinds})
    return {
        "may": kinds,
        "tools": len(tools),
        "read_only": settings.read_only,
        "asks_a_person": settings.ask_user,
        "per_hour": {
            "deletes": settings.deletes_per_hour,
            "mails": settings.mails_per_hour,
            "charges": settings.charges_per_hour,
        },
        "version": version("clientary-mcp"),
    }


def _secrets(settings: Settings) -> list[str]:
    """What no text of this server holds, whoever said it: the tokens, and the form in which one leaves."""
    token = settings.api_token
    return [token, b64encode(f"{token}:{token}".encode()).decode(), settings.mcp_token or ""]


def _outcome(tool: Tool, answer: Answer) -> str:
    """How a call ended, for the audit trail."""
    if isinstance(answer, mcp_types.InputRequiredResult):
        return "asked"
    return "answered" if was_done(tool, answer) else "shown"


def _with_ids(tool: Tool, args: Arguments | None) -> str:
    """`get_invoice with invoice_id=5`: a tool, and those of its ids that a call has named."""
    known = {name for name in tool.arguments.model_fields if name.endswith("_id")}
    ids = [f"{name}={value}" for name, value in args or () if name in known and value is not None]
    return f"{tool.name} with {', '.join(ids)}" if ids else tool.name


def _host(context: Context[None, Any] | None) -> str | None:
    """The name that the MCP client gives itself."""
    params = context.session.client_params if context else None
    return strip_invisible(params.client_info.name) if params else None


def _progress(context: Context[None, Any] | None) -> OnWait | None:
    """Tells the agent's host of every wait; hosts that did not ask for progress are sent none."""
    if context is None:
        return None
    waits = 0

    async def report(seconds: float | None, why: str) -> None:
        nonlocal waits
        waits += 1
        await context.report_progress(waits, message=f"{why}: waiting{'' if seconds is None else f' {seconds:.1f} s'}")

    return report


def _meta(call: Call) -> dict[str, Any] | None:
    """How long a call waited and how often it tried again, when it did either."""
    waited = round(call.waited, 3)
    return {"waited_seconds": waited, "retries": call.retries} if waited or call.retries else None

"""The MCP server: the wire between clients and the office that each of their messages is for."""

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from contextvars import ContextVar
from importlib.metadata import version
from typing import Any, Protocol

import mcp_types
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.extension import Extension
from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.server.mcpserver import Context, MCPServer, RequestStateSecurity

from clientary_mcp.api.session import Clientary
from clientary_mcp.durations import DAY
from clientary_mcp.observe import observer
from clientary_mcp.server.elicitation import ANSWER_WITHIN
from clientary_mcp.server.office import Office
from clientary_mcp.server.request_state import SharedTimeCodec
from clientary_mcp.settings.account import LogLevel
from clientary_mcp.tools import ALL
from clientary_mcp.tools.tool import Tool

_INTRODUCING = ("initialize", "server/discover")
"""The requests whose answers hold the instructions."""

_KEPT = ANSWER_WITHIN + DAY
"""Seconds for which the state of a question can be opened: longer than the question is valid, so that a late reply gets
our message, not a protocol error."""

RequestContext = ServerRequestContext[Any, Any]

_entered: ContextVar[Office] = ContextVar("office")
"""The office that the present message is for."""


class Offices(Protocol):
    """Where each message finds the office of its caller."""

    def entered(self, context: RequestContext) -> AbstractAsyncContextManager[Office]:
        """The office of the caller who sent a message; it stays open meanwhile."""


class Pictures(Extension):
    """MCP Apps: hosts that know it show pages beside the answers of tools that name one.

    The SDK's own class for it would want the pages when the server starts.
    """

    identifier = "io.modelcontextprotocol/ui"


class ClientaryServer(MCPServer[None]):
    """Serves one owner's session with an account, or the offices of many callers.

    `keys`, of at least 32 bytes, seal what clients send back with the reply to a question, the first one for all that
    is new; without them, only this process can open it. `wall` is the time by which all go that have these keys.
    """

    def __init__(
        self,
        served: Clientary | Offices,
        tools: tuple[Tool, ...] = ALL,
        *,
        keys: Sequence[bytes] = (),
        wall: Callable[[], float] = time.time,
        log_level: LogLevel = "WARNING",
    ) -> None:
        self._only = Office(served, tools) if isinstance(served, Clientary) else None
        super().__init__(
            name="clientary",
            title="Clientary",
            instructions=self._only.instructions if self._only else None,
            version=version("clientary-mcp"),
            log_level=served.settings.log_level if isinstance(served, Clientary) else log_level,
            request_state_security=RequestStateSecurity(codec=SharedTimeCodec(keys, wall), ttl=_KEPT)
            if keys
            else RequestStateSecurity.ephemeral(ttl=_KEPT),
            extensions=[Pictures()],
            subscriptions=False,  # no list changes while the server runs, so a listen stream would never have an event
        )
        for library in ("httpx", "httpcore2", "mcp.server.sse", "sse_starlette"):  # they log addresses and calls
            logging.getLogger(library).setLevel(logging.WARNING)
        if not isinstance(served, Clientary):
            self._offices = served
            self.middleware.append(self._enter)
        if observer().on:
            from clientary_mcp.server.operations import observed

            self.middleware.append(observed)
        self.completion()(self._complete)  # type: ignore[no-untyped-call]  # the SDK does not annotate it

    async def _enter(self, ctx: RequestContext, call_next: CallNext) -> HandlerResult:
        """Handle a message in the office of its caller, whose instructions introduce the server."""
        async with self._offices.entered(ctx) as office:
            token = _entered.set(office)
            try:
                result = await call_next(ctx)
            finally:
                _entered.reset(token)
        if ctx.method in _INTRODUCING and result is not None:
            introduced = result if isinstance(result, dict) else result.model_dump(by_alias=True, exclude_none=True)
            return {**introduced, "instructions": office.instructions}
        return result

    @property
    def _office(self) -> Office:
        return self._only or _entered.get()

    async def list_tools(self) -> list[mcp_types.Tool]:
        """Every tool that is exposed, in a fixed order."""
        return self._office.tools

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[None, Any] | None = None
    ) -> mcp_types.CallToolResult | mcp_types.InputRequiredResult:
        """Run one tool."""
        return await self._office.call(name, arguments, context)

    async def list_prompts(self) -> list[mcp_types.Prompt]:
        """The prompts whose tools are all exposed."""
        return self._office.prompts.listed()

    async def get_prompt(
        self, name: str, arguments: dict[str, Any] | None = None, context: Context[None, Any] | None = None
    ) -> mcp_types.GetPromptResult:
        """One prompt for these arguments."""
        return self._office.prompts.filled(name, arguments or {})

    async def _complete(
        self,
        ref: mcp_types.PromptReference | mcp_types.ResourceTemplateReference,
        argument: mcp_types.CompletionArgument,
        context: mcp_types.CompletionContext | None,
    ) -> mcp_types.Completion | None:
        if not isinstance(ref, mcp_types.PromptReference):
            return None
        return await self._office.prompts.completed(ref.name, argument.name, argument.value)

    async def list_resources(self) -> list[mcp_types.Resource]:
        """The resources with a fixed address."""
        return self._office.resources.listed()

    async def list_resource_templates(self) -> list[mcp_types.ResourceTemplate]:
        """Resources that are addressed by type and id."""
        return self._office.resources.templates()

    async def read_resource(
        self, uri: object, context: Context[None, Any] | None = None
    ) -> Iterable[ReadResourceContents]:
        """The text of one resource, or the page of a picture, which is not listed."""
        office = self._office
        if picture := office.pictures.get(str(uri)):
            from clientary_mcp import pictures  # not before one is asked for

            return [ReadResourceContents(pictures.page(picture), pictures.MIME_TYPE, pictures.META)]

        async def call_tool(name: str, arguments: dict[str, Any]) -> Any:
            return await office.call(name, arguments, context)

        text, kind = await office.resources.read(str(uri), call_tool)
        return [ReadResourceContents(content=text, mime_type=kind)]

"""Each message of a client, as telemetry sees it: how long it took, and how long its session lasted."""

import time
from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp_types import CallToolResult
from mcp_types.methods import SPEC_CLIENT_METHODS, SPEC_CLIENT_NOTIFICATION_METHODS

from clientary_mcp.observe import observer
from clientary_mcp.server.prompts import PROMPTS
from clientary_mcp.tools import ALL

NAMES = SPEC_CLIENT_METHODS | SPEC_CLIENT_NOTIFICATION_METHODS | {each.name for each in (*ALL, *PROMPTS)}
"""The names that a message may have in telemetry; any other may be whatever a client makes up."""


async def observed(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """A middleware inside the SDK's, whose span it completes."""
    name = ctx.params.get("name") if ctx.params else None
    with observer().message(ctx.method, name if isinstance(name, str) else None) as message:
        if ctx.method == "initialize":
            _time_session(ctx)
        result = await call_next(ctx)
        match result:
            case CallToolResult(is_error=True) | {"isError": True}:
                message.ended("tool_error")
        return result


def _time_session(ctx: ServerRequestContext[Any, Any]) -> None:
    """Tell how long a session lasted, when it ends."""
    begun = time.monotonic()
    cleanup = ctx.session._connection.exit_stack  # made for middlewares, but not handed to them yet
    cleanup.callback(lambda: observer().session(time.monotonic() - begun))

"""Renders what agents are sent: answers and errors, without secrets or mentions of unavailable tools."""

import logging
import traceback
from collections.abc import Collection, Mapping
from typing import Any

from mcp_types import CallToolResult, InputRequiredResult, TextContent

from clientary_mcp.api.call import Call
from clientary_mcp.errors import ClientaryError, OutcomeUnknown
from clientary_mcp.redaction import Secrets
from clientary_mcp.server.audit import Entry
from clientary_mcp.tools.tool import Answer, Tool, answer_to_json
from tool_schemas.base.models import Arguments
from tool_schemas.base.results import Outcome, as_text
from tool_schemas.base.sentences import Mention

logger = logging.getLogger(__name__)


class Replies:
    """Renders answers and errors for agents to which these tools are exposed."""

    def __init__(
        self, tools: Mapping[str, Tool], unavailable: Collection[str], secrets: Secrets, *, text_only: bool
    ) -> None:
        self._tools, self._unavailable, self._secrets = tools, unavailable, secrets
        self._text_only = text_only

    def shown(self, answer: Answer, args: Arguments) -> dict[str, Any]:
        """An answer as JSON."""
        return dict(self._secrets.outgoing(answer_to_json(answer, args, self._unavailable)))

    def text(self, outcome: Outcome) -> str:
        """The message of an outcome alone."""
        return str(self._secrets.outgoing(outcome.text(self._unavailable)))

    def result(self, answer: dict[str, Any] | InputRequiredResult, call: Call) -> CallToolResult | InputRequiredResult:
        """The result of a call that did not fail."""
        if isinstance(answer, InputRequiredResult):
            return answer.model_copy(update={"meta": _meta(call)})
        content = TextContent(type="text", text=as_text(answer))
        return CallToolResult(
            content=[content], structured_content=None if self._text_only else answer, _meta=_meta(call)
        )

    def told(self, error: Exception, entry: Entry) -> ClientaryError:
        """The error that is told: a defect is logged, and told as one."""
        if isinstance(error, ClientaryError):
            return error.with_traceback(None)  # its frames hold the call's responses, and one of them holds the error
        trace = "".join(traceback.format_exception(error))
        logger.error("%s failed unexpectedly\n%s", entry.tool, self._secrets.outgoing(trace))
        return ClientaryError(
            f"{entry.tool} failed inside this server: that is a defect, and the server's log has the details.",
            effect="unknown" if entry.call.writes else "unchanged",
        )

    def failure(self, error: ClientaryError, tool: Tool | None, entry: Entry) -> CallToolResult:
        """The result of a call that failed: text for the agent, with `is_error`."""
        if isinstance(error, OutcomeUnknown) and tool and (shows := self._tools.get(tool.checked_with or "")):
            error.add(Mention(f"{_with_ids(shows, entry.args)} shows the current state.", shows.name))
        message = error.message(self._unavailable, reading=tool is None or tool.effect.reads_only)
        text = str(self._secrets.outgoing(message.encode(errors="backslashreplace").decode()))
        return CallToolResult(content=[TextContent(type="text", text=text)], is_error=True, _meta=_meta(entry.call))


def _with_ids(tool: Tool, args: Arguments | None) -> str:
    """`get_invoice with invoice_id=5`: a tool, with the ids that the call gave."""
    known = {name for name in tool.arguments.model_fields if name.endswith("_id")}
    ids = [f"{name}={value}" for name, value in args or () if name in known and value is not None]
    return f"{tool.name} with {', '.join(ids)}" if ids else tool.name


def _meta(call: Call) -> dict[str, Any] | None:
    """How long a call waited and how often it retried; None if it did neither."""
    waited = round(call.waited, 3)
    return {"waited_seconds": waited, "retries": call.retries} if waited or call.retries else None

"""The reported outcome of a write: done, not done or unknown; a job may also be half done."""

from dataclasses import dataclass
from typing import Any, Literal

import mcp_types

from tests.support.agent import Agent

Outcome = Literal["done", "half", "not done", "unknown", "defect"]

_UNKNOWN = "It is unknown whether"
_NOT_DONE = ("Nothing was changed.", "Nothing was sent.", "Nothing was sent:")
_HALF = "Part of the job is done."


@dataclass(frozen=True)
class Answer:
    """One answer and the outcome that it reports."""

    outcome: Outcome
    text: str
    content: dict[str, Any]

    @classmethod
    def of(cls, result: mcp_types.CallToolResult, *, may_have_nothing_to_do: bool = False) -> "Answer":
        """Parse an answer as an agent reads it; an error that does not state the write's effect raises AssertionError.

        A job that finds everything done may report that, and has done nothing.
        """
        (message,) = result.content
        assert isinstance(message, mcp_types.TextContent)
        content = dict(result.structured_content or {})
        if not result.is_error:
            nothing = content.get("done") is False
            assert not nothing or (may_have_nothing_to_do and "to_proceed" not in content), f"not done: {message.text}"
            return cls("not done" if nothing else "done", message.text, content)
        if "that is a defect" in message.text:
            return cls("defect", message.text, content)
        if _HALF in message.text:
            return cls("half", message.text, content)
        if _UNKNOWN in message.text:
            return cls("unknown", message.text, content)
        assert any(words in message.text for words in _NOT_DONE), f"says nothing of the outcome: {message.text}"
        return cls("not done", message.text, content)


async def answer_to(agent: Agent, tool: str, arguments: dict[str, Any]) -> Answer:
    """The answer to a call that writes."""
    return Answer.of(await agent.call(tool, arguments))

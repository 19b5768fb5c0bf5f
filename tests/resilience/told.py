"""The reported outcome of a write: done, not done or unknown; a job may also be half done."""

from dataclasses import dataclass
from typing import Any, Literal

import mcp_types

from tests.support.agent import Agent

Told = Literal["done", "half", "not done", "unknown", "defect"]

_UNKNOWN = "It is unknown whether"
_NOT_DONE = ("Nothing was changed.", "Nothing was sent.")
_HALF = "Stopped at"


@dataclass(frozen=True)
class Answer:
    """One answer and the outcome that it reports."""

    told: Told
    text: str
    content: dict[str, Any]

    @classmethod
    def of(cls, result: mcp_types.CallToolResult, *, may_have_nothing_to_do: bool = False) -> "Answer":
        """Parse an answer as an agent reads it; an error that does not state the write's effect raises AssertionError.

        A job that finds everything done may report that, and has done nothing.
        """
        (said,) = result.content
        assert isinstance(said, mcp_types.TextContent)
        content = dict(result.structured_content or {})
        if not result.is_error:
            nothing = content.get("done") is False
            assert not nothing or (may_have_nothing_to_do and "to_proceed" not in content), f"not done: {said.text}"
            return cls("not done" if nothing else "done", said.text, content)
        if "that is a defect" in said.text:
            return cls("defect", said.text, content)
        if said.text.startswith(_HALF):
            return cls("half", said.text, content)
        if _UNKNOWN in said.text:
            return cls("unknown", said.text, content)
        assert any(words in said.text for words in _NOT_DONE), f"says nothing of the outcome: {said.text}"
        return cls("not done", said.text, content)


async def answer_to(agent: Agent, tool: str, arguments: dict[str, Any]) -> Answer:
    """The answer to a call that writes."""
    return Answer.of(await agent.call(tool, arguments))

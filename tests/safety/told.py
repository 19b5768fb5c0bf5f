"""What an agent was told about a write: done, not done, or that it is not known."""

from dataclasses import dataclass
from typing import Any, Literal

import mcp_types

from tests.agent import Agent

Told = Literal["done", "not done", "unknown", "defect"]

_UNKNOWN = ("it is not known whether", "does not show the new record")
_NOT_DONE = (
    "did not take effect",
    "othing was changed",
    "changed nothing",
    "othing was sent",
    "nothing was created",
    "no such record",
)


@dataclass(frozen=True)
class Answer:
    """One answer, and what it says about the write."""

    told: Told
    text: str
    content: dict[str, Any]

    @classmethod
    def of(cls, result: mcp_types.CallToolResult) -> "Answer":
        """Read as an agent reads it; an error that tells nothing about the write is an AssertionError."""
        (said,) = result.content
        assert isinstance(said, mcp_types.TextContent)
        content = dict(result.structured_content or {})
        if not result.is_error:
            assert content.get("done") is not False, f"nothing was confirmed: {said.text}"
            return cls("done", said.text, content)
        if "that is a defect" in said.text:
            return cls("defect", said.text, content)
        if any(words in said.text for words in _UNKNOWN):
            return cls("unknown", said.text, content)
        assert any(words in said.text for words in _NOT_DONE), f"says nothing of the outcome: {said.text}"
        return cls("not done", said.text, content)


async def answer_to(agent: Agent, tool: str, arguments: dict[str, Any]) -> Answer:
    """The answer to a call that writes."""
    return Answer.of(await agent.call(tool, arguments))

"""The agent used by tests: a real in-memory MCP client with methods for what tests check."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal, get_args

import mcp_types
from mcp import Client

from clientary_mcp.api.session import Clientary
from clientary_mcp.server.app import ClientaryServer

Era = Literal["auto", "legacy"]
ERAS: tuple[Era, ...] = get_args(Era)


class Agent:
    """Calls tools and reads the answers, as a host does."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def call(self, tool: str, arguments: dict[str, Any]) -> mcp_types.CallToolResult:
        """The unmodified result."""
        return await self.client.call_tool(tool, arguments)

    async def answer(self, tool: str, /, **arguments: Any) -> dict[str, Any]:
        """The answer to a call that must succeed; the text and the structured content must be equal."""
        result = await self.call(tool, arguments)
        text = result.content[0]
        assert isinstance(text, mcp_types.TextContent)
        assert not result.is_error, text.text
        assert json.loads(text.text) == result.structured_content
        return dict(result.structured_content or {})

    async def refusal(self, tool: str, /, **arguments: Any) -> str:
        """The error message of a call that must fail."""
        result = await self.call(tool, arguments)
        text = result.content[0]
        assert isinstance(text, mcp_types.TextContent)
        assert result.is_error, text.text
        assert "Traceback" not in text.text
        return text.text


@asynccontextmanager
async def agent_of(clientary: Clientary, era: Era = "auto") -> AsyncIterator[Agent]:
    """An agent whose tools work on that session."""
    async with clientary, Client(ClientaryServer(clientary), mode=era) as client:
        yield Agent(client)

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
        return _answered(await self.call(tool, arguments))

    async def refusal(self, tool: str, /, **arguments: Any) -> str:
        """The error message of a call that must fail."""
        return _refused(await self.call(tool, arguments))

    async def confirmed(self, tool: str, /, **arguments: Any) -> dict[str, Any]:
        """The answer to a call that is previewed and then confirmed."""
        return _answered(await confirm(self.client, tool, arguments))

    async def refusal_of_confirmed(self, tool: str, /, **arguments: Any) -> str:
        """The error message of a call that is previewed and then confirmed, and must fail."""
        return _refused(await confirm(self.client, tool, arguments))


async def confirm(client: Client, tool: str, arguments: dict[str, Any]) -> mcp_types.CallToolResult:
    """The result of a call that is previewed and then confirmed, with the id of its preview if it has one."""
    shown = await client.call_tool(tool, arguments | {"confirm": False})
    listed = {name: value for name, value in (shown.structured_content or {}).items() if name == "preview_id"}
    return await client.call_tool(tool, arguments | {"confirm": True} | listed)


def _answered(result: mcp_types.CallToolResult) -> dict[str, Any]:
    text = result.content[0]
    assert isinstance(text, mcp_types.TextContent)
    assert not result.is_error, text.text
    assert json.loads(text.text) == result.structured_content
    return dict(result.structured_content or {})


def _refused(result: mcp_types.CallToolResult) -> str:
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

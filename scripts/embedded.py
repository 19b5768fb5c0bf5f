"""An agent on the embedded account, on the day that the documents speak of."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from typing import Any

import mcp_types
from mcp import Client

from clientary_mcp import Clientary, Settings
from clientary_mcp.api.call import Clock
from clientary_mcp.sandbox import Sandbox
from clientary_mcp.sandbox.network import Network
from clientary_mcp.server.app import ClientaryServer

DAY = date(2026, 11, 27)


@asynccontextmanager
async def agent(**settings: Any) -> AsyncIterator[Client]:
    """A client of a server for an account that nobody has used yet."""
    sandbox = Sandbox(DAY)
    noon = datetime(DAY.year, DAY.month, DAY.day, 12, tzinfo=UTC).timestamp()
    given = Settings(base_url="http://localhost", api_token=sandbox.token, time_zone="UTC", **settings)
    clientary = Clientary(given, Network(sandbox), Clock(wall=lambda: noon))
    async with clientary, Client(ClientaryServer(clientary)) as client:
        yield client


def told(result: mcp_types.CallToolResult) -> str:
    """The text of an answer, or an error where the call failed."""
    (content,) = result.content
    if result.is_error or not isinstance(content, mcp_types.TextContent):
        raise ValueError(f"The call failed: {content}")
    return content.text

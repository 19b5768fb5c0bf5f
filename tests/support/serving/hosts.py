"""MCP clients of either era, over HTTP, that send a bearer token."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from tests.support.agent import Agent, Era
from tests.support.processes import PATIENCE

HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}},
}
"""The first message of an older client."""
LIST = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "list_staff", "arguments": {}}}
"""A later one."""
_ACCEPT = {"Accept": "application/json, text/event-stream"}


@asynccontextmanager
async def host_of(url: str, token: str, era: Era = "auto", **how: Any) -> AsyncIterator[Agent]:
    """An agent of the server at that address; `how` goes to the SDK's client."""
    http = httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=PATIENCE, trust_env=False)
    async with http, Client(streamable_http_client(f"{url}/mcp", http_client=http), mode=era, **how) as client:
        yield Agent(client)


def http_of(url: str, token: str) -> httpx.AsyncClient:
    """A plain client of that server, for what the SDK's does not show."""
    headers = {**_ACCEPT, "Authorization": f"Bearer {token}"}
    return httpx.AsyncClient(base_url=url, headers=headers, timeout=PATIENCE, trust_env=False)

"""The smallest comparable server: an `MCPServer` with one tool that makes one request through httpx.

`python -m benchmarks.bare_server` serves stdio; with a port, streamable HTTP on loopback.
"""

import os
import sys
from typing import Any

import httpx
from mcp.server.mcpserver import MCPServer

TOKEN = os.environ["CLIENTARY_API_TOKEN"]

server = MCPServer("bare", log_level="WARNING")
http = httpx.AsyncClient(
    base_url=f"{os.environ['CLIENTARY_BASE_URL']}/api/v2/",
    auth=httpx.BasicAuth(TOKEN, TOKEN),
    headers={"Accept": "application/json"},
)


@server.tool()
async def get_client(client_id: int) -> dict[str, Any]:
    """Get one client in full."""
    response = await http.get(f"clients/{client_id}")
    response.raise_for_status()
    client: dict[str, Any] = response.json()
    return client


if __name__ == "__main__":
    if sys.argv[1:]:
        server.run("streamable-http", host="127.0.0.1", port=int(sys.argv[1]))
    else:
        server.run()

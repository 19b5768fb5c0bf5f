"""A host waits for the tools at each start: what only some calls need is loaded by the first of them."""

import subprocess
import sys

START = """
import sys
import anyio
from clientary_mcp.api.session import Clientary
from clientary_mcp.server.app import ClientaryServer
from clientary_mcp.settings import Settings

async def main():
    async with Clientary(Settings(base_url="https://localhost:9", api_token="t0ken-of-acme")) as clientary:
        await ClientaryServer(clientary).list_tools()
    print(*sys.modules)

anyio.run(main)
"""

ONLY_FOR_CALLS = {
    *("httpcore2", "clientary_mcp.api.http_core", "difflib"),
    *("clientary_mcp.sandbox", "clientary_mcp.telemetry", "clientary_mcp.state.redis", "prettytable"),
    *("clientary_mcp.settings.keychain", "keyring"),
    "plotext",
}


def test_listing_the_tools_loads_nothing_that_only_calls_need() -> None:
    done = subprocess.run([sys.executable, "-c", START], capture_output=True, text=True, check=True)  # noqa: S603 - ours
    loaded = set(done.stdout.split())
    assert "clientary_mcp.tools" in loaded
    assert loaded & ONLY_FOR_CALLS == set()

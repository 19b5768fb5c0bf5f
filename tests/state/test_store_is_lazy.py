"""Nothing of the store is imported or opened before the first write or preview: starting and reading cost nothing."""

import os
import subprocess
import sys
from pathlib import Path

READ_THEN_WRITE = """
import sys
import anyio
from clientary_mcp.api.session import Clientary
from clientary_mcp.server.app import ClientaryServer
from clientary_mcp.settings import Settings

def loaded():
    return sorted({"sqlite3", "platformdirs"} & sys.modules.keys())

async def main():
    server = ClientaryServer(Clientary(Settings(base_url="http://localhost:9", api_token="t0ken-of-acme", deadline=1)))
    await server.list_tools()
    await server.call_tool("list_clients", {})
    print(loaded())
    await server.call_tool("create_client", {"name": "Acme"})
    print(loaded())

anyio.run(main)
"""


def test_a_start_and_a_read_open_nothing_and_a_write_does(state_directory: Path) -> None:
    script = [sys.executable, "-c", READ_THEN_WRITE]
    printed = subprocess.run(script, env={**os.environ}, check=True, capture_output=True, text=True)  # noqa: S603 - ours
    assert printed.stdout.splitlines() == ["[]", "['platformdirs', 'sqlite3']"]
    assert list(state_directory.rglob("*.sqlite3"))

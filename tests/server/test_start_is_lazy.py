"""A host waits for the tools at each start: what only some calls need is loaded by the first of them."""

import json
import subprocess
import sys
from functools import cache
from subprocess import PIPE
from typing import Any

from tests.support.processes import environment

START = """
import atexit, json, sys
from clientary_mcp.cli.main import main

def models(kind):
    for each in kind.__subclasses__():
        yield each
        yield from models(each)

def tell():
    from pydantic import BaseModel
    built = [f"{each.__module__}.{each.__name__}" for each in models(BaseModel) if each.__pydantic_complete__]
    json.dump({"loaded": [*sys.modules], "built": built}, sys.stderr)

atexit.register(tell)
main([])
"""
ACCOUNT = {"CLIENTARY_BASE_URL": "https://localhost:9", "CLIENTARY_API_TOKEN": "t0ken-of-acme"}
CLIENT = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
HELLO: list[dict[str, Any]] = [
    {"id": 1, "method": "initialize", "params": CLIENT},
    {"method": "notifications/initialized"},
    {"id": 2, "method": "tools/list", "params": {}},
]

# With all that is below each of them.
ONLY_FOR_CALLS = [
    *("httpcore2", "clientary_mcp.api.http_core", "difflib", "rapidfuzz", "iso4217", "platformdirs"),
    *("clientary_mcp.sandbox", "clientary_mcp.telemetry", "opentelemetry.sdk", "clientary_mcp.state.redis", "redis"),
    *("clientary_mcp.server.http", "clientary_mcp.server.callers", "clientary_mcp.settings.keychain", "keyring"),
    *("clientary_mcp.pictures", "clientary_mcp.cli.charts", "plotext", "clientary_mcp.cli.html_pages"),
    *("clientary_mcp.cli.call", "clientary_mcp.cli.backup", "clientary_mcp.cli.tool_table", "prettytable", "wcwidth"),
    *("clientary_mcp.cli.install", "yaml", "tomllib", "xlsxwriter", "getpass"),
]


@cache
def at_start() -> dict[str, list[str]]:
    """The modules that the command has loaded, and the models that it has built, once the tools are listed."""
    with subprocess.Popen(  # noqa: S603 - ours
        [sys.executable, "-c", START], stdin=PIPE, stdout=PIPE, stderr=PIPE, text=True, env=environment(**ACCOUNT)
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        for message in HELLO:
            print(json.dumps({"jsonrpc": "2.0", **message}), file=server.stdin, flush=True)
        _, listed = (json.loads(server.stdout.readline()) for _ in range(2))
        _, told = server.communicate()
    assert any("_meta" in tool for tool in listed["result"]["tools"])  # those whose answers have a picture
    at_start: dict[str, list[str]] = json.loads(told)
    return at_start


def test_listing_the_tools_loads_nothing_that_only_calls_need() -> None:
    loaded = at_start()["loaded"]
    assert "clientary_mcp.tools" in loaded
    assert [name for name in loaded if any(f"{name}.".startswith(f"{each}.") for each in ONLY_FOR_CALLS)] == []


def test_listing_the_tools_builds_none_of_their_models() -> None:
    built = at_start()["built"]
    assert "mcp_types._types.Tool" in built
    assert [name for name in built if name.startswith(("tool_schemas.", "clientary_mcp."))] == []

"""Serving: MCP over stdio or HTTP, or the sandbox's HTTP API."""

import argparse
import gc
import signal
import sys
from functools import partial
from typing import TYPE_CHECKING

import anyio

from clientary_mcp.cli.options import HOST, HTTP_PORT, SANDBOX_PORT
from clientary_mcp.cli.stdin import StoppableStdin
from clientary_mcp.settings import Settings

if TYPE_CHECKING:
    from clientary_mcp.server.app import ClientaryServer

_PATHS = {"streamable-http": ("streamable HTTP", "/mcp"), "sse": ("SSE", "/sse")}


def serve(options: argparse.Namespace) -> None:
    """Serve MCP until the client closes the connection or a signal arrives."""
    stdin = StoppableStdin.install() if options.transport == "stdio" else None
    gc.disable()  # imports allocate much and free little
    from clientary_mcp.cli.account import account, account_name

    clientary = account(options)
    from clientary_mcp.server.app import ClientaryServer
    from tool_schemas.base.sentences import count_of

    server = ClientaryServer(clientary)
    gc.freeze()
    gc.enable()

    async def run() -> None:
        async with clientary:
            tools = count_of(len(await server.list_tools()), "tool")
            what = f"{account_name(clientary, options)} with {tools}"
            if stdin is None:
                await _serve_http(options, server, clientary.settings, what)
                return
            if stdin.is_terminal:
                _say(_IN_A_TERMINAL.format(what=what))
            try:
                await server.run_stdio_async()
            except* BrokenPipeError:
                pass  # the client has ended, as if it had closed standard input

    anyio.run(run)
    if stdin and stdin.ended_by == signal.SIGINT:
        raise KeyboardInterrupt


_IN_A_TERMINAL = """\
clientary-mcp is an MCP server. It serves {what}
and now waits for JSON-RPC messages on standard input, which an MCP client
normally sends. Press Ctrl-C to stop.

To try it:
  npx @modelcontextprotocol/inspector clientary-mcp --sandbox
  clientary-mcp tools
  clientary-mcp --help"""


async def _serve_http(options: argparse.Namespace, server: "ClientaryServer", settings: Settings, what: str) -> None:
    from clientary_mcp.server.http.app import PROXIES, application, serve
    from clientary_mcp.server.http.drain import Drain

    root_path, proxies = options.root_path or "", options.forwarded_allow_ips or PROXIES
    host, port = options.host or HOST, options.port or HTTP_PORT
    drain = Drain(settings.deadline)
    app = application(server, settings, options.transport, host, options.allowed_host or (), drain, root_path=root_path)
    name, path = _PATHS[options.transport]
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}{path}"
    announce = partial(_say, f"Serving {what} over {name} at {address}")
    await serve(app, host, port, settings.log_level, drain, announce, proxies)


def serve_sandbox(options: argparse.Namespace) -> None:
    """Serve the embedded account's API, as Clientary serves its own."""
    from clientary_mcp.sandbox import Sandbox
    from clientary_mcp.server.http.app import serve
    from clientary_mcp.server.http.drain import Drain

    sandbox, port = Sandbox(options.date), options.port or SANDBOX_PORT

    def announce() -> None:
        print(  # noqa: T201 - output for the user
            f"The sandbox's API is at http://{HOST}:{port}/api/v2/ until you press Ctrl-C. To serve it over MCP:\n"
            f"CLIENTARY_BASE_URL=http://{HOST}:{port} CLIENTARY_API_TOKEN={sandbox.token} clientary-mcp",
            flush=True,
        )

    anyio.run(serve, sandbox.app, HOST, port, "WARNING", Drain(0), announce)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - output for the user

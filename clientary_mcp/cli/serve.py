"""Serving: MCP over stdio or HTTP, or the sandbox's HTTP API."""

import argparse
import gc
import os
import signal
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import anyio

from clientary_mcp.cli.options import HOST, HTTP_PORT, SANDBOX_PORT
from clientary_mcp.cli.stdin import StoppableStdin
from clientary_mcp.logs import announcements, configure
from clientary_mcp.observe import ENDPOINT
from clientary_mcp.settings import Settings

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from clientary_mcp.server.http.drain import Drain

_PATHS = {"streamable-http": ("streamable HTTP", "/mcp"), "sse": ("SSE", "/sse")}


def serve(options: argparse.Namespace) -> None:
    """Serve MCP until the client closes the connection or a signal arrives."""
    stdin = StoppableStdin.install() if options.transport == "stdio" else None
    anyio.run(_serve_callers if _has_callers(options) else _serve_owner, options, stdin)
    if stdin and stdin.ended_by == signal.SIGINT:
        raise KeyboardInterrupt


def _has_callers(options: argparse.Namespace) -> bool:
    return (
        options.transport != "stdio" and not options.sandbox and bool(os.environ.get("CLIENTARY_CALLERS", "").strip())
    )


async def _serve_owner(options: argparse.Namespace, stdin: StoppableStdin | None) -> None:
    from clientary_mcp.cli.account import account_name, opened

    async with opened(options) as clientary, _told(clientary.settings):
        from clientary_mcp.server.app import ClientaryServer
        from tool_schemas.base.sentences import count_of

        server = ClientaryServer(clientary)
        gc.freeze()
        gc.enable()
        what = f"{account_name(clientary, options)} with {count_of(len(await server.list_tools()), 'tool')}"
        if stdin is None:
            from clientary_mcp.server.http.app import application
            from clientary_mcp.server.http.drain import Drain

            settings = clientary.settings
            drain = Drain(settings.deadline)
            app = application(server, settings, options.transport, *_published(options), drain, options.root_path or "")
            await _listen(options, app, settings, drain, what)
            return
        if stdin.is_terminal:
            announcements.info(_IN_A_TERMINAL.format(what=what))
        try:
            await server.run_stdio_async()
        except* BrokenPipeError:
            pass  # the client has ended, as if it had closed standard input


async def _serve_callers(options: argparse.Namespace, _: StoppableStdin | None) -> None:
    from clientary_mcp.cli.account import environment
    from clientary_mcp.server.callers.assembly import assembled
    from clientary_mcp.server.http.drain import Drain
    from clientary_mcp.server.http.for_callers import application
    from clientary_mcp.settings import common_settings, read_serving
    from clientary_mcp.state.backends import backend_for

    serving = read_serving(environment(options))
    assert serving is not None  # noqa: S101 - there are callers
    backend = backend_for(serving.bounds["store"], serving.bounds["keys"], time.time)
    async with _told(common_settings(serving)):
        await backend.open()
        try:
            async with assembled(serving, backend) as assembly:
                drain = Drain(assembly.settings.deadline, serving.drain_seconds)
                app = application(assembly, options.transport, *_published(options), drain, options.root_path or "")
                gc.freeze()
                gc.enable()
                what = f"callers ({', '.join(sorted(serving.callers))})"
                await _listen(options, app, assembly.settings, drain, what)
        finally:
            await backend.aclose()


@asynccontextmanager
async def _told(settings: Settings) -> AsyncIterator[None]:
    """Write the log as the settings say, and export telemetry if the environment asks for it."""
    configure(settings)
    if not os.environ.get(ENDPOINT):
        yield
        return
    from clientary_mcp.server.operations import NAMES
    from clientary_mcp.telemetry import exported

    async with exported(settings, NAMES):
        yield


def _published(options: argparse.Namespace) -> tuple[str, Sequence[str]]:
    """The address to listen on, and the host names that clients may use."""
    return options.host or HOST, options.allowed_host or ()


_IN_A_TERMINAL = """\
clientary-mcp is an MCP server. It serves {what}
and now waits for JSON-RPC messages on standard input, which an MCP client
normally sends. Press Ctrl-C to stop.

To try it:
  npx @modelcontextprotocol/inspector clientary-mcp --sandbox
  clientary-mcp tools
  clientary-mcp --help"""


async def _listen(options: argparse.Namespace, app: "ASGIApp", settings: Settings, drain: "Drain", what: str) -> None:
    from clientary_mcp.server.http.app import PROXIES, serve

    host, port = options.host or HOST, options.port or HTTP_PORT
    name, path = _PATHS[options.transport]
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}{path}"
    announce = partial(announcements.info, f"Serving {what} over {name} at {address}")
    await serve(app, host, port, settings.log_level, drain, announce, options.forwarded_allow_ips or PROXIES)


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

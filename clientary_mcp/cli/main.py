"""The command line: `clientary-mcp`, and its subcommands `sandbox`, `check` and `tools`."""

import argparse
import gc
import os
import sys
import textwrap
import time
from collections.abc import Sequence
from dataclasses import fields
from datetime import date, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING

import anyio

from clientary_mcp.errors import ClientaryError, SettingsError
from clientary_mcp.settings import Settings

if TYPE_CHECKING:
    from clientary_mcp.api.session import Clientary

_DESCRIPTION = """\
An MCP server for Clientary: AI agents work on clients, projects, hours, estimates, invoices and payments.

  clientary-mcp                  serve the account in CLIENTARY_SUBDOMAIN over stdio, as MCP clients start it
  clientary-mcp --sandbox        the same on an embedded account: no Clientary, no token, nothing is real
  clientary-mcp check            try the credentials and say what their owner may see
  clientary-mcp tools            the tools that agents get
"""


HTTP_PORT, SANDBOX_PORT = 8000, 8400

_EMBEDDED = {
    "CLIENTARY_SUBDOMAIN": "",
    "CLIENTARY_BASE_URL": "http://localhost",
    "CLIENTARY_API_TOKEN": "sandbox",
}
"""Where the embedded account is, for the settings."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; exits with 2 when settings are missing or wrong, with 1 when Clientary says no."""
    options = _parser().parse_args(arguments)
    try:
        {None: _serve, "sandbox": _sandbox, "check": _check, "tools": _tools}[options.command](options)
    except ClientaryError as error:
        print(f"clientary-mcp: {error}", file=sys.stderr)  # noqa: T201 - for whoever started it
        sys.exit(2 if isinstance(error, SettingsError) else 1)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # whoever read the output has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "clientary-mcp",
        description=_DESCRIPTION,
        epilog=_environment(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=version("clientary-mcp"))
    transports = ("stdio", "sse", "streamable-http")
    parser.add_argument("--transport", choices=transports, default="stdio", help="how agents connect (stdio)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on, for HTTP (127.0.0.1)")
    parser.add_argument("--port", type=_port, help=f"port to listen on, for HTTP ({HTTP_PORT})")
    parser.add_argument(
        "--allowed-host",
        action="append",
        default=[],
        metavar="NAME",
        help="host name that clients may use, beyond loopback; repeatable",
    )
    parser.add_argument("--read-only", action="store_true", help="offer the reading tools alone")
    for option in ("toolsets", "tools", "exclude-tools"):
        variable = f"CLIENTARY_{option.upper().replace('-', '_')}"
        parser.add_argument(f"--{option}", metavar="NAMES", help=f"instead of {variable}, see below")
    parser.add_argument("--sandbox", action="store_true", help="use the embedded account")
    parser.add_argument("--date", type=_day, help="the day that the embedded account takes for today")
    commands = parser.add_subparsers(dest="command", metavar="command")
    sandbox = commands.add_parser("sandbox", help="serve the embedded account as a stand-in for the API")
    sandbox.add_argument("--port", type=_port, default=argparse.SUPPRESS, help=f"port on loopback ({SANDBOX_PORT})")
    sandbox.add_argument("--date", type=_day, default=argparse.SUPPRESS, help="the day that it takes for today")
    check = commands.add_parser("check", help="try the credentials, by reading alone")
    check.add_argument("--sandbox", action="store_true", default=argparse.SUPPRESS, help="check the embedded account")
    tools = commands.add_parser("tools", help="show the tools")
    tools.add_argument("--json", action="store_true", help="exactly as agents get them")
    return parser


def _environment() -> str:
    """The settings, as the end of the help."""
    variables = [
        (setting.metadata["variable"], setting.metadata["about"], setting.default) for setting in fields(Settings)
    ]
    lines = [
        textwrap.fill(
            f"{about.replace('`', '')}{f' ({default})' if isinstance(default, str | int | float) and default else ''}",
            width=100,
            initial_indent=f"  {variable:30} ",
            subsequent_indent=" " * 33,
        )
        for variable, about, default in variables
    ]
    return "\n".join(["environment:", *lines])


def _port(text: str) -> int:
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError("a port is a number from 1 to 65535")
    return int(text)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError("a day is written YYYY-MM-DD") from None


# The imports below stand in the commands that need them: an agent waits for the server to start.


def _serve(options: argparse.Namespace) -> None:
    gc.disable()  # the imports make much and drop little
    clientary = _account(options)
    from clientary_mcp.server.app import ClientaryServer

    server = ClientaryServer(clientary)
    gc.freeze()
    gc.enable()

    async def run() -> None:
        async with clientary:
            if options.transport == "stdio":
                await server.run_stdio_async()
                return
            from clientary_mcp.server.http.app import application, serve

            settings = clientary.settings
            app = application(server, settings, options.transport, options.host, options.allowed_host)
            await serve(app, options.host, options.port or HTTP_PORT, settings.log_level)

    anyio.run(run)


def _sandbox(options: argparse.Namespace) -> None:
    from clientary_mcp.sandbox import Sandbox
    from clientary_mcp.server.http.app import serve

    sandbox, port = Sandbox(options.date), options.port or SANDBOX_PORT

    def announce() -> None:
        print(  # noqa: T201 - this command speaks to people
            f"The embedded account answers at http://127.0.0.1:{port}/api/v2/ until Ctrl-C. To use it:\n"
            f"CLIENTARY_BASE_URL=http://127.0.0.1:{port} CLIENTARY_API_TOKEN={sandbox.token} clientary-mcp",
            flush=True,
        )

    anyio.run(serve, sandbox.app, "127.0.0.1", port, "WARNING", announce)


def _check(options: argparse.Namespace) -> None:
    from clientary_mcp.cli.check import report

    async def run() -> None:
        async with _account(options) as clientary:
            async for line in report(clientary):
                print(line, flush=True)  # noqa: T201 - this command speaks to people

    anyio.run(run)


def _tools(options: argparse.Namespace) -> None:
    from clientary_mcp.cli.tool_table import as_json, as_table
    from clientary_mcp.tools import ALL
    from clientary_mcp.tools.toolsets import select_tools, unavailable

    chosen = select_tools(ALL, Settings.from_environment(_given(options) | _EMBEDDED))
    print(as_json(chosen, unavailable(ALL, chosen)) if options.json else as_table(chosen))  # noqa: T201 - this command speaks to people


def _account(options: argparse.Namespace) -> "Clientary":
    """The session that the options ask for: with the embedded account only when it is named."""
    from clientary_mcp.api.session import Clientary

    if not options.sandbox:
        return Clientary(Settings.from_environment(_given(options)))
    from clientary_mcp.api.call import Clock
    from clientary_mcp.sandbox import Sandbox
    from clientary_mcp.sandbox.network import Network

    sandbox = Sandbox(options.date)
    ahead = (sandbox.today - datetime.now().astimezone().date()).total_seconds()
    clock = Clock(wall=lambda: time.time() + ahead)  # a report's today is the account's
    return Clientary(Settings.from_environment(_given(options) | _EMBEDDED), Network(sandbox), clock)


def _given(options: argparse.Namespace) -> dict[str, str]:
    """The environment, under what the command line says."""
    said = {
        "CLIENTARY_READ_ONLY": "true" if options.read_only else None,
        "CLIENTARY_TOOLSETS": options.toolsets,
        "CLIENTARY_TOOLS": options.tools,
        "CLIENTARY_EXCLUDE_TOOLS": options.exclude_tools,
    }
    return os.environ | {variable: text for variable, text in said.items() if text is not None}

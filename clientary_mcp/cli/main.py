"""The command line: `clientary-mcp`, and its subcommands."""

import argparse
import gc
import os
import signal
import sys
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing, contextmanager
from types import FrameType

from clientary_mcp.cli.options import WIDTH, help_text, parse
from clientary_mcp.errors import ClientaryError, SettingsError

# Everything else is imported by the subcommand that needs it: an MCP client waits for the server to start.


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command. Exits with 2 if an option or a setting is wrong, and with 1 if Clientary returns an error."""
    try:
        with _ended_by_sigterm():
            _run(parse(arguments))
    except ClientaryError as error:
        print(f"clientary-mcp: {error}", file=sys.stderr)  # noqa: T201 - output for the user
        sys.exit(2 if isinstance(error, SettingsError) else 1)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # the reader of the output stopped reading
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """SIGTERM ends the command even as process 1 of a container, for which the system has no default."""

    def end(number: int, _: FrameType | None) -> None:
        sys.exit(128 + number)

    previous = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


def _help(options: argparse.Namespace) -> str | None:
    """The help for the tool that is to be called, if the words name one."""
    if options.command != "call" or len(options.words) == 1:
        return None
    from clientary_mcp.cli.tool_table import help_for

    return help_for(options.words[1], WIDTH)


def _run(options: argparse.Namespace) -> None:
    if options.help:
        print(_help(options) or help_text(options.command), end="")  # noqa: T201 - output for the user
        sys.exit()
    if options.version:
        from importlib.metadata import version

        print(version("clientary-mcp"))  # noqa: T201 - output for the user
        sys.exit()
    if options.command == "check":
        _check(options)
    elif options.command == "tools":
        _tools(options)
    elif options.command == "store":
        _store(options)
    elif options.command == "callers":
        _callers(options)
    elif options.command == "call":
        from clientary_mcp.cli.call import call

        sys.exit(call(options))
    elif options.command == "backup":
        from clientary_mcp.cli.backup import backup

        sys.exit(backup(options))
    elif options.command in ("install", "uninstall"):
        _install(options)
    elif options.command == "sandbox":
        from clientary_mcp.cli.serve import serve_sandbox

        serve_sandbox(options)
    else:
        _serve(options)


def _serve(options: argparse.Namespace) -> None:
    gc.disable()  # imports allocate much and free little; `serve` enables it again when they are done
    try:
        from clientary_mcp.cli.serve import serve

        serve(options)
    finally:
        gc.enable()  # also where it could not start, for whoever called `main` in a process of their own


def _check(options: argparse.Namespace) -> None:
    if options.store or (os.environ.get("CLIENTARY_CALLERS", "").strip() and not options.sandbox):
        from clientary_mcp.cli.store_check import report as store_report

        _print(store_report(os.environ))
    else:
        _print(_account_report(options))


async def _account_report(options: argparse.Namespace) -> AsyncGenerator[str, None]:
    from clientary_mcp.cli.account import account_name, opened
    from clientary_mcp.cli.check import report

    async with opened(options) as clientary, aclosing(report(clientary)) as lines:
        yield f"account       {account_name(clientary, options)}"
        async for line in lines:
            yield line


def _store(options: argparse.Namespace) -> None:
    from clientary_mcp.cli.store import report

    _print(report(os.environ, forgets=options.action == "forget"))


def _callers(options: argparse.Namespace) -> None:
    from clientary_mcp.cli.callers import report

    _print(report(options))


def _install(options: argparse.Namespace) -> None:
    from clientary_mcp.cli.install.commands import run

    for line in run(options):
        print(line, flush=True)  # noqa: T201 - output for the user


def _tools(options: argparse.Namespace) -> None:
    from clientary_mcp.cli.account import tool_settings
    from clientary_mcp.cli.tool_table import as_json, as_table

    settings = tool_settings(options)
    print(as_json(settings) if options.json else as_table(settings))  # noqa: T201 - output for the user


def _print(lines: AsyncGenerator[str, None]) -> None:
    """Print what a subcommand tells, as it tells it."""
    import anyio

    async def run() -> None:
        async with aclosing(lines):  # also where the reader of the output stops reading
            async for line in lines:
                print(line, flush=True)  # noqa: T201 - output for the user

    anyio.run(run)

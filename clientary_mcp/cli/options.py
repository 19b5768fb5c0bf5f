"""The options of the command: how they are parsed, which subcommand each one is for, and their help."""

import argparse
import sys
import textwrap
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NoReturn

from clientary_mcp.cli import option_values
from clientary_mcp.cli.option_values import nearest
from clientary_mcp.errors import SettingsError
from clientary_mcp.settings import ALL_SETTINGS

HTTP_PORT, SANDBOX_PORT = 8000, 8400
HOST = "127.0.0.1"
WIDTH = 79

_SERVE = ""
_COMMANDS = {
    "install": "set the server up in a host, with your account or --sandbox",
    "uninstall": "take it out of a host again",
    "sandbox": "serve the sandbox's HTTP API, to use in place of Clientary's",
    "check": "check the credentials and what they give access to; changes nothing",
    "tools": "list the tools that agents get; --json prints them in full",
    "store": "show what is remembered of sent writes; store forget empties it",
    "callers": "list, add, limit or remove those who may use a server for several",
    "call": "call one tool, without an agent, and print its answer",
    "backup": "copy the whole account into a directory, or bring the copy up to date",
}
_ACTIONS = {"store": {"forget": ""}, "callers": {"list": "", "add": "NAME", "limit": "ID", "remove": "ID"}}
"""The words that may follow a subcommand, with what must follow each of them."""
_SUBJECTS = {"call": "TOOL", "backup": "DIR", "install": "HOST", "uninstall": "HOST"}
"""What must follow other subcommands; the arguments of the tool follow a `call`."""
_DESCRIPTION = """\
An MCP server for Clientary: AI agents work with clients, projects, hours,
estimates, invoices and payments.

  clientary-mcp            serve your account over stdio, to an MCP client
  clientary-mcp --sandbox  serve an embedded demo account: needs no token
"""
_ALL_OPTIONS = "Run clientary-mcp --help for a list of all options."


@dataclass(frozen=True)
class _Option:
    """An option, the subcommands that it has an effect on, and what else it needs to have one."""

    flag: str
    commands: tuple[str, ...]
    about: str
    needs: Literal["http", "sandbox"] | None = None
    parsing: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.flag.removeprefix("--").replace("-", "_")

    def is_for(self, command: str) -> bool:
        """Whether it has an effect on a subcommand, or on one of its actions."""
        return command in {each.partition(" ")[0] for each in self.commands}


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The subcommand and the options, in any order; SettingsError for what is unknown or would have no effect.

    `command` is None to serve MCP, and `help` asks for `help_text` instead.
    """
    parser = _Parser(add_help=False, allow_abbrev=False)
    parser.add_argument("words", nargs="*")
    given = sys.argv[1:] if arguments is None else arguments
    for option in _taken(next((word for word in given if word in _COMMANDS), _SERVE)):
        parser.add_argument(option.flag, *(["-h"] if option.name == "help" else []), **option.parsing)
    options, unknown = parser.parse_known_intermixed_args(arguments)
    options.command = options.words[0] if options.words else None
    if options.help or options.version:
        return options
    for word in unknown:
        flag, flags = word.partition("=")[0], list(dict.fromkeys(option.flag for option in _OPTIONS))
        meant = [each for each in flags if each.startswith(flag)] or flags
        raise SettingsError(f"There is no option {flag}.{nearest(flag, meant)} {_ALL_OPTIONS}")
    if options.command and options.command not in _COMMANDS:
        known = f"Valid: {', '.join(_COMMANDS)}."
        raise SettingsError(f"There is no subcommand {options.command}.{nearest(options.command, _COMMANDS)} {known}")
    _read_action(options)
    _refuse_ineffective(options)
    options.transport = options.transport or "stdio"
    return options


def _read_action(options: argparse.Namespace) -> None:
    """Set the `action` of the subcommand, and its `subject`; SettingsError if one is missing or not valid."""
    if options.command in _SUBJECTS:
        _read_subject(options)
        return
    actions = _ACTIONS.get(options.command, {})
    given = options.words[1:] or ["list"] * ("list" in actions)
    options.action, options.subject = ([*given, None, None])[:2]
    about = actions.get(options.action, "")
    if given and (options.action not in actions or len(given) > 1 + bool(about)):
        takes = f"takes {' or '.join(actions)}" if actions else "takes options only"
        raise SettingsError(f"{options.command} {takes}, but {' '.join(given)} was given. {_ALL_OPTIONS}")
    if about and not options.subject:
        raise SettingsError(f"{options.command} {options.action} needs {about}.")


def _read_subject(options: argparse.Namespace) -> None:
    """Set the `subject` of the subcommand, and the `given` arguments of a call."""
    options.action, (options.subject, *options.given) = None, options.words[1:] or [None]
    if options.subject is None and not options.list:
        other = ", or --list for the names of the tools" if options.command == "call" else ""
        raise SettingsError(f"{options.command} needs {_SUBJECTS[options.command]}{other}.")
    if options.given and options.command != "call":
        raise SettingsError(
            f"{options.command} takes {_SUBJECTS[options.command]} alone, but {' '.join(options.words[1:])} was given."
        )


def _taken(command: str) -> Collection["_Option"]:
    """Each option once: as the subcommand takes it, else as the last one does that takes it."""
    return {each.flag: each for each in sorted(_OPTIONS, key=lambda each: each.is_for(command))}.values()


def _refuse_ineffective(options: argparse.Namespace) -> None:
    """SettingsError for the first option that has no effect."""
    stdio = (options.transport or "stdio") == "stdio"
    command = options.command or _SERVE
    for option in _taken(command):
        if (value := getattr(options, option.name)) is None or value is False:
            continue
        action = f"{command} {options.action}"
        if command not in option.commands and action not in option.commands:
            called = action if options.action else command
            where = f"with the subcommand {called}" if command else "without a subcommand"
            raise SettingsError(f"{option.flag} has no effect {where}. Remove it.")
        if option.needs == "http" and command == _SERVE and stdio:
            raise SettingsError(f"{option.flag} has no effect over stdio. Remove it, or add --transport http.")
        if option.needs == "sandbox" and command != "sandbox" and not options.sandbox:
            raise SettingsError(f"{option.flag} has no effect on a real account. Remove it, or add --sandbox.")
    if options.store and options.sandbox:
        raise SettingsError(
            "--sandbox has no effect with --store: the embedded account has none. Remove one of the two."
        )


def help_text(command: str | None) -> str:
    """The help for a subcommand, or without one for the whole command, at most 80 columns wide."""
    chosen = command if command in _COMMANDS else _SERVE
    parser = argparse.ArgumentParser(
        "clientary-mcp",
        usage=f"clientary-mcp {chosen or '[subcommand]'} {_actions(chosen)}[options]",
        description=_DESCRIPTION if chosen == _SERVE else f"{_capitalized(_COMMANDS[chosen])}.{_hosts(chosen)}",
        epilog="\n".join(_settings()) if chosen == _SERVE else None,
        formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(prog, max_help_position=26, width=WIDTH),
        add_help=False,
    )
    if chosen == _SERVE:
        commands = parser.add_argument_group("subcommands")
        for name, about in _COMMANDS.items():
            commands.add_argument(name, help=about)
    group = parser.add_argument_group("options")
    for option in _OPTIONS:
        if option.is_for(chosen):
            flags = ["-h"] if option.name == "help" else []
            group.add_argument(*flags, option.flag, help=option.about, **option.parsing)
    return parser.format_help()


def _hosts(command: str) -> str:
    """What HOST may be."""
    if _SUBJECTS.get(command) != "HOST":
        return ""
    from clientary_mcp.cli.install.hosts import HOSTS

    return "\n\n" + textwrap.fill(f"HOST is one of {', '.join(HOSTS)}.", WIDTH, break_on_hyphens=False)


def _actions(command: str) -> str:
    """What follows a subcommand, as its usage shows it: `[add NAME | remove ID] `."""
    if subject := _SUBJECTS.get(command):
        return f"{subject} {'[NAME=VALUE ...] ' if command == 'call' else ''}"
    actions = [f"{action} {about}".strip() for action, about in _ACTIONS.get(command, {}).items()]
    return f"[{' | '.join(actions)}] " if actions else ""


def _settings() -> Iterator[str]:
    """Every setting with its description and default."""
    yield "environment variables:"
    for setting in ALL_SETTINGS:
        default = setting.default
        shown = f" Default: {default}." if isinstance(default, str | int | float) and default else ""
        yield f"  {setting.metadata['variable']}"
        about = f"{setting.metadata['about'].replace('`', '')}{shown}"
        yield textwrap.fill(about, WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 6)


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are sentences."""

    def error(self, message: str) -> NoReturn:
        """Raise a SettingsError; argparse's message is like `argument --port: expected one argument`."""
        flag, colon, what = message.removeprefix("argument ").partition(": ")
        problem = f"{flag} {what}" if colon else message
        problem = _capitalized(problem).replace("expected one argument", "needs a value")
        raise SettingsError(f"{problem.rstrip('.')}." if not problem.endswith("?") else f"{problem} {_ALL_OPTIONS}")


def _capitalized(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"  # str.capitalize makes "http" of "HTTP"


def _value(metavar: str, parse: Callable[[str], Any] = str) -> dict[str, Any]:
    return {"metavar": metavar, "type": parse}


_SWITCH: dict[str, Any] = {"action": "store_true"}
_EVERYWHERE = (_SERVE, *_COMMANDS)
_LIMITING = ("callers add", "callers limit")
_OPTIONS = (
    _Option("--help", _EVERYWHERE, "show this help and exit", parsing=_SWITCH),
    _Option("--version", (_SERVE,), "show the version and exit", parsing=_SWITCH),
    _Option(
        "--sandbox", (_SERVE, "install", "check", "call", "backup"), "use the embedded demo account", parsing=_SWITCH
    ),
    _Option(
        "--date",
        (_SERVE, "check", "sandbox", "call", "backup"),
        "the date that the sandbox treats as today",
        "sandbox",
        _value("YYYY-MM-DD", option_values.day),
    ),
    _Option("--store", ("check",), "check whether the store fits, in place of the account", parsing=_SWITCH),
    _Option(
        "--transport",
        (_SERVE,),
        "how MCP clients connect: stdio (the default), http (streamable HTTP) or sse",
        parsing=_value("TRANSPORT", option_values.transport),
    ),
    _Option("--host", (_SERVE,), f"address to listen on (default: {HOST})", "http", _value("ADDRESS")),
    _Option(
        "--port",
        (_SERVE, "sandbox"),
        f"port to listen on (default: {HTTP_PORT}, sandbox: {SANDBOX_PORT})",
        "http",
        _value("NUMBER", option_values.port),
    ),
    _Option(
        "--allowed-host",
        (_SERVE,),
        "a host name by which clients reach the server, besides localhost; may be repeated",
        "http",
        _value("NAME", option_values.host_name) | {"action": "append"},
    ),
    _Option(
        "--root-path",
        (_SERVE,),
        "the path under which a proxy publishes the server, like /clientary",
        "http",
        _value("PATH", option_values.root_path),
    ),
    _Option(
        "--forwarded-allow-ips",
        (_SERVE,),
        "proxies whose X-Forwarded-For and X-Forwarded-Proto are believed (default: those on this machine)",
        "http",
        _value("ADDRESSES", option_values.proxies),
    ),
    _Option(
        "--account",
        ("callers add",),
        "the account of a new caller, as CLIENTARY_ACCOUNTS lists it; needed where there are several",
        parsing=_value("NAME"),
    ),
    _Option(
        "--read-only",
        (_SERVE, "install", "tools", "call", *_LIMITING),
        "expose only tools that change nothing in Clientary",
        parsing=_SWITCH,
    ),
    *(
        _Option(
            flag,
            (_SERVE, *(["install"] if name == "TOOLSETS" else []), "tools", "call", *_LIMITING),
            f"overrides CLIENTARY_{name}, or narrows it for a caller",
            parsing=_value("NAMES"),
        )
        for flag, name in (
            ("--toolsets", "TOOLSETS"),
            ("--tools", "TOOLS"),
            ("--exclude-tools", "EXCLUDE_TOOLS"),
        )
    ),
    *(
        _Option(
            f"--{kind}-per-hour",
            _LIMITING,
            f"{about} in an hour that a caller may make at most",
            parsing=_value("NUMBER", option_values.number),
        )
        for kind, about in (("deletes", "deletes"), ("mails", "e-mails"), ("charges", "charges"))
    ),
    _Option("--no-limits", ("callers limit",), "allow everything that the server allows", parsing=_SWITCH),
    _Option("--print", ("install",), "print what would be written, and write nothing", parsing=_SWITCH),
    _Option(
        "--name", ("install", "uninstall"), "what the host calls the server (default: clientary)", None, _value("NAME")
    ),
    _Option("--token-stdin", ("install",), "read the API token from standard input", parsing=_SWITCH),
    _Option("--keychain", ("install",), "keep the API token in the system's keychain", parsing=_SWITCH),
    _Option("--yes", ("install",), "replace the server if the host has another of that name", parsing=_SWITCH),
    _Option("--json", ("call",), "arguments of the tool, as a JSON object", parsing=_value("OBJECT")),
    _Option("--json", ("tools", "callers list"), "print JSON: tools as agents receive them", parsing=_SWITCH),
    _Option(
        "--format",
        ("call",),
        "table, json, csv, chart or html (default: a table on a terminal, JSON elsewhere)",
        parsing=_value("FORMAT", option_values.answer_format),
    ),
    _Option("--yes", ("call",), "confirm what would only be shown otherwise", parsing=_SWITCH),
    _Option("--list", ("call",), "list the tools that can be called", parsing=_SWITCH),
)

"""`clientary-mcp install` and `clientary-mcp uninstall`: the server in the configuration of a host, and out of it."""

import argparse
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import nullcontext

import anyio

from clientary_mcp.api.call import Clock
from clientary_mcp.cli.install import account
from clientary_mcp.cli.install.config_file import ConfigFile, as_new_file
from clientary_mcp.cli.install.hosts import HOSTS, TOKEN
from clientary_mcp.cli.install.installation import Installation
from clientary_mcp.cli.install.machine import Machine
from clientary_mcp.errors import BlockedByOwner, SettingsError
from clientary_mcp.settings import Settings
from clientary_mcp.tools import ALL
from clientary_mcp.tools.toolsets import select_tools
from tool_schemas.base.validation import nearest

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,39}")
_OF_CACHES = {"cache", ".cache", "caches", "archive-v0"}
_TO_FILL_IN = {account.SUBDOMAIN: "your-subdomain"}


def run(options: argparse.Namespace, machine: Machine | None = None, clock: Clock | None = None) -> Iterator[str]:
    """Do what the options ask for, and tell it line by line; ClientaryError if that is not possible."""
    wanted = _wanted(options, machine or Machine.this())
    if options.command == "uninstall":
        yield from _uninstall(wanted)
    elif options.print:
        yield from _show(wanted)
    else:
        yield from _install(wanted, options, clock or Clock())


def _wanted(options: argparse.Namespace, machine: Machine) -> Installation:
    """The installation that the options describe; SettingsError if there can be none."""
    name = options.name or "clientary"
    if options.subject not in HOSTS:
        known = ", ".join(HOSTS)
        raise SettingsError(f"There is no host {options.subject}.{nearest(options.subject, HOSTS)} Valid: {known}.")
    if not _NAME.fullmatch(name):
        raise SettingsError("--name must be letters, digits, hyphens and underscores, with a letter first.")
    limits = {"CLIENTARY_READ_ONLY": "true"} if options.read_only else {}
    if options.toolsets:
        limits["CLIENTARY_TOOLSETS"] = options.toolsets
    select_tools(ALL, Settings.from_environment({account.SUBDOMAIN: "any", TOKEN: "any", **limits}))
    wanted = Installation(machine, HOSTS[options.subject], name, limits, options.sandbox, options.keychain)
    for option in ("keychain", "token_stdin"):
        if getattr(options, option) and not wanted.store:
            why = "the embedded account needs no token" if wanted.is_sandbox else "it asks for the token itself"
            flag = f"--{option.replace('_', '-')}"
            raise SettingsError(f"{flag} has no effect for {wanted.host.title}: {why}. Remove it.")
    return wanted


def _install(wanted: Installation, options: argparse.Namespace, clock: Clock) -> Iterator[str]:
    host, store = wanted.host, wanted.store
    _check_command(wanted.machine)
    ConfigFile(wanted.path, host.format).check_writable()  # before anything is asked
    environment = wanted.machine.environment
    address = {} if wanted.is_sandbox else account.address(environment)
    token, remark = "", None
    if store:
        token = account.token(environment, "".join(address.values()), from_stdin=options.token_stdin)
        remark = anyio.run(account.check, account.settings(environment, {**address, TOKEN: token}), clock)
    file, text = _edited(wanted, address)
    if text != file.text and file.value(wanted.place) is not None and not options.yes:
        _ask_to_replace(wanted)
        file, text = _edited(wanted, address)
    earlier = host.variables(file.value(wanted.place))
    with store.kept(token) if store else nullcontext():
        backup = file.write(text) if text != file.text else None
    if store:
        store.forget(earlier, here=False)
        yield f"It is not known whether the token works: {remark}" if remark else "The API token works."
        yield f"The token is kept {store.in_words}."
    if text == file.text:
        yield f"{file.path} has {wanted.name} already, and was not changed."
    else:
        yield f"{wanted.name} is in {file.path} now." + (f" What it was before is in {backup}." if backup else "")
    if wanted.inputs:
        yield f"{host.title} asks for the API token when it starts {wanted.name}, and keeps it itself."
    if text != file.text or store:  # a token is read once, at the start
        yield f"Start {host.title} again, and ask: Which clients owe us money, and since when?"


def _edited(wanted: Installation, address: Mapping[str, str]) -> tuple[ConfigFile, str]:
    """The configuration as it is now, and as it is wanted: answering takes time, in which the host may write it."""
    file = ConfigFile(wanted.path, wanted.host.format)
    return file, file.with_values(wanted.values(address, file.value(wanted.place)))


def _show(wanted: Installation) -> Iterator[str]:
    """What would be written; nothing is asked for, and no token is in it."""
    environment = wanted.machine.environment
    is_known = any(environment.get(each, "").strip() for each in _TO_FILL_IN)
    address = account.address(environment) if is_known or environment.get(account.BASE_URL) else _TO_FILL_IN
    _say(f"This would be added to {wanted.path}:")
    yield as_new_file(wanted.host.format, wanted.values(address)).rstrip()
    if wanted.store:
        _say(f"The API token would be {wanted.store.in_words}.")


def _uninstall(wanted: Installation) -> Iterator[str]:
    file = ConfigFile(wanted.path, wanted.host.format, f"Take {wanted.name} out by hand.")
    entry = file.value(wanted.place)
    if entry is None:
        yield f"{file.path} does not have {wanted.name}, and was not changed."
    else:
        file.write(file.without_values([wanted.place, *wanted.inputs]))
        yield f"{wanted.name} is no longer in {file.path}. Start {wanted.host.title} again."
    if wanted.store and wanted.store.forget(wanted.host.variables(entry)):
        yield "The API token that was kept for it is deleted here. It stays valid until you revoke it in Clientary."


def _check_command(machine: Machine) -> None:
    """SettingsError for a command that is gone once a cache is emptied."""
    if {part.casefold() for part in re.split(r"[/\\]", machine.command[0])} & _OF_CACHES:
        raise SettingsError(
            f"{machine.command[0]} is in a cache, which is emptied now and then. Install the program first, as with"
            " uv tool install or pipx install, and run the command that this gives you."
        )


def _ask_to_replace(wanted: Installation) -> None:
    """Go on if the entry that is there may be replaced."""
    question = f"{wanted.host.title} already has a server named {wanted.name}, with other settings."
    if not sys.stdin.isatty():
        raise SettingsError(f"{question} Add --yes to replace it, or --name to put one beside it.")
    if account.ask(f"{question} Replace it? [y/N] ").casefold() not in ("y", "yes"):
        raise BlockedByOwner("Nothing was changed.", because="person")


def _say(text: str) -> None:
    print(text, file=sys.stderr)  # noqa: T201 - for the user, beside what can be pasted

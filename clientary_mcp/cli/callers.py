"""`clientary-mcp callers`: who may use a server with callers, and what they may do at most.

It works on the server's store, also while servers run.
"""

import argparse
import getpass
import json
import os
import sys
import time
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import asdict, fields
from datetime import UTC, datetime
from typing import Any

import httpx

from clientary_mcp.cli.options import HOST, HTTP_PORT
from clientary_mcp.errors import SettingsError, TokenRejected
from clientary_mcp.server.callers import request_headers
from clientary_mcp.server.callers.caller import Caller
from clientary_mcp.server.callers.credentials import check_credentials, may_be_token
from clientary_mcp.server.callers.vault import Profile, Vault
from clientary_mcp.settings import Serving, read_serving
from clientary_mcp.settings.privileges import ALL_ALLOWED, PER_HOUR, Privileges
from clientary_mcp.state.backends import backend_for
from clientary_mcp.tools import ALL
from clientary_mcp.tools.toolsets import NoToolLeft, select_tools
from tool_schemas.base.parsing import strip_invisible
from tool_schemas.base.validation import nearest

_WITHIN = "Servers that run know it within 30 seconds."
_LONGEST_NAME = 64


async def report(
    options: argparse.Namespace, network: httpx.AsyncBaseTransport | None = None
) -> AsyncGenerator[str, None]:
    """Do what the options ask for, and tell it line by line; SettingsError if that is not possible.

    `network` leads to the account of a new caller.
    """
    serving = _serving()
    limits = _limits(options)
    backend = backend_for(serving.bounds["store"], serving.bounds["keys"], time.time)
    await backend.open(serves=False, makes=options.action == "add")
    try:
        vault = Vault(backend.values, backend.ring, backend.wall)
        if options.action == "add":
            lines = await _add(options, serving, vault, limits, network)
        elif options.action == "list":
            lines = [*_list(await vault.profiles(), as_json=options.json)]
        else:
            profile = _found(options.subject, await vault.profiles())
            _check_limits(serving, profile.account, limits)
            lines = await (_remove(vault, profile) if options.action == "remove" else _limit(vault, profile, limits))
    finally:
        await backend.aclose()
    for line in lines:
        yield line


def _serving() -> Serving:
    serving = read_serving(os.environ)
    if serving is None:
        raise SettingsError("CLIENTARY_CALLERS is not set: set what the server is started with, for its store.")
    if serving.bounds["store"] == "memory":
        raise SettingsError("CLIENTARY_STORE is memory, which each process has alone: name a file or Redis.")
    return serving


def _limits(options: argparse.Namespace) -> Privileges | None:
    """The limits that the options ask for; None if they ask for none, SettingsError for names that do not exist."""
    chosen: dict[str, Any] = {"read_only": options.read_only}
    for name, read in (
        ("toolsets", request_headers.toolsets),
        ("tools", request_headers.tools),
        ("exclude_tools", request_headers.tools),
    ):
        if text := getattr(options, name):
            try:
                chosen[name] = read(text)
            except ValueError as error:
                raise SettingsError(f"--{name.replace('_', '-')} {error}.") from None
    limits = Privileges(**chosen, **{name: getattr(options, name) for name in PER_HOUR})
    if options.action == "limit" and (limits == ALL_ALLOWED) != options.no_limits:
        raise SettingsError("Say what the caller may do at most (--read-only, --toolsets …), or --no-limits.")
    return limits if limits != ALL_ALLOWED or options.no_limits else None


async def _add(
    options: argparse.Namespace,
    serving: Serving,
    vault: Vault,
    limits: Privileges | None,
    network: httpx.AsyncBaseTransport | None,
) -> list[str]:
    if "tokens" not in serving.callers:
        raise SettingsError("CLIENTARY_CALLERS does not contain tokens, so the server would accept none.")
    name = options.subject.strip()
    if not 0 < len(name) <= _LONGEST_NAME or not name.isprintable():
        raise SettingsError(f"The name of a caller must be 1 to {_LONGEST_NAME} printable characters.")
    account = _account(options.account, serving)
    _check_limits(serving, account, limits)
    api_token = _ask(account)
    try:
        rights = await check_credentials(serving, account, api_token, network)
    except TokenRejected as rejected:
        rejected.sentences[1:] = [f"It was made for another account than {account}, or is not valid any more."]
        raise
    known = {profile.id: profile for profile in await vault.profiles()}
    caller = await vault.enroll(name=name, account=account, api_token=api_token, via="tokens", privileges=limits)
    token = await vault.new_static_token(caller.id)
    earlier = known.get(caller.id)
    again = f" They were known as {_shown(earlier.name)}; their earlier tokens stay valid." if earlier else ""
    return [
        f"{_shown(name)} ({caller.id}) may use {account}: {_in_words(caller.privileges)}.{again}",
        rights.in_words,
        "",
        "Their token, which is shown only now:",
        f"  {token}",
        "",
        "For MCP clients that are configured with JSON:",
        _configuration(serving, token),
    ]


def _check_limits(serving: Serving, account: str, limits: Privileges | None) -> None:
    """SettingsError if they leave no tool."""
    try:
        select_tools(ALL, Caller("", "", account, "-", limits or ALL_ALLOWED).settings(serving))
    except NoToolLeft:
        raise SettingsError("These limits leave no tool of those that the server allows.") from None


def _account(named: str | None, serving: Serving) -> str:
    """The address of the account that a new caller is for."""
    assert serving.accounts is not None  # noqa: S101 - checked with the settings
    if named is None:
        if serving.accounts.only is None:
            raise SettingsError("CLIENTARY_ACCOUNTS allows several accounts: say which with --account.")
        return serving.accounts.only
    address = serving.accounts.address(named)
    if address is None:
        known = ", ".join(sorted(serving.accounts.named))
        raise SettingsError(
            f"CLIENTARY_ACCOUNTS does not allow {named}.{nearest(named, serving.accounts.named)} Allowed: {known}."
        )
    return address


def _ask(account: str) -> str:
    """The API token, typed without echo, or from standard input; never an argument, which other users could see."""
    if sys.stdin.isatty():
        token = getpass.getpass(f"API token for {account} (from the profile page in Clientary; not shown): ")
    else:
        token = sys.stdin.readline()
    if not may_be_token(token.strip()):
        raise SettingsError("An API token is 1 to 200 printable ASCII characters without spaces.")
    return token.strip()


def _configuration(serving: Serving, token: str) -> str:
    server = serving.public_url or f"http://{HOST}:{HTTP_PORT}"
    entry = {"type": "http", "url": f"{server}/mcp", "headers": {"Authorization": f"Bearer {token}"}}
    return json.dumps({"mcpServers": {"clientary": entry}}, indent=2)


def _list(profiles: Sequence[Profile], *, as_json: bool) -> Iterator[str]:
    if as_json:
        rows = [
            {name: value for name, value in asdict(profile).items() if name != "privileges"}
            | {"limits": profile.privileges.to_json(), "made": _moment(profile.made), "seen": _moment(profile.seen)}
            for profile in profiles
        ]
        yield json.dumps({"callers": rows}, indent=2, ensure_ascii=False)
        return
    if not profiles:
        yield "Nobody yet: clientary-mcp callers add NAME."
        return
    table = [("id", "name", "account", "via", "made", "last seen", "may")]
    for each in profiles:
        may = "nothing: their credential is rejected" if each.dead else _in_words(each.privileges)
        made, seen = (moment[:10] if moment else "never" for moment in (_moment(each.made), _moment(each.seen)))
        table.append((each.id, _shown(each.name), each.account, each.via, made, seen, may))
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        yield "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()


async def _limit(vault: Vault, profile: Profile, limits: Privileges | None) -> list[str]:
    if not await vault.limit(profile.id, limits or ALL_ALLOWED):
        raise SettingsError(f"{profile.id} cannot be changed: none of CLIENTARY_KEYS opens what is kept of them.")
    return [f"{_shown(profile.name)} ({profile.id}) may now use: {_in_words(limits or ALL_ALLOWED)}. {_WITHIN}"]


async def _remove(vault: Vault, profile: Profile) -> list[str]:
    await vault.remove(profile.id)
    return [
        f"{_shown(profile.name)} ({profile.id}) was removed, with all their tokens. {_WITHIN}",
        "The API token itself can be revoked in Clientary, by its owner.",
    ]


def _found(caller_id: str, profiles: Sequence[Profile]) -> Profile:
    """The profile with that id; SettingsError names those that may be meant."""
    for profile in profiles:
        if profile.id == caller_id:
            return profile
    called = [each for each in profiles if each.name.casefold() == caller_id.casefold()]
    if called:
        meant = f" Did you mean {', '.join(each.id for each in called)}, which is {_shown(called[0].name)}?"
    else:
        meant = nearest(caller_id, [each.id for each in profiles])
    raise SettingsError(f"There is no caller {_shown(caller_id)}.{meant} clientary-mcp callers lists them.")


def _in_words(privileges: Privileges) -> str:
    """What somebody may do at most: `read only, toolsets clients invoices, 5 deletes an hour`."""
    parts = ["read only"] if privileges.read_only else []
    for each in fields(privileges):
        value = getattr(privileges, each.name)
        if isinstance(value, frozenset) and value:
            parts.append(f"{each.name.replace('_', ' ')} {' '.join(sorted(value))}")
        elif each.name in PER_HOUR and value is not None:
            parts.append(f"{value} {each.name.partition('_')[0]} an hour")
    return ", ".join(parts) or "everything that the server allows"


def _moment(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _shown(name: str) -> str:
    """A name, or what was typed for one, without characters that do something to a terminal."""
    return "".join(mark for mark in strip_invisible(name)[:_LONGEST_NAME] if mark.isprintable())

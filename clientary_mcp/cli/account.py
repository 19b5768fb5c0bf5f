"""The account and the settings that the options and the environment ask for."""

import argparse
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from clientary_mcp.api.call import Clock
from clientary_mcp.api.session import Clientary
from clientary_mcp.errors import SettingsError
from clientary_mcp.settings import Settings
from clientary_mcp.state.memory import Memory

if TYPE_CHECKING:
    from clientary_mcp.state.backend import Backend

_EMBEDDED = {
    "CLIENTARY_SUBDOMAIN": "",
    "CLIENTARY_ADDRESS": "",
    "CLIENTARY_BASE_URL": "http://localhost",
    "CLIENTARY_API_TOKEN": "sandbox",
    "CLIENTARY_API_TOKEN_FILE": "",
    "CLIENTARY_API_TOKEN_KEYCHAIN": "",
}
"""The settings of the embedded account, whatever account the environment names."""

_ABOUT_TOOLS = ("READ_ONLY", "TOOLSETS", "TOOLS", "EXCLUDE_TOOLS", "REQUIRED_FIELDS", "ANSWERS")
"""The settings that determine which tools are published, and how."""


def account(
    options: argparse.Namespace, memory: Memory | None = None, wall: Callable[[], float] = time.time
) -> Clientary:
    """A session with the account in the environment, or with the embedded one if `--sandbox` was given."""
    given = environment(options)
    if not options.sandbox:
        return Clientary(Settings.from_environment(given), clock=Clock(wall=wall), memory=memory)
    if given.get("CLIENTARY_CALLERS", "").strip():
        raise SettingsError(
            "--sandbox serves one owner, but CLIENTARY_CALLERS is set. Remove one of the two: callers can use the"
            " embedded account as clientary-mcp sandbox serves it."
        )
    from clientary_mcp.sandbox import Sandbox
    from clientary_mcp.sandbox.network import Network

    sandbox = Sandbox(options.date)
    ahead = (sandbox.today - datetime.now().astimezone().date()).total_seconds()
    clock = Clock(wall=lambda: time.time() + ahead)  # a report's today is the account's
    settings = Settings.from_environment(given | _EMBEDDED)
    return Clientary(settings, Network(sandbox), clock, memory)


@asynccontextmanager
async def opened(options: argparse.Namespace) -> AsyncIterator[Clientary]:
    """The same, with the Redis that it shares with the owner's other machines, if the environment names one."""
    async with AsyncExitStack() as stack:
        memory, wall = None, time.time
        if not options.sandbox:
            settings = Settings.from_environment(environment(options))
            if is_on_redis(settings):
                backend = await stack.enter_async_context(opened_backend(settings))
                memory, wall = backend.memory(settings), backend.wall
        yield await stack.enter_async_context(account(options, memory, wall))


def is_on_redis(settings: Settings) -> bool:
    """Whether a single owner's machines share what they remember."""
    return settings.store is not None and settings.store.startswith("redis")


@asynccontextmanager
async def opened_backend(settings: Settings, *, serves: bool = True) -> AsyncIterator["Backend"]:
    """The Redis or the vault of the settings, for a server or beside one; SettingsError if it cannot be used."""
    from clientary_mcp.state.backends import backend_for

    backend = backend_for(settings.store or "", settings.keys, time.time)
    await backend.open(serves=serves, makes=serves)
    try:
        yield backend
    finally:
        await backend.aclose()


def account_name(clientary: Clientary, options: argparse.Namespace) -> str:
    """The account as messages to the user name it."""
    return "the sandbox" if options.sandbox else clientary.settings.address


def tool_settings(options: argparse.Namespace) -> Settings:
    """The settings that determine which tools are published; no other variable is read, so none can be invalid."""
    given = environment(options)
    chosen = {name: given[name] for part in _ABOUT_TOOLS if (name := f"CLIENTARY_{part}") in given}
    return Settings.from_environment(chosen | _EMBEDDED)


def environment(options: argparse.Namespace) -> dict[str, str]:
    """The environment, overridden by the options."""
    given = {
        "CLIENTARY_READ_ONLY": "true" if options.read_only else None,
        "CLIENTARY_TOOLSETS": options.toolsets,
        "CLIENTARY_TOOLS": options.tools,
        "CLIENTARY_EXCLUDE_TOOLS": options.exclude_tools,
    }
    return os.environ | {variable: text for variable, text in given.items() if text is not None}

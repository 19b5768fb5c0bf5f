"""The account and the settings that the options and the environment ask for."""

import argparse
import os
import time
from datetime import datetime

from clientary_mcp.api.session import Clientary
from clientary_mcp.settings import Settings

_EMBEDDED = {
    "CLIENTARY_SUBDOMAIN": "",
    "CLIENTARY_BASE_URL": "http://localhost",
    "CLIENTARY_API_TOKEN": "sandbox",
}
"""The settings of the embedded account."""

_ABOUT_TOOLS = ("READ_ONLY", "TOOLSETS", "TOOLS", "EXCLUDE_TOOLS", "REQUIRED_FIELDS", "ANSWERS")
"""The settings that determine which tools are published, and how."""


def account(options: argparse.Namespace) -> Clientary:
    """A session with the account in the environment, or with the embedded one if `--sandbox` was given."""
    if not options.sandbox:
        return Clientary(Settings.from_environment(_environment(options)))
    from clientary_mcp.api.call import Clock
    from clientary_mcp.sandbox import Sandbox
    from clientary_mcp.sandbox.network import Network

    sandbox = Sandbox(options.date)
    ahead = (sandbox.today - datetime.now().astimezone().date()).total_seconds()
    clock = Clock(wall=lambda: time.time() + ahead)  # a report's today is the account's
    return Clientary(Settings.from_environment(_environment(options) | _EMBEDDED), Network(sandbox), clock)


def account_name(clientary: Clientary, options: argparse.Namespace) -> str:
    """The account as messages to the user name it."""
    return "the sandbox" if options.sandbox else clientary.settings.address


def tool_settings(options: argparse.Namespace) -> Settings:
    """The settings that determine which tools are published; no other variable is read, so none can be invalid."""
    given = _environment(options)
    chosen = {name: given[name] for part in _ABOUT_TOOLS if (name := f"CLIENTARY_{part}") in given}
    return Settings.from_environment(chosen | _EMBEDDED)


def _environment(options: argparse.Namespace) -> dict[str, str]:
    """The environment, overridden by the options."""
    given = {
        "CLIENTARY_READ_ONLY": "true" if options.read_only else None,
        "CLIENTARY_TOOLSETS": options.toolsets,
        "CLIENTARY_TOOLS": options.tools,
        "CLIENTARY_EXCLUDE_TOOLS": options.exclude_tools,
    }
    return os.environ | {variable: text for variable, text in given.items() if text is not None}

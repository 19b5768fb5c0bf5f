"""The settings of a server that serves many callers: how they are recognized, and which accounts are theirs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from clientary_mcp.errors import SettingsError
from clientary_mcp.settings import values
from clientary_mcp.settings.accounts import Accounts, read_accounts
from clientary_mcp.settings.problems import invalid
from clientary_mcp.settings.setting import setting

Door = Literal["sign-in", "tokens", "headers"]
"""How a caller is recognized: by signing in on our page, by a token of the operator, by credentials in headers."""

KNOWN_CLIENTS = (
    "claude.ai",
    "claude.com",
    "chatgpt.com",
    "chat.openai.com",
    "vscode.dev",
    "insiders.vscode.dev",
    "anysphere.cursor-mcp",
)
"""Hosts that a sign-in may send people back to, besides programs on loopback; the last is in `cursor://…`."""

_OF_AN_OWNER = {
    "subdomain": "CLIENTARY_SUBDOMAIN",
    "base_url": "CLIENTARY_BASE_URL",
    "whole_address": "CLIENTARY_ADDRESS",
    "api_token": "CLIENTARY_API_TOKEN",
}


@dataclass(frozen=True)
class Serving:
    """A server for callers.

    `bounds` are the `Settings` that hold for all of them, without account and credential. `environment` may name the
    proxies that many programs share.
    """

    callers: frozenset[Door] = setting(
        "CLIENTARY_CALLERS",
        values.words(get_args(Door)),
        "Serve several people, each with credentials of their own, over HTTP: `sign-in` (people sign in on a page of"
        " this server, as hosted assistants expect), `tokens` (made with clientary-mcp callers add), `headers`"
        " (credentials with each request, behind `CLIENTARY_MCP_TOKEN`). Without it, one owner is served.",
        frozenset(),
    )
    public_url: str | None = setting(
        "CLIENTARY_PUBLIC_URL",
        values.public_url,
        "The address by which clients reach the server, `https://mcp.example.com`, without a path; needed with"
        " `sign-in`.",
    )
    accounts: Accounts | None = setting(
        "CLIENTARY_ACCOUNTS",
        read_accounts,
        "The accounts that callers may use: subdomains (`acme, beta`), hosts of accounts on their own domain"
        " (`clients.example.com`, or `clients.example.com=acme` if both are one account), or `*` for every subdomain.",
    )
    clients: frozenset[str] = setting(
        "CLIENTARY_CLIENTS",
        values.hosts,
        "Hosts that a sign-in may send people back to, besides programs on their own machine; `*` is any over https.",
        frozenset(KNOWN_CLIENTS),
    )
    calls_at_once: int = setting(
        "CLIENTARY_CALLS_AT_ONCE",
        values.whole_number(1, 1_000),
        "Maximum number of calls of one caller at the same time; the next ones wait.",
        8,
    )
    drain_seconds: float = setting(
        "CLIENTARY_DRAIN_SECONDS",
        values.number(0, 600),
        "Seconds for which a server with callers goes on serving after SIGTERM, while /ready says that it is draining.",
        10,
    )
    bounds: Mapping[str, Any] = field(default_factory=dict, repr=False)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        for name, variable in _OF_AN_OWNER.items():
            if self.bounds.get(name):
                why = "callers bring their own credentials. Remove one of the two."
                raise SettingsError(f"{variable} and CLIENTARY_CALLERS are both set, but {why}")
        if self.accounts is None:
            raise invalid("CLIENTARY_ACCOUNTS", "is missing: it lists the accounts that callers may use")
        if not self.bounds.get("keys"):
            raise invalid("CLIENTARY_KEYS", "is missing: credentials are sealed with it")
        if not self.bounds.get("store"):
            raise invalid("CLIENTARY_STORE", "is missing: file:/path for one process, redis://… for several, or memory")
        if "sign-in" in self.callers and self.public_url is None:
            raise invalid("CLIENTARY_PUBLIC_URL", "is missing: people sign in at that address")
        if "headers" in self.callers and not self.bounds.get("mcp_token"):
            raise invalid("CLIENTARY_MCP_TOKEN", "is missing: it is the gate in front of the headers with credentials")
        if "headers" not in self.callers and self.bounds.get("mcp_token"):
            raise invalid("CLIENTARY_MCP_TOKEN", "has no effect: each caller has a token of their own")
        if self.bounds.get("staff_id"):
            raise invalid("CLIENTARY_STAFF_ID", "is one person's, and CLIENTARY_CALLERS serves several")
        if self.bounds.get("cost_rates") and self.accounts.only is None:
            raise invalid("CLIENTARY_COST_RATES", "belongs to one account, and CLIENTARY_ACCOUNTS allows several")

"""The accounts that a server with callers may work on: `acme, beta`, `clients.example.com=gamma`, or `*`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from clientary_mcp.settings.address import account_address, account_name, is_loopback

_SUBDOMAIN = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
_EXAMPLE = "must list subdomains (acme, beta), hosts of accounts on their own domain (clients.example.com), or *"


@dataclass(frozen=True)
class Accounts:
    """Which accounts are allowed, and by which names people call them."""

    named: Mapping[str, str]
    """The address of each account, `https://host` without a trailing slash, by the names that lead to it."""
    any_subdomain: bool = False

    def address(self, name: str) -> str | None:
        """The address of the account that somebody calls so, by subdomain or host; None where it is not allowed."""
        called = account_name(name)
        if called in self.named:
            return self.named[called]
        if self.any_subdomain and _SUBDOMAIN.fullmatch(called):
            return account_address(called, None)
        return None

    @property
    def only(self) -> str | None:
        """The address of the one account that is allowed; None where there may be several."""
        addresses = {*self.named.values()}
        return None if self.any_subdomain or len(addresses) != 1 else next(iter(addresses))


def read_accounts(text: str) -> Accounts:
    """The accounts that a setting lists; ValueError says what is valid.

    `host=subdomain` says that a host of one's own and a subdomain are one account. Loopback hosts with a port are
    plain http, and stand for accounts in tests.
    """
    named: dict[str, str] = {}
    entries = [entry for entry in re.split(r"[\s,]+", text) if entry]
    for entry in entries:
        if entry == "*":
            continue
        host, _, subdomain = entry.lower().partition("=")
        address = _address(host)
        if subdomain and (not _SUBDOMAIN.fullmatch(subdomain) or "." not in host):
            raise ValueError(_EXAMPLE)
        named |= {name: address for name in (account_name(host), subdomain) if name}
    if not entries:
        raise ValueError(_EXAMPLE)
    return Accounts(named, any_subdomain="*" in entries)


def _address(host: str) -> str:
    """The address of an account that is listed as a subdomain, or as a host."""
    from clientary_mcp.errors import SettingsError

    name, _, port = host.rpartition(":") if re.search(r":\d+$", host) else (host, "", "")
    if port and not is_loopback(name.strip("[]")):
        raise ValueError(_EXAMPLE)
    try:
        if _SUBDOMAIN.fullmatch(host) and not is_loopback(host):
            return account_address(host, None)
        return account_address(None, f"{'http' if port else 'https'}://{host}")
    except SettingsError:
        raise ValueError(_EXAMPLE) from None

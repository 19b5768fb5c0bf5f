"""The account that a host gets: its address and its API token, from the environment or asked for, and tried once."""

import getpass
import re
import sys
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import urlsplit

from clientary_mcp.api.call import Clock
from clientary_mcp.api.session import Clientary
from clientary_mcp.cli.install.hosts import TOKEN
from clientary_mcp.cli.install.token_store import FILE, KEYCHAIN
from clientary_mcp.errors import BlockedByOwner, NotAllowed, NotFound, SettingsError, TokenRejected, Unavailable
from clientary_mcp.settings import Settings
from clientary_mcp.settings.address import account_name, is_loopback

SUBDOMAIN, BASE_URL, ADDRESS = "CLIENTARY_SUBDOMAIN", "CLIENTARY_BASE_URL", "CLIENTARY_ADDRESS"
_WAYS = (SUBDOMAIN, BASE_URL, ADDRESS)
OF_ACCOUNT = (*_WAYS, TOKEN, FILE, KEYCHAIN)
"""The variables that say which account the server works with."""

_SECONDS = 10
_AROUND = " \t\r\n\"'`“”"
"""What stands around a value that was copied from a text."""
NEW_TOKEN = "Generate a new one in Clientary on your profile page, under Generate API Token."  # noqa: S105 - a sentence


def address(environment: Mapping[str, str]) -> dict[str, str]:
    """The setting with the account's address; SettingsError if it is not valid, or nobody can be asked."""
    given = {name: text for name in _WAYS if (text := environment.get(name, "").strip())}
    if not given:
        if not sys.stdin.isatty():
            raise SettingsError(f"Set {SUBDOMAIN}: without a terminal it cannot be asked for.")
        given = _as_setting(ask("Address at which you log in, like acme.clientary.com: "))
    Settings.from_environment({**given, TOKEN: "any"})  # SettingsError for one that is not valid
    return given


def _as_setting(typed: str) -> dict[str, str]:
    """The setting for what people type: acme, acme.clientary.com, or an address from the browser."""
    text = typed.strip(_AROUND)
    try:
        url = urlsplit(text if "//" in text else f"https://{text}")
        host, is_local = url.netloc.rpartition("@")[2], is_loopback(url.hostname or "")
    except ValueError:
        raise SettingsError(f"{typed} is not an address at which people log in.") from None
    name = account_name(host)
    if "." not in name and not is_local and ":" not in host:
        return {SUBDOMAIN: name}
    return {BASE_URL: f"{url.scheme if is_local else 'https'}://{host.lower()}"}


def token(environment: Mapping[str, str], at: str, *, from_stdin: bool) -> str:
    """The API token; never from an argument, which other users of the machine could see."""
    if from_stdin:
        return _pasted(sys.stdin.readline())
    if given := environment.get(TOKEN, "").strip():
        return given
    if not sys.stdin.isatty():
        raise SettingsError(f"Set {TOKEN}, or use --token-stdin: without a terminal it cannot be asked for.")
    typed = _pasted(ask(f"API token for {at} (from your profile page in Clientary; not shown): ", shown=False))
    if not typed:
        raise SettingsError(f"No API token was given. {NEW_TOKEN}")
    return typed


def _pasted(text: str) -> str:
    """A token without what people copy along with it: quotes, and the word that precedes it in a request."""
    return re.sub(r"^bearer\s+", "", text.strip(_AROUND), flags=re.IGNORECASE)


def ask(question: str, *, shown: bool = True) -> str:
    """What somebody answers at the terminal; BlockedByOwner if they end the input instead, as with Ctrl-D."""
    try:
        return (input if shown else getpass.getpass)(question).strip()
    except EOFError:
        sys.stderr.write("\n")
        raise BlockedByOwner("Nothing was changed.", because="person") from None


def settings(environment: Mapping[str, str], account: Mapping[str, str]) -> Settings:
    """The settings with that account, and otherwise as the environment has them; SettingsError for an invalid one."""
    others = {name: text for name, text in environment.items() if name not in OF_ACCOUNT}
    return Settings.from_environment({**others, **account})


async def check(chosen: Settings, clock: Clock) -> str | None:
    """Try the token with one call. Returns why it is not known whether it works, if Clientary cannot be reached.

    TokenRejected if Clientary does not accept it, and NotFound if there is no account.
    """
    async with Clientary(replace(chosen, deadline=_SECONDS), clock=clock) as clientary:
        try:
            await clientary.fetch("clients", {"page": 1})
        except TokenRejected as rejected:
            rejected.sentences[1:] = [NEW_TOKEN]
            raise
        except NotAllowed:
            return None  # the token is accepted; its owner may just not see clients
        except NotFound:
            raise NotFound(
                f"{chosen.address} answers, but not as a Clientary account. Check {SUBDOMAIN}, {ADDRESS} or {BASE_URL}."
            ) from None
        except Unavailable as error:
            return str(error)
    return None

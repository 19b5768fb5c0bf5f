"""The account that a host gets: its address and its API token, from the environment or asked for, and tried once."""

import getpass
import sys
from collections.abc import Mapping
from dataclasses import replace

from clientary_mcp.api.call import Clock
from clientary_mcp.api.session import Clientary
from clientary_mcp.cli.install.hosts import TOKEN
from clientary_mcp.cli.install.token_store import FILE, KEYCHAIN
from clientary_mcp.errors import BlockedByOwner, NotAllowed, NotFound, SettingsError, TokenRejected, Unavailable
from clientary_mcp.settings import Settings
from clientary_mcp.settings.address import account_name

SUBDOMAIN, BASE_URL = "CLIENTARY_SUBDOMAIN", "CLIENTARY_BASE_URL"
OF_ACCOUNT = (SUBDOMAIN, BASE_URL, TOKEN, FILE, KEYCHAIN)
"""The variables that say which account the server works with."""

_SECONDS = 10


def address(environment: Mapping[str, str]) -> dict[str, str]:
    """The setting with the account's address; SettingsError if it is not valid, or nobody can be asked."""
    given = {name: text for name in (SUBDOMAIN, BASE_URL) if (text := environment.get(name, "").strip())}
    if not given:
        if not sys.stdin.isatty():
            raise SettingsError(f"Set {SUBDOMAIN}: without a terminal it cannot be asked for.")
        given = {SUBDOMAIN: account_name(ask("Address at which you log in, like acme.clientary.com: "))}
    Settings(subdomain=given.get(SUBDOMAIN), base_url=given.get(BASE_URL), api_token="any")  # noqa: S106 - not used
    return given


def token(environment: Mapping[str, str], at: str, *, from_stdin: bool) -> str:
    """The API token; never from an argument, which other users of the machine could see."""
    if from_stdin:
        return sys.stdin.readline().strip()
    if given := environment.get(TOKEN, "").strip():
        return given
    if not sys.stdin.isatty():
        raise SettingsError(f"Set {TOKEN}, or use --token-stdin: without a terminal it cannot be asked for.")
    return ask(f"API token for {at} (from your profile page in Clientary; not shown): ", shown=False)


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
            rejected.sentences[1:] = ["Generate a new one in Clientary on your profile page, under Generate API Token."]
            raise
        except NotAllowed:
            return None  # the token is accepted; its owner may just not see clients
        except NotFound:
            raise NotFound(
                f"{chosen.address} answers, but not as a Clientary account. Check {SUBDOMAIN} or {BASE_URL}."
            ) from None
        except Unavailable as error:
            return str(error)
    return None

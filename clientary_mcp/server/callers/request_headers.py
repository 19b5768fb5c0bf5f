"""The headers of requests that are ours: credentials, and what narrows the privileges of one connection."""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from starlette.types import Scope

from clientary_mcp.settings import values
from clientary_mcp.settings.accounts import Accounts
from clientary_mcp.settings.privileges import Privileges
from clientary_mcp.tools import ALL
from clientary_mcp.tools.toolsets import TOOLSETS
from tool_schemas.base.validation import nearest

_PREFIX = "x-clientary-"
_AUTHORIZATION = "authorization"
_SUBDOMAIN, _HOST, _TOKEN, _CALLER = (f"{_PREFIX}{name}" for name in ("subdomain", "host", "token", "caller"))
CREDENTIALS = (_SUBDOMAIN, _HOST, _TOKEN, _CALLER)
_BEARER = re.compile(r"bearer +(\S+) *", re.IGNORECASE)


class Refusal(Exception):
    """A request that is not served: the HTTP status, and a sentence on why. It never repeats a credential."""

    def __init__(self, status: int, why: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(why)
        self.status, self.why, self.headers = status, why, headers


@dataclass(frozen=True)
class Credentials:
    """What a request through the door `headers` brings along."""

    account: str
    api_token: str = field(repr=False)
    name: str


def headers_of(scope: Scope) -> dict[str, str]:
    """Our headers of a request, and Authorization, by name in lower case; Refusal for unknown and repeated ones."""
    given: dict[str, str] = {}
    for raw, value in scope["headers"]:
        name = raw.decode("latin-1").lower()
        if _is_ours(name):
            if name in given:
                raise Refusal(400, f"The header {_shown(name)} was sent twice.")
            if name not in _KNOWN:
                known = [_shown(each) for each in _KNOWN if each != _AUTHORIZATION]
                raise Refusal(400, f"There is no header {_shown(name)}. Valid: {', '.join(known)}.")
            given[name] = value.decode("latin-1").strip()
    return given


def without_ours(scope: Scope) -> Scope:
    """The same request without these headers, so that nothing behind can log them."""
    headers = [(name, value) for name, value in scope["headers"] if not _is_ours(name.decode("latin-1").lower())]
    return {**scope, "headers": headers}


def bearer_of(given: Mapping[str, str]) -> str | None:
    """The bearer token; None if there is none."""
    found = _BEARER.fullmatch(given.get(_AUTHORIZATION, ""))
    return found[1] if found else None


def credentials_of(given: Mapping[str, str], accounts: Accounts) -> Credentials | None:
    """The credentials; None if they are missing. Refusal where they are not valid, or the account is not allowed."""
    named = [given[name] for name in (_SUBDOMAIN, _HOST) if given.get(name)]
    token, name = given.get(_TOKEN), given.get(_CALLER, "")
    if len(named) > 1:
        raise Refusal(400, f"{_shown(_SUBDOMAIN)} and {_shown(_HOST)} were both sent, but only one can be used.")
    if not named or not token:
        return None
    if not re.fullmatch(r"[!-~]{1,200}", token):
        raise Refusal(400, f"{_shown(_TOKEN)} must be 1 to 200 printable ASCII characters without spaces.")
    name = _utf8(name)
    if len(name) > 64 or not name.isprintable():
        raise Refusal(400, f"{_shown(_CALLER)} must be at most 64 printable characters.")
    account = accounts.address(named[0])
    if account is None:
        raise Refusal(403, "This server does not serve that account.")
    return Credentials(account, token, name)


def narrowing_of(given: Mapping[str, str]) -> Privileges:
    """What the headers leave of the privileges; Refusal for a name that does not exist."""
    chosen: dict[str, Any] = {}
    for name, (setting, read) in _NARROWING.items():
        if text := given.get(name):
            try:
                chosen[setting] = read(text)
            except ValueError as error:
                raise Refusal(400, f"{_shown(name)} {error}.") from None
    return Privileges(**chosen)


def toolsets(text: str) -> frozenset[str]:
    """The names of toolsets in a text; ValueError says which are valid."""
    return _existing(text, TOOLSETS)


def tools(text: str) -> frozenset[str]:
    """The names of tools in a text; ValueError says which are valid."""
    return _existing(text, _tool_names())


_NARROWING: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    f"{_PREFIX}read-only": ("read_only", values.true_or_false),
    f"{_PREFIX}toolsets": ("toolsets", toolsets),
    f"{_PREFIX}tools": ("tools", tools),
    f"{_PREFIX}exclude-tools": ("exclude_tools", tools),
}
_KNOWN = (_AUTHORIZATION, *CREDENTIALS, *_NARROWING)


def _existing(text: str, valid: Collection[str]) -> frozenset[str]:
    named = values.names(text)
    for name in sorted(named.difference(valid)):
        raise ValueError(
            f"names {name[:64]!r}, which does not exist.{nearest(name, valid)} Valid: {', '.join(sorted(valid))}"
        )
    return named


@cache
def _tool_names() -> frozenset[str]:
    return frozenset(tool.name for tool in ALL)


def _is_ours(name: str) -> bool:
    """Whether a header is meant for us, also with underscores, for which some proxies take hyphens."""
    return name == _AUTHORIZATION or name.replace("_", "-").startswith(_PREFIX)


def _shown(name: str) -> str:
    """`x-clientary-read-only` as people write it, at most 64 characters of it."""
    return "-".join(part.capitalize() for part in name[:64].split("-"))


def _utf8(text: str) -> str:
    """A header's text, which clients send as UTF-8 and HTTP libraries read as Latin-1."""
    try:
        return text.encode("latin-1").decode()
    except UnicodeDecodeError:
        return text

"""Everything that can be configured, read once from the environment and checked."""

import ipaddress
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, cast, get_args
from urllib.parse import urlsplit

from clientary_mcp.errors import SettingsError

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]

_SUBDOMAIN = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.IGNORECASE)
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|[0-9a-f]*:[0-9a-f:]*")
_API = "/api/v2"

_VARIABLES = {
    "subdomain": "CLIENTARY_SUBDOMAIN",
    "base_url": "CLIENTARY_BASE_URL",
    "api_token": "CLIENTARY_API_TOKEN",
    "concurrency": "CLIENTARY_CONCURRENCY",
    "requests_per_second": "CLIENTARY_REQUESTS_PER_SECOND",
    "deadline": "CLIENTARY_DEADLINE",
    "log_level": "CLIENTARY_LOG_LEVEL",
    "mcp_token": "CLIENTARY_MCP_TOKEN",
}
_WHERE = {
    "subdomain": "take the first part of the address you log in at (acme in acme.clientary.com)",
    "base_url": "take the address you log in at, like https://clients.example.com",
    "api_token": "generate one in Clientary on your profile page, under Generate API Token",
}
_RANGES = {"concurrency": (1, 64), "requests_per_second": (0, 1000), "deadline": (1, 3600)}


@dataclass(frozen=True)
class Settings:
    """One account, and how to treat it. Raises SettingsError for a value that cannot be.

    Exactly one of `subdomain` (for `https://{subdomain}.clientary.com`) and `base_url` is given; `base_url`
    may end with `/api/v2`.
    """

    api_token: str = field(repr=False)
    subdomain: str | None = None
    base_url: str | None = None
    concurrency: int = 4
    """Requests at the same time."""
    requests_per_second: float = 0
    """At most; 0 is no limit of ours: Clientary publishes none, and when it asks to slow down we do."""
    deadline: float = 60
    """Seconds that one call may take, waits and retries included."""
    log_level: LogLevel = "WARNING"
    mcp_token: str | None = field(default=None, repr=False)
    """What clients have to send over HTTP, as a bearer token; needed where other machines can reach the server."""

    def __post_init__(self) -> None:
        if self.subdomain and self.base_url:
            raise _wrong("base_url", f"and {_VARIABLES['subdomain']} are both set, and one of them has to go")
        if not self.subdomain and not self.base_url:
            raise _wrong("subdomain", f"is missing (or {_VARIABLES['base_url']}, for an account on its own domain)")
        self.address  # noqa: B018 - raises for an address that cannot be
        if not self.api_token:
            raise _wrong("api_token", "is missing")
        if not re.fullmatch(r"[!-~]{1,200}", self.api_token):
            raise _wrong("api_token", "holds characters that no token has")
        for name, (least, most) in _RANGES.items():
            if not least <= getattr(self, name) <= most:
                raise _wrong(name, f"must be from {least} to {most}")
        if self.mcp_token is not None and not re.fullmatch(r"[!-~]{16,200}", self.mcp_token):
            raise _wrong("mcp_token", "must be 16 to 200 printable characters without spaces")
        if self.log_level not in get_args(LogLevel):
            raise _wrong("log_level", f"must be one of {', '.join(get_args(LogLevel))}")

    @property
    def address(self) -> str:
        """The account's address, `https://host`, without a slash at its end."""
        if self.subdomain:
            if not _SUBDOMAIN.fullmatch(self.subdomain):
                raise _wrong("subdomain", "may hold letters, digits and hyphens only")
            return f"https://{self.subdomain.lower()}.clientary.com"
        try:
            url = urlsplit(self.base_url or "")
            host, port = url.hostname or "", url.port
        except ValueError:
            raise _wrong("base_url", "is not an address") from None
        if url.username is not None or url.query or url.fragment or url.path.rstrip("/") not in ("", _API):
            raise _wrong("base_url", "may hold a host and nothing more (no user name, path, query or fragment)")
        if not _HOST.fullmatch(host):
            raise _wrong("base_url", "is not an address")
        if url.scheme != "https" and not (url.scheme == "http" and is_loopback(host)):
            raise _wrong("base_url", "must start with https:// (plain http is for loopback alone)")
        return f"{url.scheme}://" + (f"[{host}]" if ":" in host else host) + (f":{port}" if port else "")

    @property
    def api_url(self) -> str:
        """The address that every path of the API is relative to."""
        return f"{self.address}{_API}/"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """The settings in `environment`; an empty variable counts as not set."""
        given = {
            name: value for name, variable in _VARIABLES.items() if (value := environment.get(variable, "").strip())
        }
        return cls(
            api_token=given.get("api_token", ""),
            subdomain=given.get("subdomain"),
            base_url=given.get("base_url"),
            concurrency=int(_number(given, "concurrency", cls.concurrency)),
            requests_per_second=_number(given, "requests_per_second", cls.requests_per_second),
            deadline=_number(given, "deadline", cls.deadline),
            log_level=cast("LogLevel", given.get("log_level", cls.log_level).upper()),  # checked above
            mcp_token=given.get("mcp_token"),
        )


def is_loopback(host: str) -> bool:
    """Whether `host` can only be this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _number(given: Mapping[str, str], name: str, default: float) -> float:
    try:
        number = float(given.get(name, default))
    except ValueError:
        number = math.nan
    if math.isnan(number) or (name == "concurrency" and number != int(number)):
        raise _wrong(name, "must be a number")
    return number


def _wrong(name: str, what: str) -> SettingsError:
    where = f": {_WHERE[name]}, or start with --sandbox to try without an account" if name in _WHERE else ""
    return SettingsError(f"{_VARIABLES[name]} {what}{where}.")

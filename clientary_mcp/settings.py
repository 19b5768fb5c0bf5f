"""Everything that can be configured, read once from the environment and checked."""

import ipaddress
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

from clientary_mcp.errors import SettingsError

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
AskUser = Literal["auto", "always", "never"]

_SUBDOMAIN = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.IGNORECASE | re.ASCII)
_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"{_LABEL}(\.{_LABEL})*|[0-9a-f]*:[0-9a-f:]*", re.ASCII)
_API = "/api/v2"
_WHERE = {
    "CLIENTARY_SUBDOMAIN": "take the first part of the address you log in at (acme in acme.clientary.com)",
    "CLIENTARY_BASE_URL": "take the address you log in at, like https://clients.example.com",
    "CLIENTARY_API_TOKEN": "generate one in Clientary on your profile page, under Generate API Token",
}


def _number(least: float, most: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not least <= number <= most:
            raise ValueError(f"must be a number from {least:g} to {most:g}")
        return number

    return read


def _whole(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not re.fullmatch(r"\d{1,9}", text) or not least <= int(text) <= most:
            raise ValueError(f"must be a whole number from {least} to {most}")
        return int(text)

    return read


def _choice(words: Any, change: Callable[[str], str]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if change(text) not in get_args(words):
            raise ValueError(f"must be one of {', '.join(get_args(words))}")
        return change(text)

    return read


def _switch(text: str) -> bool:
    if text.lower() not in ("1", "true", "yes", "on", "0", "false", "no", "off"):
        raise ValueError("must be true or false")
    return text.lower() in ("1", "true", "yes", "on")


def _names(text: str) -> frozenset[str]:
    return frozenset(name for name in re.split(r"[\s,]+", text) if name)


def _required(text: str) -> Mapping[str, tuple[str, ...]]:
    """`lead: website, description; client: number`"""
    required: dict[str, tuple[str, ...]] = {}
    for part in filter(str.strip, text.split(";")):
        kind, colon, names = part.partition(":")
        if kind.strip() not in ("client", "lead") or not colon or not _names(names):
            raise ValueError("must look like this: lead: website, description; client: number")
        required[kind.strip()] = tuple(sorted(_names(names)))
    return required


def _rates(text: str) -> Mapping[int, Decimal]:
    """`12: 45.50, 14: 60`"""
    rates: dict[int, Decimal] = {}
    for part in filter(str.strip, text.split(",")):
        found = re.fullmatch(r"\s*(\d{1,15})\s*:\s*(\d{1,12}(?:\.\d{1,3})?)\s*", part, re.ASCII)
        if found is None or int(found[1]) in rates:
            raise ValueError("must name each staff id once, with its cost per hour, like this: 12: 45.50, 14: 60")
        rates[int(found[1])] = Decimal(found[2])
    return rates


def _path(text: str) -> Path:
    return Path(text).expanduser()


def _directory(text: str) -> Path:
    if not _path(text).is_dir():
        raise ValueError("must be a directory that exists")
    return _path(text)


def _setting(variable: str, read: Callable[[str], Any], about: str, default: Any = None, *, shown: bool = True) -> Any:
    """A setting: the variable it is read from, how its text is read, and what the table of settings says of it."""
    return field(default=default, repr=shown, metadata={"variable": variable, "read": read, "about": about})


@dataclass(frozen=True)
class Settings:
    """One account, how to treat it, and what agents may do with it. SettingsError for a value that cannot be.

    Exactly one of `subdomain` (for `https://{subdomain}.clientary.com`) and `base_url` is given; `base_url`
    may end with `/api/v2`.
    """

    subdomain: str | None = _setting(
        "CLIENTARY_SUBDOMAIN", str, "The first part of the address you log in at: `acme` for acme.clientary.com."
    )
    base_url: str | None = _setting(
        "CLIENTARY_BASE_URL",
        str,
        "Instead of the subdomain, for an account on its own domain: `https://clients.example.com`.",
    )
    api_token: str = _setting(
        "CLIENTARY_API_TOKEN",
        str,
        "From your profile page in Clientary, under Generate API Token. Whoever generated it is the one who acts.",
        "",
        shown=False,
    )
    concurrency: int = _setting("CLIENTARY_CONCURRENCY", _whole(1, 64), "Requests at the same time.", 4)
    requests_per_second: float = _setting(
        "CLIENTARY_REQUESTS_PER_SECOND",
        _number(0, 1000),
        "Requests a second at most; 0 sets no limit, and slows down only when Clientary asks to.",
        0,
    )
    deadline: float = _setting(
        "CLIENTARY_DEADLINE", _number(1, 3600), "Seconds one call may take, waits and retries included.", 60
    )
    log_level: LogLevel = _setting(
        "CLIENTARY_LOG_LEVEL",
        _choice(LogLevel, str.upper),
        "`DEBUG`, `INFO`, `WARNING`, `ERROR` or `CRITICAL`; the log goes to stderr.",
        "WARNING",
    )
    read_only: bool = _setting("CLIENTARY_READ_ONLY", _switch, "`true` offers the reading tools alone.", default=False)
    toolsets: frozenset[str] = _setting(
        "CLIENTARY_TOOLSETS",
        _names,
        "Only these resources (`clients`, …, `reports`, `workflows`; `all` of them) and effects (`read`, `write`,"
        " `money`, `mail`, `delete`). `raw` is offered only where it is named: `all,raw` is everything.",
        frozenset(),
    )
    tools: frozenset[str] = _setting("CLIENTARY_TOOLS", _names, "Only these tools, or these too.", frozenset())
    exclude_tools: frozenset[str] = _setting("CLIENTARY_EXCLUDE_TOOLS", _names, "Never these tools.", frozenset())
    required_fields: Mapping[str, tuple[str, ...]] | None = _setting(
        "CLIENTARY_REQUIRED_FIELDS",
        _required,
        "What every new client or lead must have: `lead: website, description`.",
    )
    cost_rates: Mapping[int, Decimal] | None = _setting(
        "CLIENTARY_COST_RATES",
        _rates,
        "What an hour of each of the staff costs, by staff id, for reports on profit: `12: 45.50, 14: 60`.",
        shown=False,
    )
    ask_user: AskUser = _setting(
        "CLIENTARY_ASK_USER",
        _choice(AskUser, str.lower),
        "Whether deletes, charges and mails ask the person at the keyboard: `auto` where the host can, `always` or"
        " refuse, `never`.",
        "auto",
    )
    ask_timeout: float = _setting(
        "CLIENTARY_ASK_TIMEOUT", _number(1, 86_400), "Seconds that a person has to answer such a question.", 300
    )
    deletes_per_hour: int = _setting("CLIENTARY_DELETES_PER_HOUR", _whole(0, 10_000), "Deletes in an hour.", 30)
    mails_per_hour: int = _setting("CLIENTARY_MAILS_PER_HOUR", _whole(0, 10_000), "Mails in an hour.", 30)
    charges_per_hour: int = _setting("CLIENTARY_CHARGES_PER_HOUR", _whole(0, 10_000), "Card charges in an hour.", 10)
    duplicate_window: float = _setting(
        "CLIENTARY_DUPLICATE_WINDOW",
        _number(0, 86_400),
        "Seconds in which the same create, payment, charge or mail is not done twice; 0 forgets at once.",
        600,
    )
    audit_log: Path | None = _setting("CLIENTARY_AUDIT_LOG", _path, "File for one JSON line per call.")
    export_dir: Path | None = _setting(
        "CLIENTARY_EXPORT_DIR", _directory, "Directory that export_records writes to, and to no other; it must exist."
    )
    mcp_token: str | None = _setting(
        "CLIENTARY_MCP_TOKEN",
        str,
        "What clients send over HTTP as bearer token: 16 to 200 characters; needed beyond loopback.",
        shown=False,
    )

    def __post_init__(self) -> None:
        if self.subdomain and self.base_url:
            raise _wrong("CLIENTARY_BASE_URL", "and CLIENTARY_SUBDOMAIN are both set, and one of them has to go")
        if not self.subdomain and not self.base_url:
            raise _wrong("CLIENTARY_SUBDOMAIN", "is missing (or CLIENTARY_BASE_URL, for an account on its own domain)")
        _address(self.subdomain, self.base_url)
        if not self.api_token:
            raise _wrong("CLIENTARY_API_TOKEN", "is missing")
        if not re.fullmatch(r"[!-~]{1,200}", self.api_token):
            raise _wrong("CLIENTARY_API_TOKEN", "holds characters that no token has")
        if self.mcp_token is not None and not re.fullmatch(r"[!-~]{16,200}", self.mcp_token):
            raise _wrong("CLIENTARY_MCP_TOKEN", "must be 16 to 200 printable characters without spaces")

    @property
    def address(self) -> str:
        """The account's address, `https://host`, without a slash at its end."""
        return _address(self.subdomain, self.base_url)

    @property
    def api_url(self) -> str:
        """The address that every path of the API is relative to."""
        return f"{self.address}{_API}/"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """The settings in `environment`; an empty variable counts as not set."""
        given: dict[str, Any] = {}
        for setting in fields(cls):
            variable = setting.metadata["variable"]
            if text := environment.get(variable, "").strip():
                try:
                    given[setting.name] = setting.metadata["read"](text)
                except ValueError as error:
                    raise _wrong(variable, str(error)) from None
        return cls(**given)


def _address(subdomain: str | None, base_url: str | None) -> str:
    if subdomain:
        if not _SUBDOMAIN.fullmatch(subdomain):
            raise _wrong("CLIENTARY_SUBDOMAIN", "may hold letters, digits and hyphens only")
        return f"https://{subdomain.lower()}.clientary.com"
    try:
        url = urlsplit(base_url or "")
        host, port = url.hostname or "", url.port
    except ValueError:
        raise _wrong("CLIENTARY_BASE_URL", "is not an address") from None
    if url.username is not None or url.query or url.fragment or url.path.rstrip("/") not in ("", _API):
        raise _wrong("CLIENTARY_BASE_URL", "may hold a host and nothing more (no user name, path, query or fragment)")
    if not _HOST.fullmatch(host):
        raise _wrong("CLIENTARY_BASE_URL", "is not an address")
    if url.scheme != "https" and not (url.scheme == "http" and is_loopback(host)):
        raise _wrong("CLIENTARY_BASE_URL", "must start with https:// (plain http is for loopback alone)")
    return f"{url.scheme}://" + (f"[{host}]" if ":" in host else host) + (f":{port}" if port else "")


def is_loopback(host: str) -> bool:
    """Whether `host` can only be this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _wrong(variable: str, what: str) -> SettingsError:
    where = _WHERE.get(variable)
    hint = f": {where}, or start with --sandbox to try without an account" if where else ""
    return SettingsError(f"{variable} {what}{hint}.")

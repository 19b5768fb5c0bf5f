"""Everything that can be configured, read once from the environment and checked."""

import ipaddress
import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, fields
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

from clientary_mcp.errors import SettingsError

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
AskUser = Literal["auto", "always", "never"]
Answers = Literal["both", "text"]

_SUBDOMAIN = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.IGNORECASE | re.ASCII)
_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"{_LABEL}(\.{_LABEL})*|[0-9a-f]*:[0-9a-f:]*", re.ASCII)
_API = "/api/v2"
_PREFIX = "CLIENTARY_"
_SECRETS = ("CLIENTARY_API_TOKEN", "CLIENTARY_MCP_TOKEN")
_PLACEHOLDER = re.compile(r"\$\{[^{}]*\}")
_INJECTED = re.compile(  # by Kubernetes and Docker, for a service that is called clientary or clientary-something
    r"CLIENTARY_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_\w+)?)?)", re.ASCII
)
_WHERE = {
    "CLIENTARY_SUBDOMAIN": "use the first part of the address you log in at (acme in acme.clientary.com)",
    "CLIENTARY_BASE_URL": "use the address you log in at, for example https://clients.example.com",
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
        raise ValueError("must be an existing directory")
    return _path(text)


def _setting(variable: str, read: Callable[[str], Any], about: str, default: Any = None, *, shown: bool = True) -> Any:
    """A setting: the variable it is read from, how its text is parsed, and its description in the documentation."""
    return field(default=default, repr=shown, metadata={"variable": variable, "read": read, "about": about})


@dataclass(frozen=True)
class Settings:
    """One account, how to connect to it, and what agents may do with it. SettingsError for an invalid value.

    Exactly one of `subdomain` (for `https://{subdomain}.clientary.com`) and `base_url` must be given;
    `base_url` may end with `/api/v2`.
    """

    subdomain: str | None = _setting(
        "CLIENTARY_SUBDOMAIN", str, "The first part of the address you log in at: `acme` for acme.clientary.com."
    )
    base_url: str | None = _setting(
        "CLIENTARY_BASE_URL",
        str,
        "Instead of the subdomain, if the account has its own domain: `https://clients.example.com`.",
    )
    api_token: str = _setting(
        "CLIENTARY_API_TOKEN",
        str,
        "Generate it in Clientary on your profile page, under Generate API Token. The server acts as the user who"
        " generated it.",
        "",
        shown=False,
    )
    concurrency: int = _setting(
        "CLIENTARY_CONCURRENCY", _whole(1, 64), "Maximum number of simultaneous requests to Clientary.", 4
    )
    requests_per_second: float = _setting(
        "CLIENTARY_REQUESTS_PER_SECOND",
        _number(0, 1000),
        "Maximum number of requests per second; with `0`, the server slows down only when Clientary asks it to.",
        0,
    )
    deadline: float = _setting(
        "CLIENTARY_DEADLINE",
        _number(1, 3600),
        "Maximum duration of a call in seconds, including waits and retries.",
        60,
    )
    log_level: LogLevel = _setting(
        "CLIENTARY_LOG_LEVEL",
        _choice(LogLevel, str.upper),
        "`DEBUG`, `INFO`, `WARNING`, `ERROR` or `CRITICAL`; the log is written to stderr.",
        "WARNING",
    )
    read_only: bool = _setting(
        "CLIENTARY_READ_ONLY", _switch, "`true` exposes only tools that change nothing in Clientary.", default=False
    )
    toolsets: frozenset[str] = _setting(
        "CLIENTARY_TOOLSETS",
        _names,
        "Expose only tools for these resources (`clients`, …, `reports`, `workflows`, or `all`) and with these effects"
        " (`read`, `write`, `money`, `mail`, `delete`). `raw` must be named explicitly: `all,raw` is everything.",
        frozenset(),
    )
    tools: frozenset[str] = _setting(
        "CLIENTARY_TOOLS",
        _names,
        "Tools to expose by name, in addition to any toolsets; without toolsets, only these.",
        frozenset(),
    )
    exclude_tools: frozenset[str] = _setting(
        "CLIENTARY_EXCLUDE_TOOLS", _names, "Tools never to expose, whatever the other settings say.", frozenset()
    )
    required_fields: Mapping[str, tuple[str, ...]] | None = _setting(
        "CLIENTARY_REQUIRED_FIELDS",
        _required,
        "Fields that every new client or lead must have: `lead: website, description; client: number`.",
    )
    cost_rates: Mapping[int, Decimal] | None = _setting(
        "CLIENTARY_COST_RATES",
        _rates,
        "Cost per hour by staff id, for reports on profit: `12: 45.50, 14: 60`.",
        shown=False,
    )
    answers: Answers = _setting(
        "CLIENTARY_ANSWERS",
        _choice(Answers, str.lower),
        "`both` returns results as text and as structured content; `text` returns text only and publishes no output"
        " schemas, for clients that would give the model both.",
        "both",
    )
    ask_user: AskUser = _setting(
        "CLIENTARY_ASK_USER",
        _choice(AskUser, str.lower),
        "When to ask the user before deletes, charges and e-mails: `auto` (if the client can ask), `always` (refuse"
        " otherwise) or `never`.",
        "auto",
    )
    ask_timeout: float = _setting(
        "CLIENTARY_ASK_TIMEOUT",
        _number(1, 86_400),
        "Seconds that a call stays open while the user is asked: less than the client waits for it. In protocol"
        " 2026-07-28 no call stays open, and the user has 15 minutes.",
        55,
    )
    deletes_per_hour: int = _setting(
        "CLIENTARY_DELETES_PER_HOUR", _whole(0, 10_000), "Maximum number of deletes per hour.", 30
    )
    mails_per_hour: int = _setting(
        "CLIENTARY_MAILS_PER_HOUR", _whole(0, 10_000), "Maximum number of e-mails per hour.", 30
    )
    charges_per_hour: int = _setting(
        "CLIENTARY_CHARGES_PER_HOUR", _whole(0, 10_000), "Maximum number of card charges per hour.", 10
    )
    duplicate_window: float = _setting(
        "CLIENTARY_DUPLICATE_WINDOW",
        _number(0, 86_400),
        "Seconds during which an identical create, payment, charge or e-mail is skipped as a duplicate; `0` turns this"
        " off.",
        600,
    )
    audit_log: Path | None = _setting(
        "CLIENTARY_AUDIT_LOG", _path, "File to which one line of JSON is appended for every call."
    )
    export_dir: Path | None = _setting(
        "CLIENTARY_EXPORT_DIR", _directory, "The only directory that export_records writes to; it must exist."
    )
    mcp_token: str | None = _setting(
        "CLIENTARY_MCP_TOKEN",
        str,
        "Bearer token that clients must send over HTTP, 16 to 200 characters; required if other machines can connect.",
        shown=False,
    )

    def __post_init__(self) -> None:
        if self.subdomain and self.base_url:
            raise _wrong("CLIENTARY_BASE_URL", "and CLIENTARY_SUBDOMAIN are both set, but only one of them can be used")
        if not self.subdomain and not self.base_url:
            raise _wrong("CLIENTARY_SUBDOMAIN", "is missing (or CLIENTARY_BASE_URL, for an account on its own domain)")
        _address(self.subdomain, self.base_url)
        if not self.api_token:
            raise _wrong("CLIENTARY_API_TOKEN", "is missing")
        if not re.fullmatch(r"[!-~]{1,200}", self.api_token):
            raise _wrong("CLIENTARY_API_TOKEN", "must be 1 to 200 printable ASCII characters without spaces")
        if self.mcp_token is not None and not re.fullmatch(r"[!-~]{16,200}", self.mcp_token):
            raise _wrong("CLIENTARY_MCP_TOKEN", "must be 16 to 200 printable ASCII characters without spaces")

    @property
    def address(self) -> str:
        """The account's address, `https://host`, without a trailing slash."""
        return _address(self.subdomain, self.base_url)

    @property
    def api_url(self) -> str:
        """The base URL of the API."""
        return f"{self.address}{_API}/"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """The settings in `environment`. An empty variable, or a placeholder that a client left, counts as not set.

        SettingsError also for a name that looks like a setting and is none: a misspelled CLIENTARY_READ_ONLY must not
        expose every write.
        """
        known = {setting.metadata["variable"]: setting for setting in fields(cls)}
        _refuse_unknown(environment, known)
        given: dict[str, Any] = {}
        for variable, setting in known.items():
            text = environment.get(variable, "").strip()
            if _PLACEHOLDER.fullmatch(text):
                if variable in _SECRETS:
                    raise _wrong(variable, "is a placeholder, ${…}, that the MCP client did not replace with a value")
            elif text:
                try:
                    given[setting.name] = setting.metadata["read"](text)
                except ValueError as error:
                    raise _wrong(variable, str(error)) from None
        return cls(**given)


def _refuse_unknown(names: Iterable[str], known: Collection[str]) -> None:
    """SettingsError for the first name that could only be meant as a setting."""
    for name in sorted(names):
        if name not in known and not _INJECTED.fullmatch(name) and (meant := _meant_as(name, known)) is not None:
            near = get_close_matches(meant, [variable.removeprefix(_PREFIX) for variable in known], n=1)
            hint = f" Did you mean {_PREFIX}{near[0]}?" if near else ""
            raise SettingsError(f"{name} is not a setting.{hint} Run clientary-mcp --help for a list of all settings.")


def _meant_as(name: str, known: Collection[str]) -> str | None:
    """The part of a variable's name that follows our prefix, in any spelling; None for other programs' variables."""
    prefix, separator, rest = re.sub(r"\W", "_", name.upper()).partition("_")
    if f"{prefix}{separator}" == _PREFIX:
        return rest
    letters = set(_PREFIX) - {"_"}
    if f"{_PREFIX}{rest}" in known and len(prefix) < 13 and len(letters & set(prefix)) >= len(letters) - 2:
        return rest
    joined = {variable.replace("_", ""): variable.removeprefix(_PREFIX) for variable in known}
    return joined.get(f"{prefix}{rest}".replace("_", ""))


def _address(subdomain: str | None, base_url: str | None) -> str:
    if subdomain:
        if not _SUBDOMAIN.fullmatch(subdomain):
            raise _wrong("CLIENTARY_SUBDOMAIN", "must consist of letters, digits and hyphens")
        return f"https://{subdomain.lower()}.clientary.com"
    try:
        url = urlsplit(base_url or "")
        host, port = url.hostname or "", url.port
    except ValueError:
        raise _wrong("CLIENTARY_BASE_URL", "is not a valid address") from None
    if url.username is not None or url.query or url.fragment or url.path.rstrip("/") not in ("", _API):
        raise _wrong("CLIENTARY_BASE_URL", "must be a host without a user name, path, query or fragment")
    if not _HOST.fullmatch(host):
        raise _wrong("CLIENTARY_BASE_URL", "is not a valid address")
    if url.scheme != "https" and not (url.scheme == "http" and is_loopback(host)):
        raise _wrong("CLIENTARY_BASE_URL", "must start with https:// (http:// is accepted for loopback addresses only)")
    return f"{url.scheme}://" + (f"[{host}]" if ":" in host else host) + (f":{port}" if port else "")


def is_loopback(host: str) -> bool:
    """Whether `host` is a loopback address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _wrong(variable: str, what: str) -> SettingsError:
    where = _WHERE.get(variable)
    hint = f": {where}, or use --sandbox to try the server without an account" if where else ""
    return SettingsError(f"{variable} {what}{hint}.")

"""Everything that can be configured: which settings there are, what they mean, and how they fit together."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, Self

from clientary_mcp.settings import values
from clientary_mcp.settings.address import API_PATH, account_address
from clientary_mcp.settings.environment import read_environment
from clientary_mcp.settings.problems import invalid
from clientary_mcp.settings.proxies import usual_proxy

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
AskUser = Literal["auto", "always", "never"]
Answers = Literal["both", "text"]
Store = Literal["memory"]


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
    proxy: str | None = _setting(
        "CLIENTARY_PROXY",
        values.proxy,
        "Proxy for the connection to Clientary: `http://proxy.example.com:8080`, with `user:password@` before the host"
        " if it asks for them. Without it, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` apply.",
        shown=False,
    )
    concurrency: int = _setting(
        "CLIENTARY_CONCURRENCY",
        values.whole_number(1, 64),
        "Maximum number of simultaneous requests to Clientary; one that hangs counts for at most five seconds.",
        4,
    )
    requests_per_second: float = _setting(
        "CLIENTARY_REQUESTS_PER_SECOND",
        values.number(0, 1000),
        "Maximum number of requests per second; with `0`, the server slows down only when Clientary asks it to.",
        0,
    )
    deadline: float = _setting(
        "CLIENTARY_DEADLINE",
        values.number(1, 3600),
        "Maximum duration of a call in seconds, including waits and retries.",
        60,
    )
    log_level: LogLevel = _setting(
        "CLIENTARY_LOG_LEVEL",
        values.choice(LogLevel, str.upper),
        "`DEBUG`, `INFO`, `WARNING`, `ERROR` or `CRITICAL`; the log is written to stderr.",
        "WARNING",
    )
    read_only: bool = _setting(
        "CLIENTARY_READ_ONLY",
        values.true_or_false,
        "`true` exposes only tools that change nothing in Clientary.",
        default=False,
    )
    toolsets: frozenset[str] = _setting(
        "CLIENTARY_TOOLSETS",
        values.names,
        "Expose only tools for these resources (`clients`, …, `reports`, `workflows`, or `all`) and with these effects"
        " (`read`, `write`, `money`, `mail`, `delete`). `raw` must be named explicitly: `all,raw` is everything.",
        frozenset(),
    )
    tools: frozenset[str] = _setting(
        "CLIENTARY_TOOLS",
        values.names,
        "Tools to expose by name, in addition to any toolsets; without toolsets, only these.",
        frozenset(),
    )
    exclude_tools: frozenset[str] = _setting(
        "CLIENTARY_EXCLUDE_TOOLS", values.names, "Tools never to expose, whatever the other settings say.", frozenset()
    )
    required_fields: Mapping[str, tuple[str, ...]] | None = _setting(
        "CLIENTARY_REQUIRED_FIELDS",
        values.required_fields,
        "Fields that every new client or lead must have: `lead: website, description; client: number`.",
    )
    cost_rates: Mapping[int, Decimal] | None = _setting(
        "CLIENTARY_COST_RATES",
        values.rates,
        "Cost per hour by staff id, for reports on profit: `12: 45.50, 14: 60`.",
        shown=False,
    )
    answers: Answers = _setting(
        "CLIENTARY_ANSWERS",
        values.choice(Answers, str.lower),
        "`both` returns results as text and as structured content; `text` returns text only and publishes no output"
        " schemas, for clients that would give the model both.",
        "both",
    )
    ask_user: AskUser = _setting(
        "CLIENTARY_ASK_USER",
        values.choice(AskUser, str.lower),
        "When to ask the user before deletes, charges, e-mails and jobs of several writes: `auto` (if the client can"
        " ask), `always` (refuse otherwise) or `never`.",
        "auto",
    )
    ask_timeout: float = _setting(
        "CLIENTARY_ASK_TIMEOUT",
        values.number(1, 86_400),
        "Seconds that a call stays open while the user is asked: less than the client waits for it. In protocol"
        " 2026-07-28 no call stays open, and the user has 15 minutes.",
        55,
    )
    deletes_per_hour: int = _setting(
        "CLIENTARY_DELETES_PER_HOUR", values.whole_number(0, 10_000), "Maximum number of deletes per hour.", 30
    )
    mails_per_hour: int = _setting(
        "CLIENTARY_MAILS_PER_HOUR", values.whole_number(0, 10_000), "Maximum number of e-mails per hour.", 30
    )
    charges_per_hour: int = _setting(
        "CLIENTARY_CHARGES_PER_HOUR", values.whole_number(0, 10_000), "Maximum number of card charges per hour.", 10
    )
    time_zone: str | None = _setting(
        "CLIENTARY_TIME_ZONE",
        values.time_zone,
        "The time zone of the business, like `Europe/Berlin`: which day is today, and what is overdue. Without it, the"
        " machine's.",
    )
    fiscal_year_start: str | None = _setting(
        "CLIENTARY_FISCAL_YEAR_START",
        values.day_of_year,
        "The first day of the fiscal year, like `04-06`. Without it, the year that Clientary uses for expenses.",
    )
    staff_id: int | None = _setting(
        "CLIENTARY_STAFF_ID",
        values.whole_number(1, 999_999_999),
        "Your own id among the staff, which list_staff shows: whose hours are meant by mine.",
    )
    duplicate_window: float = _setting(
        "CLIENTARY_DUPLICATE_WINDOW",
        values.number(0, 86_400),
        "Seconds during which an identical create, payment, charge or e-mail is skipped as a duplicate; `0` turns this"
        " off.",
        600,
    )
    store: Store | None = _setting(
        "CLIENTARY_STORE",
        values.choice(Store, str.lower),
        "Where it is remembered what was sent, so that nothing is sent twice: without it in a file in your state"
        " directory, which all processes on the machine share; `memory` keeps it in each process.",
    )
    undo_hours: float = _setting(
        "CLIENTARY_UNDO_HOURS",
        values.number(0, 720),
        "Hours for which that store also keeps the values of records before and after each change, so that undo can"
        " take back changes of earlier processes; `0` keeps none, and undo reaches the changes of its own process.",
        0,
    )
    audit_log: Path | None = _setting(
        "CLIENTARY_AUDIT_LOG",
        values.path,
        "File to which a line of JSON is appended before each write and after every call.",
    )
    export_dir: Path | None = _setting(
        "CLIENTARY_EXPORT_DIR", values.directory, "The only directory that export_records writes to; it must exist."
    )
    mcp_token: str | None = _setting(
        "CLIENTARY_MCP_TOKEN",
        str,
        "Bearer token that clients must send over HTTP, 16 to 200 characters; required if other machines can connect.",
        shown=False,
    )

    def __post_init__(self) -> None:
        if self.subdomain and self.base_url:
            raise invalid(
                "CLIENTARY_BASE_URL", "and CLIENTARY_SUBDOMAIN are both set, but only one of them can be used"
            )
        if not self.subdomain and not self.base_url:
            raise invalid("CLIENTARY_SUBDOMAIN", "is missing (or CLIENTARY_BASE_URL, for an account on its own domain)")
        account_address(self.subdomain, self.base_url)
        if not self.api_token:
            raise invalid("CLIENTARY_API_TOKEN", "is missing")
        if not re.fullmatch(r"[!-~]{1,200}", self.api_token):
            raise invalid("CLIENTARY_API_TOKEN", "must be 1 to 200 printable ASCII characters without spaces")
        if self.mcp_token is not None and not re.fullmatch(r"[!-~]{16,200}", self.mcp_token):
            raise invalid("CLIENTARY_MCP_TOKEN", "must be 16 to 200 printable ASCII characters without spaces")

    @property
    def address(self) -> str:
        """The account's address, `https://host`, without a trailing slash."""
        return account_address(self.subdomain, self.base_url)

    @property
    def api_url(self) -> str:
        """The base URL of the API."""
        return f"{self.address}{API_PATH}/"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """The settings in `environment`; SettingsError for an invalid value or a misspelled variable."""
        given = read_environment(environment, fields(cls))
        settings = cls(**given)
        return settings if settings.proxy else cls(**given | {"proxy": usual_proxy(environment, settings.address)})

"""The settings of one account: what they mean, and how they fit together."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, Self

from clientary_mcp.settings import values
from clientary_mcp.settings.address import API_PATH, account_address
from clientary_mcp.settings.environment import read_environment
from clientary_mcp.settings.privileges import Privileges
from clientary_mcp.settings.problems import invalid
from clientary_mcp.settings.proxies import usual_proxy
from clientary_mcp.settings.serving import Serving
from clientary_mcp.settings.setting import setting

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
AskUser = Literal["auto", "always", "never"]
Answers = Literal["both", "text"]
LogFormat = Literal["text", "json"]


@dataclass(frozen=True)
class Settings:
    """One account, how to connect to it, and what agents may do with it. SettingsError for an invalid value.

    Exactly one of `subdomain` (for `https://{subdomain}.clientary.com`), `base_url` and `whole_address` must be given;
    `base_url` may end with `/api/v2`.
    """

    subdomain: str | None = setting(
        "CLIENTARY_SUBDOMAIN", str, "The first part of the address you log in at: `acme` for acme.clientary.com."
    )
    base_url: str | None = setting(
        "CLIENTARY_BASE_URL",
        str,
        "Instead of the subdomain, if the account has its own domain: `https://clients.example.com`.",
    )
    whole_address: str | None = setting(
        "CLIENTARY_ADDRESS",
        str,
        "In place of the subdomain, the whole address you log in at: `acme.clientary.com`, or `clients.example.com`"
        " if the account has its own domain.",
    )
    api_token: str = setting(
        "CLIENTARY_API_TOKEN",
        str,
        "Generate it in Clientary on your profile page, under Generate API Token. The server acts as the user who"
        " generated it.",
        "",
        shown=False,
    )
    proxy: str | None = setting(
        "CLIENTARY_PROXY",
        values.proxy,
        "Proxy for the connection to Clientary: `http://proxy.example.com:8080`, with `user:password@` before the host"
        " if it asks for them. Without it, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` apply.",
        shown=False,
    )
    concurrency: int = setting(
        "CLIENTARY_CONCURRENCY",
        values.whole_number(1, 64),
        "Maximum number of simultaneous requests to Clientary; one that hangs counts for at most five seconds.",
        4,
    )
    requests_per_second: float = setting(
        "CLIENTARY_REQUESTS_PER_SECOND",
        values.number(0, 1000),
        "Maximum number of requests per second; with `0`, the server slows down only when Clientary asks it to.",
        0,
    )
    deadline: float = setting(
        "CLIENTARY_DEADLINE",
        values.number(1, 3600),
        "Maximum duration of a call in seconds, including waits and retries.",
        60,
    )
    log_level: LogLevel = setting(
        "CLIENTARY_LOG_LEVEL",
        values.choice(LogLevel, str.upper),
        "`DEBUG`, `INFO`, `WARNING`, `ERROR` or `CRITICAL`; the log is written to stderr.",
        "WARNING",
    )
    log_format: LogFormat = setting(
        "CLIENTARY_LOG_FORMAT",
        values.choice(LogFormat, str.lower),
        "`text`, or `json`: one line of JSON per event, with trace, caller and replica.",
        "text",
    )
    replica: str | None = setting(
        "CLIENTARY_REPLICA",
        values.name,
        "The name of this process in the audit trail, in logs and in telemetry. Without it, the name of the host.",
    )
    read_only: bool = setting(
        "CLIENTARY_READ_ONLY",
        values.true_or_false,
        "`true` exposes only tools that change nothing in Clientary.",
        default=False,
    )
    toolsets: frozenset[str] = setting(
        "CLIENTARY_TOOLSETS",
        values.names,
        "Expose only tools for these resources (`clients`, …, `reports`, `workflows`, or `all`) and with these effects"
        " (`read`, `write`, `money`, `mail`, `delete`). `core` is the tools of everyday work. `raw` must be named"
        " explicitly: `all,raw` is everything.",
        frozenset(),
    )
    tools: frozenset[str] = setting(
        "CLIENTARY_TOOLS",
        values.names,
        "Tools to expose by name, in addition to any toolsets; without toolsets, only these.",
        frozenset(),
    )
    exclude_tools: frozenset[str] = setting(
        "CLIENTARY_EXCLUDE_TOOLS", values.names, "Tools never to expose, whatever the other settings say.", frozenset()
    )
    required_fields: Mapping[str, tuple[str, ...]] | None = setting(
        "CLIENTARY_REQUIRED_FIELDS",
        values.required_fields,
        "Fields that every new client or lead must have: `lead: website, description; client: number`.",
    )
    cost_rates: Mapping[int, Decimal] | None = setting(
        "CLIENTARY_COST_RATES",
        values.rates,
        "Cost per hour by staff id, for reports on profit: `12: 45.50, 14: 60`.",
        shown=False,
    )
    answers: Answers = setting(
        "CLIENTARY_ANSWERS",
        values.choice(Answers, str.lower),
        "`both` returns results as text and as structured content; `text` returns text only and publishes no output"
        " schemas, for clients that would give the model both.",
        "both",
    )
    ask_user: AskUser = setting(
        "CLIENTARY_ASK_USER",
        values.choice(AskUser, str.lower),
        "When to ask the user before deletes, charges, e-mails and jobs of several writes: `auto` (if the client can"
        " ask), `always` (refuse otherwise) or `never`.",
        "auto",
    )
    ask_timeout: float = setting(
        "CLIENTARY_ASK_TIMEOUT",
        values.number(1, 86_400),
        "Seconds that a call stays open while the user is asked: less than the client waits for it. In protocol"
        " 2026-07-28 no call stays open, and the user has 15 minutes.",
        55,
    )
    deletes_per_hour: int = setting(
        "CLIENTARY_DELETES_PER_HOUR", values.whole_number(0, 10_000), "Maximum number of deletes per hour.", 30
    )
    mails_per_hour: int = setting(
        "CLIENTARY_MAILS_PER_HOUR", values.whole_number(0, 10_000), "Maximum number of e-mails per hour.", 30
    )
    charges_per_hour: int = setting(
        "CLIENTARY_CHARGES_PER_HOUR", values.whole_number(0, 10_000), "Maximum number of card charges per hour.", 10
    )
    time_zone: str | None = setting(
        "CLIENTARY_TIME_ZONE",
        values.time_zone,
        "The time zone of the business, like `Europe/Berlin`: which day is today, and what is overdue. Without it, the"
        " machine's.",
    )
    fiscal_year_start: str | None = setting(
        "CLIENTARY_FISCAL_YEAR_START",
        values.day_of_year,
        "The first day of the fiscal year, like `04-06`. Without it, the year that Clientary uses for expenses.",
    )
    staff_id: int | None = setting(
        "CLIENTARY_STAFF_ID",
        values.whole_number(1, 999_999_999),
        "Your own id among the staff, which list_staff shows: whose hours are meant by mine.",
    )
    duplicate_window: float = setting(
        "CLIENTARY_DUPLICATE_WINDOW",
        values.number(0, 86_400),
        "Seconds during which an identical create, payment, charge or e-mail is skipped as a duplicate; `0` turns this"
        " off.",
        600,
    )
    store: str | None = setting(
        "CLIENTARY_STORE",
        values.store,
        "Where it is remembered what was sent, so that nothing is sent twice: without it in a file in your state"
        " directory, which all processes on the machine share; `memory` keeps it in each process; `redis://host:6379/0`,"
        " `rediss://…` or `redis+sentinel://…` shares it between machines, sealed with `CLIENTARY_KEYS`. A server with"
        " `CLIENTARY_CALLERS` also takes `file:/path`, for one process.",
        shown=False,
    )
    keys: tuple[str, ...] = setting(
        "CLIENTARY_KEYS",
        values.keys,
        "Secrets of at least 32 characters, by comma, with which credentials are sealed in the store: the first seals,"
        " all open. To change them, put the new one first, and drop the old one later; replicas need it last, after the"
        " old one, before any of them has it first.",
        (),
        shown=False,
    )
    undo_hours: float = setting(
        "CLIENTARY_UNDO_HOURS",
        values.number(0, 720),
        "Hours for which that store also keeps the values of records before and after each change, so that undo can"
        " take back changes of earlier processes; `0` keeps none, and undo reaches the changes of its own process.",
        0,
    )
    audit_log: Path | None = setting(
        "CLIENTARY_AUDIT_LOG",
        values.path,
        "File to which a line of JSON is appended before each write and after every call.",
    )
    export_dir: Path | None = setting(
        "CLIENTARY_EXPORT_DIR", values.directory, "The only directory that export_records writes to; it must exist."
    )
    mcp_token: str | None = setting(
        "CLIENTARY_MCP_TOKEN",
        str,
        "Bearer token that clients must send over HTTP, 16 to 200 characters; required if other machines can connect.",
        shown=False,
    )

    narrowed_by: tuple[Privileges, ...] = ()
    """What the caller, and then the connection, may do at most; of one owner, nothing."""

    def __post_init__(self) -> None:
        ways = {
            "CLIENTARY_BASE_URL": self.base_url,
            "CLIENTARY_ADDRESS": self.whole_address,
            "CLIENTARY_SUBDOMAIN": self.subdomain,
        }
        given = [variable for variable, text in ways.items() if text]
        if len(given) > 1:
            raise invalid(given[0], f"and {given[1]} are both set, but only one of them can be used")
        if not given:
            raise invalid("CLIENTARY_SUBDOMAIN", "is missing (or CLIENTARY_BASE_URL, for an account on its own domain)")
        account_address(self.subdomain, self.base_url, self.whole_address)
        if not self.api_token:
            raise invalid("CLIENTARY_API_TOKEN", "is missing")
        if not re.fullmatch(r"[!-~]{1,200}", self.api_token):
            raise invalid("CLIENTARY_API_TOKEN", "must be 1 to 200 printable ASCII characters without spaces")
        if self.store and self.store.startswith("redis") and not self.keys:
            raise invalid("CLIENTARY_KEYS", "is missing: what is kept in Redis is sealed with it")
        if self.mcp_token is not None and not re.fullmatch(r"[!-~]{16,200}", self.mcp_token):
            raise invalid("CLIENTARY_MCP_TOKEN", "must be 16 to 200 printable ASCII characters without spaces")

    @property
    def address(self) -> str:
        """The account's address, `https://host`, without a trailing slash."""
        return account_address(self.subdomain, self.base_url, self.whole_address)

    @property
    def api_url(self) -> str:
        """The base URL of the API."""
        return f"{self.address}{API_PATH}/"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """The settings in `environment`; SettingsError for an invalid value or a misspelled variable."""
        given, serving = read_all(environment)
        if serving.get("callers"):
            raise invalid(
                "CLIENTARY_CALLERS", "is set, and serves callers over HTTP alone: use --transport http or sse"
            )
        if serving:
            variable = next(each.metadata["variable"] for each in fields(Serving) if each.name in serving)
            raise invalid(variable, "has no effect without CLIENTARY_CALLERS")
        if str(given.get("store", "")).startswith("file:"):
            raise invalid("CLIENTARY_STORE", "names a file, which only a server with CLIENTARY_CALLERS uses")
        settings = cls(**given)
        return settings if settings.proxy else cls(**given | {"proxy": usual_proxy(environment, settings.address)})


def read_all(environment: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The values that `environment` sets: of `Settings`, and of `Serving`."""
    of_account = fields(Settings)
    given = read_environment(environment, [*of_account, *fields(Serving)])
    names = {setting.name for setting in of_account}
    return (
        {name: value for name, value in given.items() if name in names},
        {name: value for name, value in given.items() if name not in names},
    )

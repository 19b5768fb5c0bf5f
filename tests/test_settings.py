"""Settings: the values of each variable, the errors for wrong ones, and that no value reaches another host."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from clientary_mcp.errors import SettingsError
from clientary_mcp.settings import Settings

TOKEN = "t0p-s3cret-t0ken"
ACCOUNT = {"CLIENTARY_SUBDOMAIN": "acme", "CLIENTARY_API_TOKEN": TOKEN}


def settings(**more: str) -> Settings:
    return Settings.from_environment({**ACCOUNT, **{f"CLIENTARY_{name}": value for name, value in more.items()}})


def complaint(environment: dict[str, str]) -> str:
    """The error for these variables: always one sentence on one line, without the token."""
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment(environment)
    message = str(caught.value)
    assert message.endswith(".")
    assert len(message.splitlines()) == 1
    assert TOKEN not in message
    return message


# Valid values


def test_a_subdomain_and_a_token_are_enough() -> None:
    least = settings()
    assert least.api_url == "https://acme.clientary.com/api/v2/"
    assert least.api_token == TOKEN
    assert (least.concurrency, least.requests_per_second, least.deadline) == (4, 0, 60)
    assert (least.log_level, least.mcp_token) == ("WARNING", None)


@pytest.mark.parametrize(
    ("variable", "value", "field", "read"),
    [
        ("SUBDOMAIN", "  Acme-2 ", "address", "https://acme-2.clientary.com"),
        ("API_TOKEN", " abc\n", "api_token", "abc"),
        ("CONCURRENCY", "1", "concurrency", 1),
        ("CONCURRENCY", "64", "concurrency", 64),
        ("REQUESTS_PER_SECOND", "0.5", "requests_per_second", 0.5),
        ("REQUESTS_PER_SECOND", "0", "requests_per_second", 0),
        ("DEADLINE", "1", "deadline", 1),
        ("DEADLINE", "2.5", "deadline", 2.5),
        ("LOG_LEVEL", "debug", "log_level", "DEBUG"),
        ("MCP_TOKEN", "a-long-random-text", "mcp_token", "a-long-random-text"),
        *(("READ_ONLY", value, "read_only", True) for value in ("1", "true", "YES", "on")),
        *(("READ_ONLY", value, "read_only", False) for value in ("0", "False", "no", "off")),
        ("TOOLSETS", "clients, read\tmoney", "toolsets", frozenset({"clients", "read", "money"})),
        ("TOOLS", "get_client", "tools", frozenset({"get_client"})),
        ("EXCLUDE_TOOLS", ",delete_client,,", "exclude_tools", frozenset({"delete_client"})),
        (
            "REQUIRED_FIELDS",
            "lead: website, description; client: number;",
            "required_fields",
            {"lead": ("description", "website"), "client": ("number",)},
        ),
        ("ASK_USER", "Always", "ask_user", "always"),
        ("ASK_TIMEOUT", "20", "ask_timeout", 20),
        ("DELETES_PER_HOUR", "0", "deletes_per_hour", 0),
        ("MAILS_PER_HOUR", "7", "mails_per_hour", 7),
        ("CHARGES_PER_HOUR", "10000", "charges_per_hour", 10_000),
        ("DUPLICATE_WINDOW", "0", "duplicate_window", 0),
        ("ANSWERS", "Text", "answers", "text"),
        ("AUDIT_LOG", "logs/audit.jsonl", "audit_log", Path("logs/audit.jsonl")),
    ],
)
def test_every_variable_is_read(variable: str, value: str, field: str, read: Any) -> None:
    assert getattr(settings(**{variable: value}), field) == read


@pytest.mark.parametrize("variable", ["CONCURRENCY", "REQUESTS_PER_SECOND", "DEADLINE", "LOG_LEVEL", "MCP_TOKEN"])
@pytest.mark.parametrize("empty", ["", "  ", "\n"])
def test_an_empty_variable_counts_as_not_set(variable: str, empty: str) -> None:
    assert settings(**{variable: empty}) == settings()


@pytest.mark.parametrize("value", ["${user_config.log_level}", " ${x}\n", "${}"])
def test_an_unexpanded_placeholder_counts_as_not_set(value: str) -> None:
    assert settings(LOG_LEVEL=value, READ_ONLY=value, DEADLINE=value) == settings()


@pytest.mark.parametrize("variable", ["CLIENTARY_API_TOKEN", "CLIENTARY_MCP_TOKEN"])
def test_a_placeholder_is_not_accepted_as_a_secret(variable: str) -> None:
    message = complaint({**ACCOUNT, variable: "${user_config.token}"})
    assert message.startswith(f"{variable} is a placeholder")
    assert "user_config" not in message


def test_a_value_that_only_contains_a_placeholder_is_a_value() -> None:
    assert settings(MCP_TOKEN="a-long-text-with-${x}").mcp_token == "a-long-text-with-${x}"


# Unknown names


@pytest.mark.parametrize(
    "name",
    [
        "CLIENTARY_READONLY",
        "CLIENTARY_READ_ONLLY",
        "CLIENTARY_READ-ONLY",
        "CLIENTARY__READ_ONLY",
        "CLIENTARY-READ-ONLY",
        "CLIENTARYREADONLY",
        "CLIENTRAY_READ_ONLY",
        "CLIENTRY_READ_ONLY",
        "clientary_read_only",
        "Clientary_Read_Only",
    ],
)
def test_a_misspelled_setting_is_named_with_the_nearest_valid_one(name: str) -> None:
    message = complaint({**ACCOUNT, name: "true"})
    assert message.startswith(f"{name} is not a setting. Did you mean CLIENTARY_READ_ONLY?")


@pytest.mark.parametrize("name", ["CLIENTARY_QUX", "CLIENTARY_"])
def test_an_unknown_setting_is_named(name: str) -> None:
    message = complaint({**ACCOUNT, name: "x"})
    assert message.startswith(f"{name} is not a setting. Run clientary-mcp --help")


@pytest.mark.parametrize(
    "name",
    [
        "CLIENTARY_SERVICE_HOST",
        "CLIENTARY_MCP_SERVICE_HOST",
        "CLIENTARY_MCP_SERVICE_PORT",
        "CLIENTARY_SERVICE_PORT_HTTP",
        "CLIENTARY_MCP_PORT",
        "CLIENTARY_PORT_8000_TCP",
        "CLIENTARY_PORT_8000_TCP_ADDR",
        "CLIENTARY_MCP_PORT_8000_UDP_PROTO",
        "CLIENT_API_TOKEN",
        "CLIENTARY",
        "TOOLS",
        "PATH",
    ],
)
def test_variables_set_by_orchestrators_and_other_programs_are_ignored(name: str) -> None:
    assert Settings.from_environment({**ACCOUNT, name: "tcp://10.0.0.7:8000"}) == settings()


# Missing or wrong values


@pytest.mark.parametrize(
    ("environment", "variable", "where"),
    [
        ({}, "CLIENTARY_SUBDOMAIN is missing", "CLIENTARY_BASE_URL"),
        ({}, "CLIENTARY_SUBDOMAIN is missing", "address you log in at"),
        ({"CLIENTARY_API_TOKEN": TOKEN}, "CLIENTARY_SUBDOMAIN is missing", "acme in acme.clientary.com"),
        ({"CLIENTARY_SUBDOMAIN": "acme"}, "CLIENTARY_API_TOKEN is missing", "Generate API Token"),
        ({**ACCOUNT, "CLIENTARY_API_TOKEN": " "}, "CLIENTARY_API_TOKEN is missing", "profile page"),
        (
            {**ACCOUNT, "CLIENTARY_API_TOKEN": "a b"},
            "CLIENTARY_API_TOKEN must be 1 to 200 printable",
            "Generate API Token",
        ),
        ({**ACCOUNT, "CLIENTARY_API_TOKEN": "tökén"}, "CLIENTARY_API_TOKEN must be 1 to 200 printable", "profile page"),
        (
            {**ACCOUNT, "CLIENTARY_API_TOKEN": "x" * 201},
            "CLIENTARY_API_TOKEN must be 1 to 200 printable",
            "profile page",
        ),
        ({**ACCOUNT, "CLIENTARY_SUBDOMAIN": "acme.clientary.com"}, "CLIENTARY_SUBDOMAIN must consist of", "first part"),
        ({**ACCOUNT, "CLIENTARY_BASE_URL": "https://a.example"}, "CLIENTARY_BASE_URL", "CLIENTARY_SUBDOMAIN are both"),
    ],
)
def test_a_wrong_account_setting_is_reported_with_its_source_and_the_sandbox(
    environment: dict[str, str], variable: str, where: str
) -> None:
    message = complaint(environment)
    assert message.startswith(variable)
    assert where in message
    assert "--sandbox" in message


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        *(
            (variable, value, "must be a whole number from ")
            for variable in ("CONCURRENCY", "DELETES_PER_HOUR", "MAILS_PER_HOUR", "CHARGES_PER_HOUR")
            for value in (
                "four",
                "1.5",
                "nan",
                "inf",
                "1e400",
                "1,5",
                "0x4",
                "-1",
                "10001",
                "1e1",
                "1" * 5_000,
                "\u00b2",
                "\uff11",
            )
        ),
        *(("CONCURRENCY", value, "from 1 to 64") for value in ("0", "65")),
        *(
            (variable, value, "must be a number from ")
            for variable in ("REQUESTS_PER_SECOND", "DEADLINE", "ASK_TIMEOUT", "DUPLICATE_WINDOW")
            for value in ("fast", "1m", "nan", "-1", "inf", "-inf", "1e400", "1_5", "1e1", "\uff11\uff12", "86401")
        ),
        *(("DEADLINE", value, "from 1 to 3600") for value in ("0", "3601")),
        *(("READ_ONLY", value, "must be true or false") for value in ("maybe", "2", "-")),
        *(("TIME_ZONE", value, "the name of a time zone") for value in ("Berlin", "GMT+25", "../UTC", "/etc/hosts")),
        *(
            ("FISCAL_YEAR_START", value, "a month and a day that every year has")
            for value in ("April", "4-6", "0406", "02-29", "13-01", "W10", "W10-1", "2026-04-06")
        ),
        *(("STAFF_ID", value, "must be a whole number from 1 to ") for value in ("0", "me", "1.5")),
        *(("ASK_USER", value, "must be one of auto, always, never") for value in ("sometimes", "true")),
        *(
            ("REQUIRED_FIELDS", value, "must be written like this")
            for value in ("website", "lead:", "invoice: po", ": x")
        ),
        *(("LOG_LEVEL", value, "must be one of DEBUG, INFO, WARNING") for value in ("verbose", "10", "NOTSET")),
        *(("MCP_TOKEN", value, "must be 16 to 200") for value in ("short", "x" * 201, "has a space in it!", "ü" * 20)),
    ],
)
def test_a_wrong_value_is_reported_with_the_valid_ones(variable: str, value: str, words: str) -> None:
    message = complaint({**ACCOUNT, f"CLIENTARY_{variable}": value})
    assert message.startswith(f"CLIENTARY_{variable} ")
    assert words in message


def test_tokens_are_in_no_repr() -> None:
    shown = Settings(subdomain="acme", api_token=TOKEN, mcp_token=TOKEN)
    for text in (repr(shown), str(shown), f"{shown}"):
        assert TOKEN not in text


# Subdomains

HOSTILE = (
    "a.b", "acme.clientary.com", "evil.com/", "evil.com#", "evil.com?", "a@b", "acme#", "acme/", "acme:80", "a b",
    "acme\\evil", "-a", "a-", "-", ".", "..", "acme.", ".acme", "a_b", "a%2eb", "acme\n.evil", "acmé", "\u0430cme",
    "acme。evil", "\u017f", "\u212a", "a\u200bb", "x" * 64, "a" * 300, "[::1]", "user:pass", "http://evil", "a,b",
    "a\x00b",
)  # fmt: skip


@pytest.mark.parametrize("subdomain", HOSTILE)
def test_a_hostile_subdomain_is_refused(subdomain: str) -> None:
    assert "letters, digits and hyphens" in complaint({**ACCOUNT, "CLIENTARY_SUBDOMAIN": subdomain})


@given(subdomain=st.text(max_size=70) | st.from_regex(r"[a-zA-Z0-9.@/:#?%\\-]{1,66}", fullmatch=True))
@example("K")
@example("xn--a")
@example("A--B")
@example("x" * 63)
def test_no_subdomain_reaches_another_host(subdomain: str) -> None:
    try:
        address = Settings(subdomain=subdomain, api_token=TOKEN).api_url
    except SettingsError:
        return
    assert re.fullmatch(r"https://[a-z0-9-]{1,63}\.clientary\.com/api/v2/", address)
    assert httpx.URL(address).raw_host == f"{subdomain.lower()}.clientary.com".encode()


# Addresses of accounts on their own domain


@pytest.mark.parametrize(
    ("given_url", "address"),
    [
        ("https://clients.example.com", "https://clients.example.com"),
        ("https://clients.example.com/", "https://clients.example.com"),
        ("https://clients.example.com/api/v2", "https://clients.example.com"),
        ("https://clients.example.com/api/v2/", "https://clients.example.com"),
        ("HTTPS://Clients.Example.COM:8443", "https://clients.example.com:8443"),
        ("http://localhost:8400", "http://localhost:8400"),
        ("http://127.0.0.1:8400/api/v2", "http://127.0.0.1:8400"),
        ("http://127.9.9.9", "http://127.9.9.9"),
        ("http://[::1]:8400", "http://[::1]:8400"),
        ("https://[2001:db8::1]", "https://[2001:db8::1]"),
        ("https://203.0.113.9", "https://203.0.113.9"),
    ],
)
def test_an_address_is_accepted_with_or_without_the_api_path(given_url: str, address: str) -> None:
    account = Settings(base_url=given_url, api_token=TOKEN)
    assert account.address == address
    assert account.api_url == f"{address}/api/v2/"


@pytest.mark.parametrize(
    ("given_url", "words"),
    [
        ("http://clients.example.com", "https://"),
        ("http://localhost.example.com", "https://"),
        ("http://127.0.0.1.example.com", "https://"),
        ("http://10.0.0.1", "https://"),
        ("http://0.0.0.0", "https://"),
        ("http://[2001:db8::1]", "https://"),
        ("ftp://clients.example.com", "https://"),
        ("file:///etc/passwd", "CLIENTARY_BASE_URL"),
        ("clients.example.com", "must start with https://"),
        ("localhost:8400", "must start with https://"),
        ("//clients.example.com", "https://"),
        ("javascript:alert(1)", "CLIENTARY_BASE_URL"),
        ("https://", "not a valid address"),
        ("https://user:pass@clients.example.com", "without a user name"),
        ("https://@clients.example.com", "without a user name"),
        ("https://clients.example.com@evil.example", "without a user name"),
        ("https://clients.example.com\\@evil.example", "CLIENTARY_BASE_URL"),
        ("https://clients.example.com?x=1", "query"),
        ("https://clients.example.com#top", "fragment"),
        ("https://clients.example.com/api/v1", "path"),
        ("https://clients.example.com/login", "path"),
        ("https://clients.example.com/api/v2/../v1", "path"),
        ("https://clients.example.com:99999", "not a valid address"),
        ("https://clients.example.com:port", "not a valid address"),
        ("https://clients example.com", "not a valid address"),
        ("https://clients..example.com", "not a valid address"),
        ("https://-clients.example.com", "not a valid address"),
        ("https://[::1", "not a valid address"),
        ("https://[:::]", "not a valid address"),
        ("https://clients.example.com%00.evil.example", "not a valid address"),
        ("https://" + "x" * 64 + ".example.com", "not a valid address"),
    ],
)
def test_an_invalid_or_leaking_address_is_refused(given_url: str, words: str) -> None:
    message = complaint({"CLIENTARY_BASE_URL": given_url, "CLIENTARY_API_TOKEN": TOKEN})
    assert message.startswith("CLIENTARY_BASE_URL ")
    assert words in message
    assert "pass@" not in message


hosts = st.from_regex(r"[a-z0-9.:\[\]@%\\_-]{1,40}", fullmatch=True)


@given(scheme=st.sampled_from(["https", "http"]), host=hosts)
@example("https", "[:::]")
@example("https", "a..b")
@example("https", "[::1%25eth0]")
@example("https", "xn--a")
def test_every_accepted_address_can_be_requested(scheme: str, host: str) -> None:
    try:
        account = Settings(base_url=f"{scheme}://{host}", api_token=TOKEN)
    except SettingsError:
        return
    url = httpx.URL(account.api_url)
    assert not url.userinfo
    assert url.path == "/api/v2/"
    expected = urlsplit(f"{scheme}://{host}").hostname
    assume(expected is not None)
    assert url.raw_host.decode() == expected

"""`CLIENTARY_ADDRESS`: what people type into the one field that a form has for the account."""

import re

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from clientary_mcp.errors import SettingsError
from clientary_mcp.settings import Settings


def settings(address: str) -> Settings:
    return Settings.from_environment({"CLIENTARY_ADDRESS": address, "CLIENTARY_API_TOKEN": "t0ken"})


@pytest.mark.parametrize(
    ("typed", "host"),
    [
        ("acme", "acme.clientary.com"),
        ("acme.clientary.com", "acme.clientary.com"),
        ("https://Acme.Clientary.com/", "acme.clientary.com"),
        ("https://acme.clientary.com/invoices?page=2#top", "acme.clientary.com"),
        ("HTTP://acme", "acme.clientary.com"),
        ("clients.example.com", "clients.example.com"),
        ("https://Clients.Example.com/api/v2", "clients.example.com"),
        ("http://clients.example.com", "clients.example.com"),
        ("billing.acme.clientary.com", "billing.acme.clientary.com"),
        ("acme.clientary.com.example", "acme.clientary.com.example"),
        ("localhost", "localhost.clientary.com"),
    ],
)
def test_it_is_the_address_that_a_browser_shows(typed: str, host: str) -> None:
    assert settings(typed).address == f"https://{host}"


@pytest.mark.parametrize(
    "typed",
    [
        "evil.com#", "evil.com?", "a@evil.com", "a:b@evil.com/", "acme:80", "evil.com:443", "a b", "acme\\evil",
        "evil.com\\.clientary.com", "-a", "a-", "..", "acme.", ".acme", "a..b", "a.-b", "a_b", "a%2eb", "acme\n.evil",
        "acmé", "\u0430cme", "acme。evil", "\u212a.clientary.com", "a\u200bb", "a." + "x" * 64, "[::1]", "http:///evil",
        "https://", "ftp://evil.com", "//evil.com", "https:evil.com", "a,b", "a\x00b",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(typed: str) -> None:
    with pytest.raises(
        SettingsError, match=r"^CLIENTARY_ADDRESS is not a valid address: use the address you log in at"
    ):
        settings(typed)


@given(typed=st.text(max_size=70) | st.from_regex(r"[a-zA-Z0-9.@/:#?%\\-]{1,66}", fullmatch=True))
@example("K")
@example("a.B")
@example("x" * 63)
def test_the_token_goes_to_the_host_that_is_written(typed: str) -> None:
    try:
        address = Settings(whole_address=typed, api_token="t0ken").api_url
    except SettingsError:
        return
    said = re.match(r"\s*(?:https?://)?([^/\s]+)", typed, re.IGNORECASE)
    assert said
    host = said[1].lower() if "." in said[1] else f"{said[1].lower()}.clientary.com"
    assert address == f"https://{host}/api/v2/"
    assert httpx.URL(address).raw_host == host.encode()


@pytest.mark.parametrize("other", ["CLIENTARY_SUBDOMAIN", "CLIENTARY_BASE_URL"])
def test_an_account_has_one_address(other: str) -> None:
    both = {"CLIENTARY_ADDRESS": "acme", other: "https://a.example", "CLIENTARY_API_TOKEN": "t0ken"}
    with pytest.raises(SettingsError, match=r"CLIENTARY_\w+ and CLIENTARY_\w+ are both set"):
        Settings.from_environment(both)

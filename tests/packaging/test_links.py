"""The links that install the server with one click, decoded as the hosts decode them."""

import json
from base64 import b64decode
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from clientary_mcp.settings import Settings
from scripts.packaging.links import links

LINKS = links()
ACCOUNT = {"CLIENTARY_SUBDOMAIN": "acme", "CLIENTARY_API_TOKEN": "your-api-token"}
CONFIGURED = {"command": "uvx", "args": ["clientary-mcp"], "env": ACCOUNT}


def query(host: str) -> dict[str, Any]:
    """The parameters of a host's link; each is there once, but for those that are lists."""
    parsed = parse_qs(urlsplit(LINKS[host]).query, strict_parsing=True)
    return {name: values if name == "env" else values[0] for name, values in parsed.items()}


@pytest.mark.parametrize("host", ["Cursor", "LM Studio"])
def test_a_link_with_base64_holds_the_server(host: str) -> None:
    assert query(host)["name"] == "clientary"
    assert json.loads(b64decode(query(host)["config"], validate=True)) == CONFIGURED


def test_the_link_for_kiro_holds_the_server() -> None:
    assert query("Kiro")["name"] == "clientary"
    assert json.loads(query("Kiro")["config"]) == CONFIGURED


def test_the_link_for_visual_studio_holds_the_server() -> None:
    named = {"name": "clientary", "type": "stdio"}  # both are needed there
    assert json.loads(unquote(urlsplit(LINKS["Visual Studio"]).query)) == CONFIGURED | named


def of_insiders() -> dict[str, Any]:
    """What its link holds, which is that of the program itself within that of a page."""
    link = urlsplit(query("VS Code Insiders")["url"])
    assert (link.scheme, link.path) == ("vscode-insiders", "mcp/install")
    held: dict[str, Any] = json.loads(unquote(link.query))
    assert held.pop("name") == query("VS Code")["name"] == "clientary"
    return held


@pytest.mark.parametrize("edition", ["VS Code", "VS Code Insiders"])
def test_the_link_for_vs_code_asks_for_the_account_and_hides_the_token(edition: str) -> None:
    configured = json.loads(query("VS Code")["config"])
    inputs = json.loads(query("VS Code")["inputs"])
    if edition == "VS Code Insiders":
        configured = of_insiders()
        inputs = configured.pop("inputs")
    asked = {each["id"]: each for each in inputs}
    assert {key: each["password"] for key, each in asked.items()} == {"subdomain": False, "api_token": True}
    assert {each["type"] for each in asked.values()} == {"promptString"}
    assert configured["env"] == {
        "CLIENTARY_SUBDOMAIN": "${input:subdomain}",
        "CLIENTARY_API_TOKEN": "${input:api_token}",
    }
    assert {**configured, "env": ACCOUNT} == CONFIGURED


def test_the_link_for_goose_holds_the_command_and_asks_for_the_account() -> None:
    asked = query("Goose")
    assert urlsplit(LINKS["Goose"]).scheme == "goose"
    assert (asked["cmd"], [asked["arg"]]) == (CONFIGURED["command"], CONFIGURED["args"])
    assert [each.partition("=")[0] for each in asked["env"]] == [*ACCOUNT]


def test_the_configured_server_takes_its_settings() -> None:
    assert Settings.from_environment(ACCOUNT).subdomain == "acme"


def test_no_link_carries_characters_that_end_it_in_markdown() -> None:
    assert [host for host, link in LINKS.items() if {*link} & {*" ()<>[]|\"'`"}] == []

"""The documentation, checked against the program: generated parts, names, commands, configurations, links, the site."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from clientary_mcp.api.session import Clientary
from clientary_mcp.cli.options import _OPTIONS, HTTP_PORT, parse
from clientary_mcp.sandbox import Sandbox
from clientary_mcp.server.app import ClientaryServer
from clientary_mcp.server.http.app import application
from clientary_mcp.settings import ALL_SETTINGS, Settings
from clientary_mcp.tools import ALL
from scripts.generate_docs import PARTS, ROOT, rewritten
from scripts.llms import write
from scripts.observed import observed
from tests.rules.documents import ALL_DOCUMENTS, Document, all_blocks, commands, servers

SETTINGS = {field.metadata["variable"]: field for field in ALL_SETTINGS}
TOOLS = {tool.name for tool in ALL}
ARGUMENTS = {name for tool in ALL for name in tool.published.input_schema["properties"]}
EVERYTHING = "\n".join(document.text for document in ALL_DOCUMENTS)
MCP_TOKEN = "a-long-random-text"
ELSEWHERE = {
    *("docs.astral.sh", "github.com", "keepachangelog.com", "semver.org", "www.clientary.com", "www.python.org"),
    *("cursor.com", "example.com", "insiders.vscode.dev", "kiro.dev", "lmstudio.ai", "vs-open.link"),  # that install
}
"""The sites that links may lead to: no test fetches them, so each new one is looked at by a person."""


@pytest.mark.parametrize("document", ALL_DOCUMENTS, ids=str)
def test_generated_parts_are_up_to_date(document: Document) -> None:
    assert document.text == rewritten(document.text), "scripts/docs writes them anew"


def test_every_generated_part_is_in_a_document() -> None:
    used = re.findall(r"<!-- generated: ([\w-]+) -->", EVERYTHING)
    assert sorted(used) == sorted({*PARTS, *observed().messages})
    assert EVERYTHING.count("<!-- /generated -->") == len(used)


# Names


def test_every_named_tool_exists_and_every_tool_is_named() -> None:
    quoted = set(re.findall(r"`([a-z_]+)`", EVERYTHING))
    like_tools = {name for name in quoted if re.match("(list|get|create|update|delete|send|charge|bill)_|api_", name)}
    assert like_tools - ARGUMENTS <= TOOLS <= quoted


def test_every_named_variable_exists_and_every_variable_is_named() -> None:
    assert {name for document in ALL_DOCUMENTS for name in variables_in(document.written)} <= {*SETTINGS}
    assert {*SETTINGS} <= {*variables_in(EVERYTHING)}


def variables_in(text: str) -> list[str]:
    return re.findall(r"CLIENTARY_[A-Z_]*[A-Z]", text)


@pytest.mark.parametrize("document", ALL_DOCUMENTS, ids=str)
def test_the_number_of_tools_is_not_written_by_hand(document: Document) -> None:
    assert re.findall(r"\b\d+ (?:of the )?tools\b", document.written) == []


def test_every_named_option_exists() -> None:
    ours = set(re.findall(r"`(--[a-z-]+)", Document(ROOT / "docs/settings.md").written))
    assert ours == {option.flag for option in _OPTIONS}


# Commands


OURS = [words for words in commands() if any(re.fullmatch(r"(.*/)?clientary-mcp", word) for word in words[:3])]


@pytest.mark.parametrize("words", OURS, ids=" ".join)
def test_every_command_line_of_ours_is_accepted(words: list[str]) -> None:
    program = next(place for place, word in enumerate(words) if word.endswith("clientary-mcp"))
    assert {word.partition("=")[0] for word in words[:program]} <= {*SETTINGS}
    parse(words[program + 1 :])


def test_every_named_script_is_executable() -> None:
    named = {words[0] for words in commands() if words[0].startswith("scripts/")}
    named |= set(re.findall(r"`(scripts/[a-z]+)`", EVERYTHING))
    assert {"scripts/demo", "scripts/test", "scripts/docs"} <= named
    assert [script for script in named if not os.access(ROOT / script, os.X_OK)] == []


def test_every_module_to_run_exists() -> None:
    modules = re.findall(r"`python -m ([\w.]+)", EVERYTHING)
    assert modules
    assert [module for module in modules if find_spec(module) is None] == []


def test_every_named_file_of_the_project_exists() -> None:
    named = re.findall(r"`((?:clientary_mcp|tool_schemas|tests|scripts|docs|benchmarks)/[\w./]*)`", EVERYTHING)
    named += re.findall(r"`([A-Z]+\.md|pyproject\.toml)`", EVERYTHING)
    assert [path for path in named if not (ROOT / path).exists()] == []


# Configurations


STDIO = [server for server in servers() if server.get("command") == "clientary-mcp"]
HTTP = [server for server in servers() if "url" in server]


def test_every_json_block_configures_a_server_over_stdio_or_http() -> None:
    bridged = [server for server in servers() if server.get("command") == "npx"]
    assert len(servers()) == len(all_blocks("json"))
    assert len(STDIO + HTTP + bridged) == len(servers())
    assert {server["args"][2] for server in bridged} == {server["url"] for server in HTTP}


@pytest.mark.parametrize("server", STDIO)
def test_a_configuration_over_stdio_starts_with_its_arguments_and_settings(server: dict[str, Any]) -> None:
    options, environment = parse(server.get("args", [])), server.get("env", {})
    assert options.transport == "stdio"
    assert options.sandbox != ({"CLIENTARY_SUBDOMAIN", "CLIENTARY_API_TOKEN"} <= {*environment})
    assert {*environment} <= {*SETTINGS}
    filled = {name: re.sub(r"\$\{.*\}", "t0ken", text) for name, text in environment.items()}
    if environment:
        assert ClientaryServer(Clientary(Settings.from_environment(filled)))


@pytest.mark.parametrize("server", HTTP)
def test_a_configuration_over_http_uses_the_served_path(server: dict[str, Any]) -> None:
    assert server["url"].endswith("/mcp")
    assert server["headers"]["Authorization"].startswith("Bearer ")


def test_toml_configurations_use_the_command_or_path_and_existing_settings() -> None:
    stdio, over_http = (tomllib.loads(block)["mcp_servers"]["clientary"] for block in all_blocks("toml"))
    assert stdio["command"] == "clientary-mcp"
    assert {*stdio["env"]} <= {*SETTINGS}
    assert over_http["url"] == HTTP[0]["url"]
    assert over_http["bearer_token_env_var"] in SETTINGS


def test_every_vs_code_input_is_declared() -> None:
    asking = [block for block in all_blocks("json") if "inputs" in json.loads(block)]
    assert len(asking) == 2
    for block in asking:
        asked = [given["id"] for given in json.loads(block)["inputs"]]
        assert re.findall(r"\$\{input:([^}]+)\}", block) == asked


# HTTP


@pytest.mark.parametrize(("transport", "path"), [("streamable-http", "/mcp"), ("sse", "/sse")])
def test_the_documented_http_urls_are_served(transport: Any, path: str, clientary: Clientary) -> None:
    app = application(ClientaryServer(clientary), clientary.settings, transport, "127.0.0.1")
    paths = [getattr(route, "path", None) for route in app.routes]
    assert path in paths
    assert f"`http://127.0.0.1:{HTTP_PORT}{path}`" in EVERYTHING


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": f"Bearer {MCP_TOKEN}", "Host": "other.example"}, 421),
        ({"Authorization": f"Bearer {MCP_TOKEN}", "Origin": "http://other.example"}, 403),
    ],
)
async def test_the_documented_statuses_are_what_clients_get(
    headers: dict[str, str], status: int, sandbox: Sandbox
) -> None:
    settings = Settings(base_url="http://localhost", api_token=sandbox.token, mcp_token=MCP_TOKEN)
    app = application(ClientaryServer(Clientary(settings)), settings, "streamable-http", "127.0.0.1")
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client,
    ):
        answer = await client.post("http://127.0.0.1:8000/mcp", headers=headers, json={})
        alive = await client.get("http://127.0.0.1:8000/health")
    assert (answer.status_code, alive.status_code) == (status, 200)
    assert f"\n| `{status}` | " in EVERYTHING


# Links, and the site


@pytest.mark.parametrize("document", ALL_DOCUMENTS, ids=str)
def test_every_link_has_a_target(document: Document) -> None:
    for target in document.links:
        if target.startswith("https://"):
            continue
        name, _, anchor = target.partition("#")
        linked = (document.path.parent / name).resolve() if name else document.path
        assert linked.exists(), target
        assert not anchor or anchor in Document(linked).anchors, target


def test_links_lead_elsewhere_only_to_sites_that_are_listed() -> None:
    found = {urlsplit(link) for document in ALL_DOCUMENTS for link in document.links if "://" in link}
    assert {link.scheme for link in found} == {"https"}
    assert {link.hostname for link in found} <= ELSEWHERE


@pytest.mark.parametrize("builder", ["mkdocs", "zensical"])
def test_the_site_builds_without_a_warning(builder: str, tmp_path: Path) -> None:
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    command = [sys.executable, "-m", builder, "build", "--strict"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)  # noqa: S603 - a fixed command
    assert done.returncode == 0, done.stdout + done.stderr
    for page in (ROOT / "docs").rglob("*.md"):
        built = (tmp_path / "site" / page.relative_to(ROOT / "docs")).with_suffix(".html")
        text = built.read_text(encoding="utf-8")
        assert "```" not in text, f"a block of code in {page.name} is not rendered"
        assert re.findall(r'(?:src|<link[^>]*href)="https?://[^"]*', text) == [], "nothing is loaded from elsewhere"
        assert re.findall(r'href="(?!https:)[^"]*/"', text) == [], "a folder is no page when read from the disk"


def test_language_models_get_every_page_and_a_list_of_them(tmp_path: Path) -> None:
    write(tmp_path)
    listed = Document(tmp_path / "llms.txt")
    pages = {str(page.relative_to(ROOT / "docs")): page for page in (ROOT / "docs").rglob("*.md")}
    assert sorted(listed.links) == sorted(pages)
    everything = (tmp_path / "llms-full.txt").read_text(encoding="utf-8")
    for name, page in pages.items():
        assert (tmp_path / name).read_bytes() == page.read_bytes()
        assert page.read_text(encoding="utf-8") in everything
    about = [line.partition("): ")[2] for line in listed.text.splitlines() if line.startswith("- ")]
    assert [words for words in about if not re.fullmatch(r"\S.{15,250}\.", words)] == []

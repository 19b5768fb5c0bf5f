"""The generated files of registries, hosts and catalogues: they are up to date, agree, and fit the server."""

import json
import re
import struct
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # PyYAML has no types

from clientary_mcp.cli.options import parse
from clientary_mcp.settings import ALL_SETTINGS, Settings
from clientary_mcp.tools import ALL
from scripts.packaging.facts import ICON, PUBLISHER, ROOT
from scripts.packaging.files import FILES, IN_PLACE, SKILLS, docker_entry
from tests.rules.documents import ALL_DOCUMENTS, Document

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
SETTINGS = {setting.metadata["variable"]: setting for setting in ALL_SETTINGS}
OFFERED = [tool.name for tool in ALL if tool.resource != "raw"]


def read(path: str) -> Any:
    return json.loads((ROOT / path).read_text("utf-8"))


MANIFEST, SERVER = read("packaging/mcpb/manifest.json"), read("server.json")
CLAUDE, GEMINI = read(".claude-plugin/plugin.json"), read("gemini-extension.json")
CODEX, CURSOR = read(".codex-plugin/plugin.json"), read(".cursor-plugin/plugin.json")
(IN_MARKETPLACE,) = read(".claude-plugin/marketplace.json")["plugins"]
DOCKER = yaml.safe_load((ROOT / "packaging/docker/server.yaml").read_text("utf-8"))
PLUGINS = {"Claude Code": CLAUDE, "Gemini": GEMINI, "Codex": CODEX, "Cursor": CURSOR, "marketplace": IN_MARKETPLACE}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_generated_files_are_up_to_date(path: Path) -> None:
    assert path.read_text("utf-8") == FILES[path](), "scripts/docs writes it anew"


@pytest.mark.parametrize("path", IN_PLACE, ids=lambda path: path.name)
def test_generated_lines_are_up_to_date(path: Path) -> None:
    assert path.read_text("utf-8") == IN_PLACE[path](path.read_text("utf-8")), "scripts/docs writes them anew"


def test_there_is_no_skill_without_a_prompt() -> None:
    assert {*SKILLS.rglob("*.md")} <= {*FILES}


# They agree


def test_every_version_is_that_of_the_project() -> None:
    package, image = SERVER["packages"]
    versions = {MANIFEST["version"], SERVER["version"], package["version"], image["identifier"].rpartition(":")[2]}
    versions |= {plugin["version"] for plugin in PLUGINS.values()}
    versions |= {CODEX["mcpServers"]["clientary"]["args"][0].partition("@")[2]}
    assert versions == {PROJECT["version"]}


def test_every_description_is_that_of_the_project() -> None:
    described = [MANIFEST, SERVER, DOCKER["about"], *PLUGINS.values()]
    assert {each["description"] for each in described} == {PROJECT["description"]}
    assert len(PROJECT["description"]) <= 100, "the longest that the registry takes"


def test_package_bundle_and_plugins_start_the_same_command() -> None:
    (command,) = PROJECT["scripts"]
    started = [MANIFEST["server"]["mcp_config"], *(plugin["mcpServers"]["clientary"] for plugin in (CLAUDE, GEMINI))]
    folders = ("${__dirname}", "${CLAUDE_PLUGIN_ROOT}", "${extensionPath}")
    for each, folder in zip(started, folders, strict=True):
        assert [each["command"], *each["args"]] == ["uv", "run", "--no-dev", "--directory", folder, command]
    assert {SERVER["packages"][0]["identifier"], MANIFEST["name"], DOCKER["name"]} == {PROJECT["name"]}
    pinned = {plugin["mcpServers"]["clientary"]["args"][-1].partition("@")[0] for plugin in (CODEX, CURSOR)}
    assert pinned == {PROJECT["name"]}


def test_the_projects_own_file_names_the_publisher() -> None:
    assert PROJECT["authors"] == [PUBLISHER.author]
    homes = {"Homepage": PUBLISHER.homepage, "Source": PUBLISHER.source}
    assert PROJECT["urls"] == homes | {"Issues": PUBLISHER.issues, "Security": PUBLISHER.security}


def test_who_publishes_is_written_by_hand_in_one_file_alone() -> None:
    by_hand = [path for folder in ("clientary_mcp", "scripts", "deploy") for path in (ROOT / folder).rglob("*.*")]
    texts = {str(path): path.read_text("utf-8") for path in by_hand if path.suffix not in {".pyc", ".png"}}
    texts |= {str(document): document.written for document in ALL_DOCUMENTS}
    said = (PUBLISHER.homepage, PUBLISHER.server_name, PUBLISHER.email, PUBLISHER.image)
    assert [path for path, text in texts.items() if any(value in text for value in said)] == []


# They fit the server


def variables() -> dict[str, list[str]]:
    """The variables that each file sets or asks for."""
    registered = [variable["name"] for package in SERVER["packages"] for variable in package["environmentVariables"]]
    container = [*DOCKER["config"]["env"], *({"name": each["env"]} for each in DOCKER["config"]["secrets"])]
    return {
        "bundle": [*MANIFEST["server"]["mcp_config"]["env"]],
        "registry": registered,
        "Claude Code": [*CLAUDE["mcpServers"]["clientary"]["env"]],
        "Gemini": [setting["envVar"] for setting in GEMINI["settings"]],
        "Codex": CODEX["mcpServers"]["clientary"]["env_vars"],
        "Cursor": [*CURSOR["mcpServers"]["clientary"]["env"]],
        "Docker": [each["name"] for each in container],
    }


FORMS = ("bundle", "Claude Code", "Gemini")
"""What has a form of its own, which takes the whole address of the account."""


@pytest.mark.parametrize(("where", "named"), variables().items())
def test_every_variable_is_a_setting_and_the_account_is_among_them(where: str, named: list[str]) -> None:
    address = "CLIENTARY_ADDRESS" if where in FORMS else "CLIENTARY_SUBDOMAIN"
    assert {address, "CLIENTARY_API_TOKEN"} <= {*named} <= {*SETTINGS}


@pytest.mark.parametrize("where", [*FORMS, "Codex", "Cursor"])
def test_every_host_hands_over_what_limits_the_agent(where: str) -> None:
    """A read-only setting that stays behind would expose every write."""
    assert "CLIENTARY_READ_ONLY" in variables()[where]
    limits = {*variables()["bundle"]} - {"CLIENTARY_ADDRESS"}
    assert {*variables()[where]} - {"CLIENTARY_ADDRESS", "CLIENTARY_SUBDOMAIN"} == limits


def test_secrets_are_asked_for_as_secrets() -> None:
    secrets = {variable for variable, setting in SETTINGS.items() if setting.metadata["secret"]}
    for config, form in ((MANIFEST["server"]["mcp_config"], "user_config"), (CLAUDE["mcpServers"], "userConfig")):
        asked = MANIFEST.get(form) or CLAUDE[form]
        environment = config.get("env") or config["clientary"]["env"]
        sensitive = {f"${{user_config.{key}}}" for key, field in asked.items() if field.get("sensitive")}
        assert {name for name, value in environment.items() if value in sensitive} == secrets & {*environment}
    assert {each["envVar"] for each in GEMINI["settings"] if each["sensitive"]} == {"CLIENTARY_API_TOKEN"}
    for package in SERVER["packages"]:
        hidden = {each["name"] for each in package["environmentVariables"] if each.get("isSecret")}
        assert hidden == {"CLIENTARY_API_TOKEN"}


@pytest.mark.parametrize("empty", ["default", "placeholder"])
def test_what_is_left_empty_in_the_form_is_not_set(empty: str) -> None:
    """Claude Desktop fills in the default, or leaves the placeholder where there is none."""
    filled, environment = {"subdomain": "acme", "api_token": "t0ken"}, {}
    for name, placeholder in MANIFEST["server"]["mcp_config"]["env"].items():
        key = placeholder.removeprefix("${user_config.").removesuffix("}")
        default = str(MANIFEST["user_config"][key].get("default")).lower() if empty == "default" else placeholder
        environment[name] = filled.get(key, default)
    assert Settings.from_environment(environment) == Settings(whole_address="acme", api_token="t0ken")


@pytest.mark.parametrize("address", ["acme", "acme.clientary.com", "https://clients.example.com/login"])
def test_the_form_takes_an_account_on_its_own_domain(address: str) -> None:
    filled = {"subdomain": address, "api_token": "t0ken"}
    env = MANIFEST["server"]["mcp_config"]["env"].items()
    environment = {name: filled.get(value[14:-1], "") for name, value in env}
    assert Settings.from_environment(environment).address in {
        "https://acme.clientary.com",
        "https://clients.example.com",
    }


def test_a_field_of_the_form_is_needed_or_has_a_default() -> None:
    for form in (MANIFEST["user_config"], CLAUDE["userConfig"]):
        assert {key for key, field in form.items() if field["required"]} == {"subdomain", "api_token"}
        assert {key for key, field in form.items() if "default" not in field} == {"subdomain", "api_token"}


def test_the_arguments_are_those_of_the_command() -> None:
    assert parse(MANIFEST["server"]["mcp_config"]["args"][5:]).transport == "stdio"


def test_the_tools_are_those_offered_by_default() -> None:
    assert [tool["name"] for tool in MANIFEST["tools"]] == OFFERED
    assert [tool["name"] for tool in read("packaging/docker/tools.json")] == OFFERED
    assert all(tool["description"] for tool in MANIFEST["tools"])


# What catalogues and directories ask for


def test_docker_finds_what_its_validator_asks_for() -> None:
    """The rules of cmd/validate in their repository, apart from the format, which test_validators.py has checked."""
    assert re.fullmatch(r"[a-z0-9-]+", DOCKER["name"])
    assert {"MCP", "Server"}.isdisjoint(DOCKER["about"]["title"].split())
    assert DOCKER["about"]["title"].istitle()
    assert all(re.fullmatch(r"[\w-]+\.[\w.-]+", secret["name"]) for secret in DOCKER["config"]["secrets"])
    filled = {f"{{{{{DOCKER['name']}.{key}}}}}" for key in DOCKER["config"]["parameters"]["properties"]}
    assert {each["value"] for each in DOCKER["config"]["env"]} == filled
    for tool in read("packaging/docker/tools.json"):
        assert all({*argument} == {"name", "type", "desc"} for argument in tool["arguments"]), tool["name"]
    assert yaml.safe_load(docker_entry("0" * 40)) == DOCKER | {"source": DOCKER["source"] | {"commit": "0" * 40}}


def test_the_icon_has_the_size_that_hosts_recommend() -> None:
    header = ICON.read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", header[16:]) == (512, 512)
    assert MANIFEST["icon"] == ICON.name


def test_the_directory_finds_what_it_asks_for() -> None:
    assert all(address.startswith("https://") for address in MANIFEST["privacy_policies"])
    assert MANIFEST["support"].startswith("https://")
    assert MANIFEST["author"]["email"]
    assert len(re.findall(r"^- \*.+[.?]\* It .+\.$", MANIFEST["long_description"], re.MULTILINE)) >= 3, "examples"
    for tool in ALL:
        hints = tool.published.annotations
        assert tool.published.title, tool.name
        assert hints, tool.name
        assert None not in (hints.read_only_hint, hints.destructive_hint), tool.name


@pytest.mark.parametrize("path", sorted(SKILLS.iterdir()), ids=lambda path: path.name)
def test_a_skill_is_found_by_its_name_and_uses_existing_tools(path: Path) -> None:
    _, head, text = (path / "SKILL.md").read_text("utf-8").split("---\n", 2)
    about = yaml.safe_load(head)
    assert about["name"] == path.name
    assert "Use when" in about["description"]
    assert len(about["description"]) <= 1024
    assert {*re.findall(r"`([a-z_]+)`", text)} <= {*OFFERED}
    assert "{" not in text, "a place for an argument is left"


def test_the_instructions_for_agents_configure_a_server_that_starts() -> None:
    document = Document(ROOT / "llms-install.md")
    (configuration,) = (json.loads(block)["mcpServers"]["clientary"] for block in document.blocks("json"))
    assert configuration["command"] == "uvx"
    assert configuration["args"] == [PROJECT["name"]]
    assert Settings.from_environment(configuration["env"]).subdomain == "acme"

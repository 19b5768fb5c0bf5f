"""The generated files, checked by the programs that they are made for, and the bundle, started as its host starts it.

`scripts/test --long` installs these programs into `.clients/`, and skips what cannot be installed.
"""

import json
import shutil
from pathlib import Path

import pytest
from mcp import Client, StdioServerParameters

from scripts.packaging.bundle import pack, stage
from scripts.packaging.facts import ROOT, VERSION
from scripts.packaging.files import FILES
from scripts.packaging.registry import server
from tests.support.checkers import accepted, from_pip, installed, variables

pytestmark = [pytest.mark.long, pytest.mark.timeout(1_000)]  # the first run installs the programs


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A user's home without anything in it."""
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the repository, as far as plugins are concerned."""
    folder = tmp_path / "checkout"
    for path in (*FILES, ROOT / "README.md", ROOT / "LICENSE"):
        copy = folder / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    return folder


@pytest.mark.anyio
async def test_the_bundle_is_valid_and_starts_as_its_host_starts_it(tmp_path: Path, home: Path) -> None:
    commands = installed("mcpb", "@anthropic-ai/mcpb@2.1.2")
    uv = installed("uv", "uv==0.13.9", in_python=True) / "uv"
    staged, unpacked = tmp_path / "staged", tmp_path / "unpacked"
    stage(staged)
    pack(staged, tmp_path / "clientary.mcpb")
    assert "passes" in accepted([commands / "mcpb", "validate", staged / "manifest.json"], home)
    accepted([commands / "mcpb", "pack", staged, tmp_path / "theirs.mcpb"], home)
    accepted([commands / "mcpb", "unpack", tmp_path / "clientary.mcpb", unpacked], home)

    manifest = json.loads((unpacked / "manifest.json").read_text("utf-8"))
    started = manifest["server"]["mcp_config"]
    words = [word.replace("${__dirname}", str(unpacked)) for word in started["args"]]
    assert accepted([uv, *words, "--version"], home) == f"{VERSION}\n"  # it installs what the server needs
    filled = {"subdomain": "clients.example.com", "api_token": "t0ken", "read_only": "false"}
    environment = {name: filled.get(value[14:-1], "") for name, value in started["env"].items()}
    async with Client(StdioServerParameters(command=str(uv), args=words, env=variables(home, **environment))) as host:
        offered = [tool.name for tool in (await host.list_tools()).tools]
    assert offered == [tool["name"] for tool in manifest["tools"]]
    on_trial = StdioServerParameters(command=str(uv), args=[*words, "--sandbox"], env=variables(home))
    async with Client(on_trial) as host:
        assert not (await host.call_tool("receivables_report", {})).is_error


def test_claude_code_takes_the_plugin(checkout: Path, home: Path) -> None:
    claude = installed("claude", "@anthropic-ai/claude-code@2.1.197") / "claude"
    for manifest in ("marketplace.json", "plugin.json"):
        assert "passed" in accepted([claude, "plugin", "validate", checkout / ".claude-plugin" / manifest], home)
    accepted([claude, "plugin", "marketplace", "add", checkout], home)
    account = ["--config", "subdomain=acme", "--config", "api_token=t0ken"]
    accepted([claude, "plugin", "install", "clientary@clientary-mcp", *account], home)
    listed = accepted([claude, "plugin", "list"], home)
    assert "clientary@clientary-mcp" in listed
    assert f"Version: {VERSION}" in listed
    settings = (home / ".claude/settings.json").read_text("utf-8")
    assert "acme" in settings
    assert "t0ken" not in settings


def test_gemini_takes_the_extension(checkout: Path, home: Path) -> None:
    gemini = installed("gemini", "@google/gemini-cli@0.61.0") / "gemini"
    accepted([gemini, "extensions", "validate", checkout], home)


def test_codex_takes_the_plugin_and_hands_over_the_account(checkout: Path, home: Path) -> None:
    codex = installed("codex", "@openai/codex@0.171.0") / "codex"
    accepted([codex, "plugin", "marketplace", "add", checkout], home)
    accepted([codex, "plugin", "add", "clientary@clientary-mcp"], home)
    (listed,) = (line for line in accepted([codex, "mcp", "list"], home).splitlines() if line.startswith("clientary"))
    assert f"clientary-mcp@{VERSION}" in listed
    assert "CLIENTARY_SUBDOMAIN=" in listed
    assert "CLIENTARY_API_TOKEN=" in listed


def test_dockers_catalogue_finds_the_format_that_it_insists_on(checkout: Path, home: Path) -> None:
    prettier = installed("prettier", "prettier@3.10.1") / "prettier"
    accepted([prettier, "--check", checkout / "packaging/docker/server.yaml"], home)


def test_the_registry_takes_the_entry_and_hosts_the_skills(checkout: Path, home: Path) -> None:
    commands = installed("registry", "skillsaw==0.22.0", "check-jsonschema==0.39.0", in_python=True)
    (schema,) = commands.parent.glob("lib/*/site-packages/skillsaw/schemas/mcp_registry/v2025_12_11/server.schema.json")
    built = home / "server.json"
    built.write_text(json.dumps(server("0" * 64)), encoding="utf-8")
    accepted([commands / "check-jsonschema", "--schemafile", schema, checkout / "server.json", built], home)
    assert "All checks passed" in accepted([commands / "skillsaw", "lint", checkout], home)


def test_uv_is_told_the_index_of_pip() -> None:
    listed = (
        ":env:.cert='/a.pem'\nglobal.cert='/b.pem'\nglobal.extra-index-url='x'\nglobal.index-url='http://127.0.0.1/'"
    )
    assert from_pip(listed) == {"SSL_CERT_FILE": "/a.pem", "UV_DEFAULT_INDEX": "http://127.0.0.1/"}
    assert from_pip("") == {}

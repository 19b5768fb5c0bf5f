"""Where each host keeps its configuration on each system, and how a server is written there: tests/cli/install/golden.

`.in` is a configuration as the host or its user may have written it, `.out` the same once the server is installed.
"""

from pathlib import Path

import pytest

from clientary_mcp.cli.install.commands import run
from clientary_mcp.cli.install.config_file import ConfigFile
from clientary_mcp.cli.install.hosts import HOSTS
from clientary_mcp.cli.install.installation import Installation
from clientary_mcp.cli.options import help_text, parse
from tests.support.machines import PLATFORMS, machine

GOLDEN = Path(__file__).parent / "golden"
LINUX = {
    "claude-desktop": ".config/Claude/claude_desktop_config.json",
    "claude-code": ".claude.json",
    "cursor": ".cursor/mcp.json",
    "vscode": ".config/Code/User/mcp.json",
    "codex": ".codex/config.toml",
    "gemini": ".gemini/settings.json",
    "zed": ".config/zed/settings.json",
    "windsurf": ".codeium/windsurf/mcp_config.json",
    "goose": ".config/goose/config.yaml",
    "lm-studio": ".lmstudio/mcp.json",
}
MACOS = LINUX | {
    "claude-desktop": "Library/Application Support/Claude/claude_desktop_config.json",
    "vscode": "Library/Application Support/Code/User/mcp.json",
}
WINDOWS = LINUX | {
    "claude-desktop": "AppData/Roaming/Claude/claude_desktop_config.json",
    "vscode": "AppData/Roaming/Code/User/mcp.json",
    "zed": "AppData/Roaming/Zed/settings.json",
    "goose": "AppData/Roaming/Block/goose/config/config.yaml",
}
ELSEWHERE = [
    ("claude-code", "linux", "CLAUDE_CONFIG_DIR", ".claude.json"),
    ("codex", "darwin", "CODEX_HOME", "config.toml"),
    ("gemini", "linux", "GEMINI_CLI_HOME", ".gemini/settings.json"),
    ("zed", "darwin", "XDG_CONFIG_HOME", "zed/settings.json"),
    ("claude-desktop", "linux", "XDG_CONFIG_HOME", "Claude/claude_desktop_config.json"),
    ("goose", "win32", "APPDATA", "Block/goose/config/config.yaml"),
]
"""Hosts whose folder a variable names, and what they keep in it."""


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize(("platform", "paths"), [*zip(PLATFORMS, (LINUX, MACOS, WINDOWS), strict=True)])
def test_each_host_is_found_on_each_system(tmp_path: Path, platform: str, paths: dict[str, str], host: str) -> None:
    assert HOSTS[host].path(machine(tmp_path, platform)) == tmp_path / paths[host]


@pytest.mark.parametrize(("host", "platform", "variable", "path"), ELSEWHERE)
def test_a_folder_that_a_variable_names_is_used(
    tmp_path: Path, host: str, platform: str, variable: str, path: str
) -> None:
    there = tmp_path / "elsewhere"
    assert HOSTS[host].path(machine(tmp_path, platform, **{variable: str(there)})) == there / path


@pytest.mark.parametrize(
    ("host", "platform", "folder", "file"),
    [
        (
            "claude-desktop",
            "win32",
            "AppData/Local/Packages/Claude_pzs8sxrjxfjjc/LocalCache/Roaming/Claude",
            "claude_desktop_config.json",
        ),
        ("windsurf", "linux", ".config/devin", "mcp_config.json"),
        ("windsurf", "win32", "AppData/Roaming/devin", "mcp_config.json"),
    ],
)
def test_a_newer_place_is_used_where_the_host_has_it(
    tmp_path: Path, host: str, platform: str, folder: str, file: str
) -> None:
    (tmp_path / folder).mkdir(parents=True)
    assert HOSTS[host].path(machine(tmp_path, platform)) == tmp_path / folder / file


def test_an_older_file_of_claude_code_is_used_as_long_as_it_is_there(tmp_path: Path) -> None:
    older = tmp_path / ".claude" / ".config.json"
    older.parent.mkdir()
    assert HOSTS["claude-code"].path(machine(tmp_path)) == tmp_path / ".claude.json"
    older.write_text("{}")
    assert HOSTS["claude-code"].path(machine(tmp_path)) == older


@pytest.mark.parametrize("host", HOSTS)
def test_a_server_is_written_as_the_host_reads_it(tmp_path: Path, host: str) -> None:
    """All else stays as it was: other servers, their order, and comments."""
    before, after = ((GOLDEN / f"{host}.{end}").read_bytes().decode() for end in ("in", "out"))
    path = HOSTS[host].path(machine(tmp_path))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(before.encode())
    wanted = Installation(machine(tmp_path), HOSTS[host], "clientary", {"CLIENTARY_READ_ONLY": "true"})
    file = ConfigFile(path, HOSTS[host].format)
    written = file.with_values(wanted.values({"CLIENTARY_SUBDOMAIN": "acme"}))
    assert written.replace(str(tmp_path), "/home/ada") == after
    file.write(written)
    assert ConfigFile(path, HOSTS[host].format).without_values([wanted.place, *wanted.inputs]) == before


def test_the_help_names_every_host() -> None:
    for command in ("install", "uninstall"):
        text = help_text(command)
        assert [host for host in HOSTS if host not in text] == []


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_server_can_be_installed_in_each_host_on_each_system(tmp_path: Path, platform: str, host: str) -> None:
    there = machine(tmp_path, platform)
    told = "\n".join(run(parse(["install", host, "--sandbox"]), there))
    path = HOSTS[host].path(there)
    assert str(path) in told
    assert "--sandbox" in path.read_text()
    assert HOSTS[host].title in "\n".join(run(parse(["uninstall", host]), there))
    assert not path.exists()

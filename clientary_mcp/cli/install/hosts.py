"""The hosts that the server can be installed in: where each keeps its configuration, and how it writes a server."""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clientary_mcp.cli.install.config_file import JSON, TOML, YAML, Format
from clientary_mcp.cli.install.machine import Machine

TOKEN = "CLIENTARY_API_TOKEN"  # noqa: S105 - the name of the variable
_STARTING = 30
"""Seconds that a host waits for the server to start, where that can be set: the first start of all compiles it."""
_PATIENCE = 90
"""Seconds that a host waits for a call, where that can be set: more than `CLIENTARY_DEADLINE`."""


@dataclass(frozen=True)
class Command:
    """How the server is started."""

    path: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Host:
    """A program that agents run in."""

    name: str
    title: str
    paths: Callable[[Machine], Iterable[Path]]
    """Where its configuration may be; the first whose folder exists is meant, else the last."""
    format: Format
    key: str
    """What the servers stand under."""
    entry: Callable[[str, Command], dict[str, Any]]
    """A server, by its name and command, as the host writes it."""
    inputs: Callable[[str], Mapping[tuple[str, ...], Any]] = field(default=lambda _: {})
    """What the host asks its user for, by its path: a token that it keeps itself."""

    def path(self, machine: Machine) -> Path:
        """Where its configuration is."""
        *others, last = self.paths(machine)
        return next((path for path in others if os.path.isdir(path.parent)), last)

    def place(self, name: str) -> tuple[str, ...]:
        """The path to the entry of a server in the configuration."""
        return (self.key, name)

    def variables(self, entry: Any) -> dict[str, str]:
        """The environment in an entry, as somebody may have written it."""
        environment = entry.get("env", entry.get("envs")) if isinstance(entry, dict) else None
        return {name: str(text) for name, text in environment.items()} if isinstance(environment, dict) else {}


def _plain(_: str, command: Command) -> dict[str, Any]:
    return {
        "command": command.path,
        "args": list(command.arguments),
        **({"env": dict(command.environment)} if command.environment else {}),
    }


def _with_type(name: str, command: Command) -> dict[str, Any]:
    return {"type": "stdio", **_plain(name, command)}


def _of_codex(name: str, command: Command) -> dict[str, Any]:
    entry = _plain(name, command)
    return {**entry, "startup_timeout_sec": _STARTING, "tool_timeout_sec": _PATIENCE}


def _of_goose(name: str, command: Command) -> dict[str, Any]:
    return {
        "enabled": True,
        "type": "stdio",
        "name": name,
        "description": "Clientary",
        "cmd": command.path,
        "args": list(command.arguments),
        "envs": dict(command.environment),
        "timeout": _PATIENCE,
    }


def _inputs_of_vscode(name: str) -> Mapping[tuple[str, ...], Any]:
    asked = {"type": "promptString", "id": f"{name}-token", "description": "Clientary API token", "password": True}
    return {("inputs", f"{name}-token"): asked}


def _paths_of_claude_desktop(machine: Machine) -> Iterable[Path]:
    file = "claude_desktop_config.json"
    if machine.is_windows:  # from its installer and from the store, Windows keeps the files of packages apart
        packages = machine.folder("LOCALAPPDATA", "AppData", "Local") / "Packages"
        yield from (path / file for path in sorted(packages.glob("Claude_*/LocalCache/Roaming/Claude")))
    yield machine.config / "Claude" / file


def _paths_of_claude_code(machine: Machine) -> Iterable[Path]:
    older = machine.folder("CLAUDE_CONFIG_DIR", ".claude") / ".config.json"
    if os.path.isfile(older):  # says no, and raises nothing, where it may not look
        yield older
    yield machine.folder("CLAUDE_CONFIG_DIR") / ".claude.json"


def _paths_of_zed(machine: Machine) -> Iterable[Path]:
    yield (machine.roaming / "Zed" if machine.is_windows else machine.xdg / "zed") / "settings.json"


def _paths_of_windsurf(machine: Machine) -> Iterable[Path]:
    yield (machine.roaming if machine.is_windows else machine.xdg) / "devin" / "mcp_config.json"
    yield machine.home / ".codeium" / "windsurf" / "mcp_config.json"


def _paths_of_goose(machine: Machine) -> Iterable[Path]:
    windows = machine.roaming / "Block" / "goose" / "config"
    yield (windows if machine.is_windows else machine.xdg / "goose") / "config.yaml"


HOSTS = {
    host.name: host
    for host in (
        Host("claude-desktop", "Claude Desktop", _paths_of_claude_desktop, JSON, "mcpServers", _plain),
        Host("claude-code", "Claude Code", _paths_of_claude_code, JSON, "mcpServers", _with_type),
        Host("cursor", "Cursor", lambda on: [on.home / ".cursor" / "mcp.json"], JSON, "mcpServers", _plain),
        Host(
            "vscode",
            "VS Code",
            lambda on: [on.config / "Code" / "User" / "mcp.json"],
            JSON,
            "servers",
            _with_type,
            _inputs_of_vscode,
        ),
        Host(
            "codex",
            "Codex",
            lambda on: [on.folder("CODEX_HOME", ".codex") / "config.toml"],
            TOML,
            "mcp_servers",
            _of_codex,
        ),
        Host(
            "gemini",
            "Gemini CLI",
            lambda on: [on.folder("GEMINI_CLI_HOME") / ".gemini" / "settings.json"],
            JSON,
            "mcpServers",
            _plain,
        ),
        Host("zed", "Zed", _paths_of_zed, JSON, "context_servers", _plain),
        Host("windsurf", "Windsurf", _paths_of_windsurf, JSON, "mcpServers", _plain),
        Host("goose", "Goose", _paths_of_goose, YAML, "extensions", _of_goose),
        Host("lm-studio", "LM Studio", lambda on: [on.home / ".lmstudio" / "mcp.json"], JSON, "mcpServers", _plain),
    )
}

"""The plugins of hosts that read a whole repository: Claude Code, Gemini CLI, Codex and Cursor."""

from typing import Any

from scripts.packaging.facts import (
    DESCRIPTION,
    FORM,
    NAME,
    PROJECT,
    PUBLISHER,
    QUESTIONS,
    SERVER,
    TITLE,
    VERSION,
    filled_in,
    form,
    run_in,
)

RELEASE = f"{NAME}@{VERSION}"
"""The version that hosts start which do not say where they keep the plugin."""
_SKILLS = "./skills/"
_ABOUT = {"name": SERVER, "version": VERSION, "description": DESCRIPTION}
_LINKS = {
    "author": PUBLISHER.author,
    "homepage": PUBLISHER.homepage,
    "repository": PUBLISHER.source,
    "license": PROJECT["license"],
    "keywords": PROJECT["keywords"],
}


def claude_code() -> dict[str, Any]:
    """`.claude-plugin/plugin.json`. The skills beside it are found by their place."""
    return {
        **_ABOUT,
        **_LINKS,
        "mcpServers": {SERVER: {**run_in("${CLAUDE_PLUGIN_ROOT}"), "env": filled_in()}},
        "userConfig": form(),
    }


def claude_code_marketplace() -> dict[str, Any]:
    """`.claude-plugin/marketplace.json`: this repository as a marketplace of its one plugin."""
    return {
        "name": NAME,
        "description": DESCRIPTION,
        "owner": PUBLISHER.author,
        "plugins": [{**_ABOUT, "source": "./", "category": "productivity"}],
    }


def gemini() -> dict[str, Any]:
    """`gemini-extension.json`: Gemini asks for the settings, and keeps a sensitive one in the system's keychain."""
    environment = {each.variable: f"${{{each.variable}}}" for each in FORM}
    return {
        **_ABOUT,
        "mcpServers": {SERVER: {**run_in("${extensionPath}"), "env": environment}},
        "settings": [
            {"name": each.title, "description": each.about, "envVar": each.variable, "sensitive": each.secret}
            for each in FORM
        ],
    }


def codex() -> dict[str, Any]:
    """`.codex-plugin/plugin.json`: Codex hands over those variables of its own environment that are set."""
    started = {"command": "uvx", "args": [RELEASE], "env_vars": [each.variable for each in QUESTIONS]}
    patience = {"startup_timeout_sec": 60, "tool_timeout_sec": 90}  # the first start installs what the server needs
    return {
        **_ABOUT,
        **_LINKS,
        "skills": _SKILLS,
        "mcpServers": {SERVER: started | patience},
        "interface": {
            "displayName": TITLE,
            "shortDescription": DESCRIPTION,
            "longDescription": DESCRIPTION,
            "developerName": PUBLISHER.name,
            "category": "Productivity",
            "websiteURL": PUBLISHER.homepage,
            "privacyPolicyURL": PUBLISHER.privacy,
        },
    }


def cursor() -> dict[str, Any]:
    """`.cursor-plugin/plugin.json`: Cursor fills in variables of its own environment."""
    environment = {each.variable: f"${{env:{each.variable}}}" for each in QUESTIONS}
    return {
        **_ABOUT,
        **_LINKS,
        "displayName": TITLE,
        "skills": _SKILLS,
        "mcpServers": {SERVER: {"command": "uvx", "args": [RELEASE], "env": environment}},
    }

"""Which files are generated, and how: whole ones, and lines of others."""

import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]  # PyYAML has no types

from scripts.packaging import catalogues, mcpb, plugins, registry
from scripts.packaging.facts import PUBLISHER, ROOT
from scripts.packaging.skills import skills

SKILLS = ROOT / "skills"


def _json(content: Callable[[], Any]) -> str:
    return json.dumps(content(), indent=2, ensure_ascii=False) + "\n"


def _yaml(content: Callable[[], Any]) -> str:
    return str(yaml.safe_dump(content(), sort_keys=False, allow_unicode=True, width=120))


FILES: dict[Path, Callable[[], str]] = {
    ROOT / "server.json": partial(_json, registry.server),
    ROOT / "packaging/mcpb/manifest.json": partial(_json, mcpb.manifest),
    ROOT / ".claude-plugin/plugin.json": partial(_json, plugins.claude_code),
    ROOT / ".claude-plugin/marketplace.json": partial(_json, plugins.claude_code_marketplace),
    ROOT / "gemini-extension.json": partial(_json, plugins.gemini),
    ROOT / ".codex-plugin/plugin.json": partial(_json, plugins.codex),
    ROOT / ".cursor-plugin/plugin.json": partial(_json, plugins.cursor),
    ROOT / "packaging/docker/server.yaml": partial(_yaml, catalogues.docker),
    ROOT / "packaging/docker/tools.json": partial(_json, catalogues.docker_tools),
    ROOT / "glama.json": partial(_json, catalogues.glama),
    ROOT / "llms-install.md": catalogues.cline,
    **{SKILLS / name / "SKILL.md": partial(str, text) for name, text in skills().items()},
}
"""Files that are generated as a whole, and how."""


def _project_file(text: str) -> str:
    """pyproject.toml with the publisher's name and addresses."""
    author = f'authors = [{{ name = "{PUBLISHER.name}", email = "{PUBLISHER.email}" }}]'
    text = re.sub(r"^authors = .*$", author, text, flags=re.MULTILINE)
    for label in ("homepage", "source", "issues", "security"):
        line = f'{label.capitalize()} = "{getattr(PUBLISHER, label)}"'
        text = re.sub(rf"^{label.capitalize()} = .*$", line, text, flags=re.MULTILINE)
    return text


def _dockerfile(text: str) -> str:
    """The Dockerfile with the label that proves whose image it is."""
    return re.sub(r'(?<=io\.modelcontextprotocol\.server\.name=)".*?"', f'"{PUBLISHER.server_name}"', text)


IN_PLACE: dict[Path, Callable[[str], str]] = {
    ROOT / "pyproject.toml": _project_file,
    ROOT / "Dockerfile": _dockerfile,
}
"""Files of which some lines are generated, and how."""

"""Which files are generated, and how: whole ones, and lines of others."""

import json
import math
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


class _Yaml(yaml.SafeDumper):  # type: ignore[misc]  # PyYAML has no types
    """YAML as prettier writes it, which Docker's catalogue insists on."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, indentless=False)

    def choose_scalar_style(self) -> str:
        return str(super().choose_scalar_style()).replace("'", '"')


def docker_entry(commit: str | None = None) -> str:
    """`server.yaml` for Docker's catalogue; theirs names the commit that they build, which no file in it can."""
    content = catalogues.docker(commit)
    return str(yaml.dump(content, Dumper=_Yaml, sort_keys=False, allow_unicode=True, width=math.inf))


FILES: dict[Path, Callable[[], str]] = {
    ROOT / "server.json": partial(_json, registry.server),
    ROOT / "packaging/mcpb/manifest.json": partial(_json, mcpb.manifest),
    ROOT / ".claude-plugin/plugin.json": partial(_json, plugins.claude_code),
    ROOT / ".claude-plugin/marketplace.json": partial(_json, plugins.claude_code_marketplace),
    ROOT / "gemini-extension.json": partial(_json, plugins.gemini),
    ROOT / ".codex-plugin/plugin.json": partial(_json, plugins.codex),
    ROOT / ".cursor-plugin/plugin.json": partial(_json, plugins.cursor),
    ROOT / "packaging/docker/server.yaml": docker_entry,
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

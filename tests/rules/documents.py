"""Parses the documentation for tests: code blocks, commands, quotations, links and headings."""

import json
import re
import shlex
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from scripts.generate_docs import DOCUMENTS, ROOT


@dataclass(frozen=True)
class Document:
    """One file."""

    path: Path

    def __str__(self) -> str:
        return str(self.path.relative_to(ROOT))

    @cached_property
    def text(self) -> str:
        """All of it."""
        return self.path.read_text(encoding="utf-8")

    @property
    def written(self) -> str:
        """The handwritten text, without generated parts and quotations."""
        by_hand = re.sub(r"<!-- generated: .*?<!-- /generated -->", "", self.text, flags=re.DOTALL)
        return re.sub(r"^>.*$", "", by_hand, flags=re.MULTILINE)

    def blocks(self, language: str) -> list[str]:
        """The fenced blocks in a language."""
        fenced = re.findall(r"^```(\w*)\n(.*?)^```$", self.text, re.MULTILINE | re.DOTALL)
        return [block for message, block in fenced if message == language]

    @property
    def links(self) -> list[str]:
        """Where its links lead."""
        prose = re.sub(r"^```.*?^```$", "", self.text, flags=re.MULTILINE | re.DOTALL)
        return re.findall(r"\]\(([^)\s]+)\)", prose)

    @property
    def anchors(self) -> set[str]:
        """What links can name in it."""
        headings = re.findall(r"^#+ (.+)$", self.text, re.MULTILINE)
        return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


ALL_DOCUMENTS = [Document(path) for path in DOCUMENTS]


def all_blocks(language: str) -> list[str]:
    """The blocks in a language, of all documents."""
    return [block for document in ALL_DOCUMENTS for block in document.blocks(language)]


def commands() -> list[list[str]]:
    """Every command line, in words."""
    return [shlex.split(line) for block in all_blocks("sh") for line in block.splitlines()]


def servers() -> list[dict[str, Any]]:
    """Every server in a JSON configuration, whatever the host calls the list."""
    configurations = [json.loads(block) for block in all_blocks("json")]
    return [
        listed["clientary"]
        for configuration in configurations
        for name, listed in configuration.items()
        if name in ("mcpServers", "servers", "context_servers")
    ]

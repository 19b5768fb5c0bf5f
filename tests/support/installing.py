"""`clientary-mcp install` and `uninstall` on a machine of a test: what they tell, and what they refuse."""

import io
from pathlib import Path

import pytest

from clientary_mcp.cli.install.commands import run
from clientary_mcp.cli.options import parse
from clientary_mcp.errors import ClientaryError
from tests.support.clock import FakeTime
from tests.support.machines import COMMAND, machine, tree

TOKEN = "canary-of-an-api-token"
SUBDOMAIN = {"CLIENTARY_SUBDOMAIN": "acme"}
ACME = {**SUBDOMAIN, "CLIENTARY_API_TOKEN": TOKEN}
CURSOR, KEPT = ".cursor/mcp.json", ".config/clientary-mcp/cursor.clientary.token"


class Terminal(io.StringIO):
    """Standard input that is a terminal, with what is typed into it."""

    def isatty(self) -> bool:
        return True


def told(home: Path, *arguments: str, command: str = COMMAND, **environment: str) -> str:
    """What the command prints, and never a token."""
    there = machine(home, command=command, **environment)
    text = "\n".join(run(parse(arguments), there, FakeTime().clock))
    assert TOKEN not in text
    return text


def refusal(home: Path, *arguments: str, command: str = COMMAND, **environment: str) -> str:
    """Why the command does not do it, which leaves everything as it was."""
    before = tree(home)
    with pytest.raises(ClientaryError) as refused:
        told(home, *arguments, command=command, **environment)
    assert tree(home) == before
    assert TOKEN not in str(refused.value)
    return str(refused.value)

"""What the stand-in may lean on: never on the code that it checks, and on httpx in one place."""

import ast
from pathlib import Path

import pytest

import clientary_mcp.sandbox

MODULES = sorted(Path(clientary_mcp.sandbox.__file__).parent.glob("*.py"))


def imported(module: Path) -> set[str]:
    """The packages that a module names, relative ones by their dots."""
    names = set()
    for node in ast.walk(ast.parse(module.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add("." * node.level or (node.module or "").split(".")[0])
    return names


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.stem)
def test_the_sandbox_shares_no_code_with_what_it_checks(module: Path) -> None:
    assert not imported(module) & {"clientary_mcp", "tool_schemas", "mcp", "pydantic", ".."}
    assert ("httpx" in imported(module)) is (module.stem == "network")

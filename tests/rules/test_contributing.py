"""CONTRIBUTING, checked against the tree that it draws."""

import re
from collections.abc import Iterator
from pathlib import Path

from scripts.generate_docs import ROOT
from tests.rules.documents import Document
from tests.rules.test_arrows import LAYERS

CONTRIBUTING = Document(ROOT / "CONTRIBUTING.md")


def drawn() -> Iterator[Path]:
    """Every file and folder of the drawn tree."""
    _, tree = CONTRIBUTING.blocks("")[:2]
    parents: list[tuple[int, Path]] = []
    for line in tree.splitlines():
        names = re.split(r"  +", line.strip())[0].split(", ")
        depth = len(line) - len(line.lstrip())
        parents = [(above, path) for above, path in parents if above < depth]
        folder = parents[-1][1] if parents else ROOT
        yield from (folder / name for name in names)
        parents.append((depth, folder / names[0]))


def test_everything_in_the_tree_exists() -> None:
    assert [str(path.relative_to(ROOT)) for path in drawn() if not path.exists()] == []


def test_every_package_is_in_the_tree() -> None:
    packages = {path.parent for name in ("clientary_mcp", "tool_schemas") for path in (ROOT / name).rglob("*.py")}
    assert sorted(str(path.relative_to(ROOT)) for path in packages - {*drawn()}) == []


def test_everything_in_the_flow_exists() -> None:
    flow, _ = CONTRIBUTING.blocks("")[:2]
    modules = {path.name for path in (ROOT / "clientary_mcp").rglob("*.py")}
    assert {*re.findall(r"[a-z_]+\.py", flow)} <= modules


def test_the_documented_arrows_are_the_tested_ones() -> None:
    order = [name for group in LAYERS for name in ((group,) if isinstance(group, str) else group)]
    for document in (CONTRIBUTING, Document(ROOT / "docs/architecture.md")):
        (line,) = (line for line in document.text.splitlines() if line.startswith("`tool_schemas` ←"))
        assert sorted(re.findall(r"`(\w+)`", line), key=order.index) == re.findall(r"`(\w+)`", line)
        assert {*re.findall(r"`(\w+)`", line)} == {*order}

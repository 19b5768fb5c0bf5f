"""The bundle for Claude Desktop: what is in it, which versions it names, and that it can be made again."""

import json
import re
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

from scripts.packaging.bundle import pack, pins, stage
from scripts.packaging.facts import ROOT, VERSION
from scripts.packaging.registry import server


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle") / "staged"
    stage(folder)
    return folder


@pytest.fixture(scope="module")
def project(staged: Path) -> dict[str, Any]:
    return tomllib.loads((staged / "pyproject.toml").read_text("utf-8"))


def test_the_bundle_holds_all_that_its_manifest_names_and_no_more_than_is_needed(staged: Path) -> None:
    manifest = json.loads((staged / "manifest.json").read_text("utf-8"))
    assert manifest == json.loads((ROOT / "packaging/mcpb/manifest.json").read_text("utf-8"))
    assert (staged / manifest["server"]["entry_point"]).is_file()
    assert (staged / manifest["icon"]).is_file()
    documents = {"README.md", "PRIVACY.md", "LICENSE"}
    sources = {"clientary_mcp", "tool_schemas", "pyproject.toml"}
    assert {path.name for path in staged.iterdir()} == documents | sources | {"manifest.json", manifest["icon"]}
    assert [path for path in staged.rglob("*") if path.suffix == ".pyc"] == []


def test_every_source_is_in_the_bundle(staged: Path) -> None:
    for package in ("clientary_mcp", "tool_schemas"):
        kept = {path.relative_to(ROOT) for path in (ROOT / package).rglob("*") if path.suffix in {".py", ".md"}}
        assert kept <= {path.relative_to(staged) for path in staged.rglob("*")}


def test_the_bundle_names_one_version_of_everything_and_nothing_of_developers(project: dict[str, Any]) -> None:
    versions = project["tool"]["uv"]["constraint-dependencies"]
    assert [pin for pin in versions if not re.fullmatch(r"[a-z0-9-]+==[\w.+!]+", pin)] == []
    needed = {re.match(r"[\w-]+", line)[0] for line in project["project"]["dependencies"]}  # type: ignore[index]  # each has a name
    assert needed <= {pin.partition("==")[0] for pin in versions}
    assert {"pytest", "ruff", "mypy", "redis"}.isdisjoint(pin.partition("==")[0] for pin in versions)
    assert {*project} == {"build-system", "project", "tool"}
    assert {*project["tool"]} == {"hatch", "uv"}


def test_what_a_dependency_needs_with_its_extras_is_pinned_as_well() -> None:
    named = {pin.partition("==")[0] for pin in pins()}
    assert "cffi" in named, "of cryptography"
    assert "clientary-mcp" not in named


def test_the_same_sources_make_the_same_bundle(staged: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    stage(again)
    digests = {pack(staged, tmp_path / "one.mcpb"), pack(again, tmp_path / "two.mcpb")}
    assert len(digests) == 1
    with zipfile.ZipFile(tmp_path / "one.mcpb") as archive:
        assert archive.testzip() is None
        assert "manifest.json" in archive.namelist()


def test_the_registry_names_the_digest_of_a_bundle_that_is_built() -> None:
    *others, bundle = server("0" * 64)["packages"]
    assert others == server()["packages"]
    assert bundle["fileSha256"] == "0" * 64
    assert bundle["identifier"].endswith(f"/{VERSION}/clientary-mcp-{VERSION}.mcpb")

"""Builds the bundle for Claude Desktop in `dist/`: `scripts/bundle`."""

import hashlib
import json
import re
import shutil
import zipfile
from collections.abc import Collection
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from scripts.packaging.facts import ICON, PROJECT, ROOT
from scripts.packaging.mcpb import manifest
from scripts.packaging.registry import BUNDLE, server

DIST = ROOT / "dist"
_SOURCES = ("clientary_mcp", "tool_schemas", "README.md", "PRIVACY.md", "LICENSE")
_TABLES = ("[build-system]", "[project", "[tool.hatch")
"""Those of pyproject.toml that the bundle needs; the others would make the host's uv look for tools of developers."""
_LONG_AGO = (1980, 1, 1, 0, 0, 0)
"""The date of every file in the archive, so that the same sources make the same bundle."""


def stage(folder: Path) -> None:
    """Lay out in this folder what the bundle holds."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in _SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder)
    shutil.copy(ICON, folder)
    (folder / "manifest.json").write_text(json.dumps(manifest(), indent=2, ensure_ascii=False), encoding="utf-8")
    (folder / "pyproject.toml").write_text(pinned((ROOT / "pyproject.toml").read_text("utf-8")), encoding="utf-8")


def pinned(project: str) -> str:
    """pyproject.toml for a host: without what developers need, and every dependency as exact as a lock file has it."""
    tables = re.split(r"^(?=\[)", project, flags=re.MULTILINE)
    kept = "".join(table for table in tables if table.startswith(_TABLES))
    versions = "".join(f'    "{pin}",\n' for pin in pins())
    return f"{kept.rstrip()}\n\n[tool.uv]\nconstraint-dependencies = [\n{versions}]\n"


def pins() -> list[str]:
    """Everything that the server needs on this system, in the versions that are installed, which the tests run with.

    What only other systems need stays within the bounds of those who need it.
    """
    versions: dict[str, str] = {}
    seen: set[str] = set()
    waiting = [Requirement(line) for line in PROJECT["dependencies"]]
    while waiting:
        wanted = waiting.pop()
        if str(wanted) in seen:
            continue
        seen.add(str(wanted))
        installed = metadata.distribution(wanted.name)
        versions[canonicalize_name(wanted.name)] = installed.version
        waiting += [needed for needed in map(Requirement, installed.requires or ()) if _applies(needed, wanted.extras)]
    return [f"{name}=={version}" for name, version in sorted(versions.items())]


def _applies(needed: Requirement, extras: Collection[str]) -> bool:
    """Whether this system needs it, with these extras of what asks for it."""
    return needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in ("", *extras))


def pack(folder: Path, bundle: Path) -> str:
    """Pack the folder, and return the SHA-256 digest of the bundle."""
    with zipfile.ZipFile(bundle, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _LONG_AGO)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, path.read_bytes())
    return hashlib.sha256(bundle.read_bytes()).hexdigest()


def main() -> None:
    """Build it, and the entry of the registry that names its digest."""
    stage(DIST / "bundle")
    digest = pack(DIST / "bundle", DIST / BUNDLE)
    (DIST / "server.json").write_text(json.dumps(server(digest), indent=2, ensure_ascii=False), encoding="utf-8")
    print(f"dist/{BUNDLE}  {digest}\ndist/server.json names it.")


if __name__ == "__main__":
    main()

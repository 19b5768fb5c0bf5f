"""The files of a backup: a .jsonl for each resource, account.sqlite with a view for each, and a manifest of both.

They are written beside those of an earlier backup, and take their names once all are there. The SQLite file comes last:
as long as it has its first name, the next run takes up the backup again.
"""

import json
import os
from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import file_digest
from pathlib import Path
from typing import Any

from clientary_mcp.cli.backup_store import BackupStore
from clientary_mcp.errors import SettingsError

MANIFEST, SQLITE = "manifest.json", "account.sqlite"
PART = f"{SQLITE}.part"
"""The SQLite file while the backup is made."""


def write_files(store: BackupStore, directory: Path, resources: Iterable[str], now: float) -> dict[str, Any]:
    """Write everything that was read of these resources, close the store, and return the manifest."""
    account, begun = store.begun or ("", now)
    manifest: dict[str, Any] = {"account": account, "begun": _time(begun), "ended": _time(now), "complete": True}
    manifest |= {"resources": {}, "files": {}}
    for resource in resources:
        about = store.summary(resource)
        manifest["resources"][resource] = about
        manifest["complete"] &= about["states"] in ([], ["whole"])
        store.make_view(resource)
        if "refused" not in about["states"]:
            manifest["files"][f"{resource}.jsonl"] = _write_lines(directory / f"{resource}.jsonl.part", store, resource)
    store.close()
    manifest["files"][SQLITE] = _sealed(directory / PART)
    for name in manifest["files"]:
        if name != SQLITE:
            os.replace(directory / f"{name}.part", directory / name)
    text = json.dumps(manifest, indent=2, ensure_ascii=False)
    with _private(directory / f"{MANIFEST}.part") as file:
        file.write(f"{text}\n")
    os.replace(directory / f"{MANIFEST}.part", directory / MANIFEST)
    os.replace(directory / PART, directory / SQLITE)
    return manifest


def read_manifest(directory: Path) -> dict[str, Any]:
    """What an earlier backup says of itself; nothing if there is none, SettingsError if something else is there."""
    try:
        manifest = json.loads((directory / MANIFEST).read_bytes())
    except FileNotFoundError:
        manifest = None
        if not directory.exists() or (directory / PART).exists() or not any(directory.iterdir()):
            return {}
    except ValueError:
        manifest = None
    if not isinstance(manifest, dict) or "account" not in manifest:
        raise SettingsError(f"{directory} holds other files, and no backup. Name another directory.")
    return manifest


def _write_lines(path: Path, store: BackupStore, resource: str) -> dict[str, Any]:
    with _private(path) as file:
        file.writelines(f"{line}\n" for line in store.lines(resource))
    return _sealed(path)


def _private(path: Path) -> Any:
    """A new file that its owner alone can read."""
    path.unlink(missing_ok=True)
    return open(path, "x", encoding="utf-8", opener=lambda name, flags: os.open(name, flags, 0o600))


def _sealed(path: Path) -> dict[str, Any]:
    """The size of a file and its digest, once it is on the disk."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        return {"bytes": path.stat().st_size, "sha256": file_digest(file, "sha256").hexdigest()}


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")

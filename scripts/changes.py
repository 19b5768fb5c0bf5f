"""The changelog, as a release writes and reads it."""

import re
from datetime import date

_UNRELEASED = "## [Unreleased]\n"
_VERSION = re.compile(r"(0|[1-9]\d*)(\.(0|[1-9]\d*)){2}", re.ASCII)
_SECTION = re.compile(r"^## \[", re.MULTILINE)


def check_next(version: str, current: str) -> None:
    """ValueError for what is no version as every catalogue reads it, or not after the current one."""
    if not _VERSION.fullmatch(version):
        raise ValueError(f"{version} is not a version like 0.2.0.")
    if _numbers(version) <= _numbers(current):
        raise ValueError(f"{version} does not come after {current}, which pyproject.toml has.")


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]


def with_release(changelog: str, version: str, day: date) -> str:
    """The changelog with what was unreleased under this version, or ValueError."""
    if f"## [{version}]" in changelog:
        raise ValueError(f"CHANGELOG.md already has a section for {version}.")
    if not section(changelog, "Unreleased"):
        raise ValueError("CHANGELOG.md has nothing under Unreleased.")
    return changelog.replace(_UNRELEASED, f"{_UNRELEASED}\n## [{version}] - {day}\n", 1)


def section(changelog: str, version: str) -> str:
    """What it says of a version, without the heading; nothing if it has no such section."""
    _, found, after = changelog.partition(f"\n## [{version}]")
    return _SECTION.split(after.partition("\n")[2])[0].strip() if found else ""

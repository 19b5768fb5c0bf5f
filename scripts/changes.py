"""The changelog, as a release writes and reads it."""

import re
from datetime import date

_UNRELEASED = "## [Unreleased]\n"
_SECTION = re.compile(r"^## \[", re.MULTILINE)


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

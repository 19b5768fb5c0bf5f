"""What a release writes into the changelog, and when nothing is published."""

from dataclasses import fields, replace
from datetime import date

import pytest

from scripts.changes import check_next, section, with_release
from scripts.generate_docs import ROOT
from scripts.packaging.facts import Publisher
from scripts.release import what_is_wrong, why_not_to_publish

CHANGELOG = "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- Boats.\n\n## [0.1.0]\n\nThe first version.\n"
DAY = date(2026, 11, 27)


def test_what_was_unreleased_becomes_the_section_of_the_version() -> None:
    released = with_release(CHANGELOG, "0.2.0", DAY)
    assert "\n## [Unreleased]\n\n## [0.2.0] - 2026-11-27\n\n### Added\n" in released
    assert section(released, "0.2.0") == "### Added\n\n- Boats."
    assert section(released, "0.1.0") == "The first version."
    assert section(released, "Unreleased") == ""


@pytest.mark.parametrize("changelog", [CHANGELOG.replace("0.1.0", "0.2.0"), with_release(CHANGELOG, "0.3.0", DAY)])
def test_a_version_is_not_released_twice_nor_without_changes(changelog: str) -> None:
    with pytest.raises(ValueError, match=r"CHANGELOG\.md"):
        with_release(changelog, "0.2.0", DAY)


def test_the_changelog_has_a_section_for_what_is_unreleased() -> None:
    assert section((ROOT / "CHANGELOG.md").read_text("utf-8"), "Unreleased")


def test_nothing_is_published_while_the_publisher_is_an_example() -> None:
    real = Publisher(**{field.name: "ada.dev" for field in fields(Publisher)})
    assert why_not_to_publish(real, "") == []
    example = replace(real, email="support@example.com", owner="example")
    (reason,) = why_not_to_publish(example, "")
    assert "owner, email in packaging/publisher.toml are examples" in reason


def test_nothing_is_published_that_is_not_committed() -> None:
    real = Publisher(**{field.name: "ada.dev" for field in fields(Publisher)})
    (reason,) = why_not_to_publish(real, " M clientary_mcp/errors.py\n?? notes.txt\n")
    assert reason == "Nothing is published before it is committed: clientary_mcp/errors.py, notes.txt."


def test_a_release_needs_its_changes_and_files_that_are_up_to_date() -> None:
    assert what_is_wrong(CHANGELOG, "0.1.0", []) == []
    assert what_is_wrong(CHANGELOG, "0.2.0", ["server.json"]) == [
        "server.json: out of date. Run scripts/docs.",
        "CHANGELOG.md says nothing of 0.2.0. Run scripts/release --version 0.2.0.",
    ]


@pytest.mark.parametrize("version", ["0.1.1", "0.2.0", "0.10.0", "1.0.0"])
def test_a_version_comes_after_the_current_one(version: str) -> None:
    check_next(version, "0.1.0")


@pytest.mark.parametrize(
    ("version", "why"),
    [
        *(
            (wrong, "is not a version like 0.2.0")
            for wrong in ("banana", "v0.2.0", "0.2", "0.2.0rc1", "0.02.0", "\u0660.2.0")
        ),
        *((earlier, "does not come after 0.1.0") for earlier in ("0.1.0", "0.0.9")),
    ],
)
def test_what_is_no_version_or_an_earlier_one_is_refused(version: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        check_next(version, "0.1.0")

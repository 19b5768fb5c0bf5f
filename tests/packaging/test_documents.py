"""What the documents say for registries and directories, and for those who install."""

import json
import re
import shlex

import pytest

from scripts.packaging.facts import PUBLISHER, ROOT
from scripts.packaging.links import links, plugins
from tests.rules.documents import Document

README, HOSTS = (Document(ROOT / path) for path in ("README.md", "docs/hosts.md"))
LINKS = links()


def test_the_names_that_prove_ownership_are_one() -> None:
    labels = [line for line in (ROOT / "Dockerfile").read_text("utf-8").splitlines() if "server.name" in line]
    (label,) = (shlex.split(line)[0].partition("=")[2] for line in labels)
    (in_readme,) = re.findall(r"^<!-- mcp-name: (\S+) -->$", README.text, re.MULTILINE)
    assert {label, in_readme} == {json.loads((ROOT / "server.json").read_text("utf-8"))["name"]}


def test_the_readme_has_the_section_that_directories_look_for() -> None:
    assert "privacy-policy" in README.anchors


@pytest.mark.parametrize("host", LINKS)
def test_every_link_is_on_the_page_of_hosts(host: str) -> None:
    assert LINKS[host] in HOSTS.text


@pytest.mark.parametrize("command", [command for commands in plugins().values() for command in commands])
def test_every_command_that_installs_a_plugin_is_on_the_page_of_hosts(command: str) -> None:
    assert f"`{command}`" in HOSTS.text


@pytest.mark.parametrize("document", [README, HOSTS], ids=str)
def test_a_document_says_that_nothing_is_published_as_long_as_nothing_is(document: Document) -> None:
    assert ("works from the first release on" in document.text) is bool(PUBLISHER.examples)

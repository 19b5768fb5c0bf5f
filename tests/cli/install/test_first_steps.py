"""`clientary-mcp install` as somebody new to it may run it: nothing typed, and machines that are not in order."""

import getpass
import os
import sys
from pathlib import Path

import pytest

from clientary_mcp.cli.install.machine import Machine
from clientary_mcp.errors import SettingsError
from tests.support.installing import CURSOR, SUBDOMAIN, Terminal, refusal, told
from tests.support.machines import tree


def test_the_end_of_input_is_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def ended(_: str) -> str:
        raise EOFError

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(getpass, "getpass", ended)
    assert refusal(tmp_path, "install", "cursor") == "Nothing was changed."
    assert refusal(tmp_path, "install", "cursor", **SUBDOMAIN) == "Nothing was changed."
    told(tmp_path, "install", "cursor", "--sandbox")
    assert refusal(tmp_path, "install", "cursor", "--sandbox", "--read-only") == "Nothing was changed."


def test_a_link_to_itself_is_refused(tmp_path: Path) -> None:
    (tmp_path / CURSOR).parent.mkdir()
    (tmp_path / CURSOR).symlink_to(tmp_path / CURSOR)
    for command in ("install", "uninstall"):
        said = refusal(tmp_path, command, "cursor", *(["--sandbox"] if command == "install" else []))
        assert said == f"{tmp_path / CURSOR} cannot be read: it is a link that leads nowhere."


@pytest.mark.parametrize("host", ["windsurf", "claude-code"])
def test_a_folder_that_cannot_be_looked_into_is_not_there(tmp_path: Path, host: str) -> None:
    far = str(tmp_path / ("x" * 300))  # too long for a name, which is an error as a folder of somebody else is
    variable = "XDG_CONFIG_HOME" if host == "windsurf" else "CLAUDE_CONFIG_DIR"
    if host == "windsurf":
        told(tmp_path, "install", host, "--sandbox", **{variable: far})
        assert [*tree(tmp_path)] == [".codeium/windsurf/mcp_config.json"]
    else:
        assert "cannot be read: File name too long." in refusal(
            tmp_path, "install", host, "--sandbox", **{variable: far}
        )


def test_a_user_without_a_home_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000)  # of a container, in which nobody has that number
    with pytest.raises(SettingsError, match=r"^Set HOME: it is not known where hosts keep their configurations\.$"):
        Machine.this()

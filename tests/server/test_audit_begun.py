"""The audit trail's line before each write: on disk before anything is sent, and left behind by a process that dies."""

import errno
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import mcp_types
import pytest

from clientary_mcp.api.session import Clientary
from clientary_mcp.sandbox import Fault, Faults, Sandbox
from clientary_mcp.sandbox.network import Network
from clientary_mcp.server.app import ClientaryServer
from clientary_mcp.settings import Settings
from tests.server.test_audit_disk import Disk
from tests.support.agent import Era
from tests.support.clock import FakeTime
from tests.support.trail import all_lines, begun, calls
from tests.support.users import User, configured, connect, host, some, writes

pytestmark = pytest.mark.anyio


@pytest.fixture
def trail(tmp_path: Path) -> Path:
    (tmp_path / "logs").mkdir()
    return tmp_path / "logs" / "audit.jsonl"


class Watched(httpx.AsyncBaseTransport):
    """The way to an account, with something that happens right before each write arrives."""

    def __init__(self, sandbox: Sandbox, before: Callable[[], None]) -> None:
        self._below, self._before = Network(sandbox), before

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method != "GET":
            self._before()
        return await self._below.handle_async_request(request)


def watched(sandbox: Sandbox, trail: Path, before: Callable[[], None]) -> Clientary:
    """A session with a trail, whose writes are watched."""
    settings = Settings(base_url="http://localhost", api_token=sandbox.token, audit_log=trail)
    return Clientary(settings, Watched(sandbox, before))


def two_contacts(sandbox: Sandbox) -> dict[str, Any]:
    """A job of two writes."""
    (client,) = some(sandbox, "clients")
    emails = ("ann@example.com", "eve@example.com")
    return {"rows": [{"client_id": client, "name": email.split("@")[0], "email": email} for email in emails]}


async def test_a_write_is_on_disk_before_it_is_sent(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, era: Era
) -> None:
    disk = Disk(tmp_path / "audit.jsonl", monkeypatch)
    (client,) = some(sandbox, "clients")
    when_sent: list[list[str]] = []
    async with connect(watched(sandbox, disk.trail, lambda: when_sent.append(list(disk.events))), era) as agent:
        await agent.answer("update_client", client_id=client, city="Bath")
    assert when_sent == [["write", "flush"]]
    before, after = all_lines(disk.trail)
    assert before.keys() == {"time", "id", "tool", "ids", "outcome", "client", "writes"}
    assert (before["outcome"], before["tool"], before["ids"]) == ("begun", "update_client", {"client_id": client})
    assert before["writes"] == [{"method": "PUT", "path": f"clients/{client}"}]
    assert before["client"] == after["client"]
    assert before["id"] == after["id"]


async def test_each_write_of_a_job_begins_with_a_line_of_the_same_id(sandbox: Sandbox, trail: Path, era: Era) -> None:
    arguments = two_contacts(sandbox)
    async with connect(configured(sandbox, audit_log=trail), era, User()) as agent:
        await agent.answer("import_contacts", **arguments, confirm=True)
        await agent.answer("create_lead", name="Globex")
    sent = [(write["method"], f"/api/v2/{write['path']}") for line in begun(trail) for write in line["writes"]]
    assert sent == writes(sandbox)
    job, other = (line["id"] for line in calls(trail) if "writes" in line)
    assert [line["id"] for line in begun(trail)] == [job] * (len(sent) - 1) + [other]
    assert job != other


async def test_a_read_and_a_preview_begin_nothing(sandbox: Sandbox, trail: Path) -> None:
    (lead,) = some(sandbox, "leads")
    async with connect(configured(sandbox, audit_log=trail)) as agent:
        await agent.answer("list_leads")
        await agent.answer("delete_lead", lead_id=lead)
    assert not begun(trail)


DYING = """
import os, signal, sys
from pathlib import Path
import anyio
from clientary_mcp.sandbox import Sandbox
from tests.conftest import agency
from tests.server.test_audit_begun import watched
from tests.support.users import connect

async def main():
    async with connect(watched(agency(), Path(sys.argv[1]), lambda: os.kill(os.getpid(), signal.SIGKILL))) as agent:
        await agent.answer("create_lead", name="Globex")

anyio.run(main)
"""


def test_a_process_killed_in_mid_write_leaves_the_begun_line(trail: Path) -> None:
    ended = subprocess.run([sys.executable, "-c", DYING, trail], check=False, capture_output=True)  # noqa: S603 ours
    assert ended.returncode == -signal.SIGKILL
    (line,) = all_lines(trail)
    assert (line["outcome"], line["tool"]) == ("begun", "create_lead")
    assert line["writes"] == [{"method": "POST", "path": "leads"}]


INTERRUPTED = b'{"id":"1","tool":"create_lead","outcome":"begun"}\n{"id":[2],"tool":"list_staff"}\n'


@pytest.fixture
def interrupted(trail: Path) -> Path:
    """A trail of a process that ended in mid-write."""
    trail.write_bytes(INTERRUPTED)
    return trail


async def test_recent_calls_show_a_begun_write_only_while_its_call_has_not_ended(
    sandbox: Sandbox, interrupted: Path, era: Era
) -> None:
    async with configured(sandbox, audit_log=interrupted) as clientary, host(ClientaryServer(clientary), era) as client:
        await client.call_tool("create_lead", {"name": "Globex"})
        (recent,) = (await client.read_resource("clientary://audit/recent")).contents
    assert isinstance(recent, mcp_types.TextResourceContents)
    assert [(line["tool"], line.get("outcome")) for line in json.loads(recent.text)] == [
        ("create_lead", "begun"),
        ("list_staff", None),
        ("create_lead", "answered"),
    ]


# What cannot be written down


def no_directory(trail: Path) -> None:
    shutil.rmtree(trail.parent)


def a_file_for_the_directory(trail: Path) -> None:
    shutil.rmtree(trail.parent)
    trail.parent.touch()


def a_link_to_nowhere(trail: Path) -> None:
    trail.unlink()
    trail.symlink_to(trail.parent / "gone" / "audit.jsonl")


def a_link_to_no_file(trail: Path) -> None:
    trail.unlink()
    trail.symlink_to(os.devnull)


GONE = [no_directory, a_file_for_the_directory, a_link_to_nowhere, a_link_to_no_file]


@pytest.mark.parametrize("spoil", GONE)
async def test_a_trail_lost_between_two_writes_of_a_job_stops_the_second(
    sandbox: Sandbox, trail: Path, era: Era, spoil: Callable[[Path], None]
) -> None:
    arguments = two_contacts(sandbox)
    lost = False

    def once() -> None:
        nonlocal lost
        if not lost:
            lost = True
            spoil(trail)

    async with connect(watched(sandbox, trail, once), era, User()) as agent:
        message = await agent.refusal("import_contacts", **arguments, confirm=True)
    assert "The audit trail cannot be written" in message
    assert len(writes(sandbox)) == 1


@pytest.fixture
def limit() -> Iterator[Callable[[int], None]]:
    """Sets the size that files of this process may grow to."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


LONG = 2**20
"""Bytes, more than whatever pytest writes meanwhile."""


@pytest.fixture
def long_trail(trail: Path) -> Path:
    trail.write_bytes(b'{"tool":"list_staff"}'.ljust(LONG - 1) + b"\n")
    return trail


@pytest.mark.parametrize("room", [0, 1, 100])
async def test_a_limit_on_the_size_of_files_stops_writes_and_leaves_whole_lines(
    sandbox: Sandbox, long_trail: Path, limit: Callable[[int], None], room: int
) -> None:
    (lead,) = some(sandbox, "leads")
    async with connect(configured(sandbox, audit_log=long_trail)) as agent:
        limit(LONG + room)
        refusals = [
            await agent.refusal("create_lead", name="Globex"),
            await agent.refusal("delete_lead", lead_id=lead, confirm=True),
        ]
        assert (await agent.answer("list_leads"))["returned"] > 0
    assert all_lines(long_trail)[0] == {"tool": "list_staff"}
    assert not writes(sandbox)
    for refusal in refusals:
        assert "File too large" in refusal
        assert "Nothing was sent." in refusal


async def test_a_refused_write_leaves_no_begun_line_for_later(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(tmp_path / "audit.jsonl", monkeypatch)
    async with connect(configured(sandbox, audit_log=disk.trail)) as agent:
        disk.writing = errno.ENOSPC
        await agent.refusal("create_lead", name="Globex")
        disk.writing = None
        await agent.answer("list_staff")
    assert [line["outcome"] for line in all_lines(disk.trail)] == ["Withheld", "answered"]


async def test_a_failed_write_ends_with_a_line_of_the_same_id(sandbox: Sandbox, trail: Path, time: FakeTime) -> None:
    sandbox.faults = Faults([Fault(500, "POST", "leads")])
    async with connect(configured(sandbox, time, audit_log=trail)) as agent:
        await agent.refusal("create_lead", name="Globex")
    first, second = all_lines(trail)
    assert (first["outcome"], first["id"]) == ("begun", second["id"])
    assert second["outcome"] != "begun"

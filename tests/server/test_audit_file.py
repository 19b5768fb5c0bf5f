"""The audit trail's file while the server runs: rotated, deleted, out of reach, and shared with another server."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from clientary_mcp.api.call import Call
from clientary_mcp.redaction import Secrets
from clientary_mcp.sandbox import Sandbox
from clientary_mcp.server.audit import Audit
from tests.conftest import SETTINGS, agency
from tests.server.test_audit_disk import Disk
from tests.support.agent import Era
from tests.support.trail import all_lines, calls, tools_in
from tests.support.users import User, configured, connect, some, writes

pytestmark = pytest.mark.anyio


@pytest.fixture
def trail(tmp_path: Path) -> Path:
    (tmp_path / "logs").mkdir()
    return tmp_path / "logs" / "audit.jsonl"


async def test_a_deleted_trail_is_recreated_readable_only_by_its_owner(sandbox: Sandbox, trail: Path, era: Era) -> None:
    async with connect(configured(sandbox, audit_log=trail), era) as agent:
        await agent.answer("list_clients")
        os.unlink(trail)
        await agent.answer("list_staff")
        assert tools_in(trail) == ["list_staff"]
        os.unlink(trail)
        await agent.answer("create_lead", name="Globex")
    assert tools_in(trail) == ["create_lead"]
    assert os.stat(trail).st_mode & 0o777 == 0o600


async def test_a_rotated_trail_continues_in_a_new_file(sandbox: Sandbox, trail: Path, era: Era) -> None:
    rotated = trail.with_suffix(".1")
    async with connect(configured(sandbox, audit_log=trail), era) as agent:
        await agent.answer("list_clients")
        os.rename(trail, rotated)
        await agent.answer("create_lead", name="Globex")
        await agent.answer("list_staff")
    assert tools_in(rotated) == ["list_clients"]
    assert tools_in(trail) == ["create_lead", "list_staff"]


def replaced(trail: Path) -> None:
    trail.rename(trail.with_suffix(".1"))
    trail.write_text('{"tool":"begun by the rotation"}\n')


async def test_a_replaced_trail_file_is_appended_to(sandbox: Sandbox, trail: Path) -> None:
    async with connect(configured(sandbox, audit_log=trail)) as agent:
        await agent.answer("list_clients")
        replaced(trail)
        await agent.answer("list_staff")
    assert tools_in(trail) == ["begun by the rotation", "list_staff"]


async def test_a_relative_trail_path_keeps_its_original_directory(
    sandbox: Sandbox, trail: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(trail.parent)
    async with connect(configured(sandbox, audit_log=Path(trail.name))) as agent:
        monkeypatch.chdir(tmp_path)
        await agent.answer("list_staff")
    assert tools_in(trail) == ["list_staff"]


def a_directory(trail: Path) -> None:
    trail.unlink()
    trail.mkdir()


def no_directory(trail: Path) -> None:
    shutil.rmtree(trail.parent)


def a_file_for_a_directory(trail: Path) -> None:
    shutil.rmtree(trail.parent)
    trail.parent.touch()


UNREACHABLE = [
    (a_directory, "Is a directory"),
    (no_directory, "No such file or directory"),
    (a_file_for_a_directory, "Not a directory"),
]


@pytest.mark.parametrize(("spoil", "why"), UNREACHABLE)
async def test_a_trail_that_cannot_be_recreated_stops_every_write_before_it_happens(
    sandbox: Sandbox, trail: Path, era: Era, spoil: Callable[[Path], None], why: str
) -> None:
    (lead,) = some(sandbox, "leads")
    async with connect(configured(sandbox, audit_log=trail), era) as agent:
        spoil(trail)
        text = [
            await agent.refusal("create_lead", name="Globex"),
            await agent.refusal("update_lead", lead_id=lead, name="Globex"),
            await agent.refusal("delete_lead", lead_id=lead, confirm=True),
        ]
        assert (await agent.answer("list_clients"))["returned"] > 0
    assert not writes(sandbox)
    for refusal in text:
        assert refusal.startswith(f"The audit trail cannot be written ({why})")
        assert "Nothing was sent." in refusal
        assert "CLIENTARY_AUDIT_LOG" in refusal


async def test_lines_are_queued_until_the_trail_is_writable_again(sandbox: Sandbox, trail: Path) -> None:
    async with connect(configured(sandbox, audit_log=trail)) as agent:
        a_directory(trail)
        await agent.answer("list_clients")
        await agent.refusal("create_lead", name="Globex")
        os.rmdir(trail)
        await agent.answer("create_lead", name="Globex")
    assert tools_in(trail) == ["list_clients", "create_lead", "create_lead"]


async def test_a_trail_that_becomes_unwritable_during_the_question_stops_the_write(
    sandbox: Sandbox, trail: Path, era: Era
) -> None:
    (lead,) = some(sandbox, "leads")
    user = User(meanwhile=lambda: no_directory(trail))
    async with connect(configured(sandbox, audit_log=trail), era, user) as agent:
        assert "No such file" in await agent.refusal("delete_lead", lead_id=lead, confirm=True)
    assert not writes(sandbox)


async def test_lines_of_two_servers_in_one_file_never_interleave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each in its own thread, on a disk that accepts small pieces, so that lines would interleave if they could."""
    disk = Disk(tmp_path / "audit.jsonl", monkeypatch)
    disk.at_once = 20

    async def work(name: str) -> None:
        async with connect(configured(agency(), audit_log=disk.trail)) as agent:
            for number in range(40):
                await agent.answer("create_lead", name=f"{name} {number}", description="x" * 300)
                await agent.answer("list_staff")

    async with anyio.create_task_group() as group:
        for name in ("Globex", "Initech"):
            group.start_soon(anyio.to_thread.run_sync, anyio.run, work, name)
    lines = calls(disk.trail)
    assert len(lines) == 160
    made = [line["given"]["name"] for line in lines if line["tool"] == "create_lead"]
    for name in ("Globex", "Initech"):
        assert [each for each in made if each.startswith(name)] == [f"{name} {number}" for number in range(40)]


async def test_with_callers_every_line_says_whose_it_is(tmp_path: Path) -> None:
    about = {"account": "a" * 16, "caller": "c" * 16, "replica": "one"}
    path = tmp_path / "audit.jsonl"
    async with Audit(path, Secrets(SETTINGS), about).call("create_lead", Call(deadline=60), "host") as entry:
        entry.begin_write("POST", "leads")
    lines = all_lines(path)
    assert [line["outcome"] for line in lines] == ["begun", "given up"]
    assert [list(line)[:6] for line in lines] == 2 * [["time", "id", "tool", *about]]
    assert [line.items() >= about.items() for line in lines] == [True, True]

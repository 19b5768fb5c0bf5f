"""The disk of the audit trail, simulated: what is on it before an answer, and what happens when it is full."""

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest

from clientary_mcp.sandbox import Fault, Faults, Sandbox
from tests.support.agent import Agent, Era
from tests.support.gated import record_for
from tests.support.trail import calls, tools_in
from tests.support.users import OWED, User, configured, connect, some, writes

pytestmark = pytest.mark.anyio


class Disk:
    """The trail's disk: records what reaches it, and fails on demand. Other files are unaffected."""

    def __init__(self, trail: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.trail, self.events = trail, list[str]()
        self.full = False
        self.flushing: int | None = None
        self.writing: int | None = None
        self.at_once: int | None = None
        self.room: int | None = None
        self._write, self._fsync, self._statvfs = os.write, os.fsync, os.statvfs
        for name in ("write", "fsync", "statvfs"):
            monkeypatch.setattr(os, name, getattr(self, name))

    def write(self, file: int, data: bytes) -> int:
        if not self._here(file):
            return self._write(file, data)
        if self.writing is not None:
            raise OSError(self.writing, os.strerror(self.writing))
        if self.room == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.events.append("write")
        written = self._write(file, data[: self.at_once if self.room is None else self.room])
        self.room = None if self.room is None else self.room - written
        return written

    def fsync(self, file: int) -> None:
        if self._here(file) and self.flushing is not None:
            raise OSError(self.flushing, os.strerror(self.flushing))
        if self._here(file):
            self.events.append("flush")
        self._fsync(file)

    def statvfs(self, path: str | Path) -> os.statvfs_result:
        found = self._statvfs(path)
        if not (self.full and self.trail == path):
            return found
        return os.statvfs_result((*found[:3], 0, 0, *found[5:]))

    def _here(self, file: int) -> bool:
        return self.trail.exists() and os.path.samestat(os.fstat(file), self.trail.stat())


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(tmp_path / "audit.jsonl", monkeypatch)


async def asks_for_each_kind_of_write(sandbox: Sandbox, agent: Agent) -> list[str]:
    """The answers to a create, an update, a payment, a delete, a charge, a mail and a job."""
    (client,), (lead,) = (some(sandbox, table) for table in ("clients", "leads"))
    (invoice,) = some(sandbox, "invoices", where=OWED)
    charge, _ = record_for(sandbox, "charge_payment_profile")
    mail, _ = record_for(sandbox, "send_invoice_message")
    people, _ = record_for(sandbox, "import_contacts")
    return [
        await agent.refusal("create_lead", name="Globex"),
        await agent.refusal("update_client", client_id=client, city="Bath"),
        await agent.refusal("create_payment", invoice_id=invoice, amount=1),
        await agent.refusal("delete_lead", lead_id=lead, confirm=True),
        await agent.refusal("charge_payment_profile", **charge, confirm=True),
        await agent.refusal("send_invoice_message", **mail, confirm=True),
        await agent.refusal_of_confirmed("import_contacts", **people),
    ]


BROKEN = [("full", True, "the disk is full"), ("flushing", errno.EIO, os.strerror(errno.EIO))]


@pytest.mark.parametrize(("how", "value", "why"), BROKEN)
async def test_a_full_disk_stops_every_write_before_it_happens(
    sandbox: Sandbox, disk: Disk, era: Era, how: str, value: Any, why: str
) -> None:
    async with connect(configured(sandbox, audit_log=disk.trail), era) as agent:
        setattr(disk, how, value)
        message = await asks_for_each_kind_of_write(sandbox, agent)
    assert not writes(sandbox)
    for refusal in message:
        assert "Nothing was sent." in refusal
        assert why in refusal
        assert "CLIENTARY_AUDIT_LOG" in refusal


@pytest.mark.parametrize(("how", "value"), [(how, value) for how, value, _ in BROKEN])
async def test_reads_and_previews_work_without_the_trail(sandbox: Sandbox, disk: Disk, how: str, value: Any) -> None:
    (lead,) = some(sandbox, "leads")
    async with connect(configured(sandbox, audit_log=disk.trail)) as agent:
        setattr(disk, how, value)
        assert (await agent.answer("list_clients"))["returned"] > 0
        assert (await agent.answer("delete_lead", lead_id=lead))["done"] is False
        setattr(disk, how, None)
        assert (await agent.answer("delete_lead", lead_id=lead, confirm=True))["done"] is True


async def test_a_device_that_is_always_full_lets_no_write_through(sandbox: Sandbox) -> None:
    async with connect(configured(sandbox, audit_log=Path("/dev/full"))) as agent:
        assert "Nothing was sent" in await agent.refusal("create_lead", name="Globex")
        assert (await agent.answer("list_clients"))["returned"] > 0
    assert not writes(sandbox)


async def test_a_failed_trail_line_stops_the_next_write(sandbox: Sandbox, disk: Disk) -> None:
    """Some refusals, such as by a quota, occur only when something is written."""
    async with connect(configured(sandbox, audit_log=disk.trail)) as agent:
        disk.writing = errno.EDQUOT
        await agent.call("create_lead", {"name": "Globex"})
        assert "Nothing was sent" in await agent.refusal("create_lead", name="Initech")
        disk.writing = None
        await agent.answer("create_lead", name="Initech")
    assert len(sandbox.ledger) <= 2


async def test_a_successful_write_is_reported_as_done_although_its_line_was_lost(sandbox: Sandbox, disk: Disk) -> None:
    (lead,) = some(sandbox, "leads")
    async with connect(configured(sandbox, audit_log=disk.trail)) as agent:
        disk.writing = errno.ENOSPC
        message = await agent.call("delete_lead", {"lead_id": lead, "confirm": True})
    assert bool(sandbox.ledger) == (not message.is_error)


async def test_partial_writes_to_disk_still_produce_whole_lines(sandbox: Sandbox, disk: Disk) -> None:
    async with connect(configured(sandbox, audit_log=disk.trail)) as agent:
        disk.at_once = 40
        await agent.answer("create_lead", name="Globex")
        disk.at_once = None
        await agent.answer("list_staff")
    assert tools_in(disk.trail) == ["create_lead", "list_staff"]


async def test_a_disk_that_fills_up_mid_line_keeps_none_of_that_line(sandbox: Sandbox, disk: Disk) -> None:
    async with (
        connect(configured(sandbox, audit_log=disk.trail)) as agent,
        connect(configured(sandbox, audit_log=disk.trail)) as other,
    ):
        await agent.answer("list_clients")
        disk.room = 30
        await agent.answer("list_staff")
        assert disk.room == 0
        assert tools_in(disk.trail) == ["list_clients"]
        disk.room = None
        await other.answer("list_leads")
        await agent.answer("list_tasks")
    assert tools_in(disk.trail) == ["list_clients", "list_leads", "list_staff", "list_tasks"]


async def test_queued_lines_of_reads_are_bounded_and_the_next_line_counts_the_dropped(
    sandbox: Sandbox, disk: Disk
) -> None:
    async with connect(configured(sandbox, audit_log=disk.trail)) as agent:
        disk.writing = errno.ENOSPC
        for _ in range(1_000):
            await agent.refusal("no_such_tool")
        assert not tools_in(disk.trail)
        disk.writing = None
        await agent.answer("list_staff")
        await agent.answer("list_leads")
        await agent.answer("list_tasks")
    *kept, after, last = [json.loads(line) for line in disk.trail.read_text().splitlines()]
    assert 100 <= len(kept) <= 500
    assert not any("lost" in line for line in (*kept, last))
    assert (after["tool"], after["lost"]) == ("list_leads", 1_001 - len(kept))


async def test_a_writes_line_is_queued_however_many_reads_are_queued(sandbox: Sandbox, disk: Disk) -> None:
    async def while_in_flight(_: float) -> None:
        disk.writing = errno.ENOSPC
        for _ in range(600):
            await agent.refusal("no_such_tool")

    sandbox.faults = Faults([Fault("slow", "POST", "leads", after=True)], sleep=while_in_flight)
    async with connect(configured(sandbox, audit_log=disk.trail)) as agent:
        await agent.answer("create_lead", name="Globex")
        assert "Nothing was sent" in await agent.refusal("create_lead", name="Initech")
        disk.writing = None
        await agent.answer("list_staff")
    assert [line["given"]["name"] for line in calls(disk.trail) if "writes" in line] == ["Globex"]


async def test_a_disk_that_fills_during_the_question_stops_the_write(sandbox: Sandbox, disk: Disk, era: Era) -> None:
    (lead,) = some(sandbox, "leads")
    user = User(meanwhile=lambda: setattr(disk, "full", True))
    async with connect(configured(sandbox, audit_log=disk.trail), era, user) as agent:
        assert "the disk is full" in await agent.refusal("delete_lead", lead_id=lead, confirm=True)
    assert not writes(sandbox)


@pytest.mark.parametrize("tool", ["delete_lead", "send_invoice_message", "charge_payment_profile"])
async def test_an_irreversible_write_is_synced_to_disk_before_its_answer(
    sandbox: Sandbox, disk: Disk, era: Era, tool: str
) -> None:
    arguments, _ = record_for(sandbox, tool)
    async with connect(configured(sandbox, audit_log=disk.trail), era) as agent:
        await agent.answer(tool, **arguments, confirm=True)
        assert disk.events[-2:] == ["write", "flush"]
        assert tool in disk.trail.read_text()


async def test_a_read_does_not_wait_for_the_disk(sandbox: Sandbox, disk: Disk) -> None:
    async with connect(configured(sandbox, audit_log=disk.trail)) as agent:
        await agent.answer("list_clients")
    assert disk.events == ["write"]

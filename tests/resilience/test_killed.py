"""SIGKILL at every stage of a write: the same call in another process does nothing twice, and tells the truth."""

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import anyio
import pytest

from clientary_mcp.sandbox import Sandbox
from tests.resilience.outcomes import Answer
from tests.support.held_account import HeldAccount
from tests.support.long import covering
from tests.support.stdio_servers import Killed, StdioServer, stdio_servers
from tests.support.writes import CHARGE, CREATES, MAILS, Write

pytestmark = pytest.mark.anyio

KINDS = {
    write.tool.rpartition("_")[2]: write
    for write in (*CREATES, MAILS[0])
    if write.tool in ("create_payment", "create_client", "create_expense", "send_invoice_message")
} | {"charge": CHARGE}
READS_FIRST = ("payment", "charge")
"""Kinds that read something between the claim and the request."""
LEAVES_NO_TRACE = ("message", "charge")
"""A mail is in no list, and a charge becomes a payment like any other, of a balance that is no longer there."""


@pytest.fixture
async def account() -> AsyncIterator[HeldAccount]:
    """An account of today, since processes go by the real clock."""
    account = HeldAccount(Sandbox())
    async with account.listening():
        yield account


class Scene:
    """A process that is to be killed, another that makes the same call afterwards, and the account's own ledger."""

    def __init__(self, account: HeldAccount, write: Write, victim: StdioServer, witness: StdioServer) -> None:
        self.account, self._write, self.victim, self._witness = account, write, victim, witness
        self._arguments = write.arguments(account.sandbox)

    @property
    def effects(self) -> list[int]:
        """The ids of the records that the write made or changed."""
        return [write.id for write in self.account.sandbox.ledger.of(self._write.method, self._write.path)]

    @asynccontextmanager
    async def call_that_is_killed(self) -> AsyncIterator[None]:
        """The call, under way in the process that is killed when the block ends."""

        async def call() -> None:
            with pytest.raises(Killed):
                await self.victim.call(self._write.tool, self._arguments)

        async with anyio.create_task_group() as group:
            group.start_soon(call)
            yield
            await self.victim.kill()

    async def call_that_is_answered(self) -> Answer:
        """The call, in the process that is killed as soon as it answered."""
        answer = Answer.of(await self.victim.call(self._write.tool, self._arguments))
        await self.victim.kill()
        return answer

    async def same_call(self) -> Answer:
        """The same call in the other process."""
        return Answer.of(await self._witness.call(self._write.tool, self._arguments))


@asynccontextmanager
async def scene(account: HeldAccount, kind: str, log: Path) -> AsyncIterator[Scene]:
    async with stdio_servers(2, account.port, log) as (victim, witness):
        yield Scene(account, KINDS[kind], victim, witness)


def kinds(*names: str, short: str = "") -> pytest.MarkDecorator:
    """A case for each kind of write; only one is in the short run, since processes take long to start."""
    return pytest.mark.parametrize("kind", covering(names, lambda name: (name,) if name == short else ()))


ALL = ("payment", "message", "client", "expense", "charge")


@kinds(*READS_FIRST)
async def test_a_call_that_was_claimed_and_not_sent_is_made(account: HeldAccount, tmp_path: Path, kind: str) -> None:
    hold = account.hold("GET", "invoices/*")
    async with scene(account, kind, tmp_path / "log") as stage:
        async with stage.call_that_is_killed():
            await hold.arrived.wait()
        assert stage.effects == []
        assert (await stage.same_call()).outcome == "done"
        assert len(stage.effects) == 1


def found_or_unknown(stage: Scene, kind: str, answer: Answer) -> bool:
    """Whether the answer is the truth about a write that took effect: its record, or that nothing shows it."""
    if kind in LEAVES_NO_TRACE:
        return answer.outcome == "unknown"
    return answer.outcome == "done" and answer.content["id"] == stage.effects[0]


@kinds(*ALL, short="payment")
async def test_a_call_that_was_sent_is_not_made_again_whether_it_takes_effect_later_or_not(
    account: HeldAccount, tmp_path: Path, kind: str
) -> None:
    hold = account.hold("POST", KINDS[kind].path)
    async with scene(account, kind, tmp_path / "log") as stage:
        async with stage.call_that_is_killed():
            await hold.arrived.wait()
        assert (await stage.same_call()).outcome == "unknown"
        assert stage.effects == []
        await hold.release()
        assert len(stage.effects) == 1
        for _ in range(2):
            assert found_or_unknown(stage, kind, await stage.same_call())
        assert len(stage.effects) == 1


@kinds(*ALL, short="message")
async def test_a_call_that_had_its_effect_and_no_answer_is_found(
    account: HeldAccount, tmp_path: Path, kind: str
) -> None:
    hold = account.hold("POST", KINDS[kind].path, "after")
    async with scene(account, kind, tmp_path / "log") as stage:
        async with stage.call_that_is_killed():
            await hold.arrived.wait()
        for _ in range(2):
            assert found_or_unknown(stage, kind, await stage.same_call())
        assert len(stage.effects) == 1


@contextmanager
def nobody_may_settle(state_directory: Path) -> Iterator[None]:
    """A lock on the store, so that a process that gets its answer cannot note it."""
    (file,) = state_directory.rglob("*.sqlite3")
    holder = sqlite3.connect(file, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        holder.execute("ROLLBACK")
        holder.close()


@kinds(*ALL)
async def test_a_call_that_was_answered_and_not_settled_is_found(
    account: HeldAccount, tmp_path: Path, state_directory: Path, kind: str
) -> None:
    hold = account.hold("POST", KINDS[kind].path)
    async with scene(account, kind, tmp_path / "log") as stage:
        async with stage.call_that_is_killed():
            await hold.arrived.wait()
            with nobody_may_settle(state_directory):
                await hold.release()
                await stage.victim.kill()
        for _ in range(2):
            assert found_or_unknown(stage, kind, await stage.same_call())
        assert len(stage.effects) == 1


@kinds(*ALL)
async def test_a_call_that_was_settled_gets_the_same_answer(account: HeldAccount, tmp_path: Path, kind: str) -> None:
    async with scene(account, kind, tmp_path / "log") as stage:
        first = await stage.call_that_is_answered()
        again = await stage.same_call()
        assert (first.outcome, again.outcome) == ("done", "done")
        assert first.content.get("id") == again.content.get("id")
        assert "Skipped as a duplicate" in again.text or "It was not made again" in again.text
        assert len(stage.effects) == 1

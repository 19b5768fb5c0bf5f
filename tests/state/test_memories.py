"""The memories of many accounts in one process: which are forgotten, and what none of them may forget."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from clientary_mcp.durations import HOUR
from clientary_mcp.settings import Settings
from clientary_mcp.state.memories import Memories
from clientary_mcp.state.memory import Memory, StoredMemory
from clientary_mcp.state.store import Store
from tests.support.clock import FakeTime
from tests.support.open_files import on_linux, open_files

pytestmark = pytest.mark.anyio

MOST, ACCOUNTS = 5, [f"account-{number}" for number in range(50)]
SETTINGS = Settings(subdomain="acme", api_token="t0ken")


@pytest.fixture(params=["file", "memory"])
def memories(request: pytest.FixtureRequest, tmp_path: Path, time: FakeTime) -> Iterator[Memories]:
    """Of which at most MOST are idle."""

    def made(settings: Settings, account_id: str) -> Memory:
        path = tmp_path / f"{account_id}.sqlite3"
        return StoredMemory(settings, Store((lambda: path) if request.param == "file" else None, time.clock.wall))

    found = Memories(made, MOST)
    yield found
    for memory in found:
        assert isinstance(memory, StoredMemory)
        memory.store.close()


async def charge(memories: Memories, account_id: str) -> bool:
    """Whether a call of an account may be made, which is then not made again for ten minutes."""
    claims = memories.take(account_id, SETTINGS).claims
    if may := await claims.take("a charge", 120, None):
        await claims.done("a charge", 600, None)
    memories.give_back(account_id)
    return may is True


async def test_many_accounts_one_after_the_other_leave_few_memories(memories: Memories, time: FakeTime) -> None:
    for account_id in ACCOUNTS:
        assert await charge(memories, account_id)
        await time.clock.sleep(601)
    assert len(memories) == MOST


@on_linux
@pytest.mark.parametrize("memories", ["file"], indirect=True)
async def test_the_file_of_an_idle_account_is_closed(memories: Memories, tmp_path: Path) -> None:
    assert await charge(memories, "ours")
    assert open_files(tmp_path) == []
    assert not await charge(memories, "ours")


async def test_what_counts_is_not_forgotten_however_many_accounts_come(memories: Memories, time: FakeTime) -> None:
    assert all([await charge(memories, account_id) for account_id in ACCOUNTS])
    assert not any([await charge(memories, account_id) for account_id in ACCOUNTS])
    await time.clock.sleep(HOUR)
    for account_id in ACCOUNTS[: len(ACCOUNTS) // 2]:
        memories.take(account_id, SETTINGS)
        memories.give_back(account_id)
    assert len(memories) <= len(ACCOUNTS) // 2


async def test_a_memory_in_use_is_neither_forgotten_nor_closed(memories: Memories) -> None:
    first = memories.take("ours", SETTINGS)
    assert memories.take("ours", SETTINGS) is first
    memories.give_back("ours")
    for account_id in ACCOUNTS:
        await charge(memories, account_id)
    assert memories.take("ours", SETTINGS) is first


async def test_an_idle_account_that_comes_back_goes_on_with_its_pace(memories: Memories) -> None:
    first = memories.take("ours", SETTINGS)
    memories.give_back("ours")
    for account_id in ACCOUNTS[: MOST - 1]:
        await charge(memories, account_id)
    assert memories.take("ours", SETTINGS).pace is first.pace

"""Changes kept in the store, so that another process can take them back; time is the account's."""

import stat
from pathlib import Path
from typing import Any

import pytest

from clientary_mcp.settings import Settings
from clientary_mcp.state.actions import Action
from clientary_mcp.state.memory import local_memory
from tests.support.clock import FakeTime

pytestmark = pytest.mark.anyio

HOUR = 3_600


class Process:
    """The memory of one process of the same user."""

    def __init__(self, time: FakeTime, **settings: Any) -> None:
        chosen = Settings(subdomain="acme", api_token="t0ken-of-acme", **settings)
        self.memory = local_memory(chosen, time.clock.wall, shared=True)
        self.actions = self.memory.actions


def files_in(directory: Path) -> list[Path]:
    return list(directory.rglob("*.sqlite3"))


def action(number: int, at: float = 0) -> Action:
    return Action(str(number), at, "update_client", f"Client {number}", {"client_id": number}, None, {"city": "Ulm"})


async def test_without_the_setting_nothing_of_a_change_is_stored(time: FakeTime, state_directory: Path) -> None:
    one, other = Process(time), Process(time)
    await one.actions.add(action(1))
    assert await one.actions.find("1")
    assert await other.actions.recent() == []
    assert files_in(state_directory) == []


async def test_another_process_finds_what_was_changed(time: FakeTime, state_directory: Path) -> None:
    one, other = Process(time, undo_hours=2), Process(time, undo_hours=2)
    assert await other.actions.recent() == []
    for number in range(3):
        await one.actions.add(action(number, at=number))
    assert await other.actions.recent() == [action(number, at=number) for number in (2, 1, 0)]
    assert await other.actions.find("1") == action(1, at=1)
    (file,) = files_in(state_directory)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


async def test_one_process_alone_takes_an_action_back(time: FakeTime) -> None:
    one, other = Process(time, undo_hours=2), Process(time, undo_hours=2)
    await one.actions.add(action(1))
    assert await other.actions.take("1")
    assert not await one.actions.take("1")
    assert not await one.actions.take("2")
    assert (await one.actions.recent())[0].taken_back
    await other.actions.release("1")
    assert await one.actions.take("1")


async def test_an_action_is_forgotten_after_the_hours(time: FakeTime) -> None:
    one = Process(time, undo_hours=2)
    await one.actions.add(action(1))
    await time.clock.sleep(2 * HOUR - 1)
    assert await one.actions.find("1")
    await time.clock.sleep(2)
    assert await one.actions.find("1") is None
    assert await one.actions.recent() == []

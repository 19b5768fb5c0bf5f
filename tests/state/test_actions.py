"""Changes kept in the store, so that another process can take them back; time is the account's."""

import stat
from pathlib import Path
from typing import Any

import pytest

from clientary_mcp.settings import Settings
from clientary_mcp.state.actions import Action
from clientary_mcp.state.memory import Memory
from tests.support.clock import FakeTime

HOUR = 3_600


class Process:
    """The memory of one process of the same user."""

    def __init__(self, time: FakeTime, **settings: Any) -> None:
        chosen = Settings(subdomain="acme", api_token="t0ken-of-acme", **settings)
        self.memory = local_memory(chosen, time.clock.wall, shared=True)
        self.actions = self.memory.actions


def action(number: int, at: float = 0) -> Action:
    return Action(str(number), at, "update_client", f"Client {number}", {"client_id": number}, None, {"city": "Ulm"})


def test_without_the_setting_nothing_of_a_change_is_stored(time: FakeTime, state_directory: Path) -> None:
    one, other = Process(time), Process(time)
    one.actions.add(action(1))
    assert one.actions.find("1")
    assert other.actions.recent() == []
    assert not state_directory.exists()


def test_another_process_finds_what_was_changed(time: FakeTime, state_directory: Path) -> None:
    one, other = Process(time, undo_hours=2), Process(time, undo_hours=2)
    assert other.actions.recent() == []
    for number in range(3):
        one.actions.add(action(number, at=number))
    assert other.actions.recent() == [action(number, at=number) for number in (2, 1, 0)]
    assert other.actions.find("1") == action(1, at=1)
    (file,) = state_directory.rglob("*.sqlite3")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_one_process_alone_takes_an_action_back(time: FakeTime) -> None:
    one, other = Process(time, undo_hours=2), Process(time, undo_hours=2)
    one.actions.add(action(1))
    assert [other.actions.take("1"), one.actions.take("1"), one.actions.take("2")] == [True, False, False]
    assert one.actions.recent()[0].taken_back
    other.actions.release("1")
    assert one.actions.take("1")


@pytest.mark.anyio
async def test_an_action_is_forgotten_after_the_hours(time: FakeTime) -> None:
    one = Process(time, undo_hours=2)
    one.actions.add(action(1))
    await time.clock.sleep(2 * HOUR - 1)
    assert one.actions.find("1")
    await time.clock.sleep(2)
    assert one.actions.find("1") is None
    assert one.actions.recent() == []

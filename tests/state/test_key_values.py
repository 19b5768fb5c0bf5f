"""Key-values in memory, and in a file that several processes have open."""

import asyncio
import multiprocessing
import stat
import sys
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from clientary_mcp.durations import HOUR
from clientary_mcp.errors import NotRemembered, SettingsError
from clientary_mcp.state.key_values import StoredKeyValues
from tests.support.clock import FakeTime

pytestmark = pytest.mark.anyio


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "vault"


@pytest.fixture(params=["memory", "file"])
def values(request: pytest.FixtureRequest, path: Path, time: FakeTime) -> Iterator[StoredKeyValues]:
    values = StoredKeyValues(path if request.param == "file" else None, time.clock.wall)
    yield values
    values.close()


def move(path: Path, to: Path) -> None:
    """Move a file to where there is none."""
    assert not to.exists()
    path.rename(to)


async def test_a_value_is_kept_for_its_time_or_for_good(values: StoredKeyValues, time: FakeTime) -> None:
    assert await values.put("lasting", "1")
    assert await values.put("passing", "2", 60)
    assert [await values.get("lasting"), await values.get("passing"), await values.get("other")] == ["1", "2", None]
    assert await values.get_all("passing", "other", "lasting") == ["2", None, "1"]
    await time.clock.sleep(60)
    assert [await values.get("lasting"), await values.get("passing")] == ["1", None]
    assert await values.get_all("lasting", "passing") == ["1", None]
    assert await values.keys("") == ["lasting"]


async def test_only_the_first_of_several_puts_a_new_value(values: StoredKeyValues, time: FakeTime) -> None:
    assert [await values.put("key", value, 60, only_new=True) for value in "ab"] == [True, False]
    assert await values.get("key") == "a"
    await time.clock.sleep(60)
    assert await values.put("key", "c", only_new=True)


async def test_a_value_is_taken_once(values: StoredKeyValues) -> None:
    await values.put("key", "value")
    assert [await values.take("key"), await values.take("key"), await values.get("key")] == ["value", None, None]


async def test_events_are_counted_from_the_first_on(values: StoredKeyValues, time: FakeTime) -> None:
    counts = [await values.count("tries", 60)]
    await time.clock.sleep(59)
    counts.append(await values.count("tries", 60))
    await time.clock.sleep(1)
    assert [*counts, await values.count("tries", 60)] == [1, 2, 1]


async def test_keys_are_listed_by_how_they_begin_and_deleted(values: StoredKeyValues) -> None:
    for key in ("token:b", "token:a", "tokens", "profile:a"):
        await values.put(key, "")
    assert await values.keys("token:") == ["token:a", "token:b"]
    await values.delete("token:a", "tokens", "never there")
    assert await values.keys("") == ["profile:a", "token:b"]


async def test_the_file_is_its_owners_and_outlives_the_process(path: Path, time: FakeTime) -> None:
    first, command = (StoredKeyValues(path, time.clock.wall) for _ in range(2))
    first.open(exclusive=True)
    await first.put("key", "value")
    await command.put("other", "of a command")
    assert await first.get("other") == "of a command"
    if sys.platform != "win32":
        modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in [path.parent, *path.parent.iterdir()]}
        assert modes.pop("state") == 0o700
        assert set(modes.values()) == {0o600}
    first.close()
    command.close()
    again = StoredKeyValues(path, time.clock.wall)
    again.open(exclusive=True)
    assert await again.get("key") == "value"
    again.close()


async def test_what_expired_is_deleted_from_the_file(path: Path, time: FakeTime) -> None:
    values = StoredKeyValues(path, time.clock.wall)
    await values.put("key", "not-to-be-found", 60)
    await time.clock.sleep(2 * HOUR)
    await values.get("key")
    await time.clock.sleep(-2 * HOUR)
    assert await values.get("key") is None
    values.close()


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such locks")
async def test_one_process_is_the_server_of_a_file(path: Path, time: FakeTime) -> None:
    first, second = (StoredKeyValues(path, time.clock.wall) for _ in range(2))
    first.open(exclusive=True)
    with pytest.raises(SettingsError, match=r"CLIENTARY_STORE names .*vault, which is held by another server"):
        second.open(exclusive=True)
    second.open()
    first.close()
    second.open(exclusive=True)
    second.close()


def test_a_damaged_file_is_refused_and_left_alone(path: Path, time: FakeTime) -> None:
    path.parent.mkdir()
    path.write_bytes(b"not a vault, and longer than the header of one" * 100)
    before = path.read_bytes()
    with pytest.raises(SettingsError, match="is damaged, or no vault"):
        StoredKeyValues(path, time.clock.wall).open()
    assert path.read_bytes() == before


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path, time: FakeTime) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file" / "vault", tmp_path):
        with pytest.raises(SettingsError, match="cannot be opened"):
            StoredKeyValues(path, time.clock.wall).open(exclusive=True)


async def test_a_file_that_was_removed_is_not_made_anew_but_a_restored_one_is_read(path: Path, time: FakeTime) -> None:
    values = StoredKeyValues(path, time.clock.wall)
    await values.put("key", "value")
    move(path, path.with_name("copy"))
    with pytest.raises(NotRemembered):
        await values.put("key", "new")
    move(path.with_name("copy"), path)
    assert await values.get("key") == "value"
    values.close()


def _count_and_take(path: Path, results: Connection) -> None:
    """What another process does at the same time as this one."""
    import time

    async def work() -> tuple[list[int], int, int]:
        values = StoredKeyValues(path, time.time)
        counts = [await values.count("events", HOUR) for _ in range(50)]
        taken = sum([await values.take(f"code {number}") is not None for number in range(50)])
        new = sum([await values.put(f"new {number}", "", only_new=True) for number in range(50)])
        values.close()
        return counts, taken, new

    results.send(asyncio.run(work()))
    results.close()


def test_processes_count_and_take_without_doing_anything_twice(path: Path) -> None:
    async def prepare() -> None:
        values = StoredKeyValues(path, lambda: 0.0)
        for number in range(50):
            await values.put(f"code {number}", "")
        values.close()

    asyncio.run(prepare())
    spawned = multiprocessing.get_context("spawn")
    pipes = [spawned.Pipe(duplex=False) for _ in range(3)]
    processes = [spawned.Process(target=_count_and_take, args=(path, sending)) for _, sending in pipes]
    for process in processes:
        process.start()
    outcomes = [receiving.recv() for receiving, _ in pipes]
    for process in processes:
        process.join()
    for pipe in pipes:
        for end in pipe:
            end.close()
    assert sorted(count for counts, _, _ in outcomes for count in counts) == [*range(1, 151)]
    assert [sum(taken for _, taken, _ in outcomes), sum(new for _, _, new in outcomes)] == [50, 50]

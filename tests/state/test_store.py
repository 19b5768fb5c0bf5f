"""The file that processes share: who may read it, what becomes of a damaged one, and what happens without it."""

import resource
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from clientary_mcp.api.session import Clientary
from clientary_mcp.durations import DAY, HOUR
from clientary_mcp.errors import NotRemembered, SettingsError
from clientary_mcp.settings import Settings
from clientary_mcp.state.memory import StoredMemory
from tests.state.conftest import NewMemory
from tests.support.clock import FakeTime

pytestmark = pytest.mark.anyio

CALL, LEASE = '["create_client", {"name": "Globex"}]', 120.0


def file_of(memory: StoredMemory) -> Path:
    assert memory.store.path is not None
    return memory.store.path


async def test_the_file_and_its_directory_are_the_owners_alone(ours: StoredMemory) -> None:
    await ours.made.add("clients", 7)
    path = file_of(ours)
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert {each.stat().st_mode & 0o777 for each in path.parent.iterdir()} == {0o600}


async def test_two_processes_see_what_each_other_wrote(ours: StoredMemory, theirs: StoredMemory) -> None:
    await ours.made.add("clients", 7)
    await theirs.made.add("clients", 8)
    assert await ours.made.ids("clients") == await theirs.made.ids("clients") == {7, 8}


def read_by_another(path: Path) -> None:
    reader = "import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.execute('SELECT * FROM made'); db.close()"
    subprocess.run([sys.executable, "-c", reader, path], check=True)  # noqa: S603 - ours


async def test_a_second_connection_of_a_process_leaves_the_locks_of_the_first(
    ours: StoredMemory, another: NewMemory
) -> None:
    await ours.made.add("clients", 7)
    await another().made.add("clients", 8)
    read_by_another(file_of(ours))
    log = file_of(ours).with_name(f"{file_of(ours).name}-wal")
    assert log.stat().st_size > 0, "who closes the file last removes its log: the other process took itself for that"


async def test_neither_names_nor_texts_are_in_the_file(ours: StoredMemory) -> None:
    assert await ours.claims.take(CALL, LEASE, None)
    await ours.claims.sent(CALL, [1], LEASE)
    async with ours.ledger.step("reminder of 5 to ada@example.com"):
        pass
    ours.store.close()
    content = file_of(ours).read_bytes()
    assert not [word for word in (b"Globex", b"ada@", b"create_client") if word in content]


def damage(path: Path) -> None:
    """Write over everything but the header, so that only what reads further finds out."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * (size - 100))


@pytest.mark.parametrize("how", ["no database", "damaged pages"])
async def test_a_damaged_file_is_set_aside_and_begun_anew(
    another: NewMemory, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    one = another()
    await one.made.add("clients", 7)
    one.store.close()
    path = file_of(one)
    path.write_bytes(b"no database" * 1000) if how == "no database" else damage(path)
    await one.made.add("clients", 8)
    await one.made.add("clients", 9)
    assert 9 in await one.made.ids("clients")
    assert 7 not in await one.made.ids("clients")
    (aside,) = path.parent.glob("*.damaged-*")
    assert aside.name in caplog.text


async def test_a_process_that_has_the_damaged_file_open_goes_on_in_the_new_one(
    ours: StoredMemory, theirs: StoredMemory
) -> None:
    await ours.made.add("clients", 7)
    await theirs.made.add("clients", 8)
    theirs.store.close()
    path = file_of(ours)
    for each in (path, path.with_name(f"{path.name}-wal")):
        each.write_bytes(b"no database" * 1000)
    await theirs.made.add("clients", 9)
    await theirs.made.add("clients", 10)
    await ours.made.add("clients", 11)
    assert await ours.made.ids("clients") == await theirs.made.ids("clients") >= {10, 11}
    assert len(list(path.parent.glob("*.damaged-*"))) == 1


async def test_a_file_that_was_removed_while_in_use_is_made_again(ours: StoredMemory, theirs: StoredMemory) -> None:
    await ours.made.add("clients", 7)
    file_of(ours).unlink()
    await ours.made.add("clients", 8)
    await theirs.made.add("clients", 9)
    assert await ours.made.ids("clients") == {8, 9}


@pytest.fixture
def no_directory(state_directory: Path) -> None:
    """A state directory that cannot be made."""
    state_directory.write_text("a file, where the directory would be")


@pytest.mark.usefixtures("no_directory")
async def test_without_a_directory_it_is_remembered_in_the_process_and_said_once(
    another: NewMemory, caplog: pytest.LogCaptureFixture
) -> None:
    one = another()
    await one.made.add("clients", 7)
    await one.made.add("clients", 8)
    assert await one.made.ids("clients") == {7, 8}
    assert await another().made.ids("clients") == set()
    assert caplog.text.count("remembered in this process alone") == 1
    assert one.store.problem
    assert one.store.check() == one.store.problem


async def test_a_directory_that_goes_away_later_stops_writes_instead_of_forgetting_the_earlier_ones(
    ours: StoredMemory, state_directory: Path
) -> None:
    assert await ours.claims.take(CALL, LEASE, None)
    path = file_of(ours)
    path.parent.rename(path.parent.with_name("elsewhere"))
    path.parent.write_text("in the way")
    with pytest.raises(NotRemembered):
        await ours.claims.sent(CALL, (), LEASE)
    with pytest.raises(NotRemembered):
        await ours.claims.take("another call", LEASE, None)
    path.parent.unlink()
    path.parent.with_name("elsewhere").rename(path.parent)
    await ours.claims.sent(CALL, (), LEASE)
    assert "remembered" not in str(ours.store.problem)


@contextmanager
def full_disk() -> Iterator[None]:
    """As with a full disk: the system refuses to write to any file."""
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


async def test_on_a_full_disk_nothing_is_remembered_and_so_nothing_is_sent(
    ours: StoredMemory, theirs: StoredMemory
) -> None:
    assert await ours.claims.take(CALL, LEASE, None)
    with full_disk(), pytest.raises(NotRemembered, match="cannot be written"):
        await ours.claims.sent(CALL, (), LEASE)
    found = await theirs.claims.find(CALL)
    assert found is not None
    assert found.state == "busy"
    await ours.claims.sent(CALL, (), LEASE)


async def test_rows_expire_and_are_removed_from_the_file(
    another: NewMemory, ours: StoredMemory, time: FakeTime
) -> None:
    await ours.made.add("clients", 7)
    assert await ours.claims.take(CALL, LEASE, None)
    assert ours.store.counts() | {"claims": 1, "made": 1} == ours.store.counts()
    await time.clock.sleep(HOUR + 1)
    assert ours.store.counts() | {"claims": 1, "made": 0} == ours.store.counts()
    await time.clock.sleep(DAY)
    await another().made.add("clients", 8)
    with sqlite3.connect(f"file:{file_of(ours)}?mode=ro", uri=True) as db:
        assert db.execute("SELECT count(*) FROM claims").fetchone() == (0,)
        assert db.execute("SELECT id FROM made").fetchall() == [(8,)]
    db.close()


async def test_forgetting_leaves_only_what_a_living_process_is_doing(ours: StoredMemory, theirs: StoredMemory) -> None:
    await ours.made.add("clients", 7)
    for call in (CALL, "another call"):
        assert await ours.claims.take(call, LEASE, None)
        await ours.claims.sent(call, (), LEASE)
    await ours.claims.done("another call", HOUR)
    theirs.store.forget()
    assert {table: count for table, count in ours.store.counts().items() if count} == {"claims": 1}
    await ours.claims.unknown(CALL)
    theirs.store.forget()
    assert not any(ours.store.counts().values())


async def test_a_call_whose_claim_was_removed_is_not_sent(ours: StoredMemory) -> None:
    assert await ours.claims.take(CALL, LEASE, None)
    file_of(ours).unlink()
    with pytest.raises(NotRemembered, match="gone"):
        await ours.claims.sent(CALL, (), LEASE)


def test_a_session_of_ones_own_is_never_silently_kept_elsewhere_than_the_setting_says() -> None:
    settings = Settings(subdomain="acme", api_token="t0ken-of-acme", store="redis://localhost", keys=("k" * 32,))
    with pytest.raises(SettingsError, match="CLIENTARY_STORE names a place that only clientary-mcp itself opens"):
        Clientary(settings)

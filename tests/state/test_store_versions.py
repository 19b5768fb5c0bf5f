"""The store's file over versions of this program: an older one is brought up to date, a newer one is left alone."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from clientary_mcp.errors import NotRemembered
from clientary_mcp.state.memory import StoredMemory
from tests.state.conftest import NewMemory
from tests.support.clock import FakeTime

pytestmark = pytest.mark.anyio

CALL = "create_client Globex"
VERSION_0 = """
    CREATE TABLE claims (key TEXT PRIMARY KEY, owner TEXT, state TEXT, since REAL, lease REAL, until REAL, detail TEXT);
    CREATE TABLE spent (id INTEGER PRIMARY KEY, kind TEXT, at REAL, until REAL);
    CREATE TABLE previews (id TEXT PRIMARY KEY, call TEXT, detail TEXT, until REAL);
    CREATE TABLE writes (id INTEGER PRIMARY KEY, owner TEXT, method TEXT, list TEXT, ended REAL, until REAL);
    CREATE TABLE made (list TEXT, id INTEGER, until REAL, PRIMARY KEY (list, id));
"""
"""Tables as the first version made them; some were made later."""


def path_for(memory: StoredMemory) -> Path:
    """Where its file will be."""
    assert memory.store.path is not None
    memory.store.path.parent.mkdir(parents=True)
    return memory.store.path


def written(path: Path, script: str) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.executescript(script)


def version_of(path: Path) -> int:
    with closing(sqlite3.connect(path)) as db:
        return int(db.execute("PRAGMA user_version").fetchone()[0])


async def test_a_new_file_has_the_version_of_this_program(ours: StoredMemory) -> None:
    path = path_for(ours)
    await ours.made.add("clients", 7)
    assert version_of(path) == 1


async def test_a_file_of_an_older_version_gets_what_it_lacks_and_keeps_its_rows(
    ours: StoredMemory, theirs: StoredMemory, time: FakeTime
) -> None:
    path, now = path_for(ours), time.clock.wall()
    written(path, VERSION_0)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("INSERT INTO made VALUES ('clients', 7, ?)", (now + 100,))
        db.execute("INSERT INTO spent (kind, at, until) VALUES ('mail', ?, ?)", (now, now + 100))
    assert await theirs.made.ids("clients") == {7}
    assert await ours.claims.take(CALL, 120, None)
    assert await ours.previews.find(await ours.previews.keep("a call", {}))
    assert ours.store.counts() | {"spent": 1, "claims": 1, "made": 1} == ours.store.counts()
    found = await theirs.claims.find(CALL)
    assert found is not None
    assert found.by == ""
    assert version_of(path) == 1
    assert not list_aside(path)


def list_aside(path: Path) -> list[Path]:
    return list(path.parent.glob("*.damaged-*"))


async def test_a_file_of_a_newer_version_is_refused_and_left_as_it_is(ours: StoredMemory) -> None:
    path = path_for(ours)
    written(path, "CREATE TABLE claims (key TEXT); PRAGMA user_version = 2;")
    with pytest.raises(NotRemembered, match="its file is of a newer version of clientary-mcp: update this one"):
        await ours.claims.take(CALL, 120, None)
    assert "newer version" in str(await ours.check())
    assert version_of(path) == 2
    assert not list_aside(path)


async def test_a_file_that_cannot_be_brought_up_to_date_is_set_aside(
    ours: StoredMemory, another: NewMemory, caplog: pytest.LogCaptureFixture
) -> None:
    path = path_for(ours)
    written(path, "CREATE VIEW claims AS SELECT 1 AS key;")
    assert await ours.claims.take(CALL, 120, None)
    assert not await another().claims.take(CALL, 120, None)
    (aside,) = list_aside(path)
    assert aside.name in caplog.text

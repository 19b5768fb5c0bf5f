"""`clientary-mcp store`: what is remembered, and how to forget it; `check` says where."""

import time
from pathlib import Path

import pytest

from clientary_mcp.cli.main import main
from clientary_mcp.cli.store import report
from clientary_mcp.settings import Settings
from clientary_mcp.state.memory import StoredMemory, local_memory

pytestmark = pytest.mark.anyio

ACCOUNT = {"CLIENTARY_SUBDOMAIN": "acme", "CLIENTARY_API_TOKEN": "t0ken-of-acme"}


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> StoredMemory:
    """The account's memory, as another process has it."""
    for name, value in ACCOUNT.items():
        monkeypatch.setenv(name, value)
    return local_memory(Settings(subdomain="acme", api_token="t0ken-of-acme"), time.time, shared=True)


async def told(*, forgets: bool = False) -> str:
    """What the command prints."""
    return "\n".join([line async for line in report(ACCOUNT, forgets=forgets)])


def test_nothing_is_made_before_something_is_remembered(
    capsys: pytest.CaptureFixture[str], state_directory: Path
) -> None:
    main(["store"])
    assert "nothing is remembered yet" in capsys.readouterr().out
    assert not state_directory.exists()


async def test_rows_are_counted_by_kind_and_can_be_forgotten(account: StoredMemory, state_directory: Path) -> None:
    await account.made.add("clients", 7)
    text = await told()
    assert text.startswith(str(state_directory))
    assert "     1  records created in the last hour" in text
    await told(forgets=True)
    assert await account.made.ids("clients") == set()


async def test_what_a_running_server_is_sending_is_not_forgotten(account: StoredMemory) -> None:
    await account.made.add("clients", 7)
    assert await account.claims.take("a call", 120, None)
    assert "nothing is remembered any more, except what is being sent now" in await told(forgets=True)
    assert await account.made.ids("clients") == set()
    await account.claims.sent("a call", (), 120)


def test_other_words_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["store", "remember"])
    assert ended.value.code == 2
    assert "store takes forget, but remember was given" in capsys.readouterr().err


def files_in(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file()]


async def test_the_file_is_readable_by_its_owner_alone(account: StoredMemory, state_directory: Path) -> None:
    await account.made.add("clients", 7)
    files = files_in(state_directory)
    assert files
    assert {path.stat().st_mode & 0o077 for path in files} == {0}

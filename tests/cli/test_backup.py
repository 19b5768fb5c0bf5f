"""`clientary-mcp backup`: everything is there, once, also after a kill, and what is not is said."""

import io
import json
import sqlite3
import stat
import tracemalloc
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from clientary_mcp.api.session import Clientary
from clientary_mcp.cli.backup import back_up
from clientary_mcp.cli.main import main
from clientary_mcp.cli.progress import Progress
from clientary_mcp.errors import SettingsError, Unavailable
from clientary_mcp.sandbox import Sandbox
from tests.conftest import TODAY, agency, session_with
from tests.support.held_account import HeldAccount
from tests.support.processes import COMMAND, PATIENCE, environment
from tests.support.terminal import terminal
from tests.tools.support.test_list_streams import SETTINGS, Long

SILENT = Progress(io.StringIO())


def rows_of(directory: Path, resource: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (directory / f"{resource}.jsonl").read_text("utf-8").splitlines()]


def names_in(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


def manifest_of(directory: Path) -> dict[str, Any]:
    return dict(json.loads((directory / "manifest.json").read_text("utf-8")))


def assert_equal(directory: Path, sandbox: Sandbox) -> None:
    """Every file holds what the tables of the account hold."""
    manifest, asked = manifest_of(directory), sandbox.connection.execute
    tables = {name for (name,) in asked("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert len(manifest["resources"]) == 13
    for resource, about in manifest["resources"].items():
        assert resource in tables
        ids = [number for (number,) in asked(f"SELECT id FROM {resource} ORDER BY id")]  # noqa: S608 - our own names
        assert sorted(row["id"] for row in rows_of(directory, resource)) == ids, resource
        assert (about["count"], about["total_count"]) == (len(ids), len(ids))
    with sqlite3.connect(directory / "account.sqlite") as copy:
        query = "SELECT currency_code, count(*), CAST(round(sum(total_cost * {})) AS INTEGER) FROM invoices GROUP BY 1"
        in_cents = asked(query.format(1)).fetchall()
        assert copy.execute(query.format(100)).fetchall() == [tuple(row) for row in in_cents]
    copy.close()


@pytest.mark.anyio
async def test_a_backup_holds_every_record_of_the_account(tmp_path: Path) -> None:
    sandbox, directory = agency(), tmp_path / "copy"
    async with session_with(sandbox) as clientary:
        manifest = await back_up(clientary, directory, "acme", SILENT)
    assert manifest["complete"] is True
    assert_equal(directory, sandbox)
    assert manifest == manifest_of(directory)
    assert names_in(directory) == {*manifest["files"], "manifest.json"}
    for name, about in manifest["files"].items():
        content = (directory / name).read_bytes()
        assert about == {"bytes": len(content), "sha256": sha256(content).hexdigest()}
    assert {stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()} == {0o600}
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700


@pytest.mark.anyio
async def test_a_second_run_brings_it_up_to_date(tmp_path: Path) -> None:
    sandbox = agency()
    async with session_with(sandbox) as clientary:
        await back_up(clientary, tmp_path, "acme", SILENT)
        with sandbox.connection:
            sandbox.connection.execute("UPDATE clients SET name = 'Renamed' WHERE id = 1201")
            sandbox.connection.execute("DELETE FROM leads")
        await back_up(clientary, tmp_path, "acme", SILENT)
    assert_equal(tmp_path, sandbox)
    assert [row["name"] for row in rows_of(tmp_path, "clients") if row["id"] == 1201] == ["Renamed"]


class Counted(HeldAccount):
    """An account that remembers what was asked of it."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox)
        self.asked: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request."""
        self.asked.append(f"{scope['path'].removeprefix('/api/v2/')}?{scope['query_string'].decode()}")
        await super().__call__(scope, receive, send)


@pytest.mark.anyio
async def test_a_killed_backup_goes_on_where_it_was(tmp_path: Path) -> None:
    account, directory = Counted(Sandbox(TODAY)), tmp_path / "copy"
    settings = environment(
        CLIENTARY_BASE_URL=f"http://127.0.0.1:{account.port}",
        CLIENTARY_API_TOKEN=account.sandbox.token,
        CLIENTARY_CONCURRENCY="1",
    )
    command = [*COMMAND, "backup", str(directory)]
    with anyio.fail_after(2 * PATIENCE):
        async with account.listening():
            hold = account.hold("GET", "invoices", query=b"page=9")
            async with await anyio.open_process(command, env=settings) as process:
                await hold.arrived.wait()
                process.kill()
            assert not (directory / "manifest.json").exists()
            await hold.release()
            account.asked.clear()
            done = await anyio.run_process(command, env=settings)
    assert done.stdout.decode().endswith(f"Complete: {directory}\n")
    assert done.stderr == b""
    assert_equal(directory, account.sandbox)
    read_again = [asked for asked in account.asked if asked.startswith(("clients?", "invoices?"))]
    assert read_again.count("clients?") == 1, "only counted"
    assert "invoices?page=2" not in read_again
    assert "invoices?page=9" in read_again


@pytest.mark.anyio
async def test_a_backup_that_was_killed_while_its_files_got_their_names_is_finished(tmp_path: Path) -> None:
    account = Account(Long(60))
    await backed_up(account, tmp_path)
    (tmp_path / "account.sqlite").rename(tmp_path / "account.sqlite.part")
    (tmp_path / "manifest.json").unlink()
    (tmp_path / "leads.jsonl").unlink()
    account.asked.clear()
    manifest = await backed_up(account, tmp_path)
    assert (manifest["complete"], len(rows_of(tmp_path, "leads"))) == (True, 60)
    assert account.asked.count("leads") == 1, "only counted"
    assert names_in(tmp_path) == {*manifest["files"], "manifest.json"}


# Accounts that change, or do not show everything


class Account:
    """An account of leads and three clients, whose other lists are empty or answer with a status."""

    def __init__(self, leads: Long, statuses: dict[str, int] | None = None) -> None:
        self.leads, self.statuses = leads, statuses or {}
        self.asked: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/api/v2/")
        self.asked.append(path)
        if path in self.statuses:
            return httpx.Response(self.statuses[path], json={})
        if path == "leads":
            listed = json.loads(self.leads(request).content)
            return httpx.Response(200, json=listed | {"leads": listed["clients"]})
        if path == "clients":
            return Long(3)(request)
        return httpx.Response(200, json={path.rpartition("/")[2]: []})


async def backed_up(account: Account, directory: Path) -> dict[str, Any]:
    settings = replace(SETTINGS, concurrency=1)
    async with Clientary(settings, httpx.MockTransport(account)) as clientary:
        return await back_up(clientary, directory, "acme", SILENT)


@pytest.mark.anyio
async def test_a_list_that_changes_once_is_read_again(tmp_path: Path) -> None:
    manifest = await backed_up(Account(Long(120, changes=1)), tmp_path)
    assert manifest["resources"]["leads"] == {"count": 121, "total_count": 121, "states": ["whole"]}
    assert [row["id"] for row in rows_of(tmp_path, "leads")] == list(range(1, 122))


@pytest.mark.anyio
async def test_a_list_that_keeps_changing_is_kept_and_said(tmp_path: Path) -> None:
    manifest = await backed_up(Account(Long(120, changes=99)), tmp_path)
    assert manifest["complete"] is False
    assert manifest["resources"]["leads"]["states"] == ["changed"]
    assert len(rows_of(tmp_path, "leads")) >= 120


@pytest.mark.anyio
async def test_what_the_token_may_not_read_is_left_out_and_said(tmp_path: Path) -> None:
    manifest = await backed_up(Account(Long(3), {"estimates": 403, "clients/2/payment_profiles": 403}), tmp_path)
    states = {name: about["states"] for name, about in manifest["resources"].items()}
    assert (manifest["complete"], states["estimates"], states["clients"]) == (False, ["refused"], ["whole"])
    assert "refused" in states["payment_profiles"]
    assert not (tmp_path / "estimates.jsonl").exists()


@pytest.mark.anyio
async def test_a_list_whose_records_moved_since_the_kill_is_read_from_its_beginning(tmp_path: Path) -> None:
    account = Account(Long(150), {"projects": 500})
    with pytest.raises(Unavailable) as failure:
        await backed_up(account, tmp_path)
    assert "What was read is kept: the same command goes on from there." in str(failure.value)
    with sqlite3.connect(tmp_path / "account.sqlite.part") as part:  # as if the kill had come in the middle of leads
        part.execute("UPDATE lists SET state = 'begun' WHERE path = 'leads'")
        part.execute("DELETE FROM records WHERE id > 100")
        part.execute("UPDATE records SET id = 9999 WHERE id = 100")
    part.close()
    account.statuses.clear()
    await backed_up(account, tmp_path)
    assert [row["id"] for row in rows_of(tmp_path, "leads")] == list(range(1, 151))


@pytest.mark.anyio
async def test_an_unfinished_backup_of_the_day_before_yesterday_is_not_gone_on_with(tmp_path: Path) -> None:
    account = Account(Long(60), {"projects": 500})
    with pytest.raises(Unavailable):
        await backed_up(account, tmp_path)
    with sqlite3.connect(tmp_path / "account.sqlite.part") as part:
        part.execute("UPDATE about SET begun = begun - 2 * 86400")
        part.execute('UPDATE records SET record = \'{"id": 1, "name": "Old"}\'')
    part.close()
    account.statuses.clear()
    await backed_up(account, tmp_path)
    assert "Old" not in {row["name"] for row in rows_of(tmp_path, "leads")}


# Directories


@pytest.mark.anyio
async def test_a_directory_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "clients.jsonl").write_text("mine")
    with pytest.raises(SettingsError, match="holds other files, and no backup"):
        await backed_up(Account(Long(1)), tmp_path)
    assert (tmp_path / "clients.jsonl").read_text() == "mine"


@pytest.mark.anyio
async def test_a_backup_of_another_account_is_left_alone(tmp_path: Path) -> None:
    await backed_up(Account(Long(1)), tmp_path)
    (tmp_path / "manifest.json").write_text(json.dumps(manifest_of(tmp_path) | {"account": "other"}))
    with pytest.raises(SettingsError, match="holds a backup of other"):
        await backed_up(Account(Long(1)), tmp_path)


@pytest.mark.anyio
async def test_two_backups_at_once_do_not_mix(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "account.sqlite.part") as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(SettingsError, match="another backup is writing it"):
            await backed_up(Account(Long(1)), tmp_path)
    other.close()


def test_a_directory_that_cannot_be_is_told(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SystemExit) as ending:
        main(["backup", "--sandbox", str(tmp_path / "file" / "copy")])
    out, err = capsys.readouterr()
    assert (ending.value.code, out) == (1, "")
    assert err.endswith("cannot be written: Not a directory.\n")


# Progress and memory


def test_a_bar_is_drawn_on_a_terminal_and_gone_at_the_end(tmp_path: Path) -> None:
    with terminal(*COMMAND, "backup", "--sandbox", str(tmp_path / "copy"), columns=90) as screen:
        assert screen.end() == 0
    drawn, _, printed = screen.text.rpartition("\x1b[K")
    assert "[#" in drawn
    assert " of 412" in drawn
    assert max(map(len, drawn.split("\r\x1b[K"))) <= 90
    assert printed.splitlines()[0].split() == ["64", "clients"]
    assert "\x1b" not in printed


@pytest.mark.long
@pytest.mark.anyio
async def test_memory_stays_flat_for_a_hundred_thousand_records(tmp_path: Path) -> None:
    tracemalloc.start()
    peaks = []
    try:
        for total in (10_000, 100_000):
            tracemalloc.reset_peak()
            await backed_up(Account(Long(total)), tmp_path / str(total))
            peaks.append(tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 1_000_000, f"{peaks[1] / 1e6:.1f} MB instead of {peaks[0] / 1e6:.1f}"

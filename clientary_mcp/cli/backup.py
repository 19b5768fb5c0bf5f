"""`clientary-mcp backup`: the whole account as files, which a run that was killed goes on with and a later one renews.

Every list is read as exports read it. Files take their final names at the very end, so that an earlier backup stays
whole until then.
"""

import argparse
from functools import partial
from pathlib import Path
from typing import Any

import anyio

from clientary_mcp.api.concurrency import gather
from clientary_mcp.api.session import Clientary
from clientary_mcp.cli.account import account_name, opened
from clientary_mcp.cli.backup_files import PART, read_manifest, write_files
from clientary_mcp.cli.backup_lists import Lists, resource_name
from clientary_mcp.cli.backup_store import BackupStore
from clientary_mcp.cli.call import DONE, PARTIAL
from clientary_mcp.cli.check import LISTS
from clientary_mcp.cli.progress import Progress
from clientary_mcp.durations import DAY
from clientary_mcp.errors import BlockedByOwner, ClientaryError, SettingsError
from clientary_mcp.logs import configure
from tool_schemas.base.models import Record
from tool_schemas.hours import HourEntry
from tool_schemas.payment_profiles import PaymentProfile

_UNDER: tuple[tuple[type[Record], str, str], ...] = (
    (HourEntry, "projects", "projects/{}/hours"),
    (PaymentProfile, "clients", "clients/{}/payment_profiles"),
)
"""Records of which Clientary has no list of all: each with the list under whose records they are, and their path."""
_KINDS = (*LISTS, *(kind for kind, *_ in _UNDER))

_AT_ONCE = 8
"""Lists that wait for their turn at the same time, for each request that may be in flight."""
_OLDEST = DAY
"""Seconds for which an unfinished backup is gone on with."""
_GOES_ON = "What was read is kept: the same command goes on from there."
_REMARKS = {
    "changed": "kept changing while they were read, so some may be missing",
    "refused": "are left out: the API token may not read them",
}


def backup(options: argparse.Namespace) -> int:
    """Back the account up into the directory that the options name, and return the status to exit with."""
    directory = Path(options.subject)
    try:
        manifest = anyio.run(_run, options, directory)
    except OSError as error:
        raise BlockedByOwner(f"{directory} cannot be written: {error.strerror}.", because="store") from None
    for name, about in manifest["resources"].items():
        remark = "".join(f" {_REMARKS[state]}" for state in about["states"] if state in _REMARKS)
        print(f"{about['count']:10,}  {name.replace('_', ' ')}{remark}")  # noqa: T201 - output for the user
    print(f"{'Complete' if manifest['complete'] else 'Not complete'}: {directory}")  # noqa: T201 - output for the user
    return DONE if manifest["complete"] else PARTIAL


async def _run(options: argparse.Namespace, directory: Path) -> dict[str, Any]:
    async with opened(options) as clientary:
        configure(clientary.settings)
        with Progress() as progress:
            return await back_up(clientary, directory, account_name(clientary, options), progress)


async def back_up(clientary: Clientary, directory: Path, account: str, progress: Progress) -> dict[str, Any]:
    """Read the whole account into the directory, and return the manifest."""
    if (other := read_manifest(directory).get("account", account)) != account:
        raise SettingsError(f"{directory} holds a backup of {other}. Name another directory.")
    store = BackupStore(directory / PART)
    try:
        _begin(store, account, clientary.clock.wall())
        lists = Lists(clientary, store, progress)
        try:
            await _read(lists, clientary.settings.concurrency)
        except ClientaryError as failure:
            raise failure.add(_GOES_ON) from None
        return write_files(store, directory, map(resource_name, _KINDS), clientary.clock.wall())
    finally:
        store.close()


def _begin(store: BackupStore, account: str, now: float) -> None:
    """Go on with what an earlier run left, unless it is of another account or too old."""
    if store.begun is None or store.begun[0] != account or now - store.begun[1] > _OLDEST:
        store.begin(account, now)


async def _read(lists: Lists, concurrency: int) -> None:
    for kind in LISTS:
        await lists.read(kind, kind.plural, kind.query)
    await _read_under(lists, concurrency)
    for kind in LISTS:
        await lists.check(kind, kind.plural, kind.query)
    await _read_under(lists, concurrency)  # of records that came meanwhile


async def _read_under(lists: Lists, concurrency: int) -> None:
    """The lists under single records, some of them at a time."""
    for kind, parents, path in _UNDER:
        paths = [path.format(number) for number in lists.store.ids(parents)]
        for start in range(0, len(paths), some := _AT_ONCE * concurrency):
            await gather([partial(lists.read, kind, path) for path in paths[start : start + some]], concurrency)
            lists.progress.tell(f"{resource_name(kind)} (lists)", min(start + some, len(paths)), len(paths))

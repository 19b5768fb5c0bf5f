"""`clientary-mcp store`: where it is remembered what was sent, how much, and how to forget it."""

import time
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping

from clientary_mcp.cli.account import is_on_redis, opened_backend
from clientary_mcp.settings import Settings, common_settings, read_serving
from clientary_mcp.state.memory import IN_PROCESS, Memory, local_memory
from clientary_mcp.state.store import Store
from tool_schemas.base.sentences import count_of

_WHAT = {
    "claims": "calls that must not be made twice",
    "ledger": "steps of jobs",
    "billed": "runs of work that invoices bill",
    "turns": "jobs at work",
    "spent": "deletes, e-mails and charges of the last hour",
    "previews": "previews that can be confirmed",
    "answered": "questions that users answered",
    "writes": "writes of the last hour",
    "made": "records created in the last hour",
    "actions": "changes that can be taken back, with the values before",
    "trail": "last lines of the audit trail",
}
_NOTHING_YET = "nothing is remembered yet"


async def report(given: Mapping[str, str], *, forgets: bool = False) -> AsyncGenerator[str, None]:
    """What is remembered of each account, or that it is forgotten now; NotRemembered if the store does not work.

    `given` is the environment of a single owner, or of a server with callers.
    """
    if serving := read_serving(given):
        async for line in _of_callers(common_settings(serving), forgets=forgets):
            yield line
    elif is_on_redis(settings := Settings.from_environment(given)):
        async for line in _on_redis(settings, forgets=forgets):
            yield line
    else:
        store = local_memory(settings, time.time, shared=True).store
        for line in _forgotten(store) if forgets else _counted(store):
            yield line


async def in_short(memory: Memory) -> str:
    """Where it is remembered, and whether that works."""
    if (place := memory.describe()) == IN_PROCESS:
        return place
    problem = await memory.check()
    return f"{place}, {'works' if problem is None else f'does not work: {problem}'}"


def _counted(store: Store) -> Iterator[str]:
    """The file, and the number of its rows by kind."""
    if store.exists:
        yield _place(store)
        yield from _rows(store.counts())
    else:
        yield f"{_place(store)}: {_NOTHING_YET}"


def _forgotten(store: Store) -> Iterator[str]:
    """Empty the file, but for what a server that is running is doing."""
    left = {}
    if store.exists:
        store.forget()
        left = store.counts()
    yield f"{_place(store)}: {_after(left)}"


async def _on_redis(settings: Settings, *, forgets: bool) -> AsyncIterator[str]:
    """A single owner's account on Redis, where others may have theirs."""
    from clientary_mcp.state.identity import identify

    async with opened_backend(settings, serves=False) as backend:
        account = identify(backend.identity, settings.address)
        if forgets:
            await backend.forget(account)
        counts = (await backend.contents()).get(account)
        said = _after(counts or {}) if forgets else "" if counts else _NOTHING_YET
        yield f"{backend.describe()}, account {account}{said and f': {said}'}"
        for line in _rows(counts or {}) if not forgets else ():
            yield line


async def _of_callers(settings: Settings, *, forgets: bool) -> AsyncIterator[str]:
    """All accounts of a server with callers. The callers themselves are never forgotten here."""
    from clientary_mcp.server.callers.vault import Vault
    from clientary_mcp.state.identity import identify

    if settings.store == "memory":
        yield f"{IN_PROCESS}: nothing can be seen of it from here"
        return
    async with opened_backend(settings, serves=False) as backend:
        profiles = await Vault(backend.values, backend.ring, backend.wall).profiles()
        addresses = {identify(backend.identity, profile.account): profile.account for profile in profiles}
        kinds = Counter(key.partition(":")[0] for key in await backend.values.keys("") if not key.startswith("{"))
        kept = ", ".join((count_of(len(profiles), "caller"), count_of(kinds["tok"], "token")))
        yield f"{backend.describe()}: {kept}{', which stay' if forgets else ''}"
        for account in await backend.contents():
            if forgets:
                await backend.forget(account)
            counts = (await backend.contents()).get(account, {})
            named = f"account {account} ({addresses.get(account, 'of no caller any more')})"
            yield f"{named}: {_after(counts)}" if forgets else named
            for line in _rows(counts) if not forgets else ():
                yield line


def _rows(counts: Mapping[str, int]) -> Iterator[str]:
    return (f"  {count:6,}  {_WHAT[table]}" for table, count in counts.items())


def _after(left: Mapping[str, int]) -> str:
    """What to say once it was forgotten."""
    return f"nothing is remembered any more{', except what is being sent now' if any(left.values()) else ''}"


def _place(store: Store) -> str:
    return IN_PROCESS if store.path is None else str(store.path)

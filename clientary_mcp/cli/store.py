"""`clientary-mcp store`: where it is remembered what was sent, how much, and how to forget it."""

from collections.abc import Iterator

from clientary_mcp.state.memory import IN_PROCESS, Memory
from clientary_mcp.state.store import Store

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
}


def report(store: Store) -> Iterator[str]:
    """The file, and the number of its rows by kind; NotRemembered if it does not work."""
    if not store.exists:
        yield f"{_place(store)}: nothing is remembered yet"
        return
    counts = store.counts()
    yield _place(store)
    for table, count in counts.items():
        yield f"  {count:6,}  {_WHAT[table]}"


def forget(store: Store) -> Iterator[str]:
    """Empty the file, but for what a server that is running is doing."""
    kept = False
    if store.exists:
        store.forget()
        kept = any(store.counts().values())
    yield f"{_place(store)}: nothing is remembered any more{', except what is being sent now' if kept else ''}"


async def in_short(memory: Memory) -> str:
    """Where it is remembered, and whether that works."""
    if (place := memory.describe()) == IN_PROCESS:
        return place
    problem = await memory.check()
    return f"{place}, {'works' if problem is None else f'does not work: {problem}'}"


def _place(store: Store) -> str:
    return IN_PROCESS if store.path is None else str(store.path)

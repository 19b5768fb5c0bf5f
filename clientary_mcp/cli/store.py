"""`clientary-mcp store`: where it is remembered what was sent, how much, and how to forget it."""

from collections.abc import Iterator

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


def in_short(store: Store) -> str:
    """Where it is, and whether it works."""
    if store.path is None:
        return _place(store)
    problem = store.check()
    return f"{_place(store)}, {'works' if problem is None else f'does not work: {problem}'}"


def _place(store: Store) -> str:
    return "in each process (CLIENTARY_STORE=memory)" if store.path is None else str(store.path)

"""`clientary-mcp check`: tries the credentials by reading alone, and says what the account settles of the open
questions about the API.
"""

from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any

from clientary_mcp.api.session import Clientary
from clientary_mcp.errors import NotAllowed, NotFound

_LISTS = (
    ("clients", "clients"),
    ("contacts", "contacts"),
    ("leads", "leads"),
    ("projects", "projects"),
    ("tasks", "tasks"),
    ("expenses", "expenses"),
    ("invoices", "invoices"),
    ("estimates", "estimates"),
    ("payments", "payments"),
    ("recurring schedules", "recurring"),
    ("staff", "staff"),
)
_ONLY_BY_WRITING = (
    "what PUT and DELETE answer, where tasks are created and invoices changed, whether hours can be marked billed, "
    "and how recipients of mails are sent: every answer that is possible is handled"
)


async def report(clientary: Clientary) -> AsyncIterator[str]:
    """Line by line what was found; raises a ClientaryError when the account is not reached or takes no token."""
    yield f"account     {clientary.settings.address}"
    seen: dict[str, dict[str, Any]] = {}
    refusals: dict[str, NotAllowed] = {}
    for name, path in _LISTS:
        try:
            sent = await clientary.fetch(path)
        except NotAllowed as refusal:
            refusals[name] = refusal
        except NotFound:
            raise NotFound(
                f"{clientary.settings.address} answers, but not as a Clientary account: there is no list of {name}. "
                "CLIENTARY_SUBDOMAIN or CLIENTARY_BASE_URL is probably wrong."
            ) from None
        else:
            seen[path] = sent if isinstance(sent, dict) else {path: sent}
    if not seen:
        raise next(iter(refusals.values()))
    yield "token       accepted"
    yield f"may see     {', '.join(_counted(name, path, seen[path]) for name, path in _LISTS if path in seen)}"
    if refusals:
        yield f"may not see {', '.join(refusals)}"
    hours = await _some_hours(clientary, _rows(seen, "projects"))
    yield "answered"
    for answer in _answers(seen, hours):
        yield f"  {answer}"
    yield f"open        {_ONLY_BY_WRITING}"


async def _some_hours(clientary: Clientary, projects: list[Any]) -> list[Any]:
    """The hours of the first project that has any, among a few."""
    for project in projects[:5]:
        try:
            sent = await clientary.fetch(f"projects/{project['id']}/hours")
        except NotAllowed:
            return []
        if rows := _rows({"hours": sent if isinstance(sent, dict) else {"hours": sent}}, "hours"):
            return rows
    return []


def _answers(seen: dict[str, dict[str, Any]], hours: list[Any]) -> Iterator[str]:
    """One sentence for each open question that the data settles."""
    invoices, clients = _rows(seen, "invoices"), _rows(seen, "clients")
    days = list(_values([*invoices, *_rows(seen, "expenses"), *hours], "date", "due_date", "incurred_on"))
    if days:
        yield f"days come as {_forms('2026/03/01' if '/' in str(day) else '2026-03-01' for day in days)}"
    items = [item for invoice in invoices for item in invoice.get("invoice_items") or []]
    if prices := list(_values([*invoices, *items], "total_cost", "balance", "price")):
        yield f"money comes as {_forms('text' if isinstance(price, str) else 'numbers' for price in prices)}"
    if hours:
        yield f"hours say {_forms(key for entry in hours for key in ('billed', 'billed?') if key in entry)}"
    if items:
        yield f"lines say {_forms(key for item in items for key in ('taxable', 'taxable?') if key in item)}"
    if clients:
        states = (row.get("status") for row in clients)
        forms = (
            "left out" if state is None else "a number" if isinstance(state, int) else "a word" for state in states
        )
        yield f"the status of a client is {_forms(forms)}"
    if projects := _rows(seen, "projects"):
        linked = ("an object" if isinstance(row.get("client"), dict) else "client_id" for row in projects)
        yield f"a project names its client by {_forms(linked)}"
    sizes = [f"{path} {sent['page_size']}" for path, sent in seen.items() if "page_size" in sent]
    if sizes:
        yield f"records on a page: {', '.join(sizes)}"
    if whole := [path for path, sent in seen.items() if "page_count" not in sent]:
        yield f"lists without pages: {', '.join(whole)}"


def _counted(name: str, path: str, sent: dict[str, Any]) -> str:
    count = sent.get("total_count")
    return f"{len(_rows({path: sent}, path)) if count is None else count} {name}"


def _rows(seen: dict[str, dict[str, Any]], path: str) -> list[Any]:
    rows = seen.get(path, {}).get(path)
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _values(rows: Iterable[dict[str, Any]], *names: str) -> Iterator[Any]:
    return (row[name] for row in rows for name in names if row.get(name) not in (None, ""))


def _forms(forms: Iterable[str]) -> str:
    return " or ".join(sorted(set(forms))) or "nothing"

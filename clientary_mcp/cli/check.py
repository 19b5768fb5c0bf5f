"""`clientary-mcp check`: checks the credentials without changing anything, and reports how the account's API answers
where its documentation is unclear.
"""

import textwrap
from collections.abc import AsyncGenerator, Iterable, Iterator
from typing import Any

from clientary_mcp.api.session import Clientary
from clientary_mcp.cli.store import in_short
from clientary_mcp.errors import NotAllowed, NotFound
from clientary_mcp.tools.support.formatting import plural_name
from tool_schemas.base.models import Record
from tool_schemas.clients import Client
from tool_schemas.contacts import Contact
from tool_schemas.estimates import Estimate
from tool_schemas.expenses import Expense
from tool_schemas.invoices import Invoice
from tool_schemas.leads import Lead
from tool_schemas.payments import Payment
from tool_schemas.projects import Project
from tool_schemas.recurring_schedules import RecurringSchedule
from tool_schemas.staff import Staff
from tool_schemas.tasks import Task

_LABEL = 14
LISTS: tuple[type[Record], ...] = (
    *(Client, Contact, Lead, Project, Task, Expense, Invoice, Estimate, Payment, RecurringSchedule, Staff),
)
"""The lists of all records of a kind."""
_ONLY_BY_WRITING = (
    "how PUT and DELETE respond",
    "where tasks are created and invoices updated",
    "whether hours can be marked as billed",
    "how recipients of e-mails are sent",
)


async def report(clientary: Clientary) -> AsyncGenerator[str, None]:
    """The findings, line by line; ClientaryError if the account cannot be reached or does not accept the token."""
    responses: dict[str, dict[str, Any]] = {}
    refusals: dict[str, NotAllowed] = {}
    for kind in LISTS:
        name, path = plural_name(kind), kind.plural
        try:
            sent = await clientary.fetch(path)
        except NotAllowed as refusal:
            refusals[name] = refusal
        except NotFound:
            raise NotFound(
                f"{clientary.settings.address} answers, but not as a Clientary account: it has no list of {name}. "
                "Check CLIENTARY_SUBDOMAIN, CLIENTARY_ADDRESS or CLIENTARY_BASE_URL."
            ) from None
        else:
            responses[path] = sent if isinstance(sent, dict) else {path: sent}
    if not responses:
        raise next(iter(refusals.values()))
    yield "token         accepted"
    yield f"store         {await in_short(clientary.memory)}"
    yield _wrapped(f"{'today':{_LABEL}}", clientary.today().sentence, _LABEL)
    yield _listed("access to", (_counted(kind, responses[kind.plural]) for kind in LISTS if kind.plural in responses))
    if refusals:
        yield _listed("no access to", refusals)
    yield ""
    yield "How this account's API answers where its documentation is unclear:"
    hours = await _some_hours(clientary, _rows(responses, "projects"))
    for answer in _answers(responses, hours):
        yield _wrapped("  - ", answer, 4)
    yield "Only a write could show the following; the server handles every possibility:"
    for question in _ONLY_BY_WRITING:
        yield f"  - {question}"


def _listed(label: str, items: Iterable[str]) -> str:
    """The items after a label, in lines of at most 79 characters that break between items."""
    unbroken = ", ".join(item.replace(" ", "\xa0") for item in items)
    return _wrapped(f"{label:{_LABEL}}", unbroken, _LABEL).replace("\xa0", " ")


def _wrapped(start: str, text: str, indent: int) -> str:
    return textwrap.fill(text, 79, initial_indent=start, subsequent_indent=" " * indent)


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


def _answers(responses: dict[str, dict[str, Any]], hours: list[Any]) -> Iterator[str]:
    """One phrase for each question that the data answers."""
    invoices, clients = _rows(responses, "invoices"), _rows(responses, "clients")
    dates = list(_values([*invoices, *_rows(responses, "expenses"), *hours], "date", "due_date", "incurred_on"))
    if dates:
        yield f"dates are written {_forms('2026/03/01' if '/' in str(day) else '2026-03-01' for day in dates)}"
    items = [item for invoice in invoices for item in invoice.get("invoice_items") or []]
    if prices := list(_values([*invoices, *items], "total_cost", "balance", "price")):
        yield f"amounts are {_forms('text' if isinstance(price, str) else 'numbers' for price in prices)}"
    if hours:
        yield f"hours use the key {_forms(key for entry in hours for key in ('billed', 'billed?') if key in entry)}"
    if items:
        keys = (key for item in items for key in ("taxable", "taxable?") if key in item)
        yield f"invoice lines use the key {_forms(keys)}"
    if clients:
        states = (row.get("status") for row in clients)
        forms = ("missing" if state is None else "a number" if isinstance(state, int) else "a word" for state in states)
        yield f"a client's status is {_forms(forms)}"
    if projects := _rows(responses, "projects"):
        linked = ("an object" if isinstance(row.get("client"), dict) else "client_id" for row in projects)
        yield f"a project refers to its client by {_forms(linked)}"
    sizes = [f"{path} {sent['page_size']}" for path, sent in responses.items() if "page_size" in sent]
    if sizes:
        yield f"records per page: {', '.join(sizes)}"
    if whole := [path for path, sent in responses.items() if "page_count" not in sent]:
        yield f"lists without page numbers: {', '.join(whole)}"


def _counted(kind: type[Record], sent: dict[str, Any]) -> str:
    count = sent.get("total_count")
    return f"{len(_rows({kind.plural: sent}, kind.plural)) if count is None else count} {plural_name(kind)}"


def _rows(responses: dict[str, dict[str, Any]], path: str) -> list[Any]:
    rows = responses.get(path, {}).get(path)
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _values(rows: Iterable[dict[str, Any]], *names: str) -> Iterator[Any]:
    return (row[name] for row in rows for name in names if row.get(name) not in (None, ""))


def _forms(forms: Iterable[str]) -> str:
    return " or ".join(sorted(set(forms))) or "nothing"

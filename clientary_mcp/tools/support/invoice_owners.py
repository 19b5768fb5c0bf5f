"""Whose invoices are: the client and the project of each, as far as records, lists or the ledger tell."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from clientary_mcp.accounting.left_out import Omissions
from clientary_mcp.accounting.totals import UNKNOWN, currency_remark
from clientary_mcp.api.concurrency import gather
from clientary_mcp.api.session import Clientary
from clientary_mcp.api.streaming import rereads
from clientary_mcp.errors import NotRemembered
from clientary_mcp.tools.support.formatting import label
from clientary_mcp.tools.support.lookups import names_in
from tool_schemas.invoices import Invoice
from tool_schemas.projects import Project


@dataclass(slots=True)
class Owner:
    """What is kept of an invoice: there may be very many."""

    name: str
    currency_code: str
    client_id: int | None
    project_id: int | None
    status: str | None
    tells_project: bool
    """Whether the invoice says which projects it is of."""


NOBODY = Owner("", UNKNOWN, None, None, None, tells_project=True)
"""Of a payment whose invoice is not known."""


class Owners:
    """The invoices that a report is about."""

    def __init__(self) -> None:
        self.of: dict[int, Owner] = {}
        self.clients: dict[int, str] = {}
        self.projects: dict[int, str] = {}
        self.left_out = Omissions()
        self._of_several: dict[int, str] = {}
        """The invoices of several projects, by name."""

    def add(self, invoice: Invoice, client_id: int | None = None) -> Owner:
        """Keep what is needed of an invoice; `client_id` is whose it is where it does not say."""
        self.clients |= names_in([invoice])
        projects = projects_in(invoice)
        self.projects |= {each: name for each, name in (projects or {}).items() if name}
        name, code = label(invoice), invoice.currency_code
        if len(projects or ()) > 1:
            self._of_several[invoice.id] = name
        if why := currency_remark(code):
            self.left_out.add("invoice", why, name)
        owner = Owner(
            name,
            code or UNKNOWN,
            invoice.client_id or client_id,
            next(iter(projects or ()), None),
            invoice.status,
            projects is not None,
        )
        self.of[invoice.id] = owner
        return owner

    async def find_projects(self, clientary: Clientary) -> None:
        """Find the projects of the invoices that do not say: from the projects' own lists, and from the ledger."""
        for name in self._of_several.values():
            self.left_out.add("invoice", "of several projects, counted for the first", name)
        if not all(owner.tells_project for owner in self.of.values()):
            every = await clientary.list_all(Project)
            self.projects |= {project.id: project.name for project in every if project.name}
            reads = (partial(_invoices_of, clientary, project) for project in every)
            for project, ids in zip(every, await gather(reads, clientary.settings.concurrency), strict=True):
                self._belong(ids, project.id)
        for project_id, ids in (await billed_by_project(clientary)).items():
            self._belong(ids, project_id)

    def _belong(self, invoice_ids: Iterable[int], project_id: int) -> None:
        for invoice_id in invoice_ids:
            owner = self.of.get(invoice_id)
            if owner and owner.project_id is None:
                owner.project_id = project_id


async def billed_by_project(clientary: Clientary) -> dict[int, list[int]]:
    """The invoices that jobs here made for each project, which Clientary may not list under it."""
    found: dict[int, list[int]] = {}
    with suppress(NotRemembered):
        for run in await clientary.memory.billed.runs():
            if not run.freed:
                found.setdefault(run.project_id, []).append(run.invoice_id)
    return found


def projects_in(invoice: Invoice) -> dict[int, str] | None:
    """The ids and names of the projects that an invoice says it is of; None where it does not say."""
    extra = invoice.__pydantic_extra__ or {}
    listed, first = extra.get("projects"), extra.get("associated_project_id")
    if not isinstance(listed, list) and not isinstance(first, int):
        return None
    rows = [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []
    found = {row["id"]: str(row.get("name") or "") for row in rows if isinstance(row.get("id"), int)}
    return {first: found.get(first, ""), **found} if isinstance(first, int) else found


@rereads
async def _invoices_of(clientary: Clientary, project: Project) -> list[int]:
    return [invoice.id async for invoice in clientary.stream(Invoice, f"projects/{project.id}/invoices")]

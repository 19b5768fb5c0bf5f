"""The invoices of projects: as Clientary lists them, as they tell themselves, and those that jobs here made."""

from collections.abc import Collection
from functools import partial

from clientary_mcp.accounting.days import Today
from clientary_mcp.api.concurrency import gather
from clientary_mcp.api.session import Clientary
from clientary_mcp.api.streaming import rereads
from clientary_mcp.tools.reports.project_costs import Worked
from clientary_mcp.tools.reports.project_income import Invoiced
from clientary_mcp.tools.support.billed_work import Holders
from clientary_mcp.tools.support.formatting import label
from clientary_mcp.tools.support.invoice_owners import projects_in
from tool_schemas.hours import HourEntry
from tool_schemas.invoices import Invoice
from tool_schemas.projects import Project
from tool_schemas.reports.profitability import ProfitabilityReport

_FEW = 3
"""Projects whose invoices are read project by project, without a look at the list of all."""
_UNSURE = 2
"""How many times the pages of the list of all may outnumber the projects: some projects have several pages."""


async def read_invoiced(
    clientary: Clientary, args: ProfitabilityReport, projects: Collection[Project]
) -> dict[int, Invoiced]:
    """The invoices of each of these projects, from one list where the invoices tell which projects they are of."""
    if len(projects) > _FEW and (found := await _from_one_list(clientary, args, projects)):
        return found
    reads = [partial(_of_project, clientary, args, project) for project in projects]
    every = await gather(reads, clientary.settings.concurrency)
    return {project.id: invoiced for project, invoiced in zip(projects, every, strict=True)}


@rereads
async def _from_one_list(
    clientary: Clientary, args: ProfitabilityReport, projects: Collection[Project]
) -> dict[int, Invoiced] | None:
    """None where an invoice does not tell, or where the list is far longer than those of the projects."""
    found, today = {project.id: Invoiced() for project in projects}, clientary.today()
    stream = clientary.stream(Invoice)  # of the account: a project may have invoices of another client, once its own
    async for invoice in stream:
        if stream.first_page and (stream.first_page.page_count or 1) > _UNSURE * len(projects):
            return None
        if (told := projects_in(invoice)) is None:
            return None
        for project_id in told.keys() & found.keys():
            _add(found[project_id], args, invoice, today)
    return found


@rereads
async def _of_project(clientary: Clientary, args: ProfitabilityReport, project: Project) -> Invoiced:
    found, today = Invoiced(), clientary.today()
    async for invoice in clientary.stream(Invoice, f"projects/{project.id}/invoices"):
        _add(found, args, invoice, today)
    return found


def _add(found: Invoiced, args: ProfitabilityReport, invoice: Invoice, today: Today) -> None:
    if args.concerns(invoice.date):
        found.add(invoice, today)
    else:
        found.ids.add(invoice.id)


async def add_billing(
    clientary: Clientary,
    args: ProfitabilityReport,
    project: Project,
    holders: Holders,
    worked: Worked,
    invoiced: Invoiced,
) -> None:
    """Add the invoices that bill the project's work, though Clientary does not list them under the project."""
    found = [holder for holder in holders.every if project.id in holder.project_ids]
    found += [holder for entry in worked.entries for holder in holders.of(HourEntry, entry.id)]
    billing = {holder.id for holder in found if holder.fate != "deleted"}
    reads = (partial(clientary.get, Invoice, f"invoices/{each}") for each in sorted(billing - invoiced.ids))
    for invoice in await gather(reads, clientary.settings.concurrency):
        if args.concerns(invoice.date):
            invoiced.add(invoice, clientary.today())
            remark = "that bills the project's work, though it is not one of its invoices"
            invoiced.left_out.add("invoice", remark, label(invoice))

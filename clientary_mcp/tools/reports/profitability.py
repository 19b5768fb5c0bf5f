"""The profitability report: what was invoiced for projects, less their expenses and the cost of their hours."""

from functools import partial
from typing import Any

from clientary_mcp.accounting.left_out import Omissions, open_projects
from clientary_mcp.accounting.money import ZERO
from clientary_mcp.api.concurrency import gather, gather_two
from clientary_mcp.api.session import Clientary
from clientary_mcp.tools.decorators import reads
from clientary_mcp.tools.reports.project_costs import Costs, Worked, read_spent, read_worked
from clientary_mcp.tools.reports.project_invoices import add_billing, read_invoiced
from clientary_mcp.tools.reports.project_profit import Profit, ranked, totals_of, without_costs
from clientary_mcp.tools.support.billed_work import visible_holders
from clientary_mcp.tools.support.lookups import (
    Idle,
    client_names,
    idle_projects,
    names_in,
    project_name,
    projects_of,
    staff_names,
)
from clientary_mcp.tools.support.rights import denied
from tool_schemas.base.report import Report
from tool_schemas.base.sentences import in_order
from tool_schemas.base.types import as_number
from tool_schemas.projects import Project
from tool_schemas.reports.profitability import ProfitabilityReport

_BASIS = (
    "invoiced is the subtotals of the project's invoices, without tax; invoiced_with_tax is their totals, and received"
    " what was paid on them: payments count in full, taxes included. Expenses and hourly costs are assumed to be in"
    " the project's currency."
)
_DAYS = "Only invoices, expenses and hours of these days count, and all payments of those invoices."
_WITH_LABOUR = "margin is invoiced less expenses and labour; percentage is its share of invoiced."
_BEFORE_LABOUR = "margin is invoiced less expenses, before labour; percentage is its share of invoiced."
_NO_COSTS = (
    "The margin is before labour: Clientary has no cost rates. Pass cost_rates, or have CLIENTARY_COST_RATES set."
)
_FEW_COSTS = "The margin is before the labour of people without a cost rate; left_out names them."


@reads("reports")
async def profitability_report(clientary: Clientary, args: ProfitabilityReport) -> Report:
    """What a project earned: invoiced before tax, received, expenses, labour cost of its hours, margin. Without
    project_id: all projects, by margin. Without cost rates, the margin is before labour."""
    left_out = Omissions()
    projects = await projects_of(clientary, project_id=args.project_id, client_id=args.client_id)
    if args.project_id is None and not args.include_completed:
        projects = open_projects(projects, left_out, "worked_hours")
    idle = await idle_projects(clientary, projects) if args.project_id is None else Idle()
    costs = Costs(args.costs(), clientary.settings.cost_rates or {}, args.default_cost_rate)
    every, unseen = await _read(clientary, args, projects, idle, costs)
    profits = every if args.project_id is not None else _worked_on(args, every, left_out)
    known = [profit.project for profit in profits]
    clients = await client_names(clientary, [project.client_id for project in known], names_in(known))
    rows = ranked(profit.row(clients[profit.project.client_id]) for profit in profits)
    has_labour = any(profit.labour is not None for profit in profits)
    return Report(
        rows=rows,
        basis=in_order(
            _BASIS,
            _DAYS if args.from_date or args.to_date else None,
            _WITH_LABOUR if has_labour else _BEFORE_LABOUR,
            clientary.today().sentence,
            idle.sentence,
        ),
        totals=totals_of(rows) if args.project_id is None else None,
        left_out=[*([unseen] if unseen else ()), *_left_out(args, profits, left_out, costs)],
        about={
            "from_date": args.from_date,
            "to_date": args.to_date or clientary.today().day,
            **_beside(args, profits),
        },
        notice=_notice(profits, has_labour=has_labour),
    )


async def _read(
    clientary: Clientary, args: ProfitabilityReport, projects: list[Project], idle: Idle, costs: Costs
) -> tuple[list[Profit], str | None]:
    """The figures of the projects, and a remark where it is not known which invoices bill their work."""
    (invoiced, spent), (worked, staff) = await gather_two(
        partial(
            gather_two,
            partial(read_invoiced, clientary, args, projects),
            partial(read_spent, clientary, args, projects),
        ),
        partial(gather_two, partial(_hours, clientary, args, projects, idle), partial(staff_names, clientary)),
    )
    client_id = projects[0].client_id if args.project_id is not None else args.client_id
    holders, unseen = await visible_holders(clientary, (), client_id=client_id, project_id=args.project_id)
    billings = []
    for project in projects:
        worked[project.id].settle(holders)
        billings.append(
            partial(add_billing, clientary, args, project, holders, worked[project.id], invoiced[project.id])
        )
    await gather(billings, clientary.settings.concurrency)
    return [
        Profit(
            project,
            invoiced[project.id],
            spent[project.id],
            worked[project.id],
            worked[project.id].people(costs, staff, project.currency_code),
        )
        for project in projects
    ], unseen


async def _hours(
    clientary: Clientary, args: ProfitabilityReport, projects: list[Project], idle: Idle
) -> dict[int, Worked]:
    read = [project for project in projects if project.id not in idle.ids]
    found = await gather((partial(read_worked, clientary, args, each) for each in read), clientary.settings.concurrency)
    worked = {project.id: hours for project, hours in zip(read, found, strict=True)}
    return worked | {project_id: Worked() for project_id in idle.ids}


def _worked_on(args: ProfitabilityReport, profits: list[Profit], left_out: Omissions) -> list[Profit]:
    """Those that were worked on in the days that are asked for; without days, those that have any figures."""
    if args.from_date or args.to_date:
        chosen = [profit for profit in profits if profit.worked.by_person or not profit.worked.visible]
        remark = "not worked on in these days"
    else:
        chosen, remark = [profit for profit in profits if not profit.is_empty], "without invoices, expenses and hours"
    left_out.add("project", remark, count=len(profits) - len(chosen))
    return chosen


def _beside(args: ProfitabilityReport, profits: list[Profit]) -> dict[str, Any]:
    """What stands beside the rows: of one project people, drafts and other currencies; of several the latter alone."""
    if args.project_id is not None:
        (profit,) = profits
        drafts, others = profit.invoiced.drafts.to_json(), profit.other_currencies()
        return {"people": profit.people, "drafts": drafts or None, "other_currencies": others or None}
    others = [
        {"project_id": profit.project.id, "project": project_name(profit.project), **other}
        for profit in profits
        for other in profit.other_currencies()
    ]
    return {"other_currencies": others or None}


def _notice(profits: list[Profit], *, has_labour: bool) -> str | None:
    """A remark on margins that lack labour costs."""
    if not has_labour:
        return _NO_COSTS if any(profit.worked.visible for profit in profits) else None
    return _FEW_COSTS if any(profit.lacks_costs for profit in profits) else None


def _left_out(args: ProfitabilityReport, profits: list[Profit], left_out: Omissions, costs: Costs) -> list[str]:
    """What the figures do not include."""
    for profit in profits:
        profit.add_omissions(left_out)
    has_labour = any(profit.labour is not None for profit in profits)
    for who in without_costs(profits).values() if has_labour else ():
        left_out.add("staff member", "without a cost rate, whose hours are not in labour", who)
    worked = {person["user_id"] for profit in profits for person in profit.people}
    where = "these projects" if args.project_id is None else "this project"
    for user_id in sorted(costs.given.keys() - worked):
        left_out.add("cost rate", f"of a person without hours on {where}", f"id {user_id}")
    hidden = {
        "Hours": not all(profit.worked.visible for profit in profits),
        "Expenses": not all(profit.spent.visible for profit in profits),
    }
    unbilled = sum((profit.worked.unbilled for profit in profits), ZERO)
    not_yet = f"Hours that are not billed yet: {as_number(unbilled)}; invoiced does not include them."
    return [
        *(denied(f"{part}, and so the margin") for part, missing in hidden.items() if missing),
        *left_out.to_json(),
        *([not_yet] if unbilled else ()),
    ]


TOOLS = (profitability_report,)

"""The profitability report: what was invoiced for a project, less its expenses and the cost of its hours."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Any, NamedTuple

from clientary_mcp.accounting.left_out import Omissions
from clientary_mcp.accounting.money import ZERO, line_amount, percentage
from clientary_mcp.accounting.totals import UNKNOWN
from clientary_mcp.api.concurrency import gather, gather_two
from clientary_mcp.api.session import Clientary
from clientary_mcp.api.streaming import rereads
from clientary_mcp.tools.decorators import reads
from clientary_mcp.tools.reports.project_income import Income, Invoiced
from clientary_mcp.tools.support.billed_work import Holders, is_marked, visible_holders
from clientary_mcp.tools.support.formatting import label, quote
from clientary_mcp.tools.support.lookups import (
    by_hours,
    client_names,
    expenses_between,
    hours_of,
    names_in,
    project_name,
    projects_of,
    staff_names,
)
from clientary_mcp.tools.support.rights import denied, if_allowed
from tool_schemas.base.report import Report
from tool_schemas.base.sentences import in_order
from tool_schemas.base.types import as_number
from tool_schemas.hours import HourEntry
from tool_schemas.invoices import Invoice
from tool_schemas.projects import Project
from tool_schemas.reports.profitability import ProfitabilityReport

_BASIS = (
    "invoiced is the subtotals of the project's invoices, without tax; invoiced_with_tax is their totals, and received"
    " what was paid on them: payments count in full, taxes included. Expenses and hourly costs are assumed to be in"
    " the project's currency."
)
_WITH_LABOUR = "margin is invoiced less expenses and labour; percentage is its share of invoiced."
_BEFORE_LABOUR = "margin is invoiced less expenses, before labour; percentage is its share of invoiced."
_NO_COSTS = (
    "The margin is before labour: Clientary has no cost rates. Pass cost_rates, or have CLIENTARY_COST_RATES set."
)
_FEW_COSTS = "The margin is before the labour of people without a cost rate; left_out names them."


@reads("reports")
async def profitability_report(clientary: Clientary, args: ProfitabilityReport) -> Report:
    """What a project earned: invoiced before tax, received, expenses, labor cost of its hours, margin. Without cost
    rates, the margin is before labor."""
    (project,) = await projects_of(clientary, project_id=args.project_id)
    (invoiced, expenses), (hours, names) = await gather_two(
        partial(
            gather_two,
            partial(_read_invoices, clientary, project),
            partial(if_allowed, partial(_read_expenses, clientary, project)),
        ),
        partial(
            gather_two, partial(if_allowed, partial(_read_hours, clientary, project)), partial(staff_names, clientary)
        ),
    )
    holders, unseen = await visible_holders(clientary, (), client_id=project.client_id, project_id=project.id)
    spent, worked = expenses or _Spent(visible=False), hours or _Worked(visible=False)
    worked.settle(holders)
    await _read_billing(clientary, project, holders, worked, invoiced)
    clients = await client_names(clientary, [project.client_id], names_in([project]))
    costs = _Costs(args.costs(), clientary.settings.cost_rates or {}, args.default_cost_rate)
    profit = _Profit(
        project, invoiced, spent, worked, worked.people(costs, names, project.currency_code), costs.given.keys()
    )
    return Report(
        rows=[profit.row(clients[project.client_id])],
        basis=in_order(_BASIS, _BEFORE_LABOUR if profit.labour is None else _WITH_LABOUR, clientary.today().sentence),
        left_out=[*([unseen] if unseen else ()), *profit.left_out()],
        about={"people": profit.people, **profit.separate()},
        notice=profit.notice,
    )


@dataclass(frozen=True)
class _Costs:
    """Hourly costs by staff id: as passed in the call, else as set by the owner, else the default."""

    given: Mapping[int, Decimal]
    set_by_owner: Mapping[int, Decimal]
    default: Decimal | None

    def of(self, user_id: int | None) -> Decimal | None:
        """The hourly cost of a person; None where it is unknown."""
        return self.given.get(user_id or 0, self.set_by_owner.get(user_id or 0, self.default))


@rereads
async def _read_invoices(clientary: Clientary, project: Project) -> Invoiced:
    found, today = Invoiced(), clientary.today()
    async for invoice in clientary.stream(Invoice, f"projects/{project.id}/invoices"):
        found.add(invoice, today)
    return found


async def _read_billing(
    clientary: Clientary, project: Project, holders: Holders, worked: "_Worked", invoiced: Invoiced
) -> None:
    """Add the invoices that bill the project's work, though Clientary does not list them under the project."""
    found = [holder for holder in holders.every if project.id in holder.project_ids]
    found += [holder for entry in worked.entries for holder in holders.of(HourEntry, entry.id)]
    billing = {holder.id for holder in found if holder.fate != "deleted"}
    reads = (partial(clientary.get, Invoice, f"invoices/{each}") for each in sorted(billing - invoiced.ids))
    for invoice in await gather(reads, clientary.settings.concurrency):
        invoiced.add(invoice, clientary.today())
        invoiced.left_out.add(
            "invoice", "that bills the project's work, though it is not one of its invoices", label(invoice)
        )


@dataclass
class _Spent:
    """The sum of the project's expenses."""

    visible: bool = True
    amount: Decimal = ZERO
    left_out: Omissions = field(default_factory=Omissions)


@rereads
async def _read_expenses(clientary: Clientary, project: Project) -> _Spent:
    spent, today = _Spent(), clientary.today()
    async for expense in expenses_between(clientary, None, None):
        if expense.project_id != project.id:
            continue
        if expense.amount is None:
            spent.left_out.add("expense", "without an amount", f"id {expense.id}")
        elif today.is_future(expense.incurred_on):
            sums = {project.currency_code or UNKNOWN: expense.amount}
            spent.left_out.add("expense", "dated in the future", f"id {expense.id}", sums=sums)
        else:
            spent.amount += expense.amount
    return spent


class _Entry(NamedTuple):
    """What is kept of an hour entry."""

    id: int
    hours: Decimal
    marked: bool
    """Whether Clientary shows it as billed."""


@dataclass
class _Worked:
    """The project's hours: sums by person."""

    visible: bool = True
    entries: list[_Entry] = field(default_factory=list)
    unbilled: Decimal = ZERO
    by_person: dict[int | None, Decimal] = field(default_factory=dict)
    left_out: Omissions = field(default_factory=Omissions)

    def settle(self, holders: Holders) -> None:
        """Add up what is unbilled, once it is known which invoices bill which entries."""
        for entry in self.entries:
            if not holders.bills(HourEntry, entry.id, marked=entry.marked):
                self.unbilled += entry.hours

    def people(self, costs: _Costs, names: dict[int, str], currency_code: str | None) -> list[dict[str, Any]]:
        """Each person's hours and their cost, most hours first."""
        people = by_hours(self.by_person, names)
        for person in people:
            rate = costs.of(person["user_id"])
            cost = None if rate is None else line_amount(person["hours"], rate, currency_code)
            person |= {"cost_rate": rate, "cost": cost}
        return people


@rereads
async def _read_hours(clientary: Clientary, project: Project) -> _Worked:
    worked, today = _Worked(), clientary.today()
    async for entry in hours_of(clientary, project):
        if entry.hours is None:
            worked.left_out.add("hour entry", "without hours", f"id {entry.id}")
        elif today.is_future(entry.date):
            worked.left_out.add("hour entry", "dated in the future", f"id {entry.id}", sums={"hours": entry.hours})
        else:
            worked.by_person[entry.user_id] = worked.by_person.get(entry.user_id, ZERO) + entry.hours
            worked.entries.append(_Entry(entry.id, entry.hours, is_marked(entry)))
    return worked


class _Profit:
    """The project's figures in its own currency; other currencies are separate."""

    def __init__(
        self,
        project: Project,
        invoiced: Invoiced,
        spent: _Spent,
        worked: _Worked,
        people: list[dict[str, Any]],
        priced: Iterable[int],
    ) -> None:
        self.people = people
        self._idle = sorted(set(priced) - {person["user_id"] for person in people})
        self._project, self._invoiced, self._spent, self._worked = project, invoiced, spent, worked
        codes = [*invoiced.income]
        self._currency = project.currency_code or (codes[0] if len(codes) == 1 else UNKNOWN)
        self._income = invoiced.income.get(self._currency, Income())

    @property
    def labour(self) -> Decimal | None:
        """The cost of the hours, as far as cost rates are known; None where none is, or where they are not visible."""
        if not self._worked.visible:
            return None
        costs = [person["cost"] for person in self.people if person["cost"] is not None]
        return sum(costs, ZERO) if costs or not self.people else None

    @property
    def notice(self) -> str | None:
        """A remark on a margin that lacks labour costs."""
        if self.labour is None:
            return _NO_COSTS if self._worked.visible else None
        return _FEW_COSTS if any(person["cost"] is None for person in self.people) else None

    def row(self, client: str) -> dict[str, Any]:
        """The columns of the one row."""
        project, income = self._project, self._income
        spent = self._spent.amount if self._spent.visible else None
        hours = sum((person["hours"] for person in self.people), ZERO) if self._worked.visible else None
        margin = None if spent is None or hours is None else income.invoiced - spent - (self.labour or ZERO)
        return {
            "project_id": project.id,
            "project": project_name(project),
            "client_id": project.client_id,
            "client": client,
            "currency_code": self._currency,
            "invoiced": income.invoiced,
            "invoiced_with_tax": income.invoiced_with_tax,
            "received": income.received,
            "expenses": spent,
            "hours": hours,
            "labour": self.labour,
            "margin": margin,
            "percentage": None if margin is None else percentage(margin, income.invoiced),
        }

    def separate(self) -> dict[str, Any]:
        """Drafts and amounts in other currencies, if any."""
        others = {code: income for code, income in self._invoiced.income.items() if code != self._currency}
        return {
            "drafts": self._invoiced.drafts.to_json() or None,
            "other_currencies": [{"currency_code": code, **vars(others[code])} for code in sorted(others)] or None,
        }

    def left_out(self) -> list[str]:
        """What the figures do not include."""
        found = Omissions()
        for part in (self._invoiced, self._spent, self._worked):
            found.merge(part.left_out)
        others = [income.invoices for code, income in self._invoiced.income.items() if code != self._currency]
        found.add("invoice", "in another currency: in other_currencies, not in the row", count=sum(others))
        for person in self.people if self.labour is not None else ():
            if person["cost"] is None:
                who = f"{quote(person['name'])} (id {person['user_id']})"
                found.add("staff member", "without a cost rate, whose hours are not in labour", who)
        for user_id in self._idle:
            found.add("cost rate", "of a person without hours on this project", f"id {user_id}")
        not_yet = f"Hours that are not billed yet: {as_number(self._worked.unbilled)}; invoiced does not include them."
        parts = {"Hours": self._worked.visible, "Expenses": self._spent.visible}
        hidden = [denied(f"{part}, and so the margin") for part, visible in parts.items() if not visible]
        return [*hidden, *found.to_json(), *([not_yet] if self._worked.unbilled else ())]


TOOLS = (profitability_report,)

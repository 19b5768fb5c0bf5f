"""The expenses report: what was spent, and what of it is billed, by project, client, month or person."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import partial
from typing import NamedTuple

from clientary_mcp.accounting.days import Today
from clientary_mcp.accounting.grouping import Facts, Key, Names, Table
from clientary_mcp.accounting.left_out import Omissions
from clientary_mcp.accounting.money import ZERO
from clientary_mcp.accounting.totals import UNKNOWN
from clientary_mcp.api.concurrency import gather_two
from clientary_mcp.api.session import Clientary
from clientary_mcp.api.streaming import rereads
from clientary_mcp.tools.decorators import reads
from clientary_mcp.tools.support.billed_work import Holders, is_marked, visible_holders
from clientary_mcp.tools.support.lookups import (
    Party,
    check_both,
    expenses_between,
    names_in,
    parties,
    person_name,
    project_name,
    staff_names,
)
from clientary_mcp.tools.support.rights import if_allowed
from tool_schemas.base.report import Report
from tool_schemas.base.sentences import in_order
from tool_schemas.clients import Client
from tool_schemas.expenses import Expense
from tool_schemas.projects import Project
from tool_schemas.reports.expenses import ExpensesReport

_BASIS = (
    "Expenses by the day of spending. billed are those that Clientary shows on an invoice, or that an invoice of a job"
    " here bills. Clientary records no currency for expenses: it is the project's, else the client's, else the"
    " account's, as currency_from says. An expense without a client is its project's client's."
)
_ACCOUNTS = "the account's"
_NOT_DESCRIBED = "no description"


@reads("reports")
async def expenses_report(clientary: Clientary, args: ExpensesReport) -> Report:
    """Money spent, billed and unbilled, by project or another group; what is on no project is a row too."""
    projects, spent = await gather_two(partial(_projects, clientary, args), partial(_read, clientary, args))
    holders, unseen = await visible_holders(clientary, (), client_id=args.client_id, project_id=args.project_id)
    found = _Books(projects)
    counted = [each for each in spent.rows if _is_wanted(args, found.client_of(each), each.project_id)]
    found.clients = await parties(clientary, found.unknown_clients(counted))
    table, whose = _sums(args, counted, found, holders, clientary.today(), spent.left_out)
    staff = await staff_names(clientary) if table.grouping.has("person") else {}
    names = found.names({user_id: person_name(user_id, staff) for user_id in (None, *table.ids("person"))})
    return Report(
        table.rows(names, by="amount", beside=whose),
        basis=in_order(_BASIS, clientary.today().sentence),
        totals=table.totals(),
        left_out=[*([unseen] if unseen else ()), *spent.left_out.to_json()],
        about={"from_date": args.first, "to_date": args.last},
    )


class _Spent(NamedTuple):
    """What is kept of an expense."""

    id: int
    day: date
    client_id: int | None
    project_id: int | None
    user_id: int | None
    description: str
    amount: Decimal
    marked: bool
    """Whether Clientary shows it as billed."""
    invoice_id: int | None
    """On which invoice, if Clientary tells."""


@dataclass
class _Expenses:
    """The expenses of the requested days."""

    rows: list[_Spent] = field(default_factory=list)
    left_out: Omissions = field(default_factory=Omissions)


@rereads
async def _read(clientary: Clientary, args: ExpensesReport) -> _Expenses:
    found = _Expenses()
    async for expense in expenses_between(clientary, args.first, args.last):
        name, day, whose = f"id {expense.id}", expense.incurred_on, (expense.client_id, expense.project_id)
        if day is None:
            found.left_out.add("expense", "without a day", name, sums={UNKNOWN: expense.amount})
        elif not args.covers(day):
            continue
        elif expense.amount is None:
            found.left_out.add("expense", "without a readable amount", name)
        else:
            billed = is_marked(expense), expense.invoice_id
            what = " ".join((expense.description or "").split()) or _NOT_DESCRIBED
            found.rows.append(_Spent(expense.id, day, *whose, expense.user_id, what, expense.amount, *billed))
    return found


async def _projects(clientary: Clientary, args: ExpensesReport) -> dict[int, Project]:
    """All projects, as far as they are visible; NotFound where the one or the client that is asked for is not there."""
    await check_both(clientary, args.project_id, args.client_id)
    every = await if_allowed(partial(clientary.list_all, Project)) or []
    projects = {project.id: project for project in every}
    if args.project_id is not None and args.project_id not in projects:
        projects[args.project_id] = await clientary.get(Project, f"projects/{args.project_id}")
    if args.client_id is not None:
        await clientary.get(Client, f"clients/{args.client_id}", known=True)
    return projects


def _is_wanted(args: ExpensesReport, client_id: int | None, project_id: int | None) -> bool:
    return args.client_id in (None, client_id) and args.project_id in (None, project_id)


class _Books:
    """The projects and clients of expenses, which decide on their currencies."""

    def __init__(self, projects: Mapping[int, Project]) -> None:
        self._projects = projects
        self._names = names_in(projects.values())
        self.clients: dict[int, Party] = {}

    def client_of(self, spent: _Spent) -> int | None:
        """Whose expense it is: its client's, else its project's client's."""
        project = self._projects.get(spent.project_id or 0)
        return spent.client_id or (project.client_id if project else None)

    def unknown_clients(self, spent: list[_Spent]) -> set[int | None]:
        """The clients whose currency decides, or whose name their projects do not carry."""
        ids = {client_id: self._code_of_project(each) for each in spent if (client_id := self.client_of(each))}
        undecided = {self.client_of(each) for each in spent if not self._code_of_project(each)}
        return undecided | (ids.keys() - self._names.keys())

    def currency_of(self, spent: _Spent) -> tuple[str, str]:
        """The currency of an expense, and who it is from."""
        if code := self._code_of_project(spent):
            return code, "project"
        party = self.clients.get(self.client_of(spent) or 0)
        return (party.currency_code, "client") if party and party.currency_code else (_ACCOUNTS, "account")

    def _code_of_project(self, spent: _Spent) -> str | None:
        project = self._projects.get(spent.project_id or 0)
        return project.currency_code if project else None

    def names(self, people: Mapping[int | None, str]) -> Names:
        """The names of clients, projects and people, by id."""
        clients: dict[int | None, str] = {None: "no client"}
        clients.update((client_id, party.name) for client_id, party in self.clients.items())
        clients.update(self._names.items())
        projects: dict[int | None, str] = {None: "no project"}
        projects.update((project.id, project_name(project)) for project in self._projects.values())
        return Names(clients, projects, people)


def _sums(
    args: ExpensesReport, spent: list[_Spent], books: _Books, holders: Holders, today: Today, left_out: Omissions
) -> tuple[Table, dict[Key, dict[str, str]]]:
    """The rows, and who the currency of each is from."""
    table, sources = Table(args.group_by, ("amount", "billed", "unbilled", "count")), dict[Key, set[str]]()
    for each in spent:
        billed = holders.bills(Expense, each.id, marked=each.marked, invoice_id=each.invoice_id)
        code, source = books.currency_of(each)
        if args.billed not in (None, billed):
            continue
        if today.is_future(each.day):
            left_out.add("expense", "dated in the future", f"id {each.id}", sums={code: each.amount})
            continue
        parts = (each.amount, ZERO) if billed else (ZERO, each.amount)
        facts = Facts(each.day, books.client_of(each), each.project_id, each.user_id, description=each.description)
        sources.setdefault(table.add(facts, code, each.amount, *parts, 1), set()).add(source)
    return table, {key: {"currency_from": ", ".join(sorted(some))} for key, some in sources.items()}


TOOLS = (expenses_report,)

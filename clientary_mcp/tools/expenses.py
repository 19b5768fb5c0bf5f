"""Tools for expenses."""

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import partial

from clientary_mcp.accounting.days import fiscal_year
from clientary_mcp.api.pagination import ListResponse
from clientary_mcp.api.session import Clientary
from clientary_mcp.errors import NotAllowed, NotFound
from clientary_mcp.tools.decorators import creates, deletes, lists, reads, updates
from clientary_mcp.tools.support.listing import Listing, add_notice
from clientary_mcp.tools.support.lookups import parties
from clientary_mcp.tools.support.previews import done, preview_delete
from clientary_mcp.tools.support.refusals import refuse_finer
from tool_schemas.base.results import Outcome, Page
from tool_schemas.expenses import (
    CreateExpense,
    DeleteExpense,
    Expense,
    ExpenseFields,
    ExpenseFilters,
    GetExpense,
    ListClientExpenses,
    ListExpenses,
    ListProjectExpenses,
    UpdateExpense,
)
from tool_schemas.projects import Project

_SET = "Without dates, this is the fiscal year that CLIENTARY_FISCAL_YEAR_START sets."
_TOLD = "Without dates, this is the fiscal year that Clientary reports."
_CALENDAR = (
    "Without dates, this is the calendar year: neither Clientary nor CLIENTARY_FISCAL_YEAR_START says otherwise."
)


class _Expenses(Listing[Expense]):
    """Expenses: without dates those of the current fiscal year, as the owner sets it or else as Clientary tells it."""

    def __init__(self, clientary: Clientary, args: ExpenseFilters, path: str | None = None) -> None:
        super().__init__(clientary, Expense, args, path, args.body())
        self._year = args.from_date, args.to_date
        self._unsettled = not args.body()
        if self._unsettled and (start := clientary.settings.fiscal_year_start):
            self._ask_for(start, _SET)

    async def _own_page(self) -> Page[Expense]:
        page = await super()._own_page()
        if self._unsettled and not self._settle(page.from_date):
            page = await super()._own_page()
        if self.remark:
            add_notice(page, self.remark)
        first, last = self._year
        return replace(page, from_date=page.from_date or first, to_date=page.to_date or last)

    async def _rows(self) -> AsyncIterator[tuple[Expense, str | int | None]]:
        if self._unsettled:
            self._settle((await self._clientary.stream(Expense, self._path, self._query).peek()).from_date)
        async for row in super()._rows():
            yield row
        page: ListResponse[Expense] = self.first_page or ListResponse([])
        first, last = self._year
        self.first_page = replace(page, from_date=page.from_date or first, to_date=page.to_date or last)

    def _settle(self, first: date | None) -> bool:
        """Whether Clientary reports the first day of its range; if not, the calendar year is requested from now on."""
        if first is None:
            self._ask_for("01-01", _CALENDAR)
        self._unsettled, self.remark = False, self.remark or _TOLD
        return first is not None

    def _ask_for(self, start: str, why: str) -> None:
        self._year = first, last = fiscal_year(self._clientary.today().day, start)
        self._query = {"from_date": first.isoformat(), "to_date": last.isoformat()}
        self._unsettled, self.remark = False, why


@lists("expenses")
def list_expenses(clientary: Clientary, args: ListExpenses) -> Listing[Expense]:
    """List expenses. Without dates, only the current fiscal year's; the answer gives the range."""
    return _Expenses(clientary, args, args.path("expenses"))


@lists("expenses")
def list_client_expenses(clientary: Clientary, args: ListClientExpenses) -> Listing[Expense]:
    """List one client's expenses. Without dates, perhaps only the current fiscal year's."""
    return _Expenses(clientary, args, f"clients/{args.client_id}/expenses")


@lists("expenses")
def list_project_expenses(clientary: Clientary, args: ListProjectExpenses) -> Listing[Expense]:
    """List one project's expenses. Without dates, perhaps only the current fiscal year's."""
    return _Expenses(clientary, args, f"projects/{args.project_id}/expenses")


@reads("expenses")
async def get_expense(clientary: Clientary, args: GetExpense) -> Expense:
    """Read one expense in full."""
    return await clientary.get(Expense, f"expenses/{args.expense_id}")


async def _check_amount(
    clientary: Clientary, amount: Decimal, args: CreateExpense | UpdateExpense, path: str | None = None
) -> None:
    """BadArguments for an amount finer than money; a whole one needs no look at the currency, which none stores.

    `path` is that of an expense which is there already.
    """
    if amount == amount.to_integral_value():
        return
    of: ExpenseFields = args
    if path and args.project_id is None:
        of = await clientary.get(Expense, path, known=True)
    refuse_finer(
        amount, await _currency_of(clientary, args.project_id or of.project_id, args.client_id or of.client_id)
    )


async def _currency_of(clientary: Clientary, project_id: int | None, client_id: int | None) -> str | None:
    """The currency of that project, else of that client; None where neither tells it."""
    if project_id is not None:
        with suppress(NotFound, NotAllowed):
            project = await clientary.get(Project, f"projects/{project_id}", known=True)
            if project.currency_code:
                return project.currency_code
    return None if client_id is None else (await parties(clientary, [client_id]))[client_id].currency_code


@creates("expenses", checked_with="list_expenses")
async def create_expense(clientary: Clientary, args: CreateExpense) -> Expense:
    """Record money spent, for a client, a project or the business itself. Receipts cannot be attached."""
    await _check_amount(clientary, args.amount, args)
    narrowest = "expenses"
    if args.project_id or args.client_id:
        narrowest = f"projects/{args.project_id}/expenses" if args.project_id else f"clients/{args.client_id}/expenses"
    day = {"from_date": args.incurred_on, "to_date": args.incurred_on} if args.incurred_on else None
    return await clientary.create(
        Expense, "expenses", args.body(), listed=partial(clientary.list_all, Expense, narrowest, day)
    )


@updates("expenses", checked_with="get_expense")
async def update_expense(clientary: Clientary, args: UpdateExpense) -> Expense:
    """Change the given fields of an expense."""
    path = f"expenses/{args.expense_id}"
    if args.amount is not None:
        await _check_amount(clientary, args.amount, args, path)
    return await clientary.update(Expense, path, args.body())


@deletes(
    "expenses",
    preview_delete(
        Expense,
        remarks=lambda expense: {
            "not_visible": f"It is on invoice {expense.invoice_id}, which stays as it is."
            if expense.invoice_id
            else None
        },
    ),
    checked_with="get_expense",
)
async def delete_expense(clientary: Clientary, args: DeleteExpense) -> Outcome:
    """Delete an expense for good."""
    await clientary.delete(f"expenses/{args.expense_id}")
    return done(f"Expense {args.expense_id} is deleted.")


TOOLS = (
    list_expenses,
    list_client_expenses,
    list_project_expenses,
    get_expense,
    create_expense,
    update_expense,
    delete_expense,
)

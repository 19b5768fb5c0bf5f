"""Tools for expenses."""

from functools import partial

from clientary_mcp.api.session import Clientary
from clientary_mcp.tools.decorators import creates, deletes, lists, reads, updates
from clientary_mcp.tools.support.listing import Listing
from clientary_mcp.tools.support.previews import done, preview_delete
from tool_schemas.base.results import Outcome
from tool_schemas.expenses import (
    CreateExpense,
    DeleteExpense,
    Expense,
    GetExpense,
    ListClientExpenses,
    ListExpenses,
    ListProjectExpenses,
    UpdateExpense,
)


@lists("expenses")
def list_expenses(clientary: Clientary, args: ListExpenses) -> Listing[Expense]:
    """List expenses. Without dates, only the current fiscal year's; the answer gives the range."""
    return Listing(clientary, Expense, args, query=args.body())


@lists("expenses")
def list_client_expenses(clientary: Clientary, args: ListClientExpenses) -> Listing[Expense]:
    """List one client's expenses. Without dates, perhaps only the current fiscal year's."""
    return Listing(clientary, Expense, args, f"clients/{args.client_id}/expenses", args.body())


@lists("expenses")
def list_project_expenses(clientary: Clientary, args: ListProjectExpenses) -> Listing[Expense]:
    """List one project's expenses. Without dates, perhaps only the current fiscal year's."""
    return Listing(clientary, Expense, args, f"projects/{args.project_id}/expenses", args.body())


@reads("expenses")
async def get_expense(clientary: Clientary, args: GetExpense) -> Expense:
    """Read one expense in full."""
    return await clientary.get(Expense, f"expenses/{args.expense_id}")


@creates("expenses", checked_with="list_expenses")
async def create_expense(clientary: Clientary, args: CreateExpense) -> Expense:
    """Record money spent, for a client, a project or the business itself. Receipts cannot be attached."""
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
    return await clientary.update(Expense, f"expenses/{args.expense_id}", args.body())


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

"""Expenses: money spent, for a client, a project or the business itself."""

from decimal import Decimal
from typing import Annotated, ClassVar

from pydantic import Field

from tool_schemas.base.filters import ByQuery
from tool_schemas.base.ids import ClientId, ExpenseId, ProjectId
from tool_schemas.base.models import Arguments, Confirmed, Deduplicated, Fields, PartialUpdate, Record
from tool_schemas.base.periods import PeriodRange
from tool_schemas.base.scopes import OfClientOrProject
from tool_schemas.base.types import Day, Number
from tool_schemas.clients import OneClient
from tool_schemas.projects import OneProject

Amount = Annotated[Number, Field(description="Total paid; no currency is stored.")]


class ExpenseFields(Fields):
    client_id: ClientId | None = None
    project_id: ProjectId | None = None
    description: str | None = Field(None, description="What was bought.")
    incurred_on: Day | None = Field(None, description="Day spent; today for a new one.")


class Expense(ExpenseFields, Record):
    """Clientary §5.7. `invoice_id` is set when it was billed."""

    wrapper, plural = "expense", "expenses"
    # Without dates, Clientary lists only those of the current fiscal year.
    query: ClassVar[dict[str, str | int]] = {"from_date": "1970-01-01", "to_date": "2099-12-31"}
    day, money = "incurred_on", ("amount",)
    summary_fields = ("id", "incurred_on", "amount", "description", "client_id", "project_id", "invoice_id")

    amount: Decimal | None = None
    user_id: int | None = None
    invoice_id: int | None = None
    invoice_item_id: int | None = None


class ExpenseFilters(PeriodRange, ByQuery):
    """Clientary itself filters by the dates."""

    from_date: Day | None = Field(None, description="First day.")
    to_date: Day | None = Field(None, description="Last day, included.")


class ListExpenses(OfClientOrProject, ExpenseFilters): ...


class ListClientExpenses(OneClient, ExpenseFilters): ...


class ListProjectExpenses(OneProject, ExpenseFilters): ...


class OneExpense(Arguments):
    expense_id: ExpenseId = Field(exclude=True)


class GetExpense(OneExpense): ...


class CreateExpense(Deduplicated, ExpenseFields):
    today_by_default = ("incurred_on",)
    amount: Amount


class UpdateExpense(ExpenseFields, OneExpense, PartialUpdate):
    amount: Amount | None = None


class DeleteExpense(Confirmed, OneExpense): ...

"""What turning an estimate into an invoice takes; all else is the estimate's."""

from pydantic import Field

from tool_schemas.base import Confirmed, Once
from tool_schemas.estimates import OneEstimate
from tool_schemas.invoices import DueDate
from tool_schemas.wire import Day


class CreateInvoiceFromEstimate(OneEstimate, Confirmed, Once):
    due_date: DueDate
    date: Day | None = Field(None, description="Default today.")
    number: str | None = Field(None, description="Unique; default the next.")

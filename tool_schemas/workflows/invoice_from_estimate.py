"""The arguments of turning an estimate into an invoice; everything else comes from the estimate."""

from pydantic import Field

from tool_schemas.base.models import Confirmed, Deduplicated
from tool_schemas.base.types import Day
from tool_schemas.estimates import OneEstimate
from tool_schemas.invoices import DueDate


class CreateInvoiceFromEstimate(OneEstimate, Confirmed, Deduplicated):
    today_by_default = ("date",)
    due_date: DueDate
    date: Day | None = Field(None, description="Invoice date; default today.")
    number: str | None = Field(None, description="Unique; default the next.")

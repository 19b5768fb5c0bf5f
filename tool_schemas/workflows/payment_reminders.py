"""The arguments of payment reminders: the invoices, the text, and which clients to skip."""

from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from tool_schemas.base.ids import returned_by
from tool_schemas.base.models import Deduplicated, Previewed
from tool_schemas.base.types import Id

InvoiceIds = Annotated[list[Id], Field(max_length=200), returned_by("list_invoices")]


class SendPaymentReminders(Previewed, Deduplicated):
    invoice_ids: InvoiceIds | None = Field(None, description="Only these.")
    min_days_overdue: Annotated[int, Field(ge=1, le=10_000)] | None = Field(
        None, description="All invoices so many days late, or more; 1: all overdue."
    )
    subject: str | None = Field(None, description="Default: the account's template.")
    message: str | None = Field(None, description="Body text; default: the account's template.")
    paid_within_days: Annotated[int, Field(ge=0, le=365)] = Field(
        7, description="Skips clients who paid anything in so many days; 0: today."
    )

    @model_validator(mode="after")
    def _one_selector(self) -> Self:
        if (self.invoice_ids is None) == (self.min_days_overdue is None):
            raise PydanticCustomError("selector", "takes either invoice_ids or min_days_overdue")
        return self

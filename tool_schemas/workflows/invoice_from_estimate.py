"""The arguments of turning an estimate into an invoice; everything else comes from the estimate."""

from pydantic import Field

from tool_schemas.base.models import Confirmed, Deduplicated
from tool_schemas.base.types import Day
from tool_schemas.documents import ITEMS, NewItem
from tool_schemas.estimates import OneEstimate
from tool_schemas.invoices import CreateInvoice, DueDate


class CreateInvoiceFromEstimate(OneEstimate, Confirmed, Deduplicated):
    today_by_default = ("date",)
    due_date: DueDate
    date: Day | None = Field(None, description="Invoice date; default today.")
    number: str | None = Field(None, description="Unique; default the next.")


class CopiedItem(NewItem):
    """A line as the estimate has it: the second and the third tax may apply to other lines than the first."""

    secondary_tax: bool | None = None
    tertiary_tax: bool | None = None


class InvoiceOfEstimate(CreateInvoice):
    """The invoice to create."""

    items: list[CopiedItem] | None = Field(  # type: ignore[assignment]  # lines with more fields are lines
        None, serialization_alias="invoice_items_attributes", description=ITEMS
    )

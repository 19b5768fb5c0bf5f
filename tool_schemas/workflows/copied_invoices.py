"""Invoices that are made of another document, line by line."""

from pydantic import Field

from tool_schemas.base.ids import ClientId
from tool_schemas.base.models import Deduplicated
from tool_schemas.base.types import Day
from tool_schemas.documents import ITEMS, NewItem
from tool_schemas.invoices import CreateInvoice, OneInvoice


class CopyInvoice(OneInvoice, Deduplicated):
    today_by_default = ("date",)
    date: Day | None = Field(None, description="Default today.")
    due_date: Day | None = Field(None, description="Default: as many days after date as there.")
    client_id: ClientId | None = Field(None, description="Default: the same client.")
    note: str | None = Field(None, description="For customers, instead of the same note.")


class CopiedItem(NewItem):
    """A line as the source has it: the second and the third tax may apply to other lines than the first."""

    secondary_tax: bool | None = None
    tertiary_tax: bool | None = None


class CopiedInvoice(CreateInvoice):
    """The invoice to create."""

    items: list[CopiedItem] | None = Field(  # type: ignore[assignment]  # lines with more fields are lines
        None, serialization_alias="invoice_items_attributes", description=ITEMS
    )

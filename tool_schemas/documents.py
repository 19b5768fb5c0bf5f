"""What invoices, estimates and recurring schedules share: texts, taxes, lines and e-mails."""

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from tool_schemas.base.ids import ClientId
from tool_schemas.base.models import AllowsUnusual, Confirmed, Deduplicated, Fields, StrictModel, unusual
from tool_schemas.base.parsing import LenientModel
from tool_schemas.base.types import Codes, Emails, Filled, Id, Number

ItemType = Annotated[Literal["line", "section"], Codes(section=0, line=3)]
Percent = Annotated[Number, Field(ge=0, le=100)]

MOST_RECIPIENTS = 50
"""Of one mail."""
Recipients = Annotated[Emails, Field(min_length=1, max_length=MOST_RECIPIENTS)]


class TaxFields(Fields):
    """Three taxes on the taxable lines."""

    tax: Percent | None = Field(None, description="Percent on taxable lines, like 8.25.")
    tax_label: str | None = Field(None, description="Like VAT.")
    tax2: Percent | None = Field(None, description="As tax.")
    tax2_label: str | None = Field(None, description="Name of tax2.")
    tax3: Percent | None = Field(None, description="As tax.")
    tax3_label: str | None = Field(None, description="Name of tax3.")
    compound_tax: bool | None = Field(None, description="true: tax2 also applies to tax.")


class DocumentFields(TaxFields):
    """The client of a document, and its texts."""

    client_id: ClientId | None = None
    number: str | None = Field(None, description="Unique; default the next.")
    title: str | None = Field(None, description="Heading for customers.")
    note: str | None = Field(None, description="For customers, below the lines.")
    summary: str | None = Field(None, description="For customers, above the lines.")


class ItemFields(Fields):
    taxable: bool | None = Field(None, description="true: taxes apply.")
    item_type: ItemType | None = Field(None, description="section: only a heading.")


class Item(ItemFields, LenientModel):
    """One line of a document. Updates refer to it by `item_id`."""

    item_id: int | None = None
    title: str | None = None
    quantity: Decimal | None = None
    price: Decimal | None = None
    total_tax: Decimal | None = None
    secondary_tax: bool | None = None
    tertiary_tax: bool | None = None

    @classmethod
    def renamed(cls) -> dict[str, str]:
        return {"id": "item_id"}

    def without_meaning(self) -> dict[str, Any]:
        """The fields without which its amount is not known: those that cannot be read, as sent; None for a missing one.

        A heading needs none.
        """
        if self.item_type == "section":
            return {}
        unreadable = self.unreadable or {}
        missing = [name for name in ("quantity", "price") if getattr(self, name) is None]
        unclear = [name for name in ("taxable", "secondary_tax", "tertiary_tax") if name in unreadable]
        return {name: unreadable.get(name) for name in (*missing, *unclear)}


class NewItem(ItemFields, StrictModel):
    title: Filled = Field(description="Its text.")
    quantity: Number = Field(description="Number of units.")
    price: Number = Field(description="Per unit, before taxes.")


class ChangedItem(ItemFields, StrictModel):
    item_id: Id | None = Field(
        None, serialization_alias="id", description="Line to change or remove; without it, adds one."
    )
    remove: bool | None = Field(None, serialization_alias="_destroy", description="true: takes this line out.")
    title: Filled | None = Field(None, description="Its text.")
    quantity: Number | None = Field(None, description="Number of units.")
    price: Number | None = Field(None, description="Per unit, before taxes.")

    @model_validator(mode="after")
    def _new_or_known(self) -> "ChangedItem":
        if self.item_id is None:
            if self.remove:
                raise PydanticCustomError("item", "needs item_id to say which line to remove")
            if None in (self.title, self.quantity, self.price):
                raise PydanticCustomError(
                    "item", "needs title, quantity and price for a new line, or item_id of the line to change"
                )
        return self


NewItems = list[NewItem]
ChangedItems = list[ChangedItem]

ITEMS = "The lines, in order."
CHANGED_ITEMS = "Lines to add, change or remove; others stay."


class Message(Confirmed, Deduplicated, AllowsUnusual):
    """An e-mail with a document. `subject` and `message` fall back to the account's template."""

    usual = (("send_copy", False), ("attach_pdf", False))
    recipients: Recipients = Field(description="E-mail addresses, up to 50.")
    subject: str | None = Field(None, description="Default: the account's template.")
    message: str | None = Field(None, description="Body text; default: the account's template.")
    send_copy: bool | None = Field(None, description="true: a copy to the sender.")
    attach_pdf: bool | None = Field(None, description="true: with the PDF.")
    allow_unusual: bool = unusual("even if cancelled")


def items_of(kind: str) -> dict[str, str]:
    """Clientary's name for the lines of one kind of document, mapped to ours."""
    return {f"{kind}_items": "items"}

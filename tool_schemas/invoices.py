"""Invoices: what clients owe, with lines, taxes and payments."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from tool_schemas.base import Arguments, Changes, Confirmed, Once, Paging, Record
from tool_schemas.clients import OneClient, UpdatedSince
from tool_schemas.documents import (
    CHANGED_ITEMS,
    ITEMS,
    ChangedItems,
    DocumentFields,
    Item,
    Message,
    NewItems,
    items_of,
)
from tool_schemas.ids import InvoiceId, RecurringScheduleId
from tool_schemas.payments import Payment
from tool_schemas.projects import OneProject
from tool_schemas.wire import Codes, Currency, Day

Status = Annotated[
    Literal["draft", "sent", "viewed", "cancelled", "paid", "pending"],
    Codes(draft=0, sent=1, viewed=2, cancelled=3, paid=4, pending=5),
]
InvoiceDate = Annotated[Day, Field(description="Invoice date.")]
DueDate = Annotated[Day, Field(description="Payment is due.")]


class InvoiceFields(DocumentFields):
    po: str | None = Field(None, description="Purchase order.")
    status: Status | None = Field(None, description="Setting it mails nothing.")


class Invoice(InvoiceFields, Record):
    """Clientary §5.8. Amounts are in `currency_code`; `total_cost` includes taxes."""

    wrapper, plural = "invoice", "invoices"
    brief = (
        "id", "number", "client_id", "status", "date", "due_date", "currency_code", "total_cost", "balance", "title",
    )  # fmt: skip

    date: Day | None = None
    due_date: Day | None = None
    currency_code: str | None = None
    subtotal: Decimal | None = None
    total_cost: Decimal | None = None
    total_payments: Decimal | None = None
    balance: Decimal | None = None
    items: list[Item] | None = None
    payments: list[Payment] | None = None

    @classmethod
    def renamed(cls) -> dict[str, str]:
        return items_of("invoice")


class ListInvoices(Paging):
    updated_since: UpdatedSince | None = None


class ListClientInvoices(OneClient, Paging): ...


class ListProjectInvoices(OneProject, Paging): ...


class ListRecurringScheduleInvoices(Paging):
    recurring_schedule_id: RecurringScheduleId = Field(exclude=True)


class OneInvoice(Arguments):
    invoice_id: InvoiceId = Field(exclude=True)


class GetInvoice(OneInvoice): ...


class CreateInvoice(Once, InvoiceFields):
    date: InvoiceDate
    due_date: DueDate
    currency_code: Currency
    items: NewItems | None = Field(None, serialization_alias="invoice_items_attributes", description=ITEMS)


class UpdateInvoice(InvoiceFields, OneInvoice, Changes):
    date: InvoiceDate | None = None
    due_date: DueDate | None = None
    currency_code: Currency | None = None
    items: ChangedItems | None = Field(None, serialization_alias="invoice_items_attributes", description=CHANGED_ITEMS)


class DeleteInvoice(Confirmed, OneInvoice): ...


class SendInvoiceMessage(Message, OneInvoice): ...

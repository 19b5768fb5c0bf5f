"""Invoices: what clients owe, with lines, taxes and payments."""

from datetime import date
from decimal import Decimal
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from tool_schemas.base.filters import ByDue, ByQuery, InOrder, LeastBalance, day_of
from tool_schemas.base.ids import InvoiceId, RecurringScheduleId
from tool_schemas.base.models import AllowsUnusual, Arguments, Confirmed, Deduplicated, PartialUpdate, Record, unusual
from tool_schemas.base.periods import ByPeriod
from tool_schemas.base.scopes import OfClientOrProject
from tool_schemas.base.statuses import OPEN, ByStatus, StatusWords
from tool_schemas.base.types import Codes, Currency, CurrencyCode, Day, Number
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
from tool_schemas.payments import Payment
from tool_schemas.projects import OneProject

Status = Annotated[
    Literal["draft", "sent", "viewed", "cancelled", "paid", "pending"],
    Codes(draft=0, sent=1, viewed=2, cancelled=3, paid=4, pending=5),
]
OWED = ("sent", "viewed")
"""The statuses of invoices that are due for payment; drafts, cancelled and pending ones are not."""
InvoiceDate = Annotated[Day, Field(description="Date printed on it.")]
DueDate = Annotated[Day, Field(description="Last day to pay.")]


class InvoiceFields(DocumentFields):
    po: str | None = Field(None, description="Customer's order number.")
    status: Status | None = Field(None, description="A label: mails nothing, records no payment.")


class Invoice(InvoiceFields, Record):
    """Clientary §5.8. Amounts are in `currency_code`; `total_cost` includes taxes."""

    wrapper, plural = "invoice", "invoices"
    page_size = 30
    day, money = "date", ("total_cost", "balance")
    summary_fields = (
        "id", "number", "client_id", "status", "date", "due_date", "currency_code", "total_cost", "balance", "title",
    )  # fmt: skip

    date: Day | None = None
    due_date: Day | None = None
    paid_date: Day | None = None
    currency_code: CurrencyCode | None = None
    subtotal: Decimal | None = None
    total_cost: Decimal | None = None
    total_payments: Decimal | None = None
    balance: Decimal | None = None
    pending_amount: Decimal | None = None
    total_taxes: Decimal | None = None
    total_tax: Decimal | None = None
    total_tax2: Decimal | None = None
    total_tax3: Decimal | None = None
    items: list[Item] | None = None
    payments: list[Payment] | None = None

    @classmethod
    def renamed(cls) -> dict[str, str]:
        return items_of("invoice")


class InvoiceFilters(InOrder, ByStatus, ByDue, ByPeriod, ByQuery):
    narrow_by: ClassVar[tuple[str, ...]] = ("overdue", "min_balance")
    statuses = StatusWords(Status, opened=OWED, means="still owed")
    overdue: bool | None = Field(None, exclude=True, description="true: unpaid past due_date; false: all others.")
    min_balance: LeastBalance | None = Field(None, exclude=True)
    order: Literal["newest", "oldest", "largest", "due"] | None = Field(
        None, exclude=True, description="due: earliest due_date; largest: by total."
    )

    def deciding_fields(self, kind: type[Record]) -> set[str]:
        """The fields that decide whether it is overdue, and the balance."""
        late = {"status", "due_date", "balance"} if self.overdue else set()
        owed = {"balance"} if self.min_balance is not None or OPEN in (self.status or ()) else set()
        return super().deciding_fields(kind) | late | owed


class ListInvoices(OfClientOrProject, InvoiceFilters):
    narrow_by = ("amount",)
    amount: Number | None = Field(None, exclude=True, description="Exactly this total or balance.")
    updated_since: UpdatedSince | None = None

    @property
    def narrows(self) -> bool:
        """Also by `updated_since` under a client or a project, where Clientary does not filter by it."""
        return super().narrows or self._since is not None

    @property
    def _since(self) -> date | None:
        return self.updated_since if self.path("invoices") else None

    def wants(self, record: Record) -> bool:
        """Whether its total or its balance is the given amount as well, and whether it changed since."""
        sums = (getattr(record, name, None) for name in ("total_cost", "balance"))
        changed = day_of(record, "updated_at")
        return (
            super().wants(record)
            and (self.amount is None or self.amount in sums)
            and (self._since is None or (changed is not None and changed >= self._since))
        )

    def deciding_fields(self, kind: type[Record]) -> set[str]:
        """The day of the last change, where it decides."""
        return super().deciding_fields(kind) | ({"updated_at"} if self._since else set())


class ListClientInvoices(OneClient, InvoiceFilters): ...


class ListProjectInvoices(OneProject, InvoiceFilters): ...


class ListRecurringScheduleInvoices(InvoiceFilters):
    recurring_schedule_id: RecurringScheduleId = Field(exclude=True)


class OneInvoice(Arguments):
    invoice_id: InvoiceId = Field(exclude=True)


class GetInvoice(OneInvoice): ...


class CreateInvoice(Deduplicated, AllowsUnusual, InvoiceFields):
    usual = (("status", "draft"),)
    date: InvoiceDate
    due_date: DueDate
    currency_code: Currency
    items: NewItems | None = Field(None, serialization_alias="invoice_items_attributes", description=ITEMS)
    allow_unusual: bool = unusual("due before its date")


class UpdateInvoice(InvoiceFields, OneInvoice, AllowsUnusual, PartialUpdate):
    date: InvoiceDate | None = None
    due_date: DueDate | None = None
    currency_code: Currency | None = None
    items: ChangedItems | None = Field(None, serialization_alias="invoice_items_attributes", description=CHANGED_ITEMS)
    allow_unusual: bool = unusual("due before its date")


class DeleteInvoice(Confirmed, OneInvoice): ...


class SendInvoiceMessage(Message, OneInvoice): ...

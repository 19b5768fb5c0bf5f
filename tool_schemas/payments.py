"""Payments: money received for an invoice, recorded or charged to a stored card."""

from decimal import Decimal
from typing import Literal

from pydantic import Field

from tool_schemas.base.filters import ByQuery
from tool_schemas.base.ids import ClientId, InvoiceId, PaymentId, PaymentProfileId
from tool_schemas.base.models import AllowsUnusual, Arguments, Confirmed, Deduplicated, Record, unusual
from tool_schemas.base.periods import ByPeriod
from tool_schemas.base.types import CurrencyCode, Day, Number


class Payment(Record):
    """Clientary §5.10. `amount` is in the invoice's currency; `transaction_id` is the card gateway's."""

    wrapper, plural = "payment", "payments"
    page_size = 30
    day, money = "received_on", ("amount",)
    summary_fields = ("id", "invoice_id", "received_on", "amount", "currency_code", "note", "transaction_id")

    invoice_id: int | None = None
    amount: Decimal | None = None
    currency_code: CurrencyCode | None = None
    received_on: Day | None = None
    note: str | None = None
    transaction_fee_amount: Decimal | None = None
    transaction_id: str | None = None


class RecordedPayment(Payment):
    """A payment that was just recorded, with what it pays."""

    invoice_number: str | None = None
    client_id: int | None = None
    client: str | None = None
    invoice_status: str | None = None
    balance_before: Decimal | None = None
    balance_after: Decimal | None = None


class ListPayments(ByPeriod, ByQuery):
    client_id: ClientId | None = Field(None, exclude=True, description="Only this client's.")
    from_date: Day | None = Field(None, exclude=True, description="First day received.")
    to_date: Day | None = Field(None, exclude=True, description="Last day received, included.")
    sort: Literal["received_on", "created_at"] = Field(
        "received_on", description="Newest first: by day received, or by time entered."
    )

    def order_by(self) -> tuple[str, bool] | None:
        """The order Clientary would use, needed when the payments of one client are merged from several lists."""
        return None if self.client_id is None else (self.sort, True)


class ToInvoice(Arguments):
    """Addresses the payments of one invoice."""

    invoice_id: InvoiceId = Field(exclude=True)


class CreatePayment(Deduplicated, AllowsUnusual, ToInvoice):
    today_by_default = ("received_on",)
    amount: Number = Field(description="Part or all of the balance, in the invoice's currency.")
    note: str | None = Field(None, description="Reference, like Check 123.")
    received_on: Day | None = Field(None, description="Day the money came; default today.")
    allow_unusual: bool = unusual("more than is owed, of no open invoice, or dated ahead")


class ChargePaymentProfile(Confirmed, Deduplicated, AllowsUnusual, ToInvoice):
    payment_profile_id: PaymentProfileId
    allow_unusual: bool = unusual("a draft or pending invoice")


class DeletePayment(Confirmed, ToInvoice):
    payment_id: PaymentId = Field(exclude=True)

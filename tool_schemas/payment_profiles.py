"""Payment profiles: the cards that clients have stored with Stripe."""

from pydantic import Field

from tool_schemas.base.filters import ByQuery
from tool_schemas.base.ids import PaymentProfileId
from tool_schemas.base.models import Confirmed, Deduplicated, Fields, Record
from tool_schemas.base.types import Day, Filled
from tool_schemas.clients import OneClient


class PaymentProfileFields(Fields):
    card_type: str | None = Field(None, description="Card brand, like Visa.")
    address: str | None = Field(None, description="Billing address: street.")
    city: str | None = Field(None, description="Of the billing address.")
    zip: str | None = Field(None, description="Postal code of the billing address.")
    state: str | None = Field(None, description="Region, like CA.")
    country: str | None = Field(None, description="Like US.")


class PaymentProfile(PaymentProfileFields, Record):
    """Clientary §5.11. The gateway's token is never shown."""

    wrapper, plural = "stripe_payment_profile", "payment_profiles"
    summary_fields = ("id", "client_id", "name", "card_type", "last_four_digits", "expiration_date", "gateway")

    client_id: int | None = None
    name: str | None = None
    last_four_digits: str | None = None
    expiration_date: Day | None = None
    gateway: str | None = None


class ListClientPaymentProfiles(OneClient, ByQuery): ...


class CreatePaymentProfile(Deduplicated, PaymentProfileFields, OneClient):
    stripe_customer_id: Filled = Field(description="Existing Stripe customer, like cus_….")
    stripe_source_id: Filled = Field(description="Existing Stripe card or source, like card_….")
    last_four_digits: str = Field(pattern="^[0-9]{4}$", description="Of the card number, like 4242.")
    name: Filled = Field(description="Name on the card.")
    expiration_date: Day = Field(description="Any day in the card's last valid month.")


class DeletePaymentProfile(Confirmed, OneClient):
    payment_profile_id: PaymentProfileId = Field(exclude=True)

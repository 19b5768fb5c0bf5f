"""Payment profiles: the cards that clients have stored with Stripe."""

from pydantic import Field

from tool_schemas.base.filters import ByQuery
from tool_schemas.base.ids import PaymentProfileId
from tool_schemas.base.models import Confirmed, Deduplicated, Fields, Record
from tool_schemas.base.types import Day, Filled
from tool_schemas.clients import OneClient


class PaymentProfileFields(Fields):
    card_type: str | None = Field(None, description="Brand, like Visa.")
    address: str | None = Field(None, description="Street.")
    city: str | None = Field(None, description="City.")
    zip: str | None = Field(None, description="Postal code.")
    state: str | None = Field(None, description="State.")
    country: str | None = Field(None, description="Country.")


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
    stripe_customer_id: Filled = Field(description="Stripe's customer, cus_….")
    stripe_source_id: Filled = Field(description="Source or card, like card_….")
    last_four_digits: str = Field(pattern="^[0-9]{4}$", description="Last four digits of the card.")
    name: Filled = Field(description="On the card.")
    expiration_date: Day = Field(description="A day in its last month.")


class DeletePaymentProfile(Confirmed, OneClient):
    payment_profile_id: PaymentProfileId = Field(exclude=True)

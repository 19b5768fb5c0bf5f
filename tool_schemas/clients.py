"""Clients: the companies and people that work is done for."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field

from tool_schemas.base.filters import ByQuery, InOrder, day_of
from tool_schemas.base.ids import ClientId
from tool_schemas.base.models import Arguments, Confirmed, Deduplicated, Fields, PartialUpdate, Record
from tool_schemas.base.pairs import NamedTexts
from tool_schemas.base.periods import ByPeriod
from tool_schemas.base.statuses import ByStatus, StatusWords
from tool_schemas.base.types import Codes, Day, Filled

Status = Annotated[Literal["active", "archived"], Codes(active=1, archived=2)]
CompanyName = Annotated[Filled, Field(description="Company or person.")]
UpdatedSince = Annotated[Day, Field(description="Changed from this day on.")]


class CompanyFields(Fields):
    """The fields that clients and leads share."""

    number: str | None = Field(None, description="Your reference; unique.")
    address: str | None = Field(None, description="Street and number.")
    address_2: str | None = Field(None, description="Like a suite.")
    city: str | None = Field(None, description="Of the address.")
    state: str | None = Field(None, description="Region, like CA.")
    zip: str | None = Field(None, description="Postal code.")
    country: str | None = Field(None, description="Like US.")
    website: str | None = Field(None, description="Full URL.")
    description: str | None = Field(None, description="Internal notes.")


class CompanyArguments(CompanyFields):
    """The arguments for creating or updating a client or a lead."""

    invoice_extra_fields: NamedTexts | None = Field(None, description="Custom fields, by name.")


class Client(CompanyFields, Record):
    """Clientary §5.1."""

    wrapper, plural = "client", "clients"
    page_size = 10
    summary_fields = ("id", "name", "number", "status", "city", "country", "website", "last_invoice_on")

    name: str | None = None
    status: Status | None = None
    contact_viewable: bool | None = None
    amount_outstanding: Decimal | None = None
    invoice_extra_fields: dict[str, Any] | None = None  # values of any type
    last_invoice_on: Day | None = None
    """Told by this server where the invoices were read; not a field of Clientary's."""

    @property
    def quiet_since(self) -> date | None:
        """Since when it was sent no invoice: since its last one, else since it is a client."""
        return self.last_invoice_on or day_of(self, "created_at")


class ByCreation(ByPeriod):
    from_date: Day | None = Field(None, exclude=True, description="Created from this day on.")
    to_date: Day | None = Field(None, exclude=True, description="Created until this day.")


class ListClients(InOrder, ByStatus, ByCreation, ByQuery):
    statuses = StatusWords(Status, opened=("active",))
    order: Literal["quiet"] | None = Field(None, exclude=True, description="quiet: longest without an invoice first.")
    updated_since: UpdatedSince | None = None
    sort: Literal["name", "date"] = Field("name", description="date: of creation.")


class OneClient(Arguments):
    client_id: ClientId = Field(exclude=True)


class GetClient(OneClient): ...


class CreateClient(Deduplicated, CompanyArguments):
    name: CompanyName


class UpdateClient(CompanyArguments, OneClient, PartialUpdate):
    name: CompanyName | None = None
    status: Status | None = Field(None, description="archived hides it, keeping everything.")


class DeleteClient(Confirmed, OneClient): ...

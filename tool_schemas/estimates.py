"""Estimates: quotes for clients and leads, with lines and taxes."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from tool_schemas.base.filters import ByQuery, InOrder
from tool_schemas.base.ids import EstimateId
from tool_schemas.base.models import Arguments, Confirmed, Deduplicated, PartialUpdate, Record
from tool_schemas.base.periods import ByPeriod
from tool_schemas.base.scopes import OfClientOrProject
from tool_schemas.base.statuses import ByStatus, StatusWords
from tool_schemas.base.types import Codes, Currency, CurrencyCode, Day
from tool_schemas.clients import OneClient
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
from tool_schemas.projects import OneProject

Status = Annotated[
    Literal["draft", "sent", "viewed", "cancelled", "declined", "revised", "accepted", "archived"],
    Codes(draft=0, sent=1, viewed=2, cancelled=3, declined=4, revised=5, accepted=6, archived=7),
]
UNDECIDED = ("sent", "viewed", "revised")
"""The statuses of estimates that wait for the client's decision."""
EstimateDate = Annotated[Day, Field(description="Date printed on it.")]


class EstimateFields(DocumentFields):
    status: Status | None = Field(None, description="A label: mails nothing.")


class Estimate(EstimateFields, Record):
    """Clientary §5.9. Amounts are in `currency_code`; `total_cost` includes taxes."""

    wrapper, plural = "estimate", "estimates"
    page_size = 30
    day, money = "date", ("total_cost",)
    summary_fields = ("id", "number", "client_id", "lead_id", "status", "date", "currency_code", "total_cost", "title")

    date: Day | None = None
    expiration_date: Day | None = None
    currency_code: CurrencyCode | None = None
    subtotal: Decimal | None = None
    total_cost: Decimal | None = None
    items: list[Item] | None = None

    @classmethod
    def renamed(cls) -> dict[str, str]:
        return items_of("estimate")


class EstimateFilters(InOrder, ByStatus, ByPeriod, ByQuery):
    statuses = StatusWords(Status, opened=UNDECIDED, means="undecided")
    order: Literal["newest", "oldest", "largest"] | None = Field(None, exclude=True, description="largest: by total.")


class ListEstimates(OfClientOrProject, EstimateFilters): ...


class ListClientEstimates(OneClient, EstimateFilters): ...


class ListProjectEstimates(OneProject, EstimateFilters): ...


class OneEstimate(Arguments):
    estimate_id: EstimateId = Field(exclude=True)


class GetEstimate(OneEstimate): ...


class CreateEstimate(Deduplicated, EstimateFields):
    usual = (("status", "draft"),)
    date: EstimateDate
    currency_code: Currency
    items: NewItems | None = Field(None, serialization_alias="estimate_items_attributes", description=ITEMS)


class UpdateEstimate(EstimateFields, OneEstimate, PartialUpdate):
    date: EstimateDate | None = None
    currency_code: Currency | None = None
    items: ChangedItems | None = Field(None, serialization_alias="estimate_items_attributes", description=CHANGED_ITEMS)


class DeleteEstimate(Confirmed, OneEstimate): ...


class SendEstimateMessage(Message, OneEstimate): ...

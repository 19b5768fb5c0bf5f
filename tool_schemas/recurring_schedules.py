"""Recurring schedules: invoices that Clientary creates, and may e-mail or charge, automatically."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from tool_schemas.base.filters import ByDay, ByQuery
from tool_schemas.base.ids import ClientId, PaymentProfileId, RecurringScheduleId
from tool_schemas.base.models import AllowsUnusual, Arguments, Confirmed, Deduplicated, PartialUpdate, Record, unusual
from tool_schemas.base.statuses import ByStatus, StatusWords
from tool_schemas.base.types import Codes, Currency, CurrencyCode, Day
from tool_schemas.documents import (
    CHANGED_ITEMS,
    ITEMS,
    ChangedItems,
    DocumentFields,
    Item,
    NewItems,
    items_of,
)

Status = Annotated[Literal["active", "paused", "stopped"], Codes(active=0, paused=1, stopped=2)]
UNSTOPPED = ("active", "paused")
"""The statuses of schedules that make invoices, now or once resumed."""
Action = Annotated[Literal["send", "draft", "autobill"], Codes(send=0, draft=1, autobill=2)]
TimeInterval = Annotated[
    Literal[
        "weekly", "every_2_weeks", "semimonthly", "every_4_weeks", "monthly", "every_2_months", "quarterly",
        "every_4_months", "every_6_months", "annually", "every_2_years",
    ],
    Codes(
        weekly=1, every_2_weeks=2, semimonthly=3, every_4_weeks=4, monthly=5, every_2_months=6, quarterly=7,
        every_4_months=11, every_6_months=8, annually=9, every_2_years=10,
    ),
    Field(description="semimonthly: twice a month."),
]  # fmt: skip
NextDate = Annotated[Day, Field(description="Day the next invoice is made.")]
DuePeriod = Annotated[int, Field(ge=0, description="Days from invoice date to due date.")]
WHAT_HAPPENS = (
    "On each date, unasked: draft only drafts an invoice, send e-mails it, autobill charges payment_profile_id."
)


class ScheduleFields(DocumentFields):
    po: str | None = Field(None, description="Customer's order number.")
    status: Status | None = Field(None, description="paused can be resumed; stopped has ended.")
    payment_profile_id: PaymentProfileId | None = Field(None, description="Card for autobill.")
    unlimited: bool | None = Field(None, description="true: no end; else occurrences_remaining.")
    occurrences_remaining: Annotated[int, Field(ge=0)] | None = Field(
        None, description="Invoices left, unless unlimited."
    )


class RecurringSchedule(ScheduleFields, Record):
    """Clientary §5.12. Amounts are per invoice, in `currency_code`."""

    wrapper, plural = "recurring_schedule", "recurring"
    page_size = 30
    day = "next_date"
    summary_fields = (
        "id", "client_id", "title", "status", "action", "time_interval", "next_date", "occurrences_remaining",
        "unlimited", "currency_code", "total_cost", "occurrences",
    )  # fmt: skip

    action: Action | None = None
    time_interval: TimeInterval | None = None
    next_date: Day | None = None
    due_period: int | None = None
    currency_code: CurrencyCode | None = None
    subtotal: Decimal | None = None
    total_cost: Decimal | None = None
    items: list[Item] | None = None
    occurrences: list[Day] | None = None
    """The days in a range on which it makes invoices, told by this server; not a field of Clientary's."""

    @classmethod
    def renamed(cls) -> dict[str, str]:
        return items_of("recurring_schedule")


class ListRecurringSchedules(ByStatus, ByDay, ByQuery):
    statuses = StatusWords(Status, opened=UNSTOPPED)
    from_date: Day | None = Field(None, exclude=True, description="First day; alone, of next_date.")
    to_date: Day | None = Field(None, exclude=True, description="Last day; tells all occurrences until then.")


class OneRecurringSchedule(Arguments):
    recurring_schedule_id: RecurringScheduleId = Field(exclude=True)


class GetRecurringSchedule(OneRecurringSchedule): ...


class CreateRecurringSchedule(Deduplicated, AllowsUnusual, ScheduleFields):
    usual = (("status", "active"),)
    client_id: ClientId
    next_date: NextDate
    time_interval: TimeInterval
    currency_code: Currency
    due_period: DuePeriod
    action: Action = Field("draft", description=WHAT_HAPPENS)
    items: NewItems | None = Field(None, serialization_alias="recurring_schedule_items_attributes", description=ITEMS)
    allow_unusual: bool = unusual("active with a past next_date")

    @model_validator(mode="after")
    def _autobill_has_a_card(self) -> "CreateRecurringSchedule":
        if self.action == "autobill" and self.payment_profile_id is None:
            raise PydanticCustomError("autobill", "needs payment_profile_id for autobill: the stored card to charge")
        return self


class UpdateRecurringSchedule(ScheduleFields, OneRecurringSchedule, AllowsUnusual, PartialUpdate):
    client_id: ClientId | None = None
    next_date: NextDate | None = None
    time_interval: TimeInterval | None = None
    currency_code: Currency | None = None
    due_period: DuePeriod | None = None
    action: Action | None = Field(None, description=WHAT_HAPPENS)
    items: ChangedItems | None = Field(
        None, serialization_alias="recurring_schedule_items_attributes", description=CHANGED_ITEMS
    )
    allow_unusual: bool = unusual("active with a past next_date")


class DeleteRecurringSchedule(Confirmed, OneRecurringSchedule): ...

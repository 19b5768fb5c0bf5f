"""Hours: time worked on a project."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from tool_schemas.base.filters import ByQuery, InOrder
from tool_schemas.base.ids import HourEntryId, ProjectId, StaffId
from tool_schemas.base.models import (
    AllowsUnusual,
    Arguments,
    Confirmed,
    Deduplicated,
    Fields,
    PartialUpdate,
    Record,
    unusual,
)
from tool_schemas.base.periods import ByPeriod
from tool_schemas.base.scopes import OfClientOrProject
from tool_schemas.base.types import Day, Filled, Number
from tool_schemas.projects import OneProject


def _above_zero(given: Decimal) -> Decimal:
    if given <= 0:
        raise PydanticCustomError("hours", "must be above 0, not {given}")
    return given


Title = Annotated[Filled, Field(description="What was done; invoice lines show it.")]
Worked = Annotated[Number, AfterValidator(_above_zero), Field(description="Decimal: 1.5 is ninety minutes.")]


UNUSUAL_HOURS = unusual("over 24 hours, or after today")


class HourFields(Fields):
    date: Day | None = Field(None, description="Day worked; today for a new one.")
    description: str | None = Field(None, description="More about the work.")
    rate: Number | None = Field(None, description="Per hour; default the project's.")


class HourEntry(HourFields, Record):
    """Clientary §5.5. `cost` is hours times rate in the project's currency."""

    wrapper, plural = "project_item", "hours"
    day, money = "date", ("hours", "cost")
    summary_fields = ("id", "project_id", "user_id", "date", "title", "hours", "rate", "billed")

    project_id: ProjectId | None = None
    user_id: StaffId | None = None
    title: str | None = None
    hours: Decimal | None = None
    cost: Decimal | None = None
    billed: bool | None = None


class HourFilters(InOrder, ByPeriod, ByQuery):
    narrow_by = ("missing_description",)
    same = ("user_id",)
    order: Literal["newest", "oldest"] | None = Field(None, exclude=True, description="By day worked.")
    user_id: StaffId | None = Field(None, exclude=True, description="Only this person's.")
    missing_description: bool | None = Field(None, exclude=True, description="true: only without one.")
    billed: bool | None = Field(None, exclude=True, description="true: only billed; false: only unbilled.")

    def wants(self, record: Record) -> bool:
        """Whether its description is present or missing, as asked."""
        described = bool((getattr(record, "description", None) or "").strip())
        return super().wants(record) and self.missing_description in (None, not described)


class ListProjectHours(OneProject, HourFilters): ...


class ListHours(OfClientOrProject, HourFilters):
    def order_by(self) -> tuple[str, bool]:
        """Newest first unless asked otherwise, since the lists of several projects are merged."""
        return super().order_by() or ("day", True)


class OneHourEntry(Arguments):
    hour_entry_id: HourEntryId = Field(exclude=True)


class GetHourEntry(OneHourEntry): ...


class CreateProjectHours(Deduplicated, AllowsUnusual, HourFields, OneProject):
    today_by_default = ("date",)
    title: Title
    hours: Worked
    allow_unusual: bool = UNUSUAL_HOURS


class UpdateHourEntry(HourFields, OneHourEntry, AllowsUnusual, PartialUpdate):
    title: Title | None = None
    hours: Worked | None = None
    billed: bool | None = Field(None, description="true: counts as invoiced; false: still to bill.")
    allow_unusual: bool = UNUSUAL_HOURS


class DeleteHourEntry(Confirmed, OneHourEntry): ...

"""Hours: time worked on a project."""

from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from tool_schemas.base import Arguments, Changes, Confirmed, Fields, Once, Paging, Record
from tool_schemas.ids import HourEntryId, ProjectId, StaffId
from tool_schemas.projects import OneProject
from tool_schemas.wire import Day, Filled, Number


def _above_zero(given: Decimal) -> Decimal:
    if given <= 0:
        raise PydanticCustomError("hours", "must be above 0")
    return given


Title = Annotated[Filled, Field(description="Label on invoices.")]
Worked = Annotated[Number, AfterValidator(_above_zero), Field(description="1.5 is ninety minutes.")]


class HourFields(Fields):
    date: Day | None = Field(None, description="Default today.")
    description: str | None = Field(None, description="Longer note.")
    rate: Number | None = Field(None, description="Per hour; default the project's.")


class HourEntry(HourFields, Record):
    """Clientary §5.5. `cost` is hours times rate in the project's currency."""

    wrapper, plural = "project_item", "hours"
    paged = False
    brief = ("id", "project_id", "user_id", "date", "title", "hours", "rate", "billed")

    project_id: ProjectId | None = None
    user_id: StaffId | None = None
    title: str | None = None
    hours: Decimal | None = None
    cost: Decimal | None = None
    billed: bool | None = None


class ListProjectHours(OneProject, Paging):
    billed: bool | None = Field(None, exclude=True, description="true: only billed; false: only unbilled.")


class OneHourEntry(Arguments):
    hour_entry_id: HourEntryId = Field(exclude=True)


class GetHourEntry(OneHourEntry): ...


class CreateProjectHours(Once, HourFields, OneProject):
    title: Title
    hours: Worked


class UpdateHourEntry(HourFields, OneHourEntry, Changes):
    title: Title | None = None
    hours: Worked | None = None
    billed: bool | None = Field(None, description="Billed or not.")


class DeleteHourEntry(Confirmed, OneHourEntry): ...

"""The arguments of the timesheet report: a range of days, and whose hours."""

from typing import Annotated

from pydantic import Field

from tool_schemas.base.ids import ClientId, ProjectId, StaffId
from tool_schemas.base.periods import PeriodRange
from tool_schemas.base.types import Number


class TimesheetReport(PeriodRange):
    usual_period = "this_month"
    user_id: StaffId | None = Field(None, exclude=True, description="Only this person.")
    client_id: ClientId | None = Field(None, exclude=True, description="Only this client's work.")
    project_id: ProjectId | None = Field(None, exclude=True, description="Only this project.")
    capacity_hours: Annotated[Number, Field(gt=0, le=168)] | None = Field(
        None, description="Hours per person and week, for utilization."
    )

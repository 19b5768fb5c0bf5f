"""What the timesheet report takes: a range of days, and whose hours."""

from pydantic import Field

from tool_schemas.base.ids import ClientId, ProjectId, StaffId
from tool_schemas.base.models import DateRange
from tool_schemas.base.types import Day


class TimesheetReport(DateRange):
    from_date: Day = Field(description="From.")
    to_date: Day = Field(description="To.")
    user_id: StaffId | None = Field(None, exclude=True)
    client_id: ClientId | None = Field(None, exclude=True)
    project_id: ProjectId | None = Field(None, exclude=True)

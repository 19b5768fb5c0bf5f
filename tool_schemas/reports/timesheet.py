"""The arguments of the timesheet report: a range of days, and whose hours."""

from pydantic import Field

from tool_schemas.base.ids import ClientId, ProjectId, StaffId
from tool_schemas.base.models import DateRange
from tool_schemas.base.types import Day


class TimesheetReport(DateRange):
    from_date: Day = Field(description="First day.")
    to_date: Day = Field(description="Last day, included.")
    user_id: StaffId | None = Field(None, exclude=True, description="Only this person.")
    client_id: ClientId | None = Field(None, exclude=True, description="Only this client's work.")
    project_id: ProjectId | None = Field(None, exclude=True, description="Only this project.")

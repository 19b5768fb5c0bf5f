"""What the timesheet report takes: a range of days, and whose hours."""

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from tool_schemas.base import Arguments
from tool_schemas.ids import ClientId, ProjectId, StaffId
from tool_schemas.wire import Day


class TimesheetReport(Arguments):
    from_date: Day = Field(description="From.")
    to_date: Day = Field(description="To.")
    user_id: StaffId | None = Field(None, exclude=True, description="From list_staff.")
    client_id: ClientId | None = Field(None, exclude=True, description="From list_clients.")
    project_id: ProjectId | None = Field(None, exclude=True, description="From list_projects.")

    @model_validator(mode="after")
    def _in_order(self) -> "TimesheetReport":
        if self.from_date > self.to_date:
            raise PydanticCustomError("range", "has from_date after to_date")
        return self

"""The arguments of the report on unbilled work: client or project, days, and grouping."""

from typing import Annotated

from pydantic import Field

from tool_schemas.base.grouping import Groups
from tool_schemas.base.ids import ClientId, ProjectId
from tool_schemas.base.periods import PeriodRange
from tool_schemas.base.types import Day, Number

_GROUPS = Groups("client", "month", "project", "person")


class UnbilledReport(PeriodRange):
    client_id: ClientId | None = Field(None, exclude=True, description="Only this client's work.")
    project_id: ProjectId | None = Field(None, exclude=True, description="Only this project.")
    from_date: Day | None = Field(None, description="First day of work or spending; default: all.")
    to_date: Day | None = Field(None, description="Last day, included; default today.")
    min_hours: Number | None = Field(None, description="Only rows with at least so many unbilled hours.")
    group_by: Annotated[str, _GROUPS] = Field("project", description=_GROUPS.description)
    include_completed: bool = Field(default=False, description="true: completed projects too.")

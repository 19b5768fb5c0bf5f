"""The arguments of the report on estimates."""

from typing import Annotated

from pydantic import Field

from tool_schemas.base.grouping import Groups
from tool_schemas.base.ids import ClientId, ProjectId
from tool_schemas.base.periods import PeriodRange

_GROUPS = Groups("client", "month", "status")


class EstimatesReport(PeriodRange):
    usual_period = "last_12_months"
    group_by: Annotated[str, _GROUPS] = Field("status", description=_GROUPS.description)
    client_id: ClientId | None = Field(None, exclude=True, description="Only this client.")
    project_id: ProjectId | None = Field(None, exclude=True, description="Only this project.")

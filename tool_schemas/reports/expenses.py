"""The arguments of the report on expenses: days, whose, and what to group by."""

from typing import Annotated

from pydantic import Field

from tool_schemas.base.grouping import Groups
from tool_schemas.base.ids import ClientId, ProjectId
from tool_schemas.base.periods import PeriodRange

_GROUPS = Groups("project", "month", "client", "person", "description")


class ExpensesReport(PeriodRange):
    usual_period = "this_fiscal_year"
    group_by: Annotated[str, _GROUPS] = Field("project", description=_GROUPS.description)
    billed: bool | None = Field(None, description="true: only billed; false: only unbilled.")
    client_id: ClientId | None = Field(None, exclude=True)
    project_id: ProjectId | None = Field(None, exclude=True)

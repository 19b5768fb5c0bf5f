"""What the report on unbilled work takes: whose, of which days, and what a row is."""

from typing import Annotated, Literal

from pydantic import Field

from tool_schemas.base.ids import ClientId, ProjectId
from tool_schemas.base.models import DateRange
from tool_schemas.base.types import Day, NotABool, Number


class UnbilledReport(DateRange):
    client_id: ClientId | None = Field(None, exclude=True)
    project_id: ProjectId | None = Field(None, exclude=True)
    from_date: Day | None = Field(None, description="From.")
    to_date: Day | None = Field(None, description="Default today.")
    min_hours: Annotated[Number, NotABool] | None = Field(None, description="Per row.")
    group_by: Literal["project", "client"] = Field("project", description="A row for each.")

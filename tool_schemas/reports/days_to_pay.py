"""The arguments of the report on how long clients take to pay."""

from typing import Annotated

from pydantic import Field

from tool_schemas.base.grouping import Groups
from tool_schemas.base.ids import ClientId
from tool_schemas.base.periods import PeriodRange

_GROUPS = Groups("client", "month")


class DaysToPayReport(PeriodRange):
    usual_period = "last_12_months"
    group_by: Annotated[str, _GROUPS] = Field("client", description=_GROUPS.description)
    client_id: ClientId | None = Field(None, exclude=True, description="Only this client.")

"""The arguments of the report on the profit of projects: which ones, days, and the hourly cost of staff."""

from decimal import Decimal
from typing import Annotated

from pydantic import Field

from tool_schemas.base.ids import ClientId, ProjectId, StaffId
from tool_schemas.base.models import StrictModel
from tool_schemas.base.pairs import each_once, from_object
from tool_schemas.base.periods import PeriodRange
from tool_schemas.base.types import Number

Cost = Annotated[Number, Field(ge=0)]


class CostRate(StrictModel):
    """A member of staff and their cost per hour."""

    staff_id: StaffId
    rate: Cost = Field(description="Cost per hour.")


CostRates = Annotated[list[CostRate], each_once("staff_id"), from_object("staff_id", "rate")]


class ProfitabilityReport(PeriodRange):
    project_id: ProjectId | None = Field(None, exclude=True, description="Default: all.")
    client_id: ClientId | None = Field(None, exclude=True)
    include_completed: bool = Field(default=False, description="true: completed projects too.")
    cost_rates: CostRates | None = Field(None, description="Cost per hour of each person.")
    default_cost_rate: Cost | None = Field(None, description="Cost per hour of staff not in cost_rates.")

    def costs(self) -> dict[int, Decimal]:
        """The given costs per hour, by staff id."""
        return {each.staff_id: each.rate for each in self.cost_rates or ()}

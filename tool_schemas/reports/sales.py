"""The arguments of the reports on sales and on taxes: days, and what they count by."""

from typing import Annotated, Literal

from pydantic import Field

from tool_schemas.base.grouping import Groups
from tool_schemas.base.ids import ClientId, ProjectId
from tool_schemas.base.periods import PeriodRange

_GROUPS = Groups("client", "month", "day", "quarter", "year", "project", "currency", "status")


class OnBasis(PeriodRange):
    basis: Literal["invoiced", "received"] = Field("invoiced", description="Invoices by date, or payments by day.")
    client_id: ClientId | None = Field(None, exclude=True)
    project_id: ProjectId | None = Field(None, exclude=True)


class SalesReport(OnBasis):
    usual_period = "this_year"
    group_by: Annotated[str, _GROUPS] = Field("month", description=_GROUPS.description)


class TaxReport(OnBasis):
    usual_period = "last_quarter"

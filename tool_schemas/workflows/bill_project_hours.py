"""The arguments of billing a project's hours: the days, the lines, and the texts of the invoice."""

from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from tool_schemas.base.ids import ClientId, ProjectId
from tool_schemas.base.models import DateRange, Deduplicated, Previewed
from tool_schemas.base.types import Day
from tool_schemas.documents import Percent

GroupBy = Literal["entry", "title", "person", "day", "project"]


class BillProjectHours(DateRange, Previewed, Deduplicated):
    today_by_default = ("date",)
    project_id: ProjectId | None = Field(None, exclude=True)
    client_id: ClientId | None = Field(None, exclude=True, description="Instead: all its hourly projects.")
    from_date: Day | None = Field(None, description="First day worked; default: all.")
    to_date: Day | None = Field(None, description="Last day worked, included; default: all.")
    group_by: GroupBy = Field("entry", description="One invoice line for each, or more where rates differ.")
    include_expenses: bool = Field(default=False, description="true: unbilled expenses of those days as well.")
    date: Day | None = Field(None, description="Invoice date; default today.")
    due_date: Day | None = Field(None, description="Last day to pay; default 30 days after date.")
    tax: Percent | None = Field(None, description="Percent on all lines; default no tax.")
    tax_label: str | None = Field(None, description="Like VAT.")
    note: str | None = Field(None, description="For customers, below the lines.")

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.project_id is None) is (self.client_id is None):
            raise PydanticCustomError("whose", "takes either project_id or client_id")
        return self

"""What billing a project's hours takes: which of them, in which lines, and what the invoice says besides."""

from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from tool_schemas.base import Confirmed, Once
from tool_schemas.documents import Percent
from tool_schemas.projects import OneProject
from tool_schemas.wire import Day

GroupBy = Literal["entry", "title", "person", "day", "project"]


class BillProjectHours(OneProject, Confirmed, Once):
    from_date: Day | None = Field(None, description="From.")
    to_date: Day | None = Field(None, description="To.")
    group_by: GroupBy = Field("entry", description="One line for each.")
    include_expenses: bool = Field(default=False, description="Expenses too.")
    date: Day | None = Field(None, description="Default today.")
    due_date: Day | None = Field(None, description="Default +30 days.")
    tax: Percent | None = Field(None, description="Percent on all lines.")
    tax_label: str | None = Field(None, description="Its name.")
    note: str | None = Field(None, description="Text below.")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.from_date and self.to_date and self.from_date > self.to_date:
            raise PydanticCustomError("range", "needs from_date on or before to_date")
        return self

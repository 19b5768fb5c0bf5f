"""What billing a project's hours takes: which of them, in which lines, and what the invoice says besides."""

from typing import Literal

from pydantic import Field

from tool_schemas.base.models import Confirmed, DateRange, Deduplicated
from tool_schemas.base.types import Day
from tool_schemas.documents import Percent
from tool_schemas.projects import OneProject

GroupBy = Literal["entry", "title", "person", "day", "project"]


class BillProjectHours(OneProject, DateRange, Confirmed, Deduplicated):
    from_date: Day | None = Field(None, description="From.")
    to_date: Day | None = Field(None, description="To.")
    group_by: GroupBy = Field("entry", description="One line for each.")
    include_expenses: bool = Field(default=False, description="Expenses too.")
    date: Day | None = Field(None, description="Default today.")
    due_date: Day | None = Field(None, description="Default +30 days.")
    tax: Percent | None = Field(None, description="Percent on all lines.")
    tax_label: str | None = Field(None, description="Its name.")
    note: str | None = Field(None, description="Text below.")

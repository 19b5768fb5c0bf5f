"""The arguments of billing a project's hours: the days, the lines, and the texts of the invoice."""

from typing import Literal

from pydantic import Field

from tool_schemas.base.models import DateRange, Deduplicated, Previewed
from tool_schemas.base.types import Day
from tool_schemas.documents import Percent
from tool_schemas.projects import OneProject

GroupBy = Literal["entry", "title", "person", "day", "project"]


class BillProjectHours(OneProject, DateRange, Previewed, Deduplicated):
    today_by_default = ("date",)
    from_date: Day | None = Field(None, description="First day worked; default: all.")
    to_date: Day | None = Field(None, description="Last day worked, included; default: all.")
    group_by: GroupBy = Field("entry", description="One invoice line for each, or more where rates differ.")
    include_expenses: bool = Field(default=False, description="true: unbilled expenses of those days as well.")
    date: Day | None = Field(None, description="Invoice date; default today.")
    due_date: Day | None = Field(None, description="Last day to pay; default 30 days after date.")
    tax: Percent | None = Field(None, description="Percent on all lines; default no tax.")
    tax_label: str | None = Field(None, description="Like VAT.")
    note: str | None = Field(None, description="For customers, below the lines.")

"""What the receivables report takes."""

from typing import Annotated, Literal

from pydantic import Field

from tool_schemas.base.ids import ClientId
from tool_schemas.base.models import Arguments
from tool_schemas.base.types import Day, NotABool, Number


class ReceivablesReport(Arguments):
    as_of: Day | None = Field(None, description="Default today.")
    client_id: ClientId | None = Field(None, exclude=True)
    min_total: Annotated[Number, NotABool] | None = Field(None, description="Per currency.")
    min_days_overdue: Annotated[int, Field(ge=0), NotABool] | None = Field(None, description="1: all overdue.")
    group_by: Literal["client", "invoice"] | None = Field(None, description="Default client.")

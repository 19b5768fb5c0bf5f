"""The arguments of the receivables report."""

from typing import Annotated

from pydantic import Field

from tool_schemas.base.grouping import Groups
from tool_schemas.base.ids import ClientId
from tool_schemas.base.models import Arguments
from tool_schemas.base.types import Day, Number

_GROUPS = Groups("client", "month", "invoice")


class ReceivablesReport(Arguments):
    as_of: Day | None = Field(None, description="Balances and ages on this day; default today.")
    client_id: ClientId | None = Field(None, exclude=True, description="Only this client.")
    min_total: Number | None = Field(None, description="Only clients owing at least this in one currency.")
    min_days_overdue: Annotated[int, Field(ge=0)] | None = Field(
        None, description="Only invoices so many days late, or more; default: those not yet due as well."
    )
    group_by: Annotated[str, _GROUPS] = Field("client", description=_GROUPS.description)

"""The arguments of the forecast of what will be received."""

from typing import Literal

from pydantic import Field

from tool_schemas.base.ids import ClientId
from tool_schemas.base.models import Arguments
from tool_schemas.base.types import Day


class CashForecast(Arguments):
    until: Day | None = Field(None, description="Last day; default in 90 days, at most 5 years on.")
    by: Literal["week", "month"] = Field("week", description="One row for each.")
    use_history: bool = Field(default=False, description="true: as late as each client usually pays.")
    client_id: ClientId | None = Field(None, exclude=True, description="Only this client.")

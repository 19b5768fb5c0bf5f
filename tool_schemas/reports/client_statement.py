"""The arguments of a client's statement of account."""

from pydantic import Field

from tool_schemas.base.ids import ClientId
from tool_schemas.base.periods import PeriodRange
from tool_schemas.base.types import Currency


class ClientStatement(PeriodRange):
    usual_period = "this_year"
    client_id: ClientId = Field(exclude=True)
    currency_code: Currency | None = Field(None, description="Only this currency.")

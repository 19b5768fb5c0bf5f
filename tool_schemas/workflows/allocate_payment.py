"""The arguments of dividing one sum of money among the open invoices of a client."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from tool_schemas.base.ids import returned_by
from tool_schemas.base.models import Previewed
from tool_schemas.base.types import Currency, Day, Id, Number
from tool_schemas.clients import OneClient


class AllocatePayment(OneClient, Previewed):
    today_by_default = ("received_on",)
    amount: Number = Field(description="The whole sum received.")
    currency_code: Currency | None = Field(None, description="If it owes in several.")
    received_on: Day | None = Field(None, description="Day the money came; default today.")
    note: str | None = Field(None, description="Reference, like Check 123.")
    order: Literal["oldest", "largest", "smallest"] = Field("oldest", description="Which are paid first.")
    invoice_ids: Annotated[list[Id], Field(max_length=200), returned_by("list_invoices")] | None = Field(
        None, description="Instead of order: only these, in turn."
    )

    @model_validator(mode="after")
    def _one_order(self) -> Self:
        if self.invoice_ids is not None and self.order != "oldest":
            raise PydanticCustomError("order", "takes either order or invoice_ids")
        return self

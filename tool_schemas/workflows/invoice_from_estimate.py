"""The arguments of turning an estimate into an invoice; everything else comes from the estimate."""

from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from tool_schemas.base.models import Confirmed, Deduplicated
from tool_schemas.base.types import Day
from tool_schemas.documents import Percent
from tool_schemas.estimates import OneEstimate
from tool_schemas.invoices import DueDate


class CreateInvoiceFromEstimate(OneEstimate, Confirmed, Deduplicated):
    today_by_default = ("date",)
    due_date: DueDate
    date: Day | None = Field(None, description="Invoice date; default today.")
    number: str | None = Field(None, description="Unique; default the next.")
    percent: Annotated[Percent, Field(gt=0)] | None = Field(None, description="Only a part, like 30; default all.")
    label: str | None = Field(None, description="With percent: the text of the line, like Deposit.")

    @model_validator(mode="after")
    def _label_of_a_part(self) -> Self:
        if self.label is not None and self.percent is None:
            raise PydanticCustomError("label", "takes label only with percent")
        return self

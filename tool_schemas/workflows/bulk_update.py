"""The arguments of changing many records alike: which tool, which records, which fields."""

from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from tool_schemas.base.models import Previewed
from tool_schemas.base.pairs import NamedValues
from tool_schemas.base.types import Id

MOST_RECORDS = 200


class BulkUpdate(Previewed):
    tool: str = Field(description="Name of an update tool.")
    where: NamedValues | None = Field(None, description="Filters of its list tool.")
    ids: Annotated[list[Id], Field(max_length=MOST_RECORDS)] | None = Field(None, description="Instead of where.")
    changes: NamedValues = Field(min_length=1, description="Arguments of tool; rate also as +5%.")

    @model_validator(mode="after")
    def _one_choice(self) -> Self:
        if (self.where is None) == (self.ids is None):
            raise PydanticCustomError("choice", "takes either where or ids, which say which records are meant")
        return self

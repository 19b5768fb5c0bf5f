"""The arguments of changing many records at once: which records, by filters or ids, and what of each."""

from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from tool_schemas.base.models import Previewed
from tool_schemas.base.pairs import NamedValues
from tool_schemas.base.types import Id

MOST = 200
"""Records of one call."""


class BulkUpdate(Previewed):
    tool: str = Field(description="Name of an update tool.")
    changes: NamedValues = Field(description="Its arguments, for every record; rate also as +5%.")
    where: NamedValues | None = Field(None, description="Filters of its list tool, like client_id.")
    ids: Annotated[list[Id], Field(max_length=MOST)] | None = Field(None, description="Instead of where.")

    @model_validator(mode="after")
    def _one_choice(self) -> Self:
        if (self.where is None) is (self.ids is None):
            raise PydanticCustomError("which", "takes either where or ids")
        if not self.changes:
            raise PydanticCustomError("which", "takes at least one of changes")
        return self

"""The arguments of taking back what was changed."""

from typing import Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from tool_schemas.base.models import Confirmed


class Undo(Confirmed):
    action_id: str | None = Field(None, description="From a call without it.")

    @model_validator(mode="after")
    def _one_action(self) -> Self:
        if self.confirm and self.action_id is None:
            raise PydanticCustomError("action", "needs action_id with confirm; call without both to list the actions")
        return self

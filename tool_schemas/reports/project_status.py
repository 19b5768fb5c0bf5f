"""The arguments of the report on projects and their budgets."""

from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from tool_schemas.base.ids import ClientId, ProjectId
from tool_schemas.base.models import Arguments
from tool_schemas.base.types import Number


def _percent(given: Decimal) -> Decimal:
    if 0 < given < 1:
        meant = f"{(given * 100).normalize():f}"
        raise PydanticCustomError(
            "percent", "takes percent: {given} is {given} percent, say {meant}", {"given": given, "meant": meant}
        )
    return given


Threshold = Annotated[Number, Field(ge=0), AfterValidator(_percent)]


class ProjectStatus(Arguments):
    project_id: ProjectId | None = Field(None, exclude=True, description="Only this one, whatever it used.")
    client_id: ClientId | None = Field(None, exclude=True, description="Only this client's.")
    threshold: Threshold = Field(
        80, validate_default=True, description="Percent of the budget used: 80 is 80 %; 0: all."
    )
    include_completed: bool = Field(default=False, description="true: completed projects too.")
    by_person: bool = Field(default=False, description="true: hours of each person; always with project_id.")

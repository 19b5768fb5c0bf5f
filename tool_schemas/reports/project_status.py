"""What the report on projects and their budgets takes."""

from typing import Annotated

from pydantic import Field

from tool_schemas.base.ids import ClientId, ProjectId
from tool_schemas.base.models import Arguments
from tool_schemas.base.types import NotABool, Number

Threshold = Annotated[Number, Field(ge=0), NotABool]


class ProjectStatus(Arguments):
    project_id: ProjectId | None = Field(None, exclude=True)
    client_id: ClientId | None = Field(None, exclude=True)
    threshold: Threshold = Field(80, validate_default=True, description="Percent used; 0: all.")
    by_person: bool = Field(default=False, description="Hours of each person.")

"""Lists of the whole account that can be asked for one client's or one project's records, which are fewer pages."""

from typing import Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from tool_schemas.base.ids import ClientId, ProjectId
from tool_schemas.base.models import Arguments

_PARENTS = ("client", "project")


class Scoped(Arguments):
    """A list that Clientary also has under a client or a project."""

    def path(self, plural: str) -> str | None:
        """Where the records of that client or project are; None for those of the whole account."""
        ids = ((parent, getattr(self, f"{parent}_id", None)) for parent in _PARENTS)
        return next((f"{parent}s/{number}/{plural}" for parent, number in ids if number), None)


class OfClient(Scoped):
    client_id: ClientId | None = Field(None, exclude=True)


class OfProject(Scoped):
    project_id: ProjectId | None = Field(None, exclude=True)


class OfClientOrProject(OfClient, OfProject):
    @model_validator(mode="after")
    def _of_one(self) -> Self:
        if self.client_id and self.project_id:
            raise PydanticCustomError("scope", "has both client_id and project_id; give project_id alone")
        return self

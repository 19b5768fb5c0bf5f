"""What turning a lead into a client takes: the lead, and the project and the tasks to begin with."""

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationError, create_model
from pydantic_core import PydanticCustomError

from tool_schemas.base.ids import ClientId
from tool_schemas.base.models import Arguments, Confirmed
from tool_schemas.base.types import AsJsonText
from tool_schemas.base.validation import describe_errors
from tool_schemas.leads import OneLead
from tool_schemas.projects import CreateProject
from tool_schemas.tasks import CreateTask


def _less(arguments: type[Arguments], *names: str) -> type[Arguments]:
    """These arguments without some, which the job knows itself."""
    fields: dict[str, Any] = {
        name: (field.annotation, field) for name, field in arguments.model_fields.items() if name not in names
    }
    return create_model(arguments.__name__, __base__=Arguments, **fields)


NewProject = _less(CreateProject, "client_id", "allow_duplicate")
NewTask = _less(CreateTask, "client_id", "project_id", "allow_duplicate")


def _as(kind: type[Arguments]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def check(given: dict[str, Any]) -> dict[str, Any]:
        try:
            kind.model_validate(given)
        except ValidationError as error:
            raise PydanticCustomError("part", "is wrong: {why}", {"why": describe_errors(error, kind)}) from None
        return given

    return check


class ConvertLead(OneLead, Confirmed):
    """`project` and `tasks` are checked as what they make, and published as objects: they are described elsewhere."""

    project: Annotated[dict[str, Any], AsJsonText, AfterValidator(_as(NewProject))] | None = Field(
        None, description="name, rate and the other fields of a project."
    )
    tasks: Annotated[list[Annotated[dict[str, Any], AsJsonText, AfterValidator(_as(NewTask))]], AsJsonText] | None = (
        Field(None, max_length=100, description="Tasks to create: title, due_date?, assignee_id?, description?.")
    )
    client_id: ClientId | None = Field(None, exclude=True, description="To continue after a failure: the client made.")

    def new_project(self) -> Arguments | None:
        """The project to set up."""
        return None if self.project is None else NewProject.model_validate(self.project)

    def new_tasks(self) -> list[Arguments]:
        """The tasks to set up, in their order."""
        return [NewTask.model_validate(task) for task in self.tasks or []]

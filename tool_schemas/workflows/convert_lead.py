"""The arguments of turning a lead into a client: the lead, and the project and the tasks to begin with."""

from typing import Annotated

from pydantic import Field

from tool_schemas.base.ids import ClientId
from tool_schemas.base.models import Previewed
from tool_schemas.leads import OneLead
from tool_schemas.projects import NewProject
from tool_schemas.tasks import NewTask


class ConvertLead(OneLead, Previewed):
    project: NewProject | None = Field(None, description="A project to create for the client.")
    tasks: Annotated[list[NewTask], Field(max_length=100)] | None = Field(None, description="Tasks to create.")
    client_id: ClientId | None = Field(None, exclude=True, description="To continue after a failure: the client made.")

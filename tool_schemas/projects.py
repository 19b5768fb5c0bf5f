"""Projects: work for a client, billed by the hour or at a fixed price, with or without a budget."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field

from tool_schemas.base.filters import ByDay, ByQuery
from tool_schemas.base.ids import ClientId, ProjectId
from tool_schemas.base.models import Arguments, Confirmed, Deduplicated, Fields, PartialUpdate, Record
from tool_schemas.base.parsing import LenientModel
from tool_schemas.base.scopes import OfClient
from tool_schemas.base.statuses import ByStatus, StatusWords
from tool_schemas.base.types import Codes, Currency, Day, Filled, Number
from tool_schemas.clients import OneClient

Status = Annotated[Literal["active", "completed", "billable"], Codes(active=1, completed=2, billable=4)]
IN_WORK = ("active", "billable")
"""The statuses of projects that are not completed."""
ProjectType = Annotated[Literal["hourly", "fixed"], Codes(hourly=0, fixed=2)]
BudgetType = Annotated[Literal["hours", "amount"], Codes(hours=0, amount=1)]
Rate = Annotated[Number, Field(description="Per hour, or the whole price if project_type is fixed.")]


class ProjectFields(Fields):
    """All fields except the client."""

    number: str | None = Field(None, description="Your reference; unique.")
    description: str | None = Field(None, description="What it is about.")
    project_type: ProjectType | None = Field(None, description="Default hourly; decides what rate means.")
    budget_type: BudgetType | None = Field(None, description="Whether budget is hours or money.")
    budget: Number | None = Field(None, description="In hours or money, as budget_type says.")
    currency_code: Currency | None = None
    end_date: Day | None = Field(None, description="Planned last day.")
    status: Status | None = Field(
        None, description="active and billable are open; completed is closed, keeping everything."
    )


class ForClient(Fields):
    client_id: ClientId | None = None


class ClientInProject(LenientModel):
    """The client, as an object in a project's response."""

    id: int | None = None
    name: str | None = None


class Project(ProjectFields, ForClient, Record):
    """Clientary §5.4. Hours are decimal; cost, rate and an amount budget are in `currency_code`."""

    wrapper, plural = "project", "projects"
    page_size = 20
    query: ClassVar[dict[str, str | int]] = {"filter": "all"}
    day = "end_date"
    summary_fields = (
        "id", "name", "number", "client_id", "client_name", "status", "project_type", "rate", "budget_type", "budget",
        "worked_hours", "unbilled_hours", "currency_code", "end_date",
    )  # fmt: skip

    name: str | None = None
    rate: Decimal | None = None
    client_name: str | None = None
    worked_hours: Decimal | None = None
    unbilled_hours: Decimal | None = None
    cost: Decimal | None = None
    credits: Decimal | None = None
    credit_percentage: Decimal | None = None
    unbilled_credit_amount: Decimal | None = None
    client: ClientInProject | None = None

    @classmethod
    def read(cls, sent: Mapping[str, Any]) -> Self:
        """The project; its client, whether sent as an object or an id, is read as `client_id`."""
        project = super().read(sent)
        if isinstance(project.client, ClientInProject):
            project.client_id = project.client_id or project.client.id
            project.client_name = project.client.name
        return project


class ProjectFilters(ByStatus, ByDay, ByQuery):
    statuses = StatusWords(Status, opened=IN_WORK)
    from_date: Day | None = Field(None, exclude=True, description="Ending from this day on.")
    to_date: Day | None = Field(None, exclude=True, description="Ending until this day.")


class ListProjects(OfClient, ProjectFilters):
    include_completed: bool = Field(default=False, exclude=True, description="true: completed ones too.")

    @property
    def _hides_completed(self) -> bool:
        """Whether completed projects are left out here: under a client, Clientary may list them as well."""
        return self.client_id is not None and not self.include_completed and self.status is None

    @property
    def narrows(self) -> bool:
        """Also where completed projects are left out."""
        return super().narrows or self._hides_completed

    def wants(self, record: Record) -> bool:
        """Whether it is not one of the completed that are left out."""
        return super().wants(record) and not (self._hides_completed and self.status_of(record) == "completed")


class ListClientProjects(OneClient, ProjectFilters): ...


class OneProject(Arguments):
    project_id: ProjectId = Field(exclude=True)


class GetProject(OneProject): ...


class NewProject(ProjectFields, Arguments):
    name: Filled = Field(description="How people call the project.")
    rate: Rate


class CreateProject(Deduplicated, NewProject, ForClient):
    usual = (("project_type", "hourly"),)


class UpdateProject(ProjectFields, ForClient, OneProject, PartialUpdate):
    name: Filled | None = Field(None, description="How people call the project.")
    rate: Rate | None = None


class DeleteProject(Confirmed, OneProject): ...

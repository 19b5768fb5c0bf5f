"""Tasks: things to do, alone or on a project."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from tool_schemas.base.filters import ByDay, ByDue, ByQuery
from tool_schemas.base.ids import ClientId, ProjectId, StaffId, TaskId
from tool_schemas.base.models import Arguments, Confirmed, Deduplicated, Fields, PartialUpdate, Record
from tool_schemas.base.scopes import OfProject
from tool_schemas.base.statuses import OPEN, ByStatus, StatusWords
from tool_schemas.base.types import Day, Filled
from tool_schemas.projects import OneProject

Title = Annotated[Filled, Field(description="What is to be done.")]


class TaskFields(Fields):
    """All fields except the project and the client."""

    assignee_id: StaffId | None = Field(None, description="Who does it.")
    description: str | None = Field(None, description="More about it.")
    due_date: Day | None = Field(None, description="Last day to do it.")


class TaskLinks(Fields):
    project_id: ProjectId | None = None
    client_id: ClientId | None = None


class Task(TaskFields, TaskLinks, Record):
    """Clientary §5.6."""

    wrapper, plural = "task", "tasks"
    page_size = 50
    day = "due_date"
    summary_fields = ("id", "title", "project_id", "client_id", "assignee_id", "due_date", "complete")

    title: str | None = None
    complete: bool | None = None
    user_id: int | None = None
    completed_at: datetime | None = None

    @classmethod
    def renamed(cls) -> dict[str, str]:
        return {"completed": "complete"}


class TaskFilters(ByStatus, ByDue, ByDay, ByQuery):
    same = ("assignee_id", "complete")
    statuses = StatusWords(Literal["done"], means="not done")
    assignee_id: StaffId | None = Field(None, exclude=True, description="Only this person's.")
    complete: bool | None = Field(None, exclude=True, description="true: done; false: open.")
    from_date: Day | None = Field(None, exclude=True, description="Due from this day on.")
    to_date: Day | None = Field(None, exclude=True, description="Due until this day.")

    def status_of(self, record: Record) -> str | None:
        """Open or done, by `complete`: tasks have no status of Clientary's."""
        complete = getattr(record, "complete", None)
        return None if complete is None else "done" if complete else OPEN

    def deciding_fields(self, kind: type[Record]) -> set[str]:
        """`complete` in place of the status."""
        fields = super().deciding_fields(kind)
        return fields - {"status"} | {"complete"} if self.status else fields


class ListTasks(OfProject, TaskFilters): ...


class ListProjectTasks(OneProject, TaskFilters): ...


class OneTask(Arguments):
    task_id: TaskId = Field(exclude=True)


class GetTask(OneTask): ...


class NewTask(TaskFields, Arguments):
    title: Title


class CreateTask(Deduplicated, NewTask, TaskLinks): ...


class UpdateTask(TaskFields, TaskLinks, OneTask, PartialUpdate):
    title: Title | None = None
    complete: bool | None = Field(None, description="true: done; false: open again.")


class DeleteTask(Confirmed, OneTask): ...

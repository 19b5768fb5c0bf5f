"""Tasks: things to do, alone or on a project."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from tool_schemas.base.filters import ByDay, ByDue, ByQuery
from tool_schemas.base.ids import ClientId, ProjectId, StaffId, TaskId
from tool_schemas.base.models import Arguments, Confirmed, Deduplicated, Fields, PartialUpdate, Record
from tool_schemas.base.types import Day, Filled
from tool_schemas.projects import OneProject

Title = Annotated[Filled, Field(description="What to do.")]


class TaskFields(Fields):
    project_id: ProjectId | None = None
    client_id: ClientId | None = None
    assignee_id: StaffId | None = None
    description: str | None = Field(None, description="Details.")
    due_date: Day | None = Field(None, description="Due day.")


class Task(TaskFields, Record):
    """Clientary §5.6."""

    wrapper, plural = "task", "tasks"
    day = "due_date"
    summary_fields = ("id", "title", "project_id", "client_id", "assignee_id", "due_date", "complete")

    title: str | None = None
    complete: bool | None = None
    user_id: int | None = None
    completed_at: datetime | None = None

    @classmethod
    def renamed(cls) -> dict[str, str]:
        return {"completed": "complete"}


class TaskFilters(ByDue, ByDay, ByQuery):
    same = ("assignee_id", "complete")
    assignee_id: StaffId | None = Field(None, exclude=True)
    complete: bool | None = Field(None, exclude=True, description="Done.")
    from_date: Day | None = Field(None, exclude=True, description="Due.")
    to_date: Day | None = Field(None, exclude=True, description="Due.")


class ListTasks(TaskFilters): ...


class ListProjectTasks(OneProject, TaskFilters): ...


class OneTask(Arguments):
    task_id: TaskId = Field(exclude=True)


class GetTask(OneTask): ...


class CreateTask(Deduplicated, TaskFields):
    title: Title


class UpdateTask(TaskFields, OneTask, PartialUpdate):
    title: Title | None = None
    complete: bool | None = Field(None, description="true: done; false: open again.")


class DeleteTask(Confirmed, OneTask): ...

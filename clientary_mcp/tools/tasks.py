"""Tools for tasks."""

from functools import partial

from clientary_mcp.api.session import Clientary
from clientary_mcp.tools.decorators import creates, deletes, lists, reads, updates
from clientary_mcp.tools.support.listing import Listing
from clientary_mcp.tools.support.previews import done, preview_delete
from tool_schemas.base.results import Outcome
from tool_schemas.base.sentences import Mention
from tool_schemas.tasks import CreateTask, DeleteTask, GetTask, ListProjectTasks, ListTasks, Task, UpdateTask


@lists("tasks")
def list_tasks(clientary: Clientary, args: ListTasks) -> Listing[Task]:
    """List all tasks, open and done."""
    return Listing(clientary, Task, args, args.path("tasks"))


@lists("tasks")
def list_project_tasks(clientary: Clientary, args: ListProjectTasks) -> Listing[Task]:
    """List the tasks of one project, open and done."""
    return Listing(clientary, Task, args, f"projects/{args.project_id}/tasks")


@reads("tasks")
async def get_task(clientary: Clientary, args: GetTask) -> Task:
    """Read one task in full."""
    return await clientary.get(Task, f"tasks/{args.task_id}")


@creates("tasks", checked_with="list_tasks")
async def create_task(clientary: Clientary, args: CreateTask) -> Task:
    """Add a task, on its own or for a project, a client or a staff member."""
    # The vendor documents POST /task, other clients use /tasks; where one is missing, the 404 created nothing.
    narrowest = f"projects/{args.project_id}/tasks" if args.project_id else "tasks"
    return await clientary.create(
        Task, "tasks", args.body(), otherwise="task", listed=partial(clientary.list_all, Task, narrowest)
    )


@updates("tasks", checked_with="get_task")
async def update_task(clientary: Clientary, args: UpdateTask) -> Task:
    """Change the given fields of a task. complete=true marks it done."""
    body = args.body()
    if args.complete is not None:
        body["completed"] = args.complete  # requests take `completed`, responses carry `complete`
    return await clientary.update(Task, f"tasks/{args.task_id}", body, read_back=args.complete is not None)


@deletes(
    "tasks",
    preview_delete(
        Task,
        remarks=lambda task: {
            "not_visible": "Comments on it, which the API does not show, may go too.",
            "alternative": Mention(
                f"update_task with task_id={task.id}, complete=true marks it done and keeps it.", "update_task"
            ),
        },
    ),
    checked_with="get_task",
    mentions=Mention("update_task with complete=true marks it done instead.", "update_task"),
)
async def delete_task(clientary: Clientary, args: DeleteTask) -> Outcome:
    """Delete a task for good."""
    await clientary.delete(f"tasks/{args.task_id}")
    return done(f"Task {args.task_id} is deleted.")


TOOLS = (list_tasks, list_project_tasks, get_task, create_task, update_task, delete_task)

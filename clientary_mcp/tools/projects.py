"""Tools for projects."""

from functools import partial

from clientary_mcp.api.session import Clientary
from clientary_mcp.tools.decorators import creates, deletes, lists, reads, updates
from clientary_mcp.tools.support.listing import Listing
from clientary_mcp.tools.support.previews import count_dependents, done, preview
from tool_schemas.base.results import Outcome
from tool_schemas.base.sentences import Mention
from tool_schemas.estimates import Estimate
from tool_schemas.expenses import Expense
from tool_schemas.hours import HourEntry
from tool_schemas.invoices import Invoice
from tool_schemas.projects import (
    CreateProject,
    DeleteProject,
    GetProject,
    ListClientProjects,
    ListProjects,
    Project,
    UpdateProject,
)
from tool_schemas.tasks import Task


@lists("projects")
def list_projects(clientary: Clientary, args: ListProjects) -> Listing[Project]:
    """List open projects with budgets and hours. Completed ones appear only with include_completed=true or
    status=completed."""
    query = {"filter": "all" if args.include_completed or "completed" in (args.status or ()) else None}
    return Listing(clientary, Project, args, args.path("projects"), query)


@lists("projects", mentions=Mention("list_projects includes those with include_completed=true.", "list_projects"))
def list_client_projects(clientary: Clientary, args: ListClientProjects) -> Listing[Project]:
    """List the projects of one client; completed ones may be missing."""
    return Listing(clientary, Project, args, f"clients/{args.client_id}/projects")


@reads("projects", mentions=Mention("Single entries are in list_project_hours.", "list_project_hours"))
async def get_project(clientary: Clientary, args: GetProject) -> Project:
    """Read one project: rate, budget, worked_hours, unbilled_hours and cost so far."""
    return await clientary.get(Project, f"projects/{args.project_id}")


@creates("projects", checked_with="list_projects")
async def create_project(clientary: Clientary, args: CreateProject) -> Project:
    """Create a project, to log hours and expenses on."""
    narrowest = f"clients/{args.client_id}/projects" if args.client_id else "projects"
    query = None if args.client_id else {"filter": "all"}
    return await clientary.create(
        Project, "projects", args.body(), listed=partial(clientary.list_all, Project, narrowest, query)
    )


@updates("projects", checked_with="get_project")
async def update_project(clientary: Clientary, args: UpdateProject) -> Project:
    """Change the given fields of a project. status=completed closes it, reversibly."""
    return await clientary.update(Project, f"projects/{args.project_id}", args.body())


async def _preview_delete_project(clientary: Clientary, args: DeleteProject) -> Outcome:
    path = f"projects/{args.project_id}"
    project = await clientary.get(Project, path)
    return preview(
        f"delete project {project.id} for good, with all its tasks and logged hours",
        project,
        goes_with_it=await count_dependents(
            clientary, {"tasks": (Task, f"{path}/tasks"), "hours": (HourEntry, f"{path}/hours")}
        )
        | {
            "possibly": await count_dependents(
                clientary,
                {
                    "expenses": (Expense, f"{path}/expenses"),
                    "invoices": (Invoice, f"{path}/invoices"),
                    "estimates": (Estimate, f"{path}/estimates"),
                },
            )
        },
        not_visible=(
            "Comments and notes are deleted too. Clientary's documentation is contradictory about the project's"
            " expenses, invoices and estimates; only this fiscal year's expenses are counted."
        ),
        alternative=Mention(
            f"update_project with project_id={project.id}, status=completed closes it and keeps everything.",
            "update_project",
        ),
    )


@deletes(
    "projects",
    _preview_delete_project,
    checked_with="get_project",
    mentions=Mention("update_project with status=completed closes it and keeps them.", "update_project"),
)
async def delete_project(clientary: Clientary, args: DeleteProject) -> Outcome:
    """Delete a project for good, with all its tasks, logged hours, comments and notes."""
    await clientary.delete(f"projects/{args.project_id}")
    return done(f"Project {args.project_id} is deleted, with its tasks, hours, comments and notes.")


TOOLS = (
    list_projects,
    list_client_projects,
    get_project,
    create_project,
    update_project,
    delete_project,
)

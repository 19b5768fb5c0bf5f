"""How much of a project's budget is used, what remains, and the percentage."""

from decimal import Decimal
from typing import Any

from clientary_mcp.accounting.money import percentage
from tool_schemas.projects import Project


def reported_use(project: Project) -> Decimal | None:
    """How much of the budget is used according to Clientary; None where it reports none, or for other budget types."""
    return {"hours": project.worked_hours, "amount": project.cost}.get(project.budget_type or "")


def budget_figures(project: Project, used: Decimal | None) -> dict[str, Any]:
    """`{budget_type, budget, used, remaining, percentage}`, or `{budget: "no budget"}`."""
    if not project.budget:
        return {"budget": "no budget"}
    budget = {"budget_type": project.budget_type, "budget": project.budget}
    if used is None:
        return budget
    left, share = project.budget - used, percentage(used, project.budget)
    return {**budget, "used": used, "remaining": left, "percentage": share}

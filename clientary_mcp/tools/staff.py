"""Tools for staff."""

from clientary_mcp.api.session import Clientary
from clientary_mcp.tools.decorators import reads
from clientary_mcp.tools.support.listing import listed
from tool_schemas.base.results import Page
from tool_schemas.staff import GetStaff, ListStaff, Staff


@reads("staff")
async def list_staff(clientary: Clientary, args: ListStaff) -> Page[Staff]:
    """List staff; their id is the user_id of hours and the assignee_id of tasks."""
    return await listed(clientary, Staff, "staff", args)


@reads("staff")
async def get_staff(clientary: Clientary, args: GetStaff) -> Staff:
    """Read one staff member. Staff cannot be added or changed."""
    return await clientary.get(Staff, f"staff/{args.staff_id}")


TOOLS = (list_staff, get_staff)

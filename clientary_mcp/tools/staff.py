"""Tools for staff."""

from clientary_mcp.api.session import Clientary
from clientary_mcp.tools.decorators import lists, reads
from clientary_mcp.tools.support.listing import Listing
from tool_schemas.staff import GetStaff, ListStaff, Staff


@lists("staff")
def list_staff(clientary: Clientary, args: ListStaff) -> Listing[Staff]:
    """List staff; their id is the user_id of hours and the assignee_id of tasks."""
    return Listing(clientary, Staff, args)


@reads("staff")
async def get_staff(clientary: Clientary, args: GetStaff) -> Staff:
    """Read one staff member. Staff cannot be added or changed."""
    return await clientary.get(Staff, f"staff/{args.staff_id}")


TOOLS = (list_staff, get_staff)

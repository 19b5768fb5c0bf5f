"""Staff: the users of the account, who log hours and are assigned tasks."""

from pydantic import Field

from tool_schemas.base.filters import ByQuery
from tool_schemas.base.ids import StaffId
from tool_schemas.base.models import Arguments, Record


class Staff(Record):
    """Clientary §5.13. Its id is the user_id of hours and the assignee_id of tasks."""

    wrapper, plural = "staff", "staff"
    summary_fields = ("id", "name", "email", "title", "phone")

    name: str | None = None
    email: str | None = None
    title: str | None = None
    phone: str | None = None
    ext: str | None = None
    mobile: str | None = None


class ListStaff(ByQuery): ...


class GetStaff(Arguments):
    staff_id: StaffId = Field(exclude=True)

"""The arguments of the list of changes: a start, or the cursor that the last answer returned."""

from typing import Annotated

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from tool_schemas.base.models import Arguments
from tool_schemas.reports.cursor import Cursor, Type, second_of


def _a_moment(given: str) -> str:
    try:
        second_of(given)
    except (ValueError, OverflowError):
        raise PydanticCustomError("since", "takes a day or a time, like 2026-11-01 or 2026-11-01T09:30:00Z") from None
    return given


def _a_cursor(given: str) -> str:
    try:
        Cursor.read(given)
    except (ValueError, IndexError):
        raise PydanticCustomError(
            "cursor", "takes the cursor of an earlier answer, whole and unchanged; since begins anew"
        ) from None
    return given


class ListChanges(Arguments):
    since: Annotated[str, AfterValidator(_a_moment)] | None = Field(
        None, description="YYYY-MM-DD (midnight UTC) or an ISO 8601 time."
    )
    cursor: Annotated[str, AfterValidator(_a_cursor)] | None = Field(
        None, description="Of the last answer, unchanged; instead of since."
    )
    types: list[Type] | None = Field(None, description="Kinds of records; default all.")

    @model_validator(mode="after")
    def _from_one_of_both(self) -> "ListChanges":
        if self.since is not None and self.cursor is not None:
            raise PydanticCustomError("since", "takes since or cursor, not both")
        if self.types and self.cursor and set(self.types) != set(Cursor.read(self.cursor).types):
            raise PydanticCustomError("types", "takes types only without cursor: a cursor continues with its own")
        return self

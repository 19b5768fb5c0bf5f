"""What bringing contacts into clients takes: rows, each of which may be wrong for itself."""

from typing import Annotated, Any

from pydantic import Field, ValidationError

from tool_schemas.base.ids import ClientId
from tool_schemas.base.models import Arguments, Confirmed
from tool_schemas.base.types import AsJsonText, Email, Filled
from tool_schemas.base.validation import describe_errors
from tool_schemas.contacts import ContactFields


class NewContact(ContactFields, Arguments):
    """One row: a person, and the client by its id or its name."""

    client_id: ClientId | None = Field(None, exclude=True)
    client: Filled | None = Field(None, exclude=True)
    name: Filled
    email: Email


class ImportContacts(Confirmed):
    """Rows are published as objects: what is wrong with one is its own outcome, and refuses no other."""

    rows: Annotated[list[Annotated[dict[str, Any], AsJsonText]], AsJsonText] = Field(
        min_length=1,
        max_length=500,
        description="Up to 500, each: client_id or client (its name), name, email, title?, phone?, ext?, mobile?.",
    )

    def read(self) -> list[NewContact | str]:
        """The rows in their order; in place of a wrong one, what is wrong with it."""
        return [_read(row) for row in self.rows]


def _read(row: dict[str, Any]) -> NewContact | str:
    try:
        read = NewContact.model_validate(row)
    except ValidationError as error:
        return describe_errors(error, NewContact)
    return read if (read.client_id is None) != (read.client is None) else "needs client_id or client, one of the two"

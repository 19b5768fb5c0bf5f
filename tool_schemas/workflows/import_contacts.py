"""The arguments of importing contacts: rows, each of which is checked by itself."""

from typing import Annotated, Any

from pydantic import Field, ValidationError

from tool_schemas.base.ids import ClientId
from tool_schemas.base.models import Arguments, Previewed
from tool_schemas.base.types import Email, Filled, PublishedAs
from tool_schemas.base.validation import describe_errors
from tool_schemas.contacts import ContactFields


class NewContact(ContactFields, Arguments):
    """One row: a contact, and its client by id or by name."""

    client_id: ClientId | None = Field(None, exclude=True)
    client: Filled | None = Field(None, exclude=True, description="Instead of client_id: the client's name.")
    name: Filled = Field(description="First and last name.")
    email: Email = Field(description="One address, like ana@example.com.")


class ImportContacts(Previewed):
    """Rows are accepted unchecked: an invalid one is reported, and the others are imported."""

    rows: Annotated[list[dict[str, Any]], PublishedAs(list[NewContact])] = Field(
        min_length=1, max_length=500, description="One row a person, up to 500."
    )

    def read(self) -> list[NewContact | str]:
        """The rows in order, with the mistakes in place of an invalid one."""
        return [_read(row) for row in self.rows]


def _read(row: dict[str, Any]) -> NewContact | str:
    try:
        read = NewContact.checked(row)
    except ValidationError as error:
        return describe_errors(error, NewContact)
    return read if (read.client_id is None) != (read.client is None) else "needs client_id or client, one of the two"

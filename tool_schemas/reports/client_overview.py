"""The arguments of a client's overview: its id, or the e-mail address of one of its contacts."""

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from tool_schemas.base.ids import ClientId
from tool_schemas.base.models import Arguments
from tool_schemas.base.types import Email


class ClientOverview(Arguments):
    client_id: ClientId | None = Field(None, exclude=True)
    email: Email | None = Field(None, description="A contact's address, instead of client_id.")

    @model_validator(mode="after")
    def _one_of_them(self) -> "ClientOverview":
        if (self.client_id is None) == (self.email is None):
            raise PydanticCustomError("one_of", "takes client_id or email, one of the two")
        return self

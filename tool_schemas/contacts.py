"""Contacts: the people at a client."""

from typing import ClassVar

from pydantic import Field

from tool_schemas.base.filters import ByQuery
from tool_schemas.base.ids import ClientId, ContactId
from tool_schemas.base.models import Arguments, Confirmed, Deduplicated, Fields, PartialUpdate, Record
from tool_schemas.base.scopes import OfClient
from tool_schemas.base.types import Email, Filled
from tool_schemas.clients import OneClient


class ContactFields(Fields):
    title: str | None = Field(None, description="Job title.")
    phone: str | None = Field(None, description="Landline, without ext.")
    ext: str | None = Field(None, description="Extension of phone.")
    mobile: str | None = Field(None, description="Cell phone.")


class Contact(ContactFields, Record):
    """Clientary §5.2."""

    wrapper, plural = "client_user", "contacts"
    page_size = 10
    query: ClassVar[dict[str, str | int]] = {"page_size": 100}
    summary_fields = ("id", "client_id", "lead_id", "name", "email", "title", "phone", "mobile")

    client_id: ClientId | None = None
    name: str | None = None
    email: str | None = None


class ListContacts(OfClient, ByQuery): ...


class ListClientContacts(OneClient, ByQuery): ...


class OneContact(Arguments):
    contact_id: ContactId = Field(exclude=True)


class GetContact(OneContact): ...


class CreateContact(Deduplicated, ContactFields, OneClient):
    name: Filled = Field(description="First and last name.")
    email: Email = Field(description="One address, like ana@example.com.")


class UpdateContact(ContactFields, OneContact, PartialUpdate):
    name: Filled | None = Field(None, description="First and last name.")
    email: Email | None = Field(None, description="One address, like ana@example.com.")


class DeleteContact(Confirmed, OneContact): ...

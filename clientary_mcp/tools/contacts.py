"""Tools for contacts."""

from clientary_mcp.api.session import Clientary
from clientary_mcp.tools.decorators import creates, deletes, lists, reads, updates
from clientary_mcp.tools.support.listing import Listing
from clientary_mcp.tools.support.previews import done, preview_delete
from tool_schemas.base.results import Outcome
from tool_schemas.contacts import (
    Contact,
    CreateContact,
    DeleteContact,
    GetContact,
    ListClientContacts,
    ListContacts,
    UpdateContact,
)


@lists("contacts")
def list_contacts(clientary: Clientary, args: ListContacts) -> Listing[Contact]:
    """List the contacts (people) of all clients and leads."""
    return Listing(clientary, Contact, args, args.path("contacts"))


@lists("contacts")
def list_client_contacts(clientary: Clientary, args: ListClientContacts) -> Listing[Contact]:
    """List the contacts (people) of one client."""
    return Listing(clientary, Contact, args, f"clients/{args.client_id}/contacts")


@reads("contacts")
async def get_contact(clientary: Clientary, args: GetContact) -> Contact:
    """Read one contact in full."""
    return await clientary.get(Contact, f"contacts/{args.contact_id}")


@creates("contacts", checked_with="list_client_contacts")
async def create_contact(clientary: Clientary, args: CreateContact) -> Contact:
    """Add a contact (a person) to a client. Contacts of leads cannot be created."""
    return await clientary.create(Contact, f"clients/{args.client_id}/contacts", args.body())


@updates("contacts", checked_with="get_contact")
async def update_contact(clientary: Clientary, args: UpdateContact) -> Contact:
    """Change the given fields of a contact. It cannot move to another client."""
    return await clientary.update(Contact, f"contacts/{args.contact_id}", args.body())


@deletes(
    "contacts",
    preview_delete(
        Contact,
        along=", with all comments associated with it",
        remarks=lambda _: {"not_visible": "The comments cannot be read through the API, so they are not counted here."},
    ),
    checked_with="get_contact",
)
async def delete_contact(clientary: Clientary, args: DeleteContact) -> Outcome:
    """Delete a contact for good, with the comments linked to it. The client stays."""
    await clientary.delete(f"contacts/{args.contact_id}")
    return done(f"Contact {args.contact_id} is deleted, with the comments associated with it.")


TOOLS = (list_contacts, list_client_contacts, get_contact, create_contact, update_contact, delete_contact)

"""Mailing documents, shared by invoices and estimates."""

from collections.abc import Iterable
from typing import Any

from clientary_mcp.api.session import Clientary
from clientary_mcp.errors import ClientaryError, Refused
from clientary_mcp.tools.support.documents import Document, client_of, full_name
from clientary_mcp.tools.support.formatting import capital, quote
from clientary_mcp.tools.support.previews import done, preview
from clientary_mcp.tools.support.refusals import refuse_unusual
from tool_schemas.base.addresses import addresses_in, mailbox
from tool_schemas.base.results import Outcome
from tool_schemas.base.sentences import in_order
from tool_schemas.contacts import Contact
from tool_schemas.documents import Message


async def preview_message(clientary: Clientary, document: Document, args: Message) -> Outcome:
    """The recipients and contents of the mail."""
    name, strangers = await _described(clientary, document, args)
    mail: dict[str, Any] = {
        "recipients": args.recipients,
        "subject": args.subject or "the account's template",
        "message": args.message or "the account's template",
        "attach_pdf": bool(args.attach_pdf),
        "send_copy": bool(args.send_copy),
    }
    return preview(
        f"mail {name} to {', '.join(args.recipients)}",
        document,
        remark=strangers,
        goes_with_it={"mail": mail},
        not_visible="A mail cannot be recalled. A draft probably becomes sent.",
    )


async def mail_document(clientary: Clientary, path: str, document: Document, args: Message) -> Outcome:
    """Mail a document, which is at that path."""
    name, strangers = await _described(clientary, document, args)
    await send_message(clientary, path, args)
    return done(in_order(f"{capital(name)} was mailed to {', '.join(args.recipients)}.", strangers))


async def send_message(clientary: Clientary, path: str, args: Message) -> None:
    """Mail the document at that path."""
    body = args.body()
    try:
        await clientary.post(f"{path}/messages", body)
    except Refused:
        # Some accounts take recipients as a list, others as one text. A refusal mailed nothing: try the other.
        await clientary.post(f"{path}/messages", body | {"recipients": ", ".join(args.recipients)})


async def _described(clientary: Clientary, document: Document, args: Message) -> tuple[str, str | None]:
    """The document in words, and what is to be said of the recipients; refuses what can hardly be meant."""
    client = await client_of(clientary, document)
    name = full_name(document, client)
    refuse_unusual(
        args,
        f"{document.wrapper}_id: {name} is void; valid is one that is not." if document.status == "cancelled" else None,
    )
    return name, await _strangers(clientary, document, client, args.recipients)


async def _strangers(clientary: Clientary, document: Document, client: str | None, given: list[str]) -> str | None:
    """A sentence that names the recipients who are no contact of the document's client; None if all are."""
    if document.client_id is None or client is None:
        return "It has no client whose contacts the recipients could be compared with."
    try:
        contacts = await clientary.list_all(Contact, f"clients/{document.client_id}/contacts")
    except ClientaryError:  # what is unknown is said, and no reason to fail
        return f"Whether the recipients are contacts of {quote(client)} is not known: these could not be read."
    strangers = strangers_among(given, contacts)
    verb = "is" if len(strangers) == 1 else "are"
    return f"{', '.join(strangers)} {verb} no contact of {quote(client)}." if strangers else None


def strangers_among(addresses: Iterable[str], contacts: Iterable[Contact]) -> list[str]:
    """The addresses that none of the contacts has."""
    known = set(map(mailbox, addresses_in([contact.email for contact in contacts]).read))
    return [address for address in addresses if mailbox(address) not in known]

"""The addresses to which reminders go."""

from collections.abc import Iterable
from functools import partial

from clientary_mcp.api.concurrency import gather
from clientary_mcp.api.session import Clientary
from clientary_mcp.api.streaming import rereads
from tool_schemas.base.addresses import addresses_in
from tool_schemas.contacts import Contact
from tool_schemas.invoices import Invoice

_FEW = 10
"""Clients whose contacts are read client by client; for more, all contacts are."""


async def addresses_of(clientary: Clientary, invoices: Iterable[Invoice]) -> dict[int, list[str]]:
    """The addresses of the contacts of each client."""
    clients = sorted({invoice.client_id for invoice in invoices if invoice.client_id is not None})
    if len(clients) > _FEW:
        emails = await _emails(clientary, set(clients))
        return {client_id: addresses_in(each).read for client_id, each in emails.items()}
    paths = [f"clients/{client_id}/contacts" for client_id in clients]
    lists = await gather((partial(clientary.list_all, Contact, path) for path in paths), clientary.settings.concurrency)
    return {
        client_id: addresses_in(contact.email for contact in contacts).read
        for client_id, contacts in zip(clients, lists, strict=True)
    }


@rereads
async def _emails(clientary: Clientary, clients: set[int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    async for contact in clientary.stream(Contact):
        if contact.client_id in clients and contact.email:
            found.setdefault(contact.client_id, []).append(contact.email)
    return found

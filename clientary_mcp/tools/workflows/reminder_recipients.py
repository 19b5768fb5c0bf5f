"""The addresses to which reminders go: the invoice's own recipients, else the client's contacts."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal

from clientary_mcp.api.concurrency import gather
from clientary_mcp.api.session import Clientary
from clientary_mcp.api.streaming import rereads
from clientary_mcp.errors import NotAllowed, NotFound
from clientary_mcp.tools.support.formatting import few, quote
from clientary_mcp.tools.support.mailing import strangers_among
from tool_schemas.base.addresses import Addresses, addresses_in
from tool_schemas.contacts import Contact
from tool_schemas.documents import MOST_RECIPIENTS
from tool_schemas.invoices import Invoice

_FEW = 10
"""Clients whose contacts are read client by client; for more, all contacts are."""
_ADDRESSES, _IDS = ("address", "email_address"), ("contact_id", "client_user_id", "id")
"""Under what an entry of an invoice's recipients may hold an address or the id of a contact, beside `email`."""


@dataclass(frozen=True)
class Recipients:
    """To whom the reminder of an invoice goes, and why to them; or why to nobody."""

    addresses: list[str] = field(default_factory=list)
    source: Literal["recipients_per_client", "invoice", "contacts"] | None = None
    strangers: list[str] = field(default_factory=list)
    """Those that are the address of no contact of the client."""
    unreadable: list[str] = field(default_factory=list)
    """Contacts' addresses that cannot be read, and get no mail."""
    reminded: list[str] = field(default_factory=list)
    """Those who had the same reminder in the last day, and get no other."""
    why_not: str | None = None

    def without(self, reminded: Collection[str]) -> "Recipients":
        """The same, less those who were reminded already."""
        left = [address for address in self.addresses if address not in reminded]
        strangers = [address for address in self.strangers if address not in reminded]
        return replace(self, addresses=left, strangers=strangers, reminded=list(reminded))

    def to_json(self) -> dict[str, Any]:
        """What a step shows of them."""
        more = {"no_contacts": self.strangers, "unreadable": self.unreadable, "reminded_today": self.reminded}
        shown = {"recipients": self.addresses, "recipients_from": self.source}
        return shown | {name: listed for name, listed in more.items() if listed}


async def contacts_of(clientary: Clientary, invoices: Iterable[Invoice]) -> dict[int, list[Contact]]:
    """The contacts of each client of these invoices, less the clients whose contacts cannot be read."""
    clients = sorted({invoice.client_id for invoice in invoices if invoice.client_id is not None})
    if len(clients) > _FEW:
        try:
            return await _among_all(clientary, clients)
        except NotAllowed:
            return {}
    lists = await gather((partial(_of_one, clientary, each) for each in clients), clientary.settings.concurrency)
    return {client_id: found for client_id, found in zip(clients, lists, strict=True) if found is not None}


async def _of_one(clientary: Clientary, client_id: int) -> list[Contact] | None:
    try:
        return await clientary.list_all(Contact, f"clients/{client_id}/contacts")
    except (NotAllowed, NotFound):
        return None


@rereads
async def _among_all(clientary: Clientary, clients: Iterable[int]) -> dict[int, list[Contact]]:
    found: dict[int, list[Contact]] = {client_id: [] for client_id in clients}
    async for contact in clientary.stream(Contact):
        if contact.client_id in found:
            found[contact.client_id].append(contact)
    return found


def recipients_of(invoice: Invoice, contacts: list[Contact] | None, given: list[str] | None) -> Recipients:
    """Those that the call names, else the invoice's own, else all contacts; None for contacts that cannot be read."""
    own = _own(invoice, contacts or [])
    if given is not None:
        found = Recipients(given, "recipients_per_client", _strangers(given, contacts))
    elif own.unreadable:
        found = _nobody(f"its recipients cannot be read: {_named(own.unreadable)}; recipients_per_client replaces them")
    elif own.read:
        found = Recipients(own.read, "invoice", _strangers(own.read, contacts))
    elif invoice.client_id is None:
        found = _nobody("no e-mail address: it has no client")
    else:
        found = _all_of(contacts)
    if (count := len(found.addresses)) > MOST_RECIPIENTS:
        return _nobody(f"{count} recipients: one mail takes {MOST_RECIPIENTS}")
    return found


def _own(invoice: Invoice, contacts: list[Contact]) -> Addresses:
    """The invoice's own recipients, in whatever form it tells them; ids are of contacts of its client."""
    found = addresses_in(getattr(invoice, "recipients", None))
    read, unreadable = list(found.read), []
    for part in found.unreadable:
        meant = addresses_in(list(_meant(part, contacts)))
        read += meant.read
        if not meant.read or meant.unreadable:
            unreadable.append(part)
    return Addresses(addresses_in(read).read, unreadable)


def _meant(part: Any, contacts: list[Contact]) -> Iterator[Any]:
    """What an entry means that is no address itself: the address in an object, or the contact with an id."""
    if isinstance(part, Mapping):
        yield from [part[name] for name in _ADDRESSES if part.get(name)] or [
            email for name in _IDS for email in _meant(part.get(name), contacts)
        ][:1]
    elif isinstance(part, int | str) and not isinstance(part, bool):
        yield from (contact.email for contact in contacts if str(contact.id) == str(part).strip())


def _all_of(contacts: list[Contact] | None) -> Recipients:
    if contacts is None:
        return _nobody("it has no recipients, and its client's contacts cannot be read")
    found = addresses_in([contact.email for contact in contacts])
    if found.read:
        return Recipients(found.read, "contacts", unreadable=[str(each) for each in found.unreadable])
    if found.unreadable:
        return _nobody(f"no e-mail address can be read: its client's contacts have {_named(found.unreadable)}")
    return _nobody("no e-mail address: the client has no contact with one")


def _nobody(why_not: str) -> Recipients:
    return Recipients(why_not=why_not)


def _strangers(addresses: Iterable[str], contacts: list[Contact] | None) -> list[str]:
    """The addresses that no contact has; none where the contacts are not known."""
    return [] if contacts is None else strangers_among(addresses, contacts)


def _named(unreadable: Iterable[Any]) -> str:
    return few([_shown(part) for part in unreadable])


def _shown(part: Any) -> str:
    """What could not be read, without what else an object holds: it may be secret."""
    match part:
        case Mapping():
            return f"an entry with {few([quote(str(name)) for name in part])}" if part else "an empty entry"
        case bool() | float() | str():
            return quote(str(part))
        case _:
            return f"contact {part}, who is none of this client"

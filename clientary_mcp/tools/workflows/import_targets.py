"""What the rows of an import may mean: the clients that they name, and the contacts that have their addresses."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from clientary_mcp.api.concurrency import gather
from clientary_mcp.api.session import Clientary
from clientary_mcp.api.streaming import rereads
from clientary_mcp.errors import BadArguments, NotFound
from clientary_mcp.tools.support.formatting import quote
from clientary_mcp.tools.support.lookups import client_named_in
from clientary_mcp.tools.support.matching import comparable
from tool_schemas.base.addresses import addresses_in, mailbox
from tool_schemas.clients import Client
from tool_schemas.contacts import Contact
from tool_schemas.workflows.import_contacts import NewContact

_FEW = 10
"""Clients that are looked up one by one; for more, the list is read."""
_NAMED = 5
"""Clients that a message about an ambiguous row names, at most."""
_NEAR = 75
"""Similarity out of 100 from which a client is suggested when no client has the given name."""


class NamedClient(NamedTuple):
    """A client, as far as rows need it."""

    id: int
    name: str


class KnownContact(NamedTuple):
    """A contact that Clientary has, as far as rows need it."""

    id: int
    client_id: int | None
    client: str | None


@dataclass
class Clients:
    """The clients that rows may mean."""

    by_id: dict[int, NamedClient] = field(default_factory=dict)
    by_name: dict[str, list[NamedClient]] = field(default_factory=dict)

    def meant_by(self, row: NewContact) -> NamedClient:
        """The one client that a row names; BadArguments where there is none, or more than one."""
        if row.client is None:
            if (party := self.by_id.get(row.client_id or 0)) is None:
                raise BadArguments(f"Client {row.client_id} does not exist.")
            return party
        alike = self.by_name.get(comparable(row.client), [])
        exact = [party for party in alike if party.name.split() == row.client.split()]
        if len(found := exact or alike) == 1:
            return found[0]
        if found:
            raise BadArguments(f"{len(found)} clients have that name: {_listed(found)}. Pass client_id.")
        near = self._like(comparable(row.client))
        raise BadArguments(f"No client has that name{f'; similar names: {_listed(near)}' if near else ''}.")

    def _like(self, name: str) -> list[NamedClient]:
        from rapidfuzz.process import extract  # takes long to load, and is rarely needed

        near = extract(name, list(self.by_name), limit=_NAMED, score_cutoff=_NEAR)
        return [party for known, _, _ in near for party in self.by_name[known]]


@dataclass
class Contacts:
    """The contacts that have one of the addresses of the rows."""

    found: dict[str, list[KnownContact]] = field(default_factory=dict)

    def with_address(self, address: str, client_id: int) -> KnownContact | None:
        """The contact of that client with that address, else of any other."""
        found = self.found.get(address, [])
        return next((known for known in found if known.client_id == client_id), found[0] if found else None)


async def clients_for(clientary: Clientary, rows: list[NewContact]) -> Clients:
    """The clients that these rows may mean."""
    ids = {row.client_id for row in rows if row.client_id is not None}
    named = any(row.client for row in rows)
    clients = await _read_clients(clientary, ids, named) if named or len(ids) > _FEW else Clients()
    await gather(
        (partial(_find_client, clientary, clients, each) for each in sorted(ids - clients.by_id.keys())),
        clientary.settings.concurrency,
    )
    return clients


@rereads
async def _read_clients(clientary: Clientary, ids: set[int], named: bool) -> Clients:
    clients = Clients()
    async for client in clientary.stream(Client):
        party = NamedClient(client.id, client.name or "")
        if client.id in ids:
            clients.by_id[client.id] = party
        if named:
            clients.by_name.setdefault(comparable(party.name), []).append(party)
    return clients


@rereads
async def contacts_with(clientary: Clientary, addresses: set[str]) -> Contacts:
    """The contacts with one of these mailboxes."""
    contacts = Contacts()
    async for contact in clientary.stream(Contact):
        for address in addresses & set(map(mailbox, addresses_in(contact.email).read)):
            known = KnownContact(contact.id, contact.client_id, client_named_in(contact))
            contacts.found.setdefault(address, []).append(known)
    return contacts


async def _find_client(clientary: Clientary, clients: Clients, client_id: int) -> None:
    with suppress(NotFound):
        client = await clientary.get(Client, f"clients/{client_id}")
        clients.by_id[client.id] = NamedClient(client.id, client.name or "")


def _listed(parties: Iterable[NamedClient]) -> str:
    return ", ".join(f"{party.id} {quote(party.name)}" for party in list(parties)[:_NAMED])

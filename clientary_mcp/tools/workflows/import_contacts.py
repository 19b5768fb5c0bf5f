"""Imports contacts into clients, row by row and no address twice."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from clientary_mcp.api.concurrency import gather, gather_two
from clientary_mcp.api.session import Clientary
from clientary_mcp.api.streaming import rereads
from clientary_mcp.errors import BadArguments, ClientaryError, NotFound, OutcomeUnknown, PartiallyDone, Refused
from clientary_mcp.state.ledger import Step
from clientary_mcp.tools.decorators import jobs
from clientary_mcp.tools.job import CAME_SINCE, Job
from clientary_mcp.tools.support.formatting import quote
from clientary_mcp.tools.support.lookups import client_named_in
from clientary_mcp.tools.support.matching import comparable
from clientary_mcp.tools.support.previews import done, nothing_to_do, preview
from clientary_mcp.tools.support.work_lists import runs_of, written
from clientary_mcp.tools.workflows.turns import exclusive, may_still_come
from tool_schemas.base.addresses import addresses_in, mailbox
from tool_schemas.base.results import Outcome, as_text
from tool_schemas.base.sentences import count_of
from tool_schemas.clients import Client
from tool_schemas.contacts import Contact
from tool_schemas.workflows.import_contacts import ImportContacts, NewContact

_FEW = 10
"""Clients that are looked up one by one; for more, the list is read."""
_NAMED = 5
"""Clients that a message about an ambiguous row names, at most."""
_NEAR = 75
"""Similarity out of 100 from which a client is suggested when no client has the given name."""

_ROOM = 57_000
"""Characters of the rows of an answer, so that all of them fit."""
_SHORT = 60
"""Characters of what is wrong with a row, where all rows would not fit otherwise."""

_TO_DO, _DONE, _THERE, _SAME, _REFUSED = "to import", "imported", "already there", "same as row", "refused"
_LEFT_OUT = "left out"
_NOT_TRIED, _FAILED, _UNKNOWN = "not tried", "not imported", "not known whether imported"


class _Party(NamedTuple):
    """A client, as far as rows need it."""

    id: int
    name: str


class _Known(NamedTuple):
    """A contact that Clientary has, as far as rows need it."""

    id: int
    client_id: int | None
    client: str | None


@dataclass
class _Clients:
    """The clients that rows may mean."""

    by_id: dict[int, _Party] = field(default_factory=dict)
    by_name: dict[str, list[_Party]] = field(default_factory=dict)

    def meant_by(self, row: NewContact) -> _Party:
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

    def _like(self, name: str) -> list[_Party]:
        from rapidfuzz.process import extract  # takes long to load, and is rarely needed

        near = extract(name, list(self.by_name), limit=_NAMED, score_cutoff=_NEAR)
        return [party for known, _, _ in near for party in self.by_name[known]]


@dataclass
class _Contacts:
    """The contacts that have one of the addresses of the rows."""

    found: dict[str, list[_Known]] = field(default_factory=dict)

    def with_address(self, address: str, client_id: int) -> _Known | None:
        """The contact of that client with that address, else of any other."""
        found = self.found.get(address, [])
        return next((known for known in found if known.client_id == client_id), found[0] if found else None)


class _Import:
    """The rows, each with its outcome so far."""

    def __init__(self, rows: list[NewContact | str], job: Job) -> None:
        self._rows, self._job = rows, job
        self.results: list[dict[str, Any]] = [
            {"row": number, "outcome": _REFUSED} for number in range(1, len(rows) + 1)
        ]
        self._failures: list[tuple[int, ClientaryError]] = []

    def decide(self, clients: _Clients, contacts: _Contacts) -> None:
        """Decide the outcome of each row, as far as it is known before anything is sent."""
        first: dict[str, int] = {}
        for row, result in zip(self._rows, self.results, strict=True):
            if isinstance(row, str):
                result["why"] = row
                continue
            result["email"] = row.email
            try:
                party = clients.meant_by(row)
            except BadArguments as wrong:
                result["why"] = str(wrong)
                continue
            address = mailbox(row.email)
            if known := contacts.with_address(address, party.id):
                result |= _already_there(known, party)
            elif address in first:
                result["outcome"] = f"{_SAME} {first[address]}"
            elif not self._job.may(_item(result), party.id, row.body()):
                result |= {"outcome": _LEFT_OUT, "why": CAME_SINCE}
            else:
                first[address] = result["row"]
                result |= {"outcome": _TO_DO, "client_id": party.id, "client": party.name}
        self._job.check()

    def leave_out(self, may_still_come: Callable[[Step | None], bool]) -> None:
        """Leave out the rows that an earlier call sent, and that may still be created."""
        for result in self.results:
            if result["outcome"] == _TO_DO and may_still_come(self._job.ledger.find(_step(result))):
                result |= {"outcome": _UNKNOWN, "why": "an earlier call sent it; try again in two minutes"}

    async def carry_out(self, clientary: Clientary) -> None:
        """Import the rows that are to be imported, several at once. After a failure no more are begun; raises it."""
        while self.has(_TO_DO):
            rows = [
                (row, result)
                for row, result in zip(self._rows, self.results, strict=True)
                if result["outcome"] == _TO_DO
            ]
            await gather(
                (partial(self._import, clientary, row, result) for row, result in rows if isinstance(row, NewContact)),
                clientary.settings.concurrency,
            )
            await self._settle(clientary)
            if self._failures:
                raise self._stopped()

    async def _settle(self, clientary: Clientary) -> None:
        """Find the rows of unknown outcome once no request is under way: no contact had their address before."""
        unknown = {mailbox(result["email"]): result for result in self.results if result["outcome"] == _UNKNOWN}
        if not unknown:
            return
        with suppress(ClientaryError):
            contacts = await _contacts(clientary, set(unknown))
            for address, result in unknown.items():
                if known := contacts.with_address(address, result["client_id"]):
                    self._did(result, known.id)
                    self._failures = [(row, failure) for row, failure in self._failures if row != result["row"]]

    async def _import(self, clientary: Clientary, row: NewContact, result: dict[str, Any]) -> None:
        if self._failures:
            return
        try:
            with self._job.ledger.step(_step(result)):
                contact = await clientary.create(Contact, f"clients/{result['client_id']}/contacts", row.body())
        except (Refused, NotFound) as refusal:
            result |= {"outcome": _REFUSED, "why": str(refusal)}
        except ClientaryError as failure:
            result["outcome"] = _UNKNOWN if failure.effect == "unknown" else _FAILED
            self._failures.append((result["row"], failure))
        else:
            self._did(result, contact.id)
            if contact.notice:
                result["notice"] = contact.notice

    def _did(self, result: dict[str, Any], contact_id: int) -> None:
        result |= {"outcome": _DONE, "id": contact_id}
        self._job.did(_item(result), contact_id)

    def _stopped(self) -> ClientaryError:
        unknown = [(row, failure) for row, failure in self._failures if failure.effect == "unknown"]
        number, failure = (unknown or self._failures)[0]
        if not self.has(_DONE) and not unknown:
            return failure
        return self._in_part(f"Stopped at row {number} of {len(self.results)}.", *failure.sentences)

    def undecided(self) -> ClientaryError:
        """The error for rows that an earlier call sent, and that may still be imported."""
        why = "Rows that an earlier call sent may still be imported: the responses to them were lost."
        return self._in_part(why, "Try again in two minutes.")

    def _in_part(self, what: str, *then: str) -> ClientaryError:
        """The error for rows whose outcome is unknown or that were not tried; it says what is known to be imported."""
        so_far = f"So far: {'; '.join(self._by_outcome())}."
        kind = PartiallyDone if self.has(_DONE) else OutcomeUnknown
        return kind(what, *then, so_far, "The same call continues from there and does nothing twice.")

    def _by_outcome(self) -> Iterator[str]:
        """`imported: rows 1-12, 14`, for each outcome there is."""
        rows: dict[str, list[int]] = {}
        for result in self.results:
            rows.setdefault(_in_general(result["outcome"]), []).append(result["row"])
        for outcome, numbers in rows.items():
            what = _NOT_TRIED if outcome == _TO_DO else outcome
            yield f"{what}: row{'s' if len(numbers) > 1 else ''} {written(runs_of(numbers))}"

    def has(self, outcome: str) -> bool:
        """Whether any row has that outcome."""
        return any(result["outcome"] == outcome for result in self.results)

    def counted(self, outcome: str) -> str:
        """`21 contacts, of 25 rows (3 already there, 1 refused)`, for the rows with that outcome."""
        counts = Counter(_in_general(result["outcome"]) for result in self.results)
        number = counts.pop(outcome, 0)
        others = ", ".join(f"{count} {other}" for other, count in counts.items())
        contacts = count_of(number, "contact") if number else "no contacts"
        return f"{contacts}, of {count_of(len(self.results), 'row')}{f' ({others})' if others else ''}"

    def to_json(self) -> list[dict[str, Any]]:
        """The rows for an answer; if there are very many, without what the caller knows, so that all of them fit."""
        rows = self.results
        for known in ("client", "email"):
            if len(as_text(rows)) > _ROOM:
                rows = [{name: value for name, value in row.items() if name != known} for row in rows]
        if len(as_text(rows)) > _ROOM:
            rows = [row | {"why": row["why"][:_SHORT]} if "why" in row else row for row in rows]
        return rows


def _step(result: dict[str, Any]) -> str:
    return f"contact {mailbox(result['email'])}"


def _item(result: dict[str, Any]) -> str:
    return f"row {result['row']}"


def _in_general(outcome: str) -> str:
    return "the same as another row" if outcome.startswith(_SAME) else outcome


def _already_there(known: _Known, party: _Party) -> dict[str, Any]:
    here = known.client_id == party.id
    result: dict[str, Any] = {"outcome": _THERE, "id": known.id, "client_id": known.client_id}
    if here:
        return result | {"client": party.name}
    owner = "A lead" if known.client_id is None else "Another client"
    return result | {"client": known.client, "why": f"{owner} has a contact with that address."}


def _listed(parties: Iterable[_Party]) -> str:
    return ", ".join(f"{party.id} {quote(party.name)}" for party in list(parties)[:_NAMED])


async def _decided(clientary: Clientary, args: ImportContacts, job: Job) -> _Import:
    """The rows with their outcomes so far."""
    rows = args.read()
    valid = [row for row in rows if isinstance(row, NewContact)]
    addresses = {mailbox(row.email) for row in valid}
    clients, contacts = await gather_two(partial(_clients, clientary, valid), partial(_contacts, clientary, addresses))
    importing = _Import(rows, job)
    importing.decide(clients, contacts)
    importing.leave_out(lambda step: may_still_come(clientary, step))
    return importing


async def _clients(clientary: Clientary, rows: list[NewContact]) -> _Clients:
    ids = {row.client_id for row in rows if row.client_id is not None}
    named = any(row.client for row in rows)
    clients = await _read_clients(clientary, ids, named) if named or len(ids) > _FEW else _Clients()
    await gather(
        (partial(_find_client, clientary, clients, each) for each in sorted(ids - clients.by_id.keys())),
        clientary.settings.concurrency,
    )
    return clients


@rereads
async def _read_clients(clientary: Clientary, ids: set[int], named: bool) -> _Clients:
    clients = _Clients()
    async for client in clientary.stream(Client):
        party = _Party(client.id, client.name or "")
        if client.id in ids:
            clients.by_id[client.id] = party
        if named:
            clients.by_name.setdefault(comparable(party.name), []).append(party)
    return clients


@rereads
async def _contacts(clientary: Clientary, addresses: set[str]) -> _Contacts:
    contacts = _Contacts()
    async for contact in clientary.stream(Contact):
        for address in addresses & set(map(mailbox, addresses_in(contact.email).read)):
            known = _Known(contact.id, contact.client_id, client_named_in(contact))
            contacts.found.setdefault(address, []).append(known)
    return contacts


async def _find_client(clientary: Clientary, clients: _Clients, client_id: int) -> None:
    with suppress(NotFound):
        client = await clientary.get(Client, f"clients/{client_id}")
        clients.by_id[client.id] = _Party(client.id, client.name or "")


async def _preview(clientary: Clientary, args: ImportContacts, job: Job) -> Outcome:
    importing = await _decided(clientary, args, job)
    if not importing.has(_TO_DO):
        return _nothing(importing)
    return preview(
        f"import {importing.counted(_TO_DO)}",
        steps=importing.to_json(),
        not_visible="Clientary may still refuse an address that belongs to someone who is not a contact.",
    )


@jobs("workflows", _preview, checked_with="list_contacts", destroys=False)
async def import_contacts(clientary: Clientary, args: ImportContacts, job: Job) -> Outcome:
    """Add many contacts to clients. Skips e-mail addresses that Clientary or an earlier row has. Each row has its
    own result; after a failure, the same call continues."""
    async with exclusive(clientary, job.ledger, "import contacts"):
        importing = await _decided(clientary, args, job)
        await importing.carry_out(clientary)
    if importing.has(_UNKNOWN):
        raise importing.undecided()
    if not importing.has(_DONE):
        return _nothing(importing)
    return done(f"Imported {importing.counted(_DONE)}.", steps=importing.to_json())


def _nothing(importing: _Import) -> Outcome:
    return nothing_to_do(f"There is nothing to import: {importing.counted(_DONE)}.", steps=importing.to_json())


TOOLS = (import_contacts,)

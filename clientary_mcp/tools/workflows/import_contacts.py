"""Imports contacts into clients, row by row and no address twice."""

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from clientary_mcp.api.concurrency import gather, gather_two
from clientary_mcp.api.session import Clientary
from clientary_mcp.errors import BadArguments, ClientaryError, NotFound, OutcomeUnknown, PartiallyDone, Refused
from clientary_mcp.state.ledger import Step
from clientary_mcp.tools.decorators import jobs
from clientary_mcp.tools.job import CAME_SINCE, Job
from clientary_mcp.tools.support.previews import done, nothing_to_do, preview
from clientary_mcp.tools.workflows.import_targets import (
    Clients,
    Contacts,
    KnownContact,
    NamedClient,
    clients_for,
    contacts_with,
)
from clientary_mcp.tools.workflows.row_outcomes import by_outcome
from clientary_mcp.tools.workflows.turns import exclusive, may_still_come
from tool_schemas.base.addresses import mailbox
from tool_schemas.base.results import Outcome, as_text
from tool_schemas.base.sentences import count_of
from tool_schemas.contacts import Contact
from tool_schemas.workflows.import_contacts import ImportContacts, NewContact

_ROOM = 57_000
"""Characters of the rows of an answer, so that all of them fit."""
_SHORT = 60
"""Characters of what is wrong with a row, where all rows would not fit otherwise."""

_TO_DO, _DONE, _THERE, _SAME, _REFUSED = "to import", "imported", "already there", "same as row", "refused"
_LEFT_OUT = "left out"
_NOT_TRIED, _FAILED, _UNKNOWN = "not tried", "not imported", "not known whether imported"


class _Import:
    """The rows, each with its outcome so far."""

    def __init__(self, rows: list[NewContact | str], job: Job) -> None:
        self._rows, self._job = rows, job
        self.results: list[dict[str, Any]] = [
            {"row": number, "outcome": _REFUSED} for number in range(1, len(rows) + 1)
        ]
        self._failures: list[tuple[int, ClientaryError]] = []

    def decide(self, clients: Clients, contacts: Contacts) -> None:
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

    async def leave_out(self, may_still_come: Callable[[Step | None], bool]) -> None:
        """Leave out the rows that an earlier call sent, and that may still be created."""
        for result in self.results:
            if result["outcome"] == _TO_DO and may_still_come(await self._job.ledger.find(_step(result))):
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
            contacts = await contacts_with(clientary, set(unknown))
            for address, result in unknown.items():
                if known := contacts.with_address(address, result["client_id"]):
                    self._did(result, known.id)
                    self._failures = [(row, failure) for row, failure in self._failures if row != result["row"]]

    async def _import(self, clientary: Clientary, row: NewContact, result: dict[str, Any]) -> None:
        if self._failures:
            return
        try:
            async with self._job.ledger.step(_step(result)):
                contact = await clientary.create(Contact, f"clients/{result['client_id']}/contacts", row.body())
        except (Refused, NotFound) as refusal:
            result |= {"outcome": _REFUSED, "why": str(refusal)}
        except ClientaryError as failure:
            result["outcome"] = _UNKNOWN if failure.effect == "unknown" else _FAILED
            self._failures.append((result["row"], failure))
        else:
            self._did(result, contact)
            if contact.notice:
                result["notice"] = contact.notice

    def _did(self, result: dict[str, Any], contact: Contact | int) -> None:
        result |= {"outcome": _DONE, "id": contact if isinstance(contact, int) else contact.id}
        self._job.made(_item(result), contact, "create_contact", result["email"])

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
        rows = ({"row": each["row"], "outcome": _in_the_end(each["outcome"])} for each in self.results)
        so_far = f"So far: {'; '.join(by_outcome(rows))}."
        kind = PartiallyDone if self.has(_DONE) else OutcomeUnknown
        return kind(what, *then, so_far, "The same call continues from there and does nothing twice.")

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


def _in_the_end(outcome: str) -> str:
    return _NOT_TRIED if outcome == _TO_DO else _in_general(outcome)


def _already_there(known: KnownContact, party: NamedClient) -> dict[str, Any]:
    here = known.client_id == party.id
    result: dict[str, Any] = {"outcome": _THERE, "id": known.id, "client_id": known.client_id}
    if here:
        return result | {"client": party.name}
    owner = "A lead" if known.client_id is None else "Another client"
    return result | {"client": known.client, "why": f"{owner} has a contact with that address."}


async def _decided(clientary: Clientary, args: ImportContacts, job: Job) -> _Import:
    """The rows with their outcomes so far."""
    rows = args.read()
    valid = [row for row in rows if isinstance(row, NewContact)]
    addresses = {mailbox(row.email) for row in valid}
    clients, contacts = await gather_two(
        partial(clients_for, clientary, valid), partial(contacts_with, clientary, addresses)
    )
    importing = _Import(rows, job)
    importing.decide(clients, contacts)
    await importing.leave_out(lambda step: may_still_come(clientary, step))
    return importing


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
